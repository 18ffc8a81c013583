"""What the exchange's public side says now: listed expiries and what a preset would sell. Reads only, briefly cached."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec.structs import replace

from trader.config.connection import Connection, resolve_connection
from trader.config.preset import Preset
from trader.config.settings import Settings
from trader.desk.costing import exit_of, with_costs
from trader.desk.outlook import with_outlook
from trader.desk.values import ExpiryChoice, Preview, PreviewLeg
from trader.domain.expiry import ist_date
from trader.domain.instrument import Instrument
from trader.domain.quote import Quote, credible_newest, usual_spot
from trader.engine.execution.chase import chase_price, entry_reference
from trader.engine.gate import exit_limit
from trader.engine.leg_view import usable_vol
from trader.engine.records import LegTerms
from trader.engine.schedule import fix_instants, past_words
from trader.engine.selection import choose_legs, listed_expiries
from trader.engine.valuation import closing_cost
from trader.exchange.common.credentials import Credentials

if TYPE_CHECKING:
    from trader.exchange.delta.gateway import DeltaGateway

TTL_SECS = 2.0
_RELOAD_SECS = 10.0  # how often an unknown symbol may make the product list be read anew


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """One underlying's options at one moment."""

    instruments: tuple[Instrument, ...]
    quotes: dict[str, Quote]
    spot: Decimal | None
    market: datetime | None


class PublicMarket(Protocol):
    """The part of a gateway that is read here."""

    def instruments(self, underlying: str) -> list[Instrument]: ...

    def tickers(self, underlying: str) -> list[Quote]: ...

    def invalidate_instruments(self) -> None: ...


class ExchangeDoor:
    """The desk's own gateway: made when first needed, made anew when the local venue came back elsewhere. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._open: tuple[Connection, DeltaGateway] | None = None

    def gateway(self) -> "DeltaGateway":
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
            pair = connection.credentials
            # Here, not above: most commands never ask the exchange, and the HTTP stack is the slowest thing to import.
            from trader.exchange.delta.gateway import DeltaGateway

            gateway = DeltaGateway.connect(
                connection.env,
                rest_url=connection.rest_url,
                ws_public_url=connection.ws_public_url,
                ws_private_url=connection.ws_private_url,
                credentials=None if pair is None else Credentials(*pair.reveal()),
                proxy=connection.proxy_url,
            )
            self._open = (connection, gateway)
            return gateway

    def close(self) -> None:
        """Drop the kept connections."""
        with self._lock:
            if self._open is not None:
                self._open[1].close()
                self._open = None


class MarketBook:
    """Boards of the last two seconds, so that many pages cost one request. Thread-safe."""

    def __init__(self, source: Callable[[], PublicMarket], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._boards: dict[str, tuple[float, Board]] = {}
        self._reloaded = float("-inf")

    def board(self, underlying: str) -> Board:
        """The options of an underlying, at most 2 s old.

        Raises:
            ConfigError, ExchangeError: The exchange cannot be asked, or did not answer.
        """
        with self._lock:  # held while asking: others wait for this answer instead of asking too
            kept = self._boards.get(underlying)
            if kept is not None and self._monotonic() - kept[0] < TTL_SECS:
                return kept[1]
            board = self._read(underlying)
            self._boards[underlying] = (self._monotonic(), board)
            return board

    def _read(self, underlying: str) -> Board:
        gateway = self._source()
        quotes = {quote.symbol: quote for quote in gateway.tickers(underlying)}
        instruments = gateway.instruments(underlying)
        known = {instrument.symbol for instrument in instruments}
        if not quotes.keys() <= known and self._monotonic() - self._reloaded >= _RELOAD_SECS:
            self._reloaded = self._monotonic()
            gateway.invalidate_instruments()  # new contracts were listed since the list was read
            instruments = gateway.instruments(underlying)
        return Board(
            instruments=tuple(instruments),
            quotes=quotes,
            spot=usual_spot(quotes.values()),
            market=newest(quotes.values()),
        )


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


def build_preview(preset: Preset, board: Board) -> Preview:
    """What `preset` would sell on `board`, priced where its first orders would stand. Pure."""
    seen = _preview(preset, board)
    if board.market is None:
        return seen
    return replace(seen, entry_at=fix_instants(preset.schedule, board.market, start_now=False).entry_at)


def _preview(preset: Preset, board: Board) -> Preview:
    if board.market is None or board.spot is None:
        why = f"the exchange shows no prices for {preset.strategy.underlying} options"
        return Preview(reasons=(why,), legs=(), spot=board.spot, expiry=None, market=board.market)
    selection = choose_legs(preset, board.instruments, board.quotes, board.market)
    legs = tuple(_leg(preset, terms, board.quotes[terms.symbol], board.spot) for terms in selection.legs)
    reasons = selection.reasons
    if legs and selection.expiry is not None and exit_of(preset, board.market, selection.expiry) <= board.market:
        reasons = (past_words(preset.schedule, selection.expiry),)
    if reasons or not legs:
        return Preview(reasons=reasons, legs=legs, spot=board.spot, expiry=selection.expiry, market=board.market)
    seen = Preview(reasons=(), legs=legs, spot=board.spot, expiry=selection.expiry, market=board.market)
    seen = with_costs(seen, preset, selection.legs, board.quotes, board.spot, board.market)
    return with_outlook(seen, preset, selection.legs)


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
        exit_most=None
        if quote.mark is None
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
