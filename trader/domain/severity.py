"""How grave a message to a person is."""

from typing import Literal

Severity = Literal["info", "notice", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "notice", "warning", "critical")
"""`info`: for the record (a day's report). `notice`: what the desk has done (sold, closed with its result). `warning`: look at it.
`critical`: money or knowledge is at risk; it ignores quiet hours and is repeated until it is acknowledged."""
