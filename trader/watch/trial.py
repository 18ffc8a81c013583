"""Whether the channels work: a test message on each."""

from trader.config.settings import Settings
from trader.desk.system.messages import TEST
from trader.notify.sending import Answer, send


def try_channels(settings: Settings) -> list[tuple[str, Answer]]:
    """Send a test message on every channel and wait: name and answer of each.

    Raises:
        ConfigError: Apprise cannot use its address.
    """
    return [(one.name, send(one.url, "info", *TEST)) for one in settings.channels]


def channel_names(settings: Settings) -> list[str]:
    """The channels as they may be shown."""
    return [f"{one.name} ({one.called})" for one in settings.channels]
