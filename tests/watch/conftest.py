"""A desk and a runner's hand, as the desk's own tests have them."""

from tests.desk.conftest import desk, journal, runner, settings

__all__ = ["desk", "journal", "runner", "settings"]
