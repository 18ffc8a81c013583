"""What finished runs have made: figures over any range, filter and grouping."""

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from trader.cli import options
from trader.cli.output import emit_json, emit_lines, table, usd
from trader.domain.errors import ConfigError
from trader.domain.expiry import is_iso_date

if TYPE_CHECKING:
    from trader.analytics.performance import Performance
    from trader.desk.analytics.figures import Figures

Name = TypeVar("Name", bound=str)
_Names = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only these; may be repeated.")]


def performance(
    since: Annotated[str | None, typer.Option(metavar="DAY", help="From this Indian day on, 2026-03-02.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="To this Indian day, it included.")] = None,
    preset: _Names = None,
    underlying: _Names = None,
    structure: _Names = None,
    reason: _Names = None,
    configuration: Annotated[
        list[str] | None, typer.Option(metavar="HASH", help="Only runs of this configuration; may be repeated.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            help="Part them by preset, configuration, structure, underlying, exit, weekday, hour, day, ...",
        ),
    ] = None,
    capital: Annotated[
        str | None,
        typer.Option(metavar="USD", help="Equity on the first day: what returns, and so Sharpe and its like, are of."),
    ] = None,
    kinds: Annotated[
        str, typer.Option(metavar="runs|orders|all", help="Runs of structures, single orders, or both.")
    ] = "runs",
    outcome: Annotated[str | None, typer.Option(metavar="won|lost", help="Only those.")] = None,
    as_json: options.JsonFlag = False,
) -> None:
    """Win rate, P&L, drawdown, Sharpe and the rest of finished runs; docs/analytics.md says what each figure means."""
    from trader.analytics.choosing import KINDS, OUTCOMES, RunFilter

    wanted = RunFilter(
        since=_day("--since", since),
        until=_day("--until", until),
        presets=tuple(preset or ()),
        underlyings=tuple(underlying or ()),
        structures=tuple(structure or ()),
        reasons=tuple(reason or ()),
        configurations=tuple(configuration or ()),
        kinds=_one_of("--kinds", kinds, KINDS),
        outcome=None if outcome is None else _one_of("--outcome", outcome, OUTCOMES),
    )
    with options.open_desk(options.read_settings()) as desk:
        found = desk.analytics.figures(wanted, by=by, capital=_capital(capital))
    if as_json:
        emit_json(found)
    else:
        emit_lines(_lines(found))


def _lines(found: "Figures") -> list[str]:
    lines = _whole(found.figures)
    if found.groups:
        head = ["", "runs", "won", "P&L", "average", "worst", "factor"]
        lines += ["", *table(head, [[group.label, *_row(group.figures)] for group in found.groups])]
    if found.missing:
        lines.append(f"{found.missing} runs more are being read; ask again in a moment.")
    return lines


def _whole(told: "Performance") -> list[str]:
    if not told.runs:
        return ["No run that has ended and traded is one of those."]
    rows = [
        ("runs", f"{told.runs} over {told.days} days, {told.won} won, {told.lost} lost"),
        ("win rate", f"{_pct(told.win_rate)}, with 95 % certainty {_pct(told.win_low)} to {_pct(told.win_high)}"),
        ("P&L", f"{usd(told.total)}, {usd(told.average)} a run; best {usd(told.best)}, worst {usd(told.worst)}"),
        ("wins, losses", f"{usd(told.average_win)} and {usd(told.average_loss)} on average; at most {told.streak_won} and {told.streak_lost} in a row"),
        ("profit factor", _ratio(told.profit_factor)),
        ("expectancy", f"{_ratio(told.expectancy_pct)} % of the basis"),
        ("costs", f"fees {usd(told.fees)} (tax {usd(told.tax)}), {_ratio(told.fees_pct_of_premium)} % of premium; slippage {usd(told.slippage_usd)}"),
        ("orders", f"{told.attempts}, {_pct(told.rejection_rate)} rejected; {_pct(told.fill_rate)} of contracts filled, {_pct(told.maker_share)} as maker"),
        ("time to fill", f"{_ratio(told.fill_secs_median)} s in the middle, {_ratio(told.fill_secs_p95)} s at 95 %"),
        ("one leg alone", f"{told.naked_secs:.1f} s at most, {usd(told.worst_exposure_usd)} at most"),
        ("drawdown", f"{usd(told.drawdown.usd)}" + ("" if told.drawdown.share is None else f" ({_pct(told.drawdown.share)})") + f", {told.drawdown.days} days under water"),
        ("return on margin", f"{_ratio(told.return_on_margin_pct)} %"),
    ]  # fmt: skip
    if told.sharpe is None and told.sortino is None:
        rows.append(("Sharpe", "needs --capital, and days that differ"))
    else:
        few = "" if told.enough else "; of so few runs they say little"
        rows.append(
            ("Sharpe", f"{_ratio(told.sharpe)}, Sortino {_ratio(told.sortino)}, Calmar {_ratio(told.calmar)}{few}")
        )
    return table(["", ""], [list(row) for row in rows])[1:]


def _row(told: "Performance") -> list[str]:
    return [
        str(told.runs),
        _pct(told.win_rate),
        usd(told.total),
        usd(told.average),
        usd(told.worst),
        _ratio(told.profit_factor),
    ]


def _pct(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.1f} %"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _day(name: str, text: str | None) -> date | None:
    if text is None:
        return None
    if not is_iso_date(text):
        raise ConfigError(f"{name} must be a day like 2026-03-02, was {text[:40]!r}")
    return date.fromisoformat(text)


def _one_of(name: str, text: str, names: tuple[Name, ...]) -> Name:
    found = next((one for one in names if one == text), None)
    if found is None:
        raise ConfigError(f"{name} must be one of {', '.join(names)}, was {text[:40]!r}")
    return found


def _capital(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        found = Decimal(text)
    except ArithmeticError:
        found = Decimal("NaN")
    if not found.is_finite():
        raise ConfigError(f"--capital must be an amount in USD, was {text[:40]!r}")
    return found


def add_to(app: typer.Typer) -> None:
    app.command()(performance)
