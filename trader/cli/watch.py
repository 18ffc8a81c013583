"""The watchdog: tells a person what happened, and when the runner, its prices or the disk fail."""

import logging
import threading
from typing import Annotated

import typer

from trader.cli import numbers, options


def watch(
    test: Annotated[
        bool, typer.Option("--test", help="Send one test message on every channel, say what came of it, end.")
    ] = False,
    beside: Annotated[
        int | None,
        numbers.whole(
            1, 2**31 - 1, "End by itself once this process (the panel's) is gone and nothing open is left alone."
        ),
    ] = None,
) -> None:
    """Watch the runner from beside it, and send messages to the channels of TRADER_NOTIFY_URLS, until it is stopped."""
    settings = options.read_settings()
    from trader.watch.trial import channel_names, try_channels

    channels = channel_names(settings)
    if test:
        if not channels:
            typer.echo("TRADER_NOTIFY_URLS names no channel.")
            raise typer.Exit(1)
        answers = try_channels(settings)
        for name, answer in answers:
            typer.echo(f"{name}: {answer.outcome}{f', {answer.why}' if answer.why else ''}")
        raise typer.Exit(0 if all(answer.outcome == "sent" for _, answer in answers) else 1)
    from trader.machine.signals import on_end
    from trader.watch.process import watch as watch_on

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("apprise").setLevel(
        logging.ERROR
    )  # its lines name hosts; what came of a message stands in the outbox
    ended = threading.Event()
    on_end(lambda _: ended.set())
    names = ", ".join(channels) or "no channel: TRADER_NOTIFY_URLS is empty, so nothing is sent"
    typer.echo(f"Watching {settings.env.upper()}; messages go to {names}. Ctrl+C stops it.")
    watch_on(settings, ended, beside)


def add_to(app: typer.Typer) -> None:
    app.command()(watch)
