"""Why a ticket does not go out: one code, the field of the request that is at fault, one sentence."""

import msgspec

from trader.domain.wording import clause
from trader.engine import records as rec
from trader.engine.records import Phase
from trader.engine.turn import Turn
from trader.engine.verdict import Denied


class Refusal(msgspec.Struct, frozen=True):
    """`field` is empty where none of the request is at fault. The sentence has no full stop."""

    code: str
    field: str
    sentence: str


# What the gate refuses a ticket for, by its code: the field, and how the sentence begins before the numbers.
_WORDS: dict[str, tuple[str, str]] = {
    "CONTRACT_EXPIRED": ("symbol", "the contract has expired"),
    "QUANTITY_EXCEEDS_MAXIMUM": ("quantity", "no order may be so large"),
    "QUANTITY_BELOW_MINIMUM": ("quantity", "at least one contract has to be ordered"),
    "CONTRACT_MAXIMUM": ("quantity", "the exchange lets no account hold so many of this contract"),
    "POSITION_WOULD_EXCEED": ("quantity", "more would be held than was asked for"),
    "PRICE_NOT_POSITIVE": ("limit_price", "a price has to be above 0"),
    "PRICE_OFF_TICK": ("limit_price", "the price is no multiple of the contract's tick"),
    "PRICE_OUTSIDE_COLLAR": ("limit_price", "the limit lies too far beyond the market"),
    "PRICE_OUTSIDE_BAND": ("limit_price", "the exchange takes no order at such a price"),
    "MARKET_OUTSIDE_COLLAR": ("order_type", "a market order would trade too far from the mark; use a limit"),
    "TRIGGER_ALREADY_MET": ("stop_price", "the trigger is met already, so it would trade at once"),
    "NO_FRESH_MARK": ("symbol", "the contract has no fresh mark price to judge an order by"),
    "NO_INDEX_PRICE": ("symbol", "no index price is known to reckon the margin with"),
    "ACCOUNT_NOT_READ": ("", "the account could not be read"),
    "MARGIN_INSUFFICIENT": ("quantity", "the free balance does not suffice"),
    "OPPOSITE_RUN": (
        "side",
        "a run or another ticket is on the other side of this contract; say reduce_only to close a ticket",
    ),
    "FOREIGN_POSITION": (
        "symbol",
        "a position of no run or ticket stands in this contract; adopt it or close it first",
    ),
    "EXIT_AT_WORK": ("symbol", "a run or another ticket is being closed in this contract; try again when it is done"),
    "WOULD_MEET_OWN_ORDER": ("limit_price", "it would meet a closing order of another ticket"),
    "JOURNAL_UNWRITABLE": ("", "the journal cannot be written, so nothing new is sent"),
    "RATE_LIMITED": ("", "nothing but exits may be sent just now"),
    "ORDER_RATE_EXCEEDED": ("", "too many orders in a second"),
    "OPEN_PNL_UNKNOWN": ("", "what is open cannot be valued, so the loss limits cannot be judged"),
    "ACCOUNT_DAILY_LOSS": ("", "the account's daily loss lets no new risk out"),
    "ACCOUNT_WEEKLY_LOSS": ("", "the account's weekly loss lets no new risk out"),
    "ORDER_TOO_SMALL": ("quantity", "the account's limits want more contracts in an order"),
    "PRICE_DEVIATION": ("limit_price", "the limit lies further from the market than the account's limits allow"),
    "ORDER_NOTIONAL": ("quantity", "the account's limits allow no order worth so much"),
    "ORDER_SHARE": ("quantity", "the order would be too large a share of the balance"),
    "POSITION_SHARE": ("quantity", "the position would be too large a share of the balance"),
    "BALANCE_UNKNOWN": ("", "the balance is not known, so shares of it cannot be judged"),
    "INDEX_JUMP": ("", "entries pause, the index has jumped"),
    "BOOK_CROSSED": ("", "entries pause, a book is crossed"),
    "SPREADS_WIDE": ("", "entries pause, spreads are wide"),
    "FEED_FROZEN": ("", "entries pause, prices stand still"),
    "API_FAILING": ("", "entries pause, the exchange does not answer"),
    "ACCOUNT_ORDER_SIZE": ("quantity", "the account's limits allow no order so large"),
}
_BY_PREFIX = {
    "TRADING_": ("", "new risk is not allowed"),
    "INSTRUMENT_": ("quantity", "the account's limit in one contract would be passed"),
    "UNDERLYING_": ("quantity", "the account's limit on one underlying would be passed"),
    "ACCOUNT_": ("quantity", "the account's limit in all would be passed"),
}


def of_denied(denied: Denied) -> Refusal:
    """The gate's refusal in a sentence."""
    field, words = _WORDS.get(denied.code) or next(
        (known for prefix, known in _BY_PREFIX.items() if denied.code.startswith(prefix)), ("", "the gate refused it")
    )
    if denied.detail.startswith("stop_price="):
        field = "stop_price"
    return Refusal(denied.code, field, f"{words} ({clause(denied.detail)})")


def refuse(turn: Turn, run_id: str, refusal: Refusal) -> None:
    """A ticket of which nothing has gone out, or nothing is left, ends here."""
    run = turn.run(run_id)
    if run.refused is None:
        symbol = "" if run.ticket is None else run.ticket.symbol
        turn.write(
            rec.TicketRefused,
            run_id,
            symbol=symbol,
            code=refusal.code,
            field=refusal.field,
            detail=refusal.sentence,
        )
    finish(turn, run_id, "refused")


def finish(turn: Turn, run_id: str, reason: str) -> None:
    """The end of a ticket that has never held anything."""
    if turn.run(run_id).phase is Phase.DONE:
        return
    zero = turn.run(run_id).premium * 0
    turn.write(rec.RunFinished, run_id, exit_reason=reason, realized_pnl=zero, fees=zero)
