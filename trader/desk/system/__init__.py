"""The machinery as a person looks at it: how each part is, whether the exchange answers, what is set and by whom, and what has been
sent to whom."""
