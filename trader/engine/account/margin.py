"""How the exchange margins the account: asked at the start and every half minute while a run is on; a change is told."""

from trader.domain.margin import MarginTerms, mode_words
from trader.engine import records as rec
from trader.engine.account.positions import see_liquidation
from trader.engine.effects import ReadMargin
from trader.engine.events import MarginRead
from trader.engine.gate import slowed
from trader.engine.records import Phase
from trader.engine.state import State, seconds_since
from trader.engine.turn import Turn

_ROUTINE_SECS = 30.0
_AGAIN_SECS = 5.0  # where it is not known, or no longer so
_ANSWER_SECS = 60.0  # after this a read that never answered is asked again


def ask_margin(turn: Turn) -> None:
    """Ask, where it is not known or has been known for long. Each read of the account shows besides, in the wallet, whether
    the mode is still the same while something is blocked. Reads that an exit needs never queue behind it."""
    state, waited = turn.state, seconds_since(turn.state.margin_asked, turn.wall)
    if slowed(state, turn.now) or (state.margin is not None and not state.unresolved):
        return
    if any(run.phase is Phase.EXITING for run in state.unresolved) or (state.margin_pending and waited < _ANSWER_SECS):
        return
    is_urgent = bool(state.unresolved) and (state.margin is None or state.margin_wanted)
    if waited >= (_AGAIN_SECS if is_urgent else _ROUTINE_SECS):
        turn.set(margin_asked=turn.wall, margin_pending=True)
        turn.do(ReadMargin())


def see_mode(turn: Turn, mode: str | None) -> None:
    """What the wallet shows: where it is not the mode that is known, the whole is asked for."""
    if mode is not None and turn.state.margin is not None and mode != turn.state.margin.mode:
        turn.set(margin_wanted=True)


def on_margin_read(turn: Turn, event: MarginRead) -> None:
    """Keep what was told; one read that fails changes nothing, after a second one nothing is known."""
    turn.slow_down(event.retry_after_secs)
    turn.set(margin_pending=False)
    terms, before = event.terms, turn.state.account
    if terms is None:
        turn.set(margin=None if turn.state.margin_fault else turn.state.margin, margin_fault=event.error)
        return
    _tell_topups(turn, terms)
    see_liquidation(turn, terms.positions)
    turn.set(margin=terms, margin_fault="", margin_wanted=False)
    # A mode that is not told any more, as where a position that told it is closed, leaves what was told.
    told = (terms.mode or before.margin_mode, terms.portfolios, terms.default_auto_topup)
    if told == (before.margin_mode, before.portfolios, before.default_auto_topup):
        return
    fields = dict(zip(("mode", "portfolios", "default_auto_topup"), told, strict=True))
    turn.write(rec.MarginObserved, "", cause="exchange", account=turn.state.account_key, **fields)
    if before.margin_mode is None or before.margin_mode == told[0]:
        return
    text = f"The account's margin mode was {before.margin_mode} and is now {mode_words(told[0])}."
    for run in turn.state.unresolved:
        turn.alert(run.run_id, "warning", "margin_mode_changed", text, once=False)


def _tell_topups(turn: Turn, terms: MarginTerms) -> None:
    """Tell where auto top-up of a position that a run holds is another than it was."""
    known = turn.state.margin
    if known is None:
        return
    for run in turn.state.unresolved:
        for leg in run.held:
            old, new = known.position(leg.symbol), terms.position(leg.symbol)
            if old is not None and new is not None and old.auto_topup != new.auto_topup:
                means = (
                    "it draws free balance before it is liquidated"
                    if new.auto_topup
                    else "it is liquidated once its own margin is used up"
                )
                text = f"Auto top-up of {leg.symbol} is now {'on' if new.auto_topup else 'off'}: {means}."
                turn.alert(run.run_id, "warning", "auto_topup_changed", text, once=False)


def last_told(state: State) -> MarginTerms:
    """The terms as they were recorded last, for people."""
    account = state.account
    return MarginTerms(
        mode=account.margin_mode, portfolios=account.portfolios, default_auto_topup=account.default_auto_topup
    )
