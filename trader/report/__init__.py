"""Reports as files: HTML that needs no network and prints on A4, and CSV that other programs read. Made of what the desk tells."""
