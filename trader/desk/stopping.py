"""What Stop & Exit would do to a run now and what that would realise, in one sentence. Pure; the figures are the run's own."""

from decimal import Decimal

from trader.desk.reach import MINUS
from trader.engine.records import Phase
from trader.engine.view import LegView, RunView


def stop_words(run: RunView) -> str:
    """``Buy back 100 C 80,000 at ≈ 167.40 and 100 P 73,500 at ≈ 155.30: realises ≈ −$2.48.``"""
    left = [leg for leg in run.legs if leg.open_quantity]
    if run.phase is Phase.WAITING:
        return "Nothing is sold yet: the wait is cancelled."
    if run.phase is Phase.DONE:
        return "Nothing is left to stop: flat, confirmed by the exchange." if run.flat == "true" else f"{run.words}."
    if run.phase is Phase.EXITING:
        still = f" Still to buy back: {_legs(left)}." if left else " Waiting for the exchange to confirm flat."
        if run.stop_hurries:
            return f"The exit is under way in slices; Stop closes what is left at once.{still}"
        return f"The exit is under way; Stop changes nothing.{still}"
    if run.phase is Phase.ENTERING:
        if not left:
            return "Nothing is sold yet: the entry orders are cancelled, what fills meanwhile is bought back."
        return f"The entry orders are cancelled. {_closing(left)}: {_realises(run)}."
    if not left:
        return "Nothing is open by our fills: working orders are cancelled and the exchange is asked."
    return f"{_closing(left)}: {_realises(run)}."


def _realises(run: RunView) -> str:
    if run.pnl is None:
        return "what that realises is not known now"
    return f"realises ≈ {dollars(run.pnl, run.premium)}"


def _closing(left: list[LegView]) -> str:
    """In the order in which it is done: what is short first."""
    short, long = ([leg for leg in left if leg.side == side] for side in ("sell", "buy"))
    said = ([f"buy back {_legs(short)}"] if short else []) + ([f"sell {_legs(long)}"] if long else [])
    words = ", then ".join(said)
    return words[:1].upper() + words[1:]


def _legs(legs: list[LegView]) -> str:
    return " and ".join(
        f"{leg.open_quantity:,} {leg.key} {leg.strike.normalize():,f} "
        + ("at a price not known now" if leg.closing_px is None else f"at ≈ {leg.closing_px:,.2f}")
        for leg in legs
    )


def dollars(value: Decimal, premium: Decimal | None) -> str:
    """``−$2.48``, as exactly as it matters to a trade with this premium."""
    size = None if premium is None else abs(premium)
    places = 2 if size is None else 4 if size < 1 else 2 if size < 100 else 0
    text = f"{abs(value):,.{places}f}"
    sign = MINUS if value < 0 and text.strip("0.") else "+" if text.strip("0.") else ""
    return f"{sign}${text}"
