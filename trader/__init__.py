"""Strangle Desk: a control panel and execution system for people who sell options on Delta Exchange."""

__version__ = "0.1.0"
