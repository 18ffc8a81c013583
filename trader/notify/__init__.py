"""Messages to a person's phone: which channels there are, what is told on which, and the sending. Nothing here waits for trading,
and trading waits for nothing here."""
