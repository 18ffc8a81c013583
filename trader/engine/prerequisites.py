"""The prerequisites of an entry: one list for everyone who asks. The engine's gate before it sells, the desk for `check` and
the page. The caller gathers the facts; what they mean is said here, and nowhere else.

A fact that somebody cannot gather (the engine does not know whether a runner is alive, a page not what the stream told the
engine) stays None: its item is unknown, which is not the same as met.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

import msgspec

from trader.config.account_limits import AccountLimits
from trader.domain.foreign import Foreign, beside_phrase
from trader.domain.margin import MODES, PORTFOLIO, MarginTerms, mode_words, topup_words
from trader.engine.account.losses import Made

CLOCK_SKEW_MOST_SECS = 2.0

Verdict = tuple[bool, str]  # met, and why in words


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One prerequisite: met, not met, or not known here (None), with one sentence without its full stop. Several items may
    share a code where several things stand in the way."""

    code: str
    passed: bool | None
    sentence: str


class Unread(msgspec.Struct, frozen=True):
    """Something was asked for and is not known: why, in words. Never a reason to enter."""

    why: str


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known. None: not asked for here; `Unread`: asked for in vain. Faults and level are in words, empty while there
    is none; money is USD.

    `foreign` is what stands on the account that no run explains, `confirmed` the part of it that a person has confirmed;
    `own_symbols` are the contracts that would be traded, in which nothing may stand whatever was confirmed.
    """

    configuration: Verdict | None = None
    runner: Verdict | None = None
    public_api: Verdict | None = None
    signed_api: Verdict | None = None
    right_to_trade: Verdict | None = None
    connection: Verdict | None = None
    rows_left_out: Verdict | None = None
    level: str | None = None
    slowed: str | None = None
    abnormal: str | None = None  # what is not normal of the market or the way to the exchange, and bars entries
    journal_fault: str | None = None
    journal_place: str = ""
    account_stream_fault: str | None = None
    clock_offset_secs: float | Unread | None = None
    today: Made | None = None  # what all runs have made today
    loss_limit: Decimal | None = None  # the preset's own
    underlying: str = ""
    runs_sold: int | None = None  # of it today, with those that are about to
    runs_most: int | None = None
    open_runs: int | None = None  # unfinished ones of the account
    open_here: int | None = None  # of them on this underlying
    limits: AccountLimits = AccountLimits()
    lock: str | None = None  # why the account's losses let no entry out
    unvalued: str = ""  # why what is open cannot be counted
    twin: str | None = None  # a run of this very configuration that has not completed its entry; "" for none
    strikes: Sequence[str] | None = None  # why there are no legs at usable prices
    oversize: Sequence[str] | None = None  # which of the account's limits of size the entry would break
    foreign: tuple[Foreign, ...] | Unread | None = None
    confirmed: tuple[Foreign, ...] = ()
    own_symbols: tuple[str, ...] = ()
    margin_needed: Decimal | Unread | None = None
    available: Decimal | None = None
    margin_terms: MarginTerms | Unread | None = None
    margin_mode_wanted: str = "any"
    auto_topup_wanted: str = "any"


def prerequisites(facts: Facts) -> tuple[Item, ...]:
    """The list, in the order in which a person should look at it."""
    return tuple(
        Item(code=code, passed=passed, sentence=sentence) for code, judge in _LIST for passed, sentence in judge(facts)
    )


def in_the_way(facts: Facts, *codes: str) -> list[str]:
    """What is known not to be met, in words; of these codes where any are given."""
    judges = [judge for code, judge in _LIST if not codes or code in codes]
    return [sentence for judge in judges for passed, sentence in judge(facts) if passed is False]


def unconfirmed(foreign: Iterable[Foreign], confirmed: Iterable[Foreign]) -> tuple[Foreign, ...]:
    """What stands there and was not confirmed exactly as it stands."""
    known = set(confirmed)
    return tuple(thing for thing in foreign if thing not in known)


# ------------------------------------------------------------ what each fact means

Judged = list[tuple[bool | None, str]]
_UNKNOWN: Judged = [(None, "not known here")]


def _given(name: str) -> Callable[[Facts], Judged]:
    """A fact that its gatherer has judged already: an answer of the exchange or of a process."""

    def judge(facts: Facts) -> Judged:
        verdict: Verdict | None = getattr(facts, name)
        return _UNKNOWN if verdict is None else [verdict]

    return judge


def _fault(fault: str | None, bad: str, good: str) -> Judged:
    if fault is None:
        return _UNKNOWN
    return [(False, f"{bad}{fault}")] if fault else [(True, good)]


def _journal(facts: Facts) -> Judged:
    place = f" ({facts.journal_place})" if facts.journal_place else ""
    return _fault(facts.journal_fault, "the journal cannot be written: ", f"writable{place}")


def _stream(facts: Facts) -> Judged:
    return _fault(facts.account_stream_fault, "the account's stream is down: ", "the account's stream is up")


def _clock(facts: Facts) -> Judged:
    offset = facts.clock_offset_secs
    if offset is None:
        return _UNKNOWN
    if isinstance(offset, Unread):
        return [(False, offset.why)]
    words = f"the exchange's clock is {abs(offset):.1f} s {'ahead of' if offset >= 0 else 'behind'} this one"
    if abs(offset) > CLOCK_SKEW_MOST_SECS:
        return [(False, f"{words}; more than {CLOCK_SKEW_MOST_SECS:g} s, so set this machine's clock")]
    return [(True, words)]


def _loss(facts: Facts) -> Judged:
    made, limit = facts.today, facts.loss_limit
    if made is None or limit is None:
        return _UNKNOWN
    opened = f" (of it open {-made.open:.2f} USD)" if made.lost > 0 > made.open else ""
    if made.lost >= limit:
        words = f"today's loss of {made.lost:.2f} USD{opened} has reached risk.daily_loss_limit_usd of {limit} USD"
        return [(False, words)]
    return [(True, f"loss today {made.lost:.2f} of {limit} USD{opened}")]


def _runs(facts: Facts) -> Judged:
    sold, most = facts.runs_sold, facts.runs_most
    if sold is None or most is None:
        return _UNKNOWN
    return [(sold < most, f"runs on {facts.underlying} that sold today: {sold} of {most} (risk.max_runs_per_day)")]


def _open_runs(facts: Facts) -> Judged:
    """How many runs there may be at once, and no second one of what is on its way."""
    if facts.open_runs is None or facts.open_here is None:
        return _UNKNOWN
    if facts.twin:
        return [(False, f"run {facts.twin} of this very configuration has not completed its entry yet")]
    limits = facts.limits
    found: Judged = []
    if facts.open_runs >= limits.open_runs:
        found.append((False, f"{facts.open_runs} runs are open on this account, open_runs is {limits.open_runs}"))
    if facts.open_here >= limits.open_runs_per_underlying:
        most = limits.open_runs_per_underlying
        found.append(
            (False, f"{facts.open_here} runs on {facts.underlying} are open, open_runs_per_underlying is {most}")
        )
    words = f"{facts.open_here} of {limits.open_runs_per_underlying} runs on {facts.underlying} are open, "
    return found or [(True, f"{words}{facts.open_runs} of {limits.open_runs} in all")]


def _lock(facts: Facts) -> Judged:
    if facts.unvalued:
        return [(False, f"{facts.unvalued}, so how much the account has lost cannot be told")]
    return _fault(facts.lock, "", "the account's losses are within its limits")


def _strikes(facts: Facts) -> Judged:
    if facts.strikes is None:
        return _UNKNOWN
    return [(False, reason) for reason in facts.strikes] or [(True, "every leg has a strike, at usable prices")]


def _size(facts: Facts) -> Judged:
    if facts.oversize is None:
        return _UNKNOWN
    return [(False, flaw) for flaw in facts.oversize] or [(True, "the entry is within the account's limits of size")]


def _clean(facts: Facts) -> Judged:
    """Nothing of anybody else's on the whole underlying, but what a person has confirmed exactly as it stands."""
    if facts.foreign is None:
        return _UNKNOWN
    if isinstance(facts.foreign, Unread):
        return [(False, facts.foreign.why)]
    own = [thing for thing in facts.foreign if thing.symbol in facts.own_symbols]
    others = unconfirmed((thing for thing in facts.foreign if thing.symbol not in facts.own_symbols), facts.confirmed)
    found: Judged = [(False, _own_words(thing)) for thing in own]
    found += [(False, f"not of any run here: {thing.words}") for thing in others]
    if others:
        phrase = beside_phrase(facts.foreign)
        found.append((False, f'an entry beside what is not of any run here needs the typed phrase "{phrase}"'))
    if found:
        return found
    if facts.foreign:
        return [(True, f"confirmed to start beside {'; '.join(thing.words for thing in facts.foreign)}")]
    return [(True, "no position and no order but our own")]


def _own_words(thing: Foreign) -> str:
    if thing.kind == "position":
        return f"{thing.symbol}: a position of {thing.quantity} contracts exists already, in a contract to be traded"
    return f"an open order exists already: {thing.symbol} {thing.side} {thing.quantity}, in a contract to be traded"


def _mode_told(facts: Facts) -> str | None:
    return facts.margin_terms.mode_of(facts.underlying) if isinstance(facts.margin_terms, MarginTerms) else None


def _margin_mode(facts: Facts) -> Judged:
    """Any mode will do, where the preset does not want a certain one."""
    terms, wanted, told = facts.margin_terms, facts.margin_mode_wanted, _mode_told(facts)
    if terms is None:
        return _UNKNOWN
    if wanted not in ("any", told):
        is_so = f"the account's margin mode is {told}" if told else _untold("the account's margin mode", terms)
        how = f"python -m trader account margin-mode {wanted}, or the Account page"
        return [(False, f"{is_so}, and this preset wants {wanted} (risk.margin_mode): {how}")]
    if isinstance(terms, Unread):
        return [(None, _untold("the account's margin mode", terms))]
    return [(None if told is None else True, mode_words(told))]


def _auto_topup(facts: Facts) -> Judged:
    """What holds for the positions that an entry opens."""
    terms, wanted, mode = facts.margin_terms, facts.auto_topup_wanted, _mode_told(facts)
    if terms is None:
        return _UNKNOWN
    told = terms.default_auto_topup if isinstance(terms, MarginTerms) else None
    if wanted != "any" and mode != PORTFOLIO and told is not (wanted == "on"):
        is_so = "is not known" if told is None else f"is {'on' if told else 'off'}"
        how = f"python -m trader account auto-topup {wanted}, or the Account page"
        return [
            (False, f"auto top-up of new positions {is_so}, and this preset wants it {wanted} (risk.auto_topup): {how}")
        ]
    if isinstance(terms, Unread):
        return [(None, _untold("auto top-up", terms))]
    return [(None if told is None and mode != PORTFOLIO else True, topup_words(told, mode))]


def _untold(what: str, terms: MarginTerms | Unread) -> str:
    return f"{what} is not known{f' ({terms.why})' if isinstance(terms, Unread) else ''}"


def _margin(facts: Facts) -> Judged:
    needed, available, mode = facts.margin_needed, facts.available, _mode_told(facts)
    if isinstance(needed, Unread):
        return [(False, needed.why)]
    if needed is None:
        return _UNKNOWN
    if available is None:
        return [(False, "available margin is not known")]
    how = f"{mode} margin" if mode in MODES else "margin"
    if facts.margin_terms is not None and mode not in MODES:
        how = "margin (the larger of both modes, the account's being not known)"
    if needed > available:
        return [(False, f"{how} needed {needed:,.2f} USD exceeds the available {available:,.2f} USD")]
    share = facts.limits.margin_share_pct
    if needed > available * share / 100:
        return [
            (
                False,
                f"{how} needed {needed:,.2f} USD is more than {share} % of {available:,.2f} USD (margin_share_pct)",
            )
        ]
    return [(True, f"about {needed:,.2f} USD {how} needed, {available:,.2f} USD available")]


_LIST: tuple[tuple[str, Callable[[Facts], Judged]], ...] = (
    ("configuration", _given("configuration")),
    ("runner", _given("runner")),
    ("trading level", lambda facts: _fault(facts.level, "", "trading is ACTIVE")),
    ("request budget", lambda facts: _fault(facts.slowed, "", "the exchange has not asked us to slow down")),
    ("normal market", lambda facts: _fault(facts.abnormal, "", "market and exchange behave as usual")),
    ("journal", _journal),
    ("account stream", _stream),
    ("public API", _given("public_api")),
    ("signed API", _given("signed_api")),
    ("right to trade", _given("right_to_trade")),
    ("connection", _given("connection")),
    ("rows left out", _given("rows_left_out")),
    ("clock", _clock),
    ("daily loss", _loss),
    ("runs a day", _runs),
    ("account loss", _lock),
    ("open runs", _open_runs),
    ("legs", _strikes),
    ("account size", _size),
    ("nothing foreign", _clean),
    ("margin mode", _margin_mode),
    ("auto top-up", _auto_topup),
    ("margin", _margin),
)
