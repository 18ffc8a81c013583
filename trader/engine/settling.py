"""A leg to be closed that nobody offers (or bids for, where it is long), or that is not worth its closing, near its expiry:
held to settlement and watched.

It is closed all the same as soon as an offer is worth taking, when its loss reaches the preset's limit, and when it can no
longer be priced. Nothing here ever keeps a leg from being closed that somebody offers at a fair price.
"""

from datetime import timedelta
from decimal import Decimal
from enum import Enum, auto

from trader.domain.order import Purpose, Side
from trader.domain.quote import Quote
from trader.engine import records as rec
from trader.engine.execution.exit_price import fair_price, is_unoffered, touch_of
from trader.engine.gate import is_fresh_mark
from trader.engine.holding import ask_quotes
from trader.engine.record_kinds import kept_words
from trader.engine.records import LegTerms
from trader.engine.state import HUNDRED, QUOTE_AGE, SILENCE_SECS, Run, age_slack, seconds_since
from trader.engine.turn import Turn
from trader.engine.valuation import closing_cost

UNSALEABLE_SECS = 20.0  # a book may be empty for a moment: only what lasts this long is held to settlement


class Stance(Enum):
    """What is done about a leg that is to be closed."""

    CLOSE = auto()
    BID = auto()  # held to settlement; a bid at the mark goes on standing in the book
    WAIT = auto()  # held to settlement; not even that bid is worth its price


def stance_on(turn: Turn, run_id: str, leg: LegTerms) -> Stance:
    """Judge a leg on the prices of now, and record when it is held to its settlement or no longer."""
    run = turn.run(run_id)
    if run.open_quantity(leg.key) <= 0 or leg.has_expired(turn.now.market):
        return Stance.CLOSE
    flaw = _unusable(turn, leg)
    if flaw:
        return _unpriced(turn, run, leg, flaw)
    _forget(turn, run_id, "unpriced", leg.key)
    quote = turn.state.market.quotes[leg.symbol]
    why = _why_close(turn, run, leg, quote)
    if why:
        _forget(turn, run_id, "unsaleable", leg.key)
        _release(turn, run_id, leg, why)
        return Stance.CLOSE
    unsaleable = turn.watch(run_id).unsaleable
    since = unsaleable.get(leg.key, turn.wall)
    if leg.key not in unsaleable:
        turn.set_watch(run_id, unsaleable={**unsaleable, leg.key: since})
    if leg.key not in run.kept:
        # What is offered and not worth it is left at once: tried, it would be bought. Later, only what lasts is.
        tried = bool(run.leg_orders(leg.key, Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN))
        lasts = seconds_since(since, turn.wall) >= UNSALEABLE_SECS
        if not (lasts or (not tried and not is_unoffered(run, leg, quote))) or not _is_near(turn, run, leg):
            return Stance.CLOSE
        _keep(turn, run, leg, quote)
    return Stance.BID if _is_worth_a_bid(turn, run, leg, quote) else Stance.WAIT


def unsaleable_secs(turn: Turn, run_id: str, leg: LegTerms) -> float:
    """For how long nobody has offered a leg that is to be closed; 0 while somebody does."""
    since = turn.watch(run_id).unsaleable.get(leg.key)
    return 0.0 if since is None else seconds_since(since, turn.wall)


def _release(turn: Turn, run_id: str, leg: LegTerms, why: str) -> None:
    """A leg held to its settlement is closed after all."""
    if leg.key in turn.run(run_id).kept:
        turn.write(rec.LegReleased, run_id, leg=leg.key, symbol=leg.symbol, reason=why)


def _keep(turn: Turn, run: Run, leg: LegTerms, quote: Quote) -> None:
    turn.write(
        rec.LegKept,
        run.run_id,
        leg=leg.key,
        symbol=leg.symbol,
        until=leg.expiry,
        worth=_worth(run, leg, quote),
        closing=_closing(turn, run, leg, touch_of(leg, quote)),
        is_offered=not is_unoffered(run, leg, quote),
        is_long=leg.side is Side.BUY,
    )
    words = kept_words(turn.run(run.run_id).kept[leg.key])
    text = f"NOT FLAT: {leg.symbol} is {words}. It is watched until then."
    turn.alert(run.run_id, "warning", f"settling:{leg.key}", text, once=False)


def _is_near(turn: Turn, run: Run, leg: LegTerms) -> bool:
    market = turn.now.market
    return market is not None and leg.expiry - market <= timedelta(minutes=run.preset.exits.settle_within_mins)


def _why_close(turn: Turn, run: Run, leg: LegTerms, quote: Quote) -> str:
    """Why a leg is not left to its settlement at these prices, in words; empty when it may be."""
    assert quote.mark is not None
    is_short = leg.side is Side.SELL
    ledger = run.ledger(leg.key)
    average = ledger.entered_value / max(ledger.entered, 1)
    if is_short and quote.mark >= average * (1 + run.preset.exits.max_loss_pct / HUNDRED):
        return f"its mark of {quote.mark} has reached the loss limit"
    touch = touch_of(leg, quote)
    if touch is None or is_unoffered(run, leg, quote):
        return ""
    # A person who has pressed Stop wants to be out at any price that is accepted.
    is_worth_it = touch <= quote.mark * _accepted(run) if is_short else touch * _accepted(run) >= quote.mark
    if not is_worth_it and run.stop_command is None:
        return ""
    return f"it is offered at {touch}" if is_short else f"{touch} is bid for it"


def _accepted(run: Run) -> Decimal:
    """How many times its worth the preset accepts to pay for a leg."""
    return 1 + run.preset.risk.exit_limit_pct / HUNDRED


def _worth(run: Run, leg: LegTerms, quote: Quote) -> Decimal:
    return (quote.mark or Decimal(0)) * run.open_quantity(leg.key) * leg.contract_value


def _closing(turn: Turn, run: Run, leg: LegTerms, price: Decimal | None) -> Decimal | None:
    """USD, fees in, that buying back all of a leg at `price` costs, or that selling it brings; None without a price or an
    index price."""
    spot = turn.state.market.spots.get(run.underlying)
    if price is None or spot is None:
        return None
    return -leg.side.sign * closing_cost(leg, run.open_quantity(leg.key), price, spot)


def _is_worth_a_bid(turn: Turn, run: Run, leg: LegTerms, quote: Quote) -> bool:
    """Whether to be filled at the mark, fees in, costs no more than is accepted for what the leg is worth; of what is long,
    whether it brings anything."""
    closing = _closing(turn, run, leg, fair_price(run, leg, quote))
    if run.stop_command is not None or closing is None:
        return True
    return closing > 0 if leg.side is Side.BUY else closing <= _worth(run, leg, quote) * _accepted(run)


def _unusable(turn: Turn, leg: LegTerms) -> str:
    """Why the prices of now say nothing about a leg; a mark of 0 is one."""
    market, quote = turn.state.market, turn.state.market.quotes.get(leg.symbol)
    if quote is None or market.newest is None or seconds_since(market.heard, turn.wall) > SILENCE_SECS:
        return "no prices are heard"
    if quote.mark is None or quote.mark < 0 or not is_fresh_mark(turn.state, quote, turn.now):
        return "it has no fresh mark"
    if quote.ts_quote is None or market.newest - quote.ts_quote > QUOTE_AGE + age_slack(turn.now):
        return "its bid and ask are stale"
    return ""


def _unpriced(turn: Turn, run: Run, leg: LegTerms, flaw: str) -> Stance:
    """Without prices nothing new is decided; what cannot be watched for too long is closed instead of held."""
    ask_quotes(turn, run)  # what is asked now may be nothing any more, or much more
    if leg.key not in run.kept:
        return Stance.CLOSE
    since = turn.watch(run.run_id).unpriced.get(leg.key)
    if since is None:
        turn.set_watch(run.run_id, unpriced={**turn.watch(run.run_id).unpriced, leg.key: turn.wall})
    elif seconds_since(since, turn.wall) >= run.preset.exits.blind_exit_secs:
        _release(turn, run.run_id, leg, f"{flaw} for {run.preset.exits.blind_exit_secs} s")
        return Stance.CLOSE
    return Stance.WAIT


def _forget(turn: Turn, run_id: str, field: str, key: str) -> None:
    known = getattr(turn.watch(run_id), field)
    if key in known:
        turn.set_watch(run_id, **{field: {k: at for k, at in known.items() if k != key}})
