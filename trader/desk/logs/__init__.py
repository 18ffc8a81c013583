"""Reading the log files: from their end, filtered, in bounded time and memory."""
