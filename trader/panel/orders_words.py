"""How orders, contracts and their owners are called on the page Orders & positions."""

import re
from decimal import Decimal

from trader.desk import Status
from trader.desk.books.lines import OrderLine
from trader.domain.instrument import Kind, parse_option_symbol
from trader.domain.order import Side
from trader.engine.view import LegView, TicketView
from trader.panel import format as fmt
from trader.panel import parts, runs, watch
from trader.panel.markup import Html, tag

CSS = """
.or-head{display:flex;gap:.6rem;align-items:baseline;flex-wrap:wrap;margin:.2rem 0 .3rem}
.or-head b{font-size:1.05rem}
.or-mute{color:light-dark(#4b5663,#a9b3c0);font-weight:400}
.or-amber{color:light-dark(#8a4b00,#f0ad4e)}
.sheet tr:has(.or-foreign){background:light-dark(#fff4e0,#33270f)}
.or-old .sheet{opacity:.55}
.or-empty{margin:.2rem 0 .9rem}
.sheet .or-says{white-space:normal;min-width:9rem}
.ar-card meter{display:block;width:100%;height:8px}
.st-key-or_form .ar-cards{grid-template-columns:repeat(2,minmax(0,1fr))}
.st-key-or_close_all{border-color:light-dark(#b3272d,#ff8a8a)!important}
@media (max-width:760px){
.stMain:has(.st-key-or_positions) .sheet tr{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));column-gap:1rem}
.stMain:has(.st-key-or_positions) .sheet :is(th,[data-label="Whose"],[data-label="Protection"],[data-label="State"],[data-label="Type, price"],
[data-label="Why"],[data-label="Check"]){grid-column:1/-1}
.or-long .sheet{max-height:24rem;overflow-y:auto}
.or-head{gap:.3rem .6rem}
.sheet td.n,.sheet td{overflow-wrap:anywhere}
.stDialog [data-testid="stTextInput"] input{min-height:44px}
.stExpander summary{min-height:44px}
}
"""

# By status: an icon, the word, and what it means where the word alone does not say it.
_STATES = {
    "created": ("➜", "being sent", "recorded, not on its way yet"),
    "in_flight": ("➜", "sent", "sent, no answer yet"),
    "unknown": ("?", "unknown", "sent, no answer, being looked up by its id; never resent"),
    "accepted": ("◷", "works", "rests at the exchange"),
    "partially_filled": ("◐", "partly filled", "the rest works at the exchange"),
    "filled": ("✓", "filled", ""),
    "cancelled": ("✕", "cancelled", ""),
    "rejected": ("⊘", "rejected", "refused by the exchange, or proven never to have arrived"),
    "denied": ("⊘", "denied", "refused by this desk's own gate, never sent"),
    "expired": ("⌛", "expired", "ended with its contract"),
}
_TONES = {"unknown": "or-amber", "rejected": "down", "denied": "down", "filled": "up"}
_PURPOSES = {"entry": "", "exit": "exit", "unwind": "unwind", "flatten": "close", "close": "closing"}
_CLOSINGS = {"L": "stop loss", "G": "take profit"}


def contract(symbol: str) -> str:
    """``C 95,000 · 22 Nov``; what is no option keeps the exchange's name."""
    try:
        option = parse_option_symbol(symbol)
    except ValueError:
        return fmt.plain(symbol, 40)
    letter = "C" if option.kind is Kind.CALL else "P"
    other = "" if option.underlying == "BTC" else f"{option.underlying} "
    return f"{other}{letter}\u00a0{option.strike.normalize():,f} · {option.expiry:%d}\u00a0{option.expiry:%b}"


def owner(status: Status | str, run_id: str, *, is_ticket: bool) -> str:
    """``ticket ab12…`` or the run's name; a long id is told by its beginning."""
    if not isinstance(status, str) and not is_ticket:
        found = next((run for run in watch.seen(status) if run.run_id == run_id), None)
        if found is not None:
            return f"run {runs.name(found)}"
    return f"{'ticket' if is_ticket else 'run'} {fmt.plain(run_id, 24)}"


def state(line: OrderLine) -> Html:
    """The state of an order as an icon and a word."""
    icon, word, means = _STATES.get(line.status, ("·", line.status.replace("_", " "), ""))
    if line.status == "accepted" and is_trigger(line):
        word, means = "waits for its trigger", "rests at the exchange until the price is there"
    shown = means if line.status == "unknown" else word
    if line.status == "unknown":
        shown = f"sent {fmt.ist_clock(line.wall)}, no answer, being looked up by its id; never resent"
    return tag("span", f"{icon} {shown}", title=means or None, class_=f"or-says {_TONES.get(line.status, '')}".rstrip())


def state_words(line: OrderLine) -> str:
    """The same as plain text, short."""
    icon, word, _ = _STATES.get(line.status, ("·", line.status.replace("_", " "), ""))
    return f"{icon} {word}"


def is_trigger(line: OrderLine) -> bool:
    return line.stop_price is not None or line.trail is not None


def order(line: OrderLine) -> str:
    """``Sell 5 C 95,000 · 22 Nov``, and what it is for where it does not open."""
    purpose = _CLOSINGS.get(line.closing) or _PURPOSES.get(line.purpose, line.purpose)
    said = f"{line.side.capitalize()} {line.quantity:,} {contract(line.symbol)}"
    return f"{said} ({purpose})" if purpose else said


def limit(line: OrderLine) -> str:
    return "market" if line.limit_price is None else price(line.limit_price)


def trigger(line: OrderLine) -> str:
    """Its trigger; a trailing stop's distance."""
    if line.stop_price is not None:
        return price(line.stop_price)
    return parts.DASH if line.trail is None else f"trails by {price(line.trail)}"


_NUMBERS = re.compile(r" \((?P<pairs>[a-z_]+=[^()]*)\)")
_CALLED = {"stop_price": "trigger price"}
_LONG = re.compile(r"\d+\.\d{3,}")
_LISTED = re.compile(r"check(\d+)")  # what the check calls the orders of a list before they have an id


def numbers_in_words(said: str) -> str:
    """``(limit_price=10, band=75504.8928..78586.7252)`` as ``(limit price 10, band 75,504.89 to 78,586.73)``."""
    return _NUMBERS.sub(lambda found: f" ({', '.join(_pair(one) for one in found['pairs'].split(', '))})", said)


def _pair(text: str) -> str:
    name, _, value = text.partition("=")
    if listed := _LISTED.fullmatch(value):
        return f"order {int(listed[1]) + 1} of the list"
    value = _LONG.sub(lambda found: parts.price(Decimal(found[0])), value.replace("..", " to "))
    return f"{_CALLED.get(name, name.replace('_', ' '))} {value}".rstrip()


def price(value: Decimal | None) -> str:
    """A price with two digits, four below a dollar."""
    return parts.price(value)


# ------------------------------------------------------------------------------------------------- what closing would do


def close_of_ticket(one: TicketView) -> str:
    """What ending a single order would do, whether it holds something or only works."""
    if not one.open_quantity:
        return f"ticket {one.ticket_id}: cancels what is left of {one.side} {one.quantity:,} {contract(one.symbol)}"
    return f"ticket {one.ticket_id}: {trade_of_ticket(one)}"


def trade_of_ticket(one: TicketView) -> str:
    """``Buys back 5 C 95,000 · 22 Nov at ≈ 120.50: realises ≈ −$1.23``"""
    is_long = one.side == Side.BUY
    offered = one.bid if is_long else one.ask
    result = (
        "what it realises is not known now"
        if one.pnl is None
        else f"realises ≈ {parts.dollars(one.pnl, 2, signed=True)}"
    )
    return f"{_verb(is_long)} {one.open_quantity:,} {contract(one.symbol)} at {_about(offered)}: {result}"


def trade_of_leg(leg: LegView) -> str:
    is_long = leg.side == Side.BUY
    return f"{_verb(is_long)} {leg.open_quantity:,} {contract(leg.symbol)} at {_about(leg.bid if is_long else leg.ask)}"


def _verb(is_long: bool) -> str:
    return "Sells" if is_long else "Buys back"


def _about(value: Decimal | None) -> str:
    return "a price nobody offers now" if value is None else f"≈ {price(value)}"


def head(title: str, note: str, *, old: bool = False) -> Html:
    """A section's name, and beside it how old it is."""
    return tag("div", tag("b", title), tag("span", note, class_="or-amber" if old else "or-mute"), class_="or-head")


def empty(sentence: str) -> Html:
    return tag("p", sentence, class_="or-empty")
