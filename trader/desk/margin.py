"""How the account is margined, for a face: what counts for a preview, and setting it with what became of that."""

from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec

from trader.domain.errors import ExchangeError, TraderError
from trader.domain.instrument import Kind, parse_option_symbol
from trader.domain.margin import ISOLATED, MarginTerms
from trader.domain.order import Side
from trader.domain.outcome import Rejected, Unknown
from trader.domain.wording import clause, refusal_words
from trader.engine.view import LegView, RunView
from trader.pricing.margin_mode import OptionHeld


class Margined(msgspec.Struct, frozen=True, kw_only=True):
    """The margin mode that counts (None: not known), and what is held on the same underlying, which portfolio margin nets."""

    mode: str | None = None
    beside: tuple[OptionHeld, ...] = ()


NOT_KNOWN = Margined()


class MarginChange(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a change: `done` None where that is not known; one sentence, and what the exchange tells since."""

    done: bool | None
    words: str
    terms: MarginTerms | None = None


def margined_of(underlying: str, terms: MarginTerms | TraderError, runs: Iterable[RunView] | TraderError) -> Margined:
    """What counts for an entry on an underlying; what cannot be read is not known."""
    mode = None if isinstance(terms, TraderError) else terms.mode_of(underlying)
    if mode == ISOLATED or isinstance(runs, TraderError):
        return Margined(mode=mode)
    return Margined(mode=mode, beside=held_beside(runs, underlying))


def held_beside(runs: Iterable[RunView], underlying: str) -> tuple[OptionHeld, ...]:
    """What runs hold on an underlying, by their pictures."""
    return tuple(_held(leg) for run in runs if run.underlying == underlying for leg in run.legs if leg.open_quantity)


def _held(leg: LegView) -> OptionHeld:
    """An open leg; without a price, and so without a portfolio margin, where its symbol does not tell what it is."""
    try:
        kind = parse_option_symbol(leg.symbol).kind
    except ValueError:
        kind = None
    is_known = kind is not None and leg.contract_value is not None
    return OptionHeld(
        kind=kind or Kind.CALL,
        strike=leg.strike,
        expiry=leg.expiry,
        quantity=Side(leg.side).sign * leg.open_quantity,
        contract_value=leg.contract_value or Decimal(0),
        mark=leg.mark if is_known else None,
        iv=leg.iv,
        margin_pct=Decimal(0),  # isolated, it has its own margin already
    )


def change(
    what: str,
    send: Callable[[], Rejected | Unknown | None],
    read: Callable[[], MarginTerms],
    told: Callable[[MarginTerms], str | None],
    wanted: str,
    *,
    lags: bool = False,
) -> MarginChange:
    """Send one change, once, then read what is. `told` says of the terms what `what` is now; `lags`: the list that tells it
    may be 10 s old, so it is no witness against an answer."""
    ended = send()
    try:
        terms = read()
    except ExchangeError as error:
        if ended is None:
            return MarginChange(
                done=True, words=f"The exchange agreed: {what} {wanted}. It could not be read since: {error}"
            )
        if isinstance(ended, Rejected):
            return MarginChange(done=False, words=_refused(ended))
        words = f"It is not known whether {what} is {wanted} now: no answer came, and it cannot be read ({clause(str(error))})."
        return MarginChange(done=None, words=f"{words} Look again before you trade.")
    is_now = told(terms) or "not told"
    if isinstance(ended, Rejected):
        return MarginChange(done=False, words=f"{_refused(ended)} The exchange tells: {what} {is_now}.", terms=terms)
    if ended is None and (lags or is_now == wanted):
        return MarginChange(done=True, words=f"Set: {what} {wanted}.", terms=terms)
    why = "The exchange agreed" if ended is None else f"No usable answer came ({clause(ended.cause)})"
    if is_now == wanted:
        return MarginChange(done=True, words=f"{why}; read again, it is set: {what} {wanted}.", terms=terms)
    late = " (the list may be 10 s old)" if lags else ""
    return MarginChange(
        done=None,
        words=f"{why}; read again, it is not {wanted}: {what} {is_now}{late}. Look again before you trade.",
        terms=terms,
    )


def _refused(ended: Rejected) -> str:
    return f"Not set: {clause(refusal_words(ended.code, ended.message))}."
