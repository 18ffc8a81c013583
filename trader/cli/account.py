"""The account's money and how the exchange margins it: shown, and set on the exchange itself."""

from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli import options
from trader.cli.output import emit_json, emit_lines, table
from trader.domain.errors import ConfigError
from trader.domain.margin import MODES, mode_words, topup_words

if TYPE_CHECKING:
    from trader.desk import MarginChange
    from trader.desk.books.holdings import Balance

account = typer.Typer(
    help="The account's balances, and how the exchange margins it: margin mode and auto top-up.", no_args_is_help=False
)


@account.callback(invoke_without_command=True)
def show_all(context: typer.Context, as_json: options.JsonFlag = False) -> None:
    if context.invoked_subcommand is None:
        show(as_json)
    elif as_json:
        raise typer.BadParameter("goes behind the command", param_hint="--json")


@account.command()
def show(as_json: options.JsonFlag = False) -> None:
    """Print balances, margin mode, auto top-up and each position's margin, as the exchange tells them."""
    import msgspec

    from trader.config.account_names import key_words

    settings = options.read_settings()
    with options.open_desk(settings) as desk:
        terms, sheet = desk.margin(), desk.balances()
    if as_json:
        emit_json({**msgspec.to_builtins(terms, str_keys=True), "balances": sheet.balances})
        return
    head = ["currency", "total", "free", "locked", "equity"]
    emit_lines(
        table(
            head,
            [
                [
                    one.currency,
                    *("–" if sum_ is None else f"{sum_:f}" for sum_ in (one.total, one.free, one.locked, one.equity)),
                ]
                for one in sheet.balances
            ],
        )
    )
    emit_lines(f"Margin: {line}." for line in map(_margins, sheet.balances) if line)
    emit_lines(
        [
            f"Margin mode: {mode_words(terms.mode)}.",
            f"Auto top-up of new positions: {topup_words(terms.default_auto_topup, terms.mode)}.",
            key_words(settings),
        ]
    )
    if terms.positions:
        rows = [
            [row.symbol, str(row.quantity), f"{row.margin:f}", _price(row.liquidation_price), _on(row.auto_topup)]
            for row in terms.positions
        ]
        emit_lines(table(["position", "contracts", "margin USD", "liquidated at mark", "auto top-up"], rows))


@account.command(name="margin-mode")
def margin_mode(
    mode: Annotated[str, typer.Argument(metavar="|".join(MODES), help="Of the whole account, whatever is open.")],
    as_json: options.JsonFlag = False,
) -> None:
    """Set the margin mode on the exchange. It refuses what the account, with what is open, cannot carry."""
    with options.open_desk(options.read_settings()) as desk:
        _tell(desk.set_margin_mode(mode), as_json)


@account.command(name="auto-topup")
def auto_topup(
    to: Annotated[str, typer.Argument(metavar="on|off")],
    symbol: Annotated[
        str | None, typer.Option(help="An open position; without it, all positions yet to be opened.")
    ] = None,
    as_json: options.JsonFlag = False,
) -> None:
    """Set whether free balance flows into a position before it is liquidated."""
    if to not in ("on", "off"):
        raise ConfigError(f"auto top-up is on or off, was {to!r}")
    with options.open_desk(options.read_settings()) as desk:
        _tell(desk.set_auto_topup(to == "on", symbol), as_json)


def _tell(found: "MarginChange", as_json: bool) -> None:
    if as_json:
        mode = None if found.terms is None else found.terms.mode
        emit_json({"done": found.done, "words": found.words, "margin_mode": mode})
    else:
        emit_lines([found.words])
    if not found.done:
        raise typer.Exit(1)


def _margins(one: "Balance") -> str:
    """What is locked is for, as far as the exchange tells."""
    parts = (
        ("orders", one.order_margin),
        ("positions", one.position_margin),
        ("portfolio", one.portfolio_margin),
        ("fees", one.commission),
    )
    return ", ".join(f"{name} {margin:f} {one.currency}" for name, margin in parts if margin is not None)


def _price(price: object) -> str:
    return "not told" if price is None else f"{price:f}"


def _on(on: bool) -> str:
    return "on" if on else "off"


def add_to(app: typer.Typer) -> None:
    app.add_typer(account, name="account")
