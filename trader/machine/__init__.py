"""What the program asks of the machine it runs on: threads that must live, locks between processes, the signals that end it."""
