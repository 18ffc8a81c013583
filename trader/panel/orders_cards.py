"""Row 1 of the page Orders & positions: the account's money, what it holds in all, and the day against its limit."""

from decimal import Decimal

from trader.desk import Day, Status
from trader.desk.books.holdings import Balance, PositionLine
from trader.panel import cards, parts
from trader.panel.cards import Card
from trader.panel.markup import Html, join, tag
from trader.panel.orders_books import Books
from trader.panel.orders_words import empty


def row(status: Status | str, books: Books | None) -> Html:
    """The cards of one picture; a sentence below where the account cannot be read."""
    said = "" if books is None or not isinstance(books.balances, str) else books.balances
    figures = [*_money(books), _held(books), _day(status)]
    if not said:
        return cards.cards(figures)
    return join(cards.cards(figures), empty(f"The exchange tells no balance now: {said}"))


def _money(books: Books | None) -> list[Card]:
    if books is None or isinstance(books.balances, str):
        note = "being read" if books is None else "not known now"
        return [Card(name, parts.DASH, note) for name in ("Balance", "Equity", "Margin used")]
    balances = books.balances.balances
    one = balances[0] if balances else None
    if one is None:
        return [Card("Balance", parts.DASH, "the account holds no settling asset")]
    mode = books.balances.margin_mode
    return [
        Card("Balance", parts.dollars(one.total, 2), f"in {one.currency}; {parts.dollars(one.free, 2)} free"),
        Card("Equity", parts.dollars(one.equity, 2), "open positions at their marks"),
        Card("Margin used", parts.dollars(one.locked, 2), _used(one, mode), more=_locked(one)),
    ]


def _used(one: Balance, mode: str | None) -> Html:
    """The share of the balance, as a bar and in words."""
    share = one.locked / one.total if one.total > 0 else None
    words = f"{parts.percent(None if share is None else share * 100, signed=False)} of the balance{'' if mode is None else f'; {mode} margin'}"
    bar = (
        None if share is None else tag("meter", value=f"{min(share, 1):.3f}", max=1, aria_label=f"Margin used: {words}")
    )
    return join(bar, words)


def _locked(one: Balance) -> str:
    """What of it is for what, where the exchange tells."""
    named = (
        ("orders", one.order_margin),
        ("positions", one.position_margin),
        ("portfolio", one.portfolio_margin),
        ("closing fees", one.commission),
    )
    return ", ".join(f"{name} {parts.dollars(value, 2)}" for name, value in named if value is not None)


def _held(books: Books | None) -> Card:
    """How many positions, and what of them is long and what short: contracts of options and perpetuals do not add up to one number."""
    if books is None or isinstance(books.positions, str):
        return Card("Open positions", parts.DASH, "being read" if books is None else "not known now")
    lines = [line for line in books.positions.positions if line.net != 0]
    if any(line.net is None for line in lines):
        return Card("Open positions", parts.DASH, "the exchange cannot be asked")
    if not lines:
        return Card("Open positions", "0", "no position")
    sides = (("long", 1), ("short", -1))
    return Card("Open positions", f"{len(lines)}", "; ".join(filter(None, (_side(lines, *side) for side in sides))))


def _side(lines: list[PositionLine], word: str, sign: int) -> str:
    """``short 20 contracts, 0.02 BTC``: of the lines on one side."""
    among, sums = [line for line in lines if (line.net or 0) * sign > 0], dict[str, Decimal]()
    for line in among:
        if line.contract_value is not None:
            size = abs(line.net or 0) * line.contract_value
            sums[line.underlying] = sums.get(line.underlying, Decimal(0)) + size
    amounts = "".join(f", {parts.amount(value)} {name}" for name, value in sums.items())
    return f"{word} {sum(abs(line.net or 0) for line in among):,}{amounts}" if among else ""


def _day(status: Status | str) -> Card:
    day: Day | None = None if isinstance(status, str) else status.day
    if isinstance(status, str) or day is None or day.total is None:
        return Card("Day P&L", parts.DASH, "what is open has no price now" if day is not None else "not known yet")
    limit = None if status.totals is None else Decimal(str(status.totals.limits["daily_loss_usd"]))
    note = "no limit known" if limit is None else f"limit {parts.dollars(-limit, 2)}, {_left(day.total, limit)}"
    return Card("Day P&L", parts.dollars(day.total, 2, signed=True), note, tone=parts.tone(day.total))


def _left(total: Decimal, limit: Decimal) -> str:
    used = max(-total, Decimal(0)) / limit * 100
    return f"{parts.percent(used, 0, signed=False)} used"
