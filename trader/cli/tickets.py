"""Single orders: each command inserts a command row, waits for the runner's answer, and says what became of each order."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trader.cli import numbers, options
from trader.cli.emergency import require_word
from trader.cli.output import emit_json, emit_lines
from trader.cli.runs import ANSWER_SECS, STOP_WAIT_SECS
from trader.cli.ticket_words import answer_lines, check_lines, close_lines, refused_words
from trader.domain.errors import ConfigError, TraderError
from trader.domain.wording import clause

if TYPE_CHECKING:
    from trader.config.ticket import TicketList
    from trader.desk import CommandReceipt, Desk, OrderAnswer

Ticket = Annotated[str | None, typer.Argument(metavar="[TICKET]", help="A ticket's id.")]
Symbol = Annotated[str | None, typer.Option("--symbol", metavar="SYMBOL", help="Every ticket of this contract.")]
_GUARD = "PRICE, or PRICE:LIMIT for a limit order once it is set off; `none` takes it away"


def order(
    side: Annotated[str | None, typer.Argument(metavar="SIDE", help="buy or sell.")] = None,
    quantity: Annotated[str | None, typer.Argument(metavar="QTY", help="Contracts.")] = None,
    symbol: Annotated[str | None, typer.Argument(metavar="SYMBOL", help="The exchange's symbol, e.g. BTCUSD.")] = None,
    limit: Annotated[str | None, typer.Option("--limit", metavar="PRICE", help="Limit price.")] = None,
    stop: Annotated[str | None, typer.Option("--stop", metavar="PRICE", help="The price that sets it off.")] = None,
    trail: Annotated[
        str | None, typer.Option("--trail", metavar="USD", help="Trailing stop: how far behind the best price.")
    ] = None,
    take_profit: Annotated[
        str | None, typer.Option("--take-profit", metavar="PRICE[:LIMIT]", help="Rests beside what it has opened.")
    ] = None,
    stop_loss: Annotated[
        str | None, typer.Option("--stop-loss", metavar="PRICE[:LIMIT]", help="The same on the losing side.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--type", metavar="TYPE", help="Order type; without it what the prices given make it."),
    ] = None,
    trigger_by: Annotated[
        str | None, typer.Option("--trigger-by", metavar="mark|last|index", help="Which price sets stops off.")
    ] = None,
    tif: Annotated[str | None, typer.Option("--tif", metavar="gtc|ioc", help="How long it rests.")] = None,
    post_only: Annotated[bool, typer.Option("--post-only", help="Maker or nothing.")] = False,
    reduce_only: Annotated[bool, typer.Option("--reduce-only", help="Closes what earlier tickets hold.")] = False,
    work: Annotated[
        str | None, typer.Option("--work", metavar="chase|twap|iceberg", help="By that algorithm instead of one order.")
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="orders.FIELD=VALUE", help="A term of the algorithm; may be repeated."),
    ] = None,
    leverage: Annotated[str | None, typer.Option("--leverage", metavar="TIMES", help="Leverage to set first.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, in your own words; kept with the order.")] = "",
    file: Annotated[
        Path | None, typer.Option("--file", metavar="LIST.json", help="Up to 50 orders, instead of one typed here.")
    ] = None,
    oco: Annotated[
        bool, typer.Option("--oco", help="One cancels the other: the two of the file, or --limit and --stop here.")
    ] = False,
    confirm: Annotated[str | None, typer.Option(help="Production only: the phrase that arms these orders.")] = None,
    key: Annotated[
        str, typer.Option("--key", metavar="KEY", help="The same key again is the same order, sent once.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and price it; send nothing.")] = False,
    wait: Annotated[float, numbers.seconds("Then wait up to this long until it has filled or ended.")] = 0,
    as_json: options.JsonFlag = False,
) -> None:
    """Send one order, or a list; answers once the runner has accepted or refused each."""
    typed: dict[str, Any] = {
        "side": side,
        "quantity": quantity,
        "symbol": symbol,
        "order_type": kind,
        "limit_price": limit,
        "stop_price": stop,
        "trail_usd": trail,
        "trigger_by": trigger_by,
        "time_in_force": tif,
        "post_only": post_only or None,
        "reduce_only": reduce_only or None,
        "work": work,
        "orders": _terms(sets) or None,
        "leverage": leverage,
        "reason": reason or None,
        "take_profit": _guard(take_profit),
        "stop_loss": _guard(stop_loss),
    }
    given = {name: value for name, value in typed.items() if value is not None}
    tickets = _of_file(file, given, oco) if file is not None else _typed(given, oco)
    with options.open_desk(options.read_settings()) as desk:
        if dry_run:
            _check(desk, tickets, as_json)
        else:
            _send(desk, tickets, confirm, key, wait, as_json)


def _typed(given: dict[str, Any], oco: bool) -> "TicketList":
    """The order that stands on the command line; with --oco the two that its limit and its trigger make."""
    from trader.config.ticket import TicketList, one_cancels_the_other, read_ticket

    for place, name in (("SIDE", "side"), ("QTY", "quantity"), ("SYMBOL", "symbol")):
        if name not in given:
            raise ConfigError(f"{place} is missing: python -m trader order SIDE QTY SYMBOL, or --file LIST.json")
    if not oco:
        return TicketList(tickets=(read_ticket({"order_type": _kind(given), **given}),))
    if "limit_price" not in given or "stop_price" not in given or "order_type" in given:
        raise ConfigError("--oco needs --limit and --stop, which make the two orders, or --file with two; no --type")
    only_limit = ("limit_price", "post_only", "time_in_force")
    first = {name: value for name, value in given.items() if name != "stop_price"}
    second = {name: value for name, value in given.items() if name not in only_limit}
    both = (read_ticket({**first, "order_type": "limit"}), read_ticket({**second, "order_type": "stop_market"}))
    return one_cancels_the_other(both)


def _kind(given: dict[str, Any]) -> str:
    """The order type that the prices given make."""
    if "trail_usd" in given:
        return "trailing_stop"
    if "stop_price" in given:
        return "stop_limit" if "limit_price" in given else "stop_market"
    return "limit" if "limit_price" in given else "market"


def _of_file(path: Path, given: dict[str, Any], oco: bool) -> "TicketList":
    from trader.config.files import read_text
    from trader.config.ticket import one_cancels_the_other, parse_tickets

    if given:
        raise ConfigError(f"--file holds whole orders, so {', '.join(given)} cannot be given beside it")
    text = read_text(path, "The file of the orders")
    if text is None:
        raise ConfigError(f"The file of the orders {path} does not exist")
    listed = parse_tickets(text, str(path))
    return one_cancels_the_other(listed.tickets, str(path)) if oco else listed


def _terms(sets: list[str] | None) -> dict[str, str]:
    """``orders.entry_slices=5`` as a field of `orders`."""
    found = {}
    for pair in sets or ():
        path, sign, value = pair.partition("=")
        section, dot, name = path.partition(".")
        if not sign or section != "orders" or not dot:
            raise ConfigError(f"--set takes orders.FIELD=VALUE, was {pair[:60]!r}")
        found[name] = value
    return found


def _guard(text: str | None) -> dict[str, str] | None:
    """``PRICE`` or ``PRICE:LIMIT``."""
    if text is None:
        return None
    price, sign, limit = text.partition(":")
    return {"price": price, "limit_price": limit} if sign else {"price": price}


def _check(desk: "Desk", tickets: "TicketList", as_json: bool) -> None:
    found = desk.check_order(tickets)
    if as_json:
        emit_json(found)
    else:
        emit_lines(check_lines(found))
    if not found.ok:
        raise typer.Exit(1)


def _send(desk: "Desk", tickets: "TicketList", confirm: str | None, key: str, wait: float, as_json: bool) -> None:
    phrase = _typed_phrase(desk, tickets, confirm)
    receipt = desk.order(tickets, issued_by="cli", confirm=phrase, key=key, who=options.person())
    answer = desk.await_order(receipt.command_id, ANSWER_SECS + 10, settled_secs=wait)
    if as_json:
        emit_json(answer)
    else:
        emit_lines(answer_lines(answer))
    if why := _why_not(answer, wait):
        typer.echo(f"Error: {why}.", err=True)
        raise typer.Exit(1)


def _why_not(answer: "OrderAnswer", waited: float) -> str:
    """Why not everything is as it was asked, without the full stop."""
    if answer.status == "new":
        return (
            f"The runner has not answered; the order stays recorded ({answer.command_id}) and may still be carried out: "
            "see `python -m trader status`, or take it back with `python -m trader cancel --all`"
        )
    refused = [refused_words(one) for one in answer.tickets if one.status == "refused"]
    if refused:
        return f"Refused: {'; '.join(dict.fromkeys(refused))}"
    still = [
        one.ticket_id
        for one in answer.tickets
        if one.ticket is not None and one.ticket.status in ("waiting", "working")
    ]
    return f"Still working after {waited:g} s: {', '.join(still)}" if waited and still else ""


def _typed_phrase(desk: "Desk", tickets: "TicketList", given: str | None) -> str | None:
    """The phrase that arms live orders, asked for at a terminal when it was not given."""
    phrase = desk.order_phrase(tickets)
    if not phrase or given is not None or not sys.stdin.isatty():
        return given
    for one in tickets.tickets:
        typer.echo(f"With real money: {one.side} {one.quantity} {one.symbol}, {one.order_type}.", err=True)
    return input(f"Type {phrase} to go on: ")


def amend(
    ticket: Annotated[str, typer.Argument(metavar="TICKET", help="The ticket's id.")],
    quantity: Annotated[str | None, typer.Option("--quantity", metavar="QTY", help="Contracts in all.")] = None,
    limit: Annotated[str | None, typer.Option("--limit", metavar="PRICE", help="Limit price.")] = None,
    stop: Annotated[str | None, typer.Option("--stop", metavar="PRICE", help="Trigger price.")] = None,
    trail: Annotated[str | None, typer.Option("--trail", metavar="USD", help="Distance of a trailing stop.")] = None,
    stop_loss: Annotated[str | None, typer.Option("--stop-loss", metavar="PRICE", help=_GUARD)] = None,
    take_profit: Annotated[str | None, typer.Option("--take-profit", metavar="PRICE", help=_GUARD)] = None,
    as_json: options.JsonFlag = False,
) -> None:
    """Change a ticket: prices and quantity of an order that works, protection of what is held."""
    from trader.config.ticket import read_changes

    typed = {"quantity": quantity, "limit_price": limit, "stop_price": stop, "trail_usd": trail}
    guards = {"stop_loss": stop_loss, "take_profit": take_profit}
    given: dict[str, Any] = {name: value for name, value in typed.items() if value is not None}
    given |= {name: None if text == "none" else _guard(text) for name, text in guards.items() if text is not None}
    changes = read_changes(given)
    with options.open_desk(options.read_settings()) as desk:
        receipt = desk.amend(ticket, **changes, issued_by="cli", who=options.person())
        _say(desk, receipt, as_json)


def cancel(
    ticket: Ticket = None,
    order_id: Annotated[str | None, typer.Option("--order", metavar="ID", help="One order, by our id.")] = None,
    symbol: Symbol = None,
    underlying: Annotated[str | None, typer.Option("--underlying", metavar="COIN", help="All of a coin.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of the account.")] = False,
    as_json: options.JsonFlag = False,
) -> None:
    """Cancel orders of tickets that work. What is held stays, and so does what protects it."""
    with options.open_desk(options.read_settings()) as desk:
        receipt = desk.cancel(
            ticket=ticket,
            order=order_id,
            symbol=symbol,
            underlying=underlying,
            everything=everything,
            issued_by="cli",
            who=options.person(),
        )
        _say(desk, receipt, as_json)


Wait = Annotated[float, numbers.seconds("Wait up to this long until it is closed.")]


def close(
    ticket: Ticket = None, symbol: Symbol = None, wait: Wait = STOP_WAIT_SECS, as_json: options.JsonFlag = False
) -> None:
    """Close what a ticket holds, or every ticket of a contract. Exit code 0 only when it is closed."""
    with options.open_desk(options.read_settings()) as desk:
        receipt = desk.close_position(ticket=ticket, symbol=symbol, issued_by="cli", who=options.person())
        _await_closed(desk, receipt, wait, as_json)


def close_all(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the typed confirmation.")] = False,
    reason: Annotated[str, typer.Option(help="Why, in your own words.")] = "",
    wait: Wait = STOP_WAIT_SECS,
    as_json: options.JsonFlag = False,
) -> None:
    """Close every ticket and run, and tell the closing orders. Exit code 0 only when all is closed."""
    settings = options.read_settings()
    if not yes:
        require_word("CLOSE", f"This closes every ticket and run ({settings.env.upper()}).", "--yes")
    with options.open_desk(settings) as desk:
        receipt = desk.close_all(issued_by="cli", who=options.person(), reason=reason)
        _await_closed(desk, receipt, wait, as_json)


def _await_closed(desk: "Desk", receipt: "CommandReceipt", wait: float, as_json: bool) -> None:
    asked = time.monotonic()
    answer = desk.await_closed(receipt.command_id, min(wait, ANSWER_SECS), flat_secs=wait)
    waited, alive = time.monotonic() - asked, desk.status().runner.alive
    if as_json:
        emit_json(answer)
    else:
        emit_lines(close_lines(answer))
    if answer.status == "refused":
        raise TraderError(f"Refused: {clause(answer.detail)}.")
    if answer.still_open or answer.status == "new":
        hint = "" if alive else " No runner is alive to carry it out; without one: `python -m trader flatten`."
        what = f"still open: {', '.join(answer.still_open)}" if answer.still_open else "not confirmed yet"
        typer.echo(f"Error: NOT CLOSED after {waited:.0f} s: {what}.{hint}", err=True)
        raise typer.Exit(1)


def adopt(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="The contract of the position.")],
    phrase: Annotated[
        str | None, typer.Argument(help="The phrase for what stands there; without it, it is shown.")
    ] = None,
    as_json: options.JsonFlag = False,
) -> None:
    """Take over a position that no run or ticket explains, as a ticket that only manages it and exits."""
    with options.open_desk(options.read_settings()) as desk:
        if phrase is None:
            wanted = desk.adopt_phrase(symbol)
            if as_json:
                emit_json({"symbol": symbol, "phrase": wanted})
            else:
                emit_lines([f'To take it over: python -m trader adopt {symbol} "{wanted}"'])
            return
        receipt = desk.adopt(symbol, phrase, issued_by="cli", who=options.person())
        _say(desk, receipt, as_json)


def _say(desk: "Desk", receipt: "CommandReceipt", as_json: bool) -> None:
    """The runner's answer to a command that has one sentence."""
    alive = desk.status().runner.alive
    row = desk.await_command(receipt.command_id, ANSWER_SECS + 10 if alive else 0)
    if row.status == "refused":
        raise TraderError(f"Refused: {clause(row.detail)}.")
    if as_json:
        emit_json({"command_id": row.command_id, "status": row.status, "answer": row.detail})
    elif row.status == "new":
        emit_lines([f"Recorded ({row.kind}); it is carried out as soon as a runner answers."])
    else:
        emit_lines([f"{row.detail[:1].upper()}{clause(row.detail[1:])}."])


def add_to(app: typer.Typer) -> None:
    for command in (order, amend, cancel, close, adopt):
        app.command()(command)
    app.command("close-all")(close_all)
