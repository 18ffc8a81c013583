"""The report of one Indian day as one HTML file."""

from trader import __version__
from trader.desk import Audit, DayReport
from trader.domain.exit_reason import exit_label
from trader.report import document as doc
from trader.report import figures as fig
from trader.report.figures import money
from trader.report.html import Html, tag
from trader.report.run_html import fills_table

_WORDS = {"agrees": ("agrees", "up"), "differs": ("differs", "down"), "unread": ("not compared", "unknown")}
_NOTE = "An Indian day, from midnight to midnight by the exchange's clock; all times are Indian time. Money is USD, prices are USD per unit of the underlying."


def day_html(report: DayReport) -> str:
    """The whole file."""
    so_far = "" if report.is_over else ", so far"
    return doc.document(
        f"Day report {report.day}",
        tag("div", doc.environment(report.env), " Day report", class_="kicker"),
        tag("h1", f"{report.day:%A, %d %B %Y}{so_far}"),
        tag("p", report.verdict, class_=f"verdict {_tone(report)}".rstrip()),
        _facts(report),
        doc.section("Held against the exchange", *(_audit(one) for one in report.audits)),
        _runs(report),
        doc.section("Executions", fills_table(report.trades, with_run=True) if report.trades else None),
        _orders(report),
        doc.footer(
            _NOTE, f"Account {report.account} · made {fig.ist(report.made_at)} IST by Strangle Desk {__version__}"
        ),
    )


def _tone(report: DayReport) -> str:
    if report.is_sound:
        return ""
    return "down" if any(one.verdict == "differs" for one in report.audits) else "unknown"


def _facts(report: DayReport) -> Html:
    change = None if report.opening is None or report.closing is None else report.closing - report.opening
    return doc.facts(
        (
            ("Made", money(report.made, signed=True)),
            ("Cash of executions", money(report.cash, signed=True)),
            ("Fees", money(report.fees)),
            ("Executions", f"{len(report.trades):,}"),
            ("Orders", f"{len(report.orders):,}"),
            ("Balance before", money(report.opening)),
            ("Balance after", money(report.closing)),
            ("Change", money(change, signed=True)),
        )
    )


def _audit(one: Audit) -> Html:
    word, tone = _WORDS[one.verdict]
    items = [
        tag("li", f"{found.code}: {found.sentence}.", _size(found.usd, found.contracts)) for found in one.differences
    ]
    notes = [tag("p", note, class_="note") for note in one.notes]
    return tag(
        "div",
        tag("p", tag("strong", f"{one.name}: "), tag("strong", word, class_=tone), f". {one.sentence}"),
        tag("ul", *items) if items else None,
        *notes,
        class_="keep",
    )


def _size(usd: object, contracts: int | None) -> Html | None:
    parts = [None if usd is None else f"{usd:+f} USD", None if contracts is None else f"{contracts:+,} contracts"]
    said = ", ".join(part for part in parts if part)
    return tag("strong", f" Size: {said}.") if said else None


def _runs(report: DayReport) -> Html | None:
    rows = [
        (
            run.run_id,
            "order" if run.is_ticket else "run",
            run.name,
            fig.ist(run.began_at, "%d %b %H:%M:%S"),
            fig.ist(run.ended_at, "%d %b %H:%M:%S") if run.ended_at is not None else "open",
            exit_label(run.exit_reason) if run.exit_reason is not None else fig.DASH,
            f"{run.traded:,}",
            money(run.cash, 4, signed=True),
            money(run.fees, 4),
            money(run.made, 4, signed=True),
            money(run.result, 4, signed=True),
        )
        for run in report.runs
    ]
    head = ("Id", "Kind", "Name", "Began", "Ended", "By", "Contracts", "Cash", "Fees", "Made today", "In all")
    table = doc.table(head, rows, name="Runs and single orders", right=head[6:])
    return doc.section("Runs and single orders", table) if rows else None


def _orders(report: DayReport) -> Html | None:
    rows = [
        (
            fig.ist(line.created_at, "%H:%M:%S"),
            line.run_id,
            line.purpose,
            line.side,
            f"{line.filled:,} of {line.quantity:,}",
            line.symbol,
            "market" if line.limit_price is None else fig.price(line.limit_price),
            line.status.replace("_", " "),
            line.message or fig.DASH,
            line.client_order_id,
        )
        for line in report.orders
    ]
    head = ("Time", "Run", "Purpose", "Side", "Filled", "Contract", "Limit", "Status", "Message", "Order id")
    table = doc.table(head, rows, name="Orders", right=("Filled", "Limit"), ids=("Order id",), whole=("Contract",))
    return doc.section("Orders", table) if rows else None
