"""What the exchange's public side says now: listed expiries and what a preset would sell. Reads only, briefly cached."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec
from msgspec.structs import replace

from trader.config.connection import Connection, resolve_connection
from trader.config.preset import Preset
from trader.config.settings import Settings
from trader.desk.chain import Chain, build_chain, expiry_shown
from trader.desk.costing import exit_of, with_costs
from trader.desk.margin import NOT_KNOWN, Margined
from trader.desk.outlook import with_outlook
from trader.desk.values import ExpiryChoice, Preview, PreviewLeg
from trader.desk.why_not import why_not
from trader.domain.errors import ExchangeError, TraderError
from trader.domain.expiry import ist_date
from trader.domain.instrument import Instrument
from trader.domain.margin import PORTFOLIO
from trader.domain.order import Side
from trader.domain.quote import Quote, credible_newest, usual_spot
from trader.engine.execution.chase import chase_price, entry_reference
from trader.engine.gate import exit_limit
from trader.engine.leg_view import usable_vol
from trader.engine.records import LegTerms
from trader.engine.schedule import date_words, exit_after, fix_instants, past_words
from trader.engine.selection import choose_expiry, choose_legs, listed_expiries
from trader.engine.valuation import closing_cost
from trader.engine.view import RunView
from trader.exchange.factory import build_gateway
from trader.exchange.ports import Gateway, MarketReads, PastReads

TTL_SECS = 2.0
_HISTORY = timedelta(days=7)
_HISTORY_SECS = 600.0
_KEPT_SECS = 15.0

T = TypeVar("T")


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """One underlying's options at one moment."""

    instruments: tuple[Instrument, ...]
    quotes: dict[str, Quote]
    spot: Decimal | None
    market: datetime | None


class ExchangeDoor:
    """The desk's own gateway: made when first needed, made anew when the local venue came back elsewhere. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._open: tuple[Connection, Gateway] | None = None

    def gateway(self) -> Gateway:
        """The gateway of the exchange the settings point at now.

        Raises:
            ConfigError: There is no exchange to talk to, or its addresses do not belong to the environment.
        """
        connection = resolve_connection(self._settings, need_keys=False)
        if self._settings.env == "paper" and self._settings.rest_url is None:
            from trader.config.announced import refuse_stranger

            refuse_stranger(self._settings.home)
        with self._lock:
            if self._open is not None:
                if self._open[0] == connection:
                    return self._open[1]
                self._open[1].close()
                self._open = None
            gateway = build_gateway(self._settings, connection)
            self._open = (connection, gateway)
            return gateway

    def close(self) -> None:
        """Drop the kept connections."""
        with self._lock:
            if self._open is not None:
                self._open[1].close()
                self._open = None


class MarketBook:
    """Boards of the last seconds, so that many pages cost one request. Thread-safe."""

    def __init__(self, source: Callable[[], MarketReads], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._boards: dict[str, tuple[float, Board]] = {}

    def board(self, underlying: str, oldest_secs: float = TTL_SECS) -> Board:
        """The options of an underlying, by default at most 2 s old.

        Raises:
            ConfigError, ExchangeError: The exchange cannot be asked, or did not answer.
        """
        with self._lock:  # held while asking: others wait for this answer instead of asking too
            kept = self._boards.get(underlying)
            if kept is not None and self._monotonic() - kept[0] < oldest_secs:
                return kept[1]
            board = self._read(underlying)
            self._boards[underlying] = (self._monotonic(), board)
            return board

    def last(self, underlying: str) -> tuple[float, Board] | None:
        """The board that was read last and its age in seconds, without asking anyone; None where none was."""
        kept = self._boards.get(underlying)
        return None if kept is None else (self._monotonic() - kept[0], kept[1])

    def _read(self, underlying: str) -> Board:
        gateway = self._source()
        quotes = {quote.symbol: quote for quote in gateway.tickers(underlying)}
        instruments = gateway.instruments(underlying)  # after the quotes: what those hold new is in it then
        return Board(
            instruments=tuple(instruments),
            quotes=quotes,
            spot=usual_spot(quotes.values()),
            market=newest(quotes.values()),
        )


class HistoryBook:
    """Closes of the index over the last week, read at most every ten minutes. Thread-safe."""

    def __init__(self, source: Callable[[], PastReads], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, list[tuple[datetime, Decimal]]]] = {}

    def closes(self, underlying: str, now: datetime) -> list[tuple[datetime, Decimal]]:
        """Half-hourly closes until `now` (the exchange's time), oldest first.

        Raises:
            ConfigError, ExchangeError: The exchange cannot be asked, or did not answer.
        """
        with self._lock:
            kept = self._kept.get(underlying)
            if kept is not None and self._monotonic() - kept[0] < _HISTORY_SECS:
                return kept[1]
            rows = self._source().index_closes(underlying, now - _HISTORY, now)
            found = [(start, close) for start, close in rows if close > 0]
            self._kept[underlying] = (self._monotonic(), found)
            return found


class KeptAnswer(Generic[T]):
    """One answer of the exchange, asked for at most every 15 s (or `secs`), and no sooner after a failure. Thread-safe."""

    def __init__(
        self, ask: Callable[[], T], monotonic: Callable[[], float] = time.monotonic, *, secs: float = _KEPT_SECS
    ) -> None:
        self._ask = ask
        self._secs = secs
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: tuple[float, T | TraderError] | None = None

    def get(self) -> T:
        """The answer.

        Raises:
            ConfigError, ExchangeError: It could not be had.
        """
        with self._lock:
            if self._kept is None or self._monotonic() - self._kept[0] >= self._secs:
                try:
                    found: T | TraderError = self._ask()
                except TraderError as error:
                    found = error
                self._kept = (self._monotonic(), found)
            if isinstance(self._kept[1], TraderError):
                raise self._kept[1]
            return self._kept[1]

    def forget(self) -> None:
        """Ask again next time."""
        with self._lock:
            self._kept = None


def newest(quotes: Iterable[Quote]) -> datetime | None:
    """The exchange's time, as its youngest quote tells it."""
    stamps = ([at for at in (q.ts_mark, q.ts_quote, q.ts_greeks) if at is not None] for q in quotes)
    return credible_newest(max(known, default=None) for known in stamps)


def build_expiries(board: Board, underlying: str) -> list[ExpiryChoice]:
    """The listed expiries, nearest first."""
    return [
        ExpiryChoice(value=ist_date(expiry).isoformat(), expiry=expiry)
        for expiry in listed_expiries(board.instruments, underlying)
        if board.market is None or expiry > board.market
    ]


def build_preview(preset: Preset, board: Board, margined: Margined = NOT_KNOWN) -> Preview:
    """What `preset` would sell on `board`, priced where its first orders would stand, on an account that is margined so. Pure."""
    seen = _preview(preset, board, margined)
    if board.market is None:
        return seen
    return replace(seen, entry_at=fix_instants(preset.schedule, board.market, start_now=False).entry_at)


def _preview(preset: Preset, board: Board, margined: Margined) -> Preview:
    if board.market is None or board.spot is None:
        why = f"the exchange shows no prices for {preset.strategy.underlying} options"
        return Preview(reasons=(why,), legs=(), spot=board.spot, expiry=None, market=board.market)
    selection = choose_legs(preset, board.instruments, board.quotes, board.market)
    legs = tuple(_leg(preset, terms, board.quotes[terms.symbol], board.spot) for terms in selection.legs)
    reasons = selection.reasons
    if legs and selection.expiry is not None and exit_of(preset, board.market, selection.expiry) <= board.market:
        out = exit_after(preset.schedule, board.market)
        reasons = (date_words(preset.schedule, board.market) or past_words(preset.schedule, out, selection.expiry),)
    if reasons or not legs:
        return Preview(reasons=reasons, legs=legs, spot=board.spot, expiry=selection.expiry, market=board.market)
    seen = Preview(reasons=(), legs=legs, spot=board.spot, expiry=selection.expiry, market=board.market)
    seen = with_costs(seen, preset, selection.legs, board.quotes, board.spot, board.market, margined)
    seen = with_outlook(seen, preset, selection.legs, isolated=margined.mode != PORTFOLIO)
    if seen.position is None:
        return seen
    return replace(seen, position=replace(seen.position, margined=margined))


_CHAIN_SECS = 4.0  # a chain is read by eye; every second page of it is of the same answer


def build_chain_of(
    book: MarketBook,
    preset: Preset,
    expiry: datetime | None,
    *,
    run: RunView | None = None,
    terms: Sequence[LegTerms] = (),
) -> Chain:
    """The chain of an expiry with a preset's legs marked, or those of a run, and why no other strike is among them.

    Raises:
        ConfigError, ExchangeError: The exchange cannot be asked, and there is no earlier answer.
    """
    underlying = preset.strategy.underlying
    fault = ""
    try:
        book.board(underlying, _CHAIN_SECS)
    except ExchangeError as error:
        if book.last(underlying) is None:
            raise
        fault = str(error)
    age, board = book.last(underlying) or (0.0, Board(instruments=(), quotes={}, spot=None, market=None))
    if run is not None:
        counts = {leg.key: leg.open_quantity for leg in run.legs}
        legs = [leg for leg in terms if counts.get(leg.key)]
        picked = {leg.symbol: f"{_DONE[leg.side]} {counts[leg.key]:,}" for leg in legs}
    else:
        legs = []
        if board.market is not None:
            legs = list(choose_legs(preset, board.instruments, board.quotes, board.market).legs)
        picked = {leg.symbol: f"{leg.side.value} {leg.quantity:,}" for leg in legs}
    own = legs[0].expiry if legs else _rule_expiry(preset, board)
    listed = listed_expiries(board.instruments, underlying)
    shown = expiry_shown(listed, expiry or own, board.market)
    contracts = [one for one in board.instruments if one.expiry == shown and one.strike is not None]
    why = {leg.symbol: leg.why for leg in legs}
    if shown == own:
        why |= why_not(preset, contracts, board.quotes, legs)
    chain = build_chain(
        underlying, board.instruments, board.quotes, spot=board.spot, market=board.market, wanted=shown, picked=picked,
        why=why,
    )  # fmt: skip
    return replace(chain, age_secs=age, fault=fault, own=own)


_DONE = {Side.SELL: "sold", Side.BUY: "bought"}


def _rule_expiry(preset: Preset, board: Board) -> datetime | None:
    """The expiry the preset's rule means now, whether any strike of it qualifies or not."""
    if board.market is None:
        return None
    listed = listed_expiries(board.instruments, preset.strategy.underlying)
    return choose_expiry(preset.strategy, listed, board.market)[0]


def _leg(preset: Preset, terms: LegTerms, quote: Quote, spot: Decimal) -> PreviewLeg:
    reference = entry_reference(preset, terms.side, quote)
    assert reference is not None and quote.greeks is not None  # a selected leg has bid, ask, mark and greeks
    return PreviewLeg(
        key=terms.key,
        symbol=terms.symbol,
        kind=terms.kind.value,
        strike=terms.strike,
        quantity=terms.quantity,
        delta=terms.delta,
        iv=usable_vol(quote),
        bid=quote.bid,
        ask=quote.ask,
        mark=quote.mark,
        bid_size=quote.bid_size,
        open_interest=quote.open_interest,
        limit_price=chase_price(preset, terms, terms.side, quote, reference, 0),
        side=terms.side.value,
        ask_size=quote.ask_size,
        exit_most=None
        if quote.mark is None or terms.side is Side.BUY
        else closing_cost(terms, terms.quantity, exit_limit(preset, terms, quote.mark), spot),
    )


def exit_figures(seen: Preview) -> str:
    """What `risk.exit_limit_pct` means in money for the strikes a preset would sell now; empty when none qualifies."""
    each = [
        f"{leg.exit_most:.2f} USD for {leg.quantity} {'contract' if leg.quantity == 1 else 'contracts'} of {leg.symbol}"
        for leg in seen.legs
        if leg.exit_most
    ]
    return f"Closing pays at most {' and '.join(each)} at today's mark, fees included." if each else ""
