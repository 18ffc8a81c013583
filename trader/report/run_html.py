"""The report of one run as one HTML file."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from trader import __version__
from trader.analytics.attribution import Attribution
from trader.desk import RunReport
from trader.desk.books.lines import Trade
from trader.domain.basis import basis_words
from trader.domain.exit_reason import exit_label
from trader.domain.wording import span_words
from trader.report import document as doc
from trader.report import figures as fig
from trader.report.figures import money
from trader.report.html import Html, join, tag
from trader.report.run_chart import run_chart

_NOTE = "All times are Indian time by the exchange's clock; money is USD; prices are USD per unit of the underlying."


def run_html(report: RunReport, made_at: datetime) -> str:
    """The whole file.

    Args:
        made_at: For the foot of the report.
    """
    summary = report.summary
    places = fig.places(summary.premium)
    what = f"{summary.underlying} · {summary.preset or 'single order'}"
    begun = fig.ist(summary.created_market or summary.created_at, "%d %b %Y %H:%M")
    return doc.document(
        f"Trade report {summary.run_id}",
        tag("div", doc.environment(summary.env), f" Trade report · run {summary.run_id}", class_="kicker"),
        tag("h1", f"{what} · {begun}"),
        tag("p", report.verdict.replace(" %", "\u00a0%"), class_="verdict"),
        tag("p", f"Decided: {report.reason}.", class_="note") if report.reason else None,
        _facts(report, places),
        run_chart(report, places),
        _attribution(report, places),
        _legs(report, places),
        _quality(report),
        _orders(report),
        doc.section("Executions", fills_table(report.trades, with_run=False) if report.trades else None),
        _timeline(report),
        _configuration(report),
        doc.footer(
            _NOTE,
            f"Account {summary.account} · configuration {summary.config_hash} · made {fig.ist(made_at)} IST by Strangle Desk {__version__}",
        ),
    )


def _facts(report: RunReport, places: int) -> Html:
    summary, told = report.summary, report.told
    held = None if told is None else span_words(told.result.held)
    return doc.facts(
        (
            ("Realised P&L", money(summary.realized_pnl, places, signed=True)),
            (
                f"of {basis_words(summary.basis_name)}",
                fig.percent(summary.pnl_pct, signed=True),
            ),
            ("Premium", money(summary.premium, places)),
            ("Fees", money(summary.fees, places)),
            ("of it tax", None if told is None else money(told.result.tax, places)),
            ("Held", held),
            ("Ended by", None if summary.exit_reason is None else exit_label(summary.exit_reason)),
            ("Ended", fig.ist(summary.finished_market or summary.finished_at, "%d %b %H:%M:%S")),
            ("Wallet", wallet_words(summary.wallet_difference)),
        )
    )


def wallet_words(difference: Decimal | None) -> str:
    """Whether the exchange's ledger shows what the run has told."""
    if difference is None:
        return "not compared"
    return f"differs by {fig.dollars(difference, 4, signed=True)}" if difference else "agrees"


# ------------------------------------------------------------ where it came from


def attribution_rows(parts: Attribution) -> list[tuple[str, Decimal | float]]:
    """The parts of a P&L that are not 0, in the order they are told."""
    rows: list[tuple[str, Decimal | float]] = [
        ("Theta (time)", parts.theta),
        ("Delta (spot)", parts.delta),
        ("Gamma", parts.gamma),
        ("Vega (volatility)", parts.vega),
        ("Spread", parts.spread),
        ("Slippage", parts.slippage),
        ("Settlement, liquidation", parts.exchange),
        ("Funding", parts.funding),
        ("Fees", parts.fees),
        ("Residual", parts.residual),
    ]
    return [(name, value) for name, value in rows if value or name in ("Fees", "Residual")]


def residual_words(parts: Attribution) -> str:
    """How much of what moved is not explained, and why it may be much."""
    if not parts.moved:
        return ""
    share = f"The residual is {abs(parts.residual) / parts.moved * 100:.1f} % of the ${parts.moved:,.2f} that prices and costs have moved"
    gap = parts.longest_gap.total_seconds()
    return (
        f"{share}; the longest stretch between samples was {span_words(parts.longest_gap)}."
        if gap > 60
        else f"{share}."
    )


def _attribution(report: RunReport, places: int) -> Html | None:
    if report.told is None:
        return None
    parts = report.told.parts
    rows = [
        (name, value if isinstance(value, Decimal) else Decimal(repr(value))) for name, value in attribution_rows(parts)
    ]
    sums = [sum((float(value) for _, value in rows[:count]), 0.0) for count in range(len(rows) + 1)]
    low, high = min(sums), max(sums)

    def bar(begin: float, end: float) -> Html:
        left, width = ((v - low) / ((high - low) or 1) * 100 for v in (min(begin, end), abs(end - begin) + low))
        tone = "up" if end > begin else "down"
        return tag("div", tag("i", class_=tone, style=f"left: {left:.1f}%; width: {width:.1f}%"), class_="way")

    table = doc.table(
        ("Part", "USD", ""),
        [
            *(
                (name, money(value, places, signed=True), bar(sums[i], sums[i + 1]))
                for i, (name, value) in enumerate(rows)
            ),
            ("Result", money(parts.pnl, places, signed=True), bar(0.0, float(parts.pnl))),
        ],
        name="Where the P&L came from",
        right=("USD",),
        kind_of="bars",
    )
    return doc.section("Where the P&L came from", table, note=residual_words(parts), keep=True)


# ------------------------------------------------------------ tables


def _legs(report: RunReport, places: int) -> Html | None:
    rows = [
        (
            f"{leg.key} {leg.strike.normalize():,f}" if leg.strike else leg.key,
            leg.symbol,
            leg.side,
            f"{leg.filled_quantity:,}",
            fig.price(_short(leg.avg_px)),
            fig.price(_short(leg.exit_px)),
            money(leg.pnl, places, signed=True),
            money(leg.fees_paid, places),
            _iv(leg.iv_at_entry),
            _iv(report.iv_out.get(leg.key)),
        )
        for leg in report.legs
    ]
    head = ("Leg", "Contract", "Side", "Contracts", "Entry", "Exit", "P&L", "Fees", "IV in", "IV out")
    return doc.section("Legs", doc.table(head, rows, name="Legs", right=head[3:]), keep=True) if rows else None


def _short(price: Decimal | None) -> Decimal | None:
    """An average may have no end."""
    return None if price is None else round(price, 4)


def _iv(value: float | None) -> str:
    return fig.percent(None if value is None else value * 100)


def _quality(report: RunReport) -> Html | None:
    if report.told is None:
        return None
    one = report.told.result
    filled = None if not one.contracts_sent else one.contracts_filled / one.contracts_sent * 100
    maker = None if not one.contracts_filled else one.maker_contracts / one.contracts_filled * 100
    slowest = f"{max(one.fill_secs):.1f} s at most" if one.fill_secs else fig.DASH
    middle = f"{sorted(one.fill_secs)[(len(one.fill_secs) - 1) // 2]:.1f} s, " if one.fill_secs else ""
    return doc.section(
        "Execution",
        doc.facts(
            (
                ("Orders sent", f"{one.attempts:,}, {one.rejected:,} rejected"),
                ("Contracts filled", f"{fig.percent(filled, 0)} of those sent"),
                ("As maker", fig.percent(maker, 0)),
                ("Time to fill", f"{middle}{slowest}"),
                ("Slippage", money(one.slippage_usd, 4)),
                ("Checks of the gate", f"{one.risk_passed:,} passed, {one.risk_failed:,} failed"),
                ("One leg alone", f"{one.naked_secs:.1f} s"),
            )
        ),
        keep=True,
    )


def _orders(report: RunReport) -> Html | None:
    rows = [
        (
            fig.ist(line.created_at, "%d %b %H:%M:%S"),
            line.purpose,
            line.leg,
            line.side,
            f"{line.filled:,} of {line.quantity:,}",
            "market" if line.limit_price is None else fig.price(line.limit_price),
            fig.price(_short(line.reference)),
            fig.price(_short(line.avg_px)),
            line.algorithm or fig.DASH,
            line.status.replace("_", " "),
            fig.DASH if line.fill_secs is None else f"{line.fill_secs:.1f}",
            line.message or fig.DASH,
            line.client_order_id,
        )
        for line in report.lines
    ]
    head = ("Time", "Purpose", "Leg", "Side", "Filled", "Limit", "Reference", "Average", "Algorithm", "Status", "Secs", "Message", "Order id")  # fmt: skip
    right = ("Filled", "Limit", "Reference", "Average", "Secs")
    return doc.section("Orders", doc.table(head, rows, name="Orders", right=right, ids=("Order id",))) if rows else None


def fills_table(trades: Sequence[Trade], *, with_run: bool) -> Html:
    """Executions, each with the exchange's ids of its order and of itself."""
    rows = [
        (
            fig.ist(one.at, "%d %b %H:%M:%S"),
            *((one.run_id,) if with_run else ()),
            one.side,
            f"{one.quantity:,}",
            one.symbol,
            fig.price(one.price),
            money(one.fee, 4),
            one.fee_currency,
            one.role if one.kind == "normal" else f"{one.role}, {one.kind}",
            one.algorithm or fig.DASH,
            tag("span", tag("div", one.venue_order_id or fig.DASH), tag("div", one.fill_id)),
        )
        for one in trades
    ]
    head = ("Time", *(("Run",) if with_run else ()), "Side", "Contracts", "Contract", "Price", "Fee", "In", "Role", "Algorithm", "Order, trade")  # fmt: skip
    right = ("Contracts", "Price", "Fee")
    return doc.table(head, rows, name="Executions", right=right, ids=("Order, trade",), whole=("Contract",))


def _timeline(report: RunReport) -> Html | None:
    rows = [
        (fig.ist(one.at, "%d %b %H:%M:%S"), one.kind.replace("_", " "), one.cause, one.text) for one in report.timeline
    ]
    return doc.section("Timeline", doc.table(("Time", "What", "By", "Detail"), rows, name="Timeline"))


def _configuration(report: RunReport) -> Html | None:
    changed = [(one.title, one.field, one.before, one.after) for one in report.changed]
    head = ("Field", "Name", "Preset", "This run")
    differs: Iterable[Html | None] = (
        tag("p", difference_words(report), class_="note"),
        doc.table(head, changed, name="What differed from the preset") if changed else None,
    )
    checks = [(code.replace("_", " ").lower(), numbers) for code, numbers in report.entry_checks.items()]
    compared = doc.table(("Check", "Numbers"), checks, name="What the gate compared") if checks else None
    lines = [tag("div", line) for line in report.config.model_dump_json(indent=1).split("\n")]
    return join(
        doc.section("Configuration", *differs),
        doc.section("Checked before the first order", compared),
        doc.section("Configuration in full", tag("pre", *lines)),
    )


def difference_words(report: RunReport) -> str:
    """Whether the configuration was the preset's."""
    if not report.summary.preset or "no preset" in report.compared_with:
        return report.compared_with
    return report.compared_with if report.changed else f"{report.compared_with} Nothing differs from it."
