"""Fault rules: what was asked for, on which occasions it strikes, how often it has. Pure; one thread uses a book of rules."""

import random
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from trader.domain.errors import ConfigError
from trader.venue.faults.catalogue import KINDS, Kind, Where, kind_of

_RULES_MAX = 1000


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which occasions a rule looks at; what is left out matches everything.

    `path`, `symbol`, `channel` and `client_order_id` are shell patterns (``/v2/orders*``, ``C-BTC-*``). Of the occasions
    that match, `nth` picks one (from 1), `probability` draws from a generator of its own that begins at `seed`.
    """

    method: str | None = None
    path: str | None = None
    symbol: str | None = None
    socket: str | None = None
    channel: str | None = None
    side: str | None = None
    reduce_only: bool | None = None
    client_order_id: str | None = None
    nth: int | None = None
    probability: float = 1.0
    seed: int = 0


class FaultSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault as it is asked for. `times` None is the catalogue's default (once, or until cleared); `for_secs` ends the
    rule after so many wall seconds."""

    fault: str
    kind: str = ""
    match: Match = Match()
    times: int | None = None
    for_secs: float | None = None
    args: dict[str, Any] = {}


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """Something at which a fault may strike. Empty words are unknown and match only rules that do not ask for them."""

    method: str = ""
    path: str = ""
    symbols: tuple[str, ...] = ()
    socket: str = ""
    channel: str = ""
    side: str = ""
    reduce_only: bool = False
    client_order_id: str = ""


class Rule:
    """One standing fault."""

    def __init__(self, rule_id: str, spec: FaultSpec, kind: Kind, ends: float | None) -> None:
        self.id = rule_id
        self.spec = spec
        self.kind = kind
        self.ends = ends
        self.args: dict[str, Any] = {**kind.args, **spec.args}
        self.seen = 0
        self.happened = 0
        self.memory: dict[str, Any] = {}  # what a fault has to remember between two strikes
        self._draw = random.Random(spec.match.seed)
        self._times = spec.times if spec.times is not None else (None if kind.lasting else 1)

    @property
    def name(self) -> str:
        return f"{self.kind.fault} {self.kind.kind}"

    @property
    def spent(self) -> bool:
        """It has struck as often as it may."""
        return self._times is not None and self.happened >= self._times

    def looks_at(self, occasion: Occasion) -> bool:
        """Whether this is one of the occasions the rule speaks of, before counting and drawing."""
        match = self.spec.match
        return (
            (match.method is None or match.method == occasion.method)
            and (match.socket is None or match.socket == occasion.socket)
            and (match.side is None or match.side == occasion.side)
            and (match.reduce_only is None or match.reduce_only == occasion.reduce_only)
            and _fits(match.path, (occasion.path,))
            and _fits(match.channel, (occasion.channel,))
            and _fits(match.client_order_id, (occasion.client_order_id,))
            and _fits(match.symbol, occasion.symbols)
        )

    def strikes(self, occasion: Occasion) -> bool:
        """Whether it happens now; counts the occasion and the strike."""
        if self.spent or not self.looks_at(occasion):
            return False
        match = self.spec.match
        self.seen += 1
        if match.nth is not None and self.seen != match.nth:
            return False
        if match.probability < 1 and self._draw.random() >= match.probability:
            return False
        self.happened += 1
        return True

    def row(self) -> dict[str, Any]:
        """The rule as the control port shows it."""
        return {
            "id": self.id,
            "fault": self.kind.fault,
            "kind": self.kind.kind,
            "where": self.kind.where.value,
            "words": self.kind.words,
            "match": msgspec.to_builtins(self.spec.match),
            "args": self.args,
            "times": self._times,
            "seen": self.seen,
            "happened": self.happened,
            "spent": self.spent,
        }


class RuleBook:
    """The standing rules. `changed` is called after rules came or went."""

    def __init__(self, monotonic: Callable[[], float], changed: Callable[[], None] = lambda: None) -> None:
        self._monotonic = monotonic
        self._changed = changed
        self._rules: dict[str, Rule] = {}
        self._by_where: dict[Where, list[Rule]] = {}
        self._number = 0

    def add(self, spec: FaultSpec) -> Rule:
        """Let a fault stand.

        Raises:
            ConfigError: There is no such fault, or an argument it does not take.
        """
        kind = checked(spec)
        if len(self._rules) >= _RULES_MAX:
            raise ConfigError(f"at most {_RULES_MAX} rules stand at once; clear some")
        self._number += 1
        ends = None if spec.for_secs is None else self._monotonic() + spec.for_secs
        rule = Rule(f"r{self._number}", spec, kind, ends)
        self._rules[rule.id] = rule
        self._by_where.setdefault(kind.where, []).append(rule)
        self._changed()
        return rule

    def remove(self, rule_id: str) -> Rule | None:
        """Take one away; the rule, None when there is none of that id."""
        rule = self._rules.pop(rule_id, None)
        if rule is not None:
            self._forget(rule)
            self._changed()
        return rule

    def clear(self) -> list[Rule]:
        """Take all away."""
        gone = list(self._rules.values())
        self._rules.clear()
        self._by_where.clear()
        self._changed()
        return gone

    def find(self, rule_id: str) -> Rule | None:
        return self._rules.get(rule_id)

    def all(self) -> list[Rule]:
        return list(self._rules.values())

    def any_at(self, *places: Where) -> bool:
        """Whether anything waits there; the cheap question before an occasion is put into words."""
        return any(self._by_where.get(place) for place in places)

    def standing(self, where: Where, occasion: Occasion | None = None) -> list[Rule]:
        """The rules that wait there and are not spent, without counting anything."""
        return [
            rule
            for rule in self._by_where.get(where, ())
            if not rule.spent and (occasion is None or rule.looks_at(occasion))
        ]

    def strike(self, where: Where, occasion: Occasion, *kinds: str) -> Rule | None:
        """The first rule that strikes at this occasion; with `kinds` only those are asked."""
        for rule in self._by_where.get(where, ()):
            if (not kinds or rule.kind.kind in kinds) and rule.strikes(occasion):
                return rule
        return None

    def strikes(self, where: Where, occasion: Occasion) -> list[Rule]:
        """Every rule that strikes at this occasion."""
        return [rule for rule in self._by_where.get(where, ()) if rule.strikes(occasion)]

    def expire(self) -> None:
        """Remove the rules whose time is over; to be called now and then."""
        now = self._monotonic()
        over = [rule for rule in self._rules.values() if rule.ends is not None and now >= rule.ends]
        for rule in over:
            del self._rules[rule.id]
            self._forget(rule)
        if over:
            self._changed()

    def _forget(self, rule: Rule) -> None:
        waiting = self._by_where[rule.kind.where]
        waiting.remove(rule)
        if not waiting:
            del self._by_where[rule.kind.where]


def checked(spec: FaultSpec) -> Kind:
    """The catalogue's entry of what is asked for.

    Raises:
        ConfigError: Nothing like it is in the catalogue; one sentence.
    """
    kind = kind_of(spec.fault, spec.kind)
    if kind is None:
        kinds = sorted(name for fault, name in KINDS if fault == spec.fault)
        known = (
            f"{spec.fault} has the kinds {', '.join(kinds)}" if kinds else "GET /catalogue lists the faults there are"
        )
        raise ConfigError(f"there is no fault {spec.fault!r} of kind {spec.kind!r}; {known}")
    for name, value in spec.args.items():
        _check_arg(kind, name, value)
    match = spec.match
    if not 0 <= match.probability <= 1:
        raise ConfigError(f"probability must be 0 to 1, was {match.probability}")
    for name, number in (("nth", match.nth), ("times", spec.times)):
        if number is not None and number < 1:
            raise ConfigError(f"{name} must be 1 or more, was {number}")
    if spec.for_secs is not None and not 0 < spec.for_secs <= 86_400:
        raise ConfigError(f"for_secs must be above 0 and at most a day, was {spec.for_secs}")
    return kind


def _check_arg(kind: Kind, name: str, value: Any) -> None:
    if name not in kind.args:
        takes = ", ".join(kind.args) or "no arguments"
        raise ConfigError(f"{kind.fault} {kind.kind} has no argument {name!r}; it takes {takes}")
    default = kind.args[name]
    numeric = isinstance(default, int | float) and not isinstance(default, bool)
    if numeric and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ConfigError(f"{name} of {kind.fault} {kind.kind} must be a number, was {value!r}")
    if isinstance(default, bool) and not isinstance(value, bool):
        raise ConfigError(f"{name} of {kind.fault} {kind.kind} must be true or false, was {value!r}")


def _fits(pattern: str | None, words: tuple[str, ...]) -> bool:
    return pattern is None or any(fnmatchcase(word, pattern) for word in words)


def symbols_in(*sources: Mapping[str, Any]) -> tuple[str, ...]:
    """The contract symbols a query, body or row names."""
    names = ("product_symbol", "symbol", "sy", "s")
    return tuple(dict.fromkeys(str(source[name]) for source in sources for name in names if source.get(name)))
