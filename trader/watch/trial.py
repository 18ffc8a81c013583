"""Whether the channels work: what is set up, and a test message on each."""

from trader.config.settings import Settings
from trader.notify.channels import Channel, read_channels
from trader.notify.sending import Answer, send


def channels_of(settings: Settings) -> tuple[Channel, ...]:
    """What TRADER_NOTIFY_URLS names.

    Raises:
        ConfigError: An entry is none.
    """
    return read_channels("" if settings.notify_urls is None else settings.notify_urls.get_secret_value())


def try_channels(settings: Settings) -> list[tuple[str, Answer]]:
    """Send a test message on every channel and wait: name and answer of each.

    Raises:
        ConfigError: An entry is none, or Apprise cannot use its address.
    """
    return [
        (one.name, send(one.url, "info", "Strangle Desk: test", "This channel works.")) for one in channels_of(settings)
    ]
