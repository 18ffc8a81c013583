"""A market made up from a seed: spot that clusters and jumps, a smile that answers, spreads and depth. Endless, and the same every
time.

Prices and books are pure functions of (seed, start, market time): advancing in one jump or in many steps gives the same
market. The index moves every second, books every half second, each contract on its own beat. Nothing is computed until
it is asked for. Strikes are reviewed every four hours; a strike once listed stays until its expiry. Its past, trades and
candles included, is `synthetic_history`'s business.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from trader.domain.instrument import Instrument, Kind, build_option_symbol, parse_option_symbol
from trader.domain.order import Side
from trader.domain.quote import Greeks
from trader.pricing.black76 import intrinsic, price_and_greeks, year_fraction
from trader.venue.market import trading_rhythm as rhythm
from trader.venue.market.base import Bar, Depth, OptionStats, Print, Series
from trader.venue.market.book_shape import best_quotes, option_depth, perpetual_depth
from trader.venue.market.cells import Cells, Shocks
from trader.venue.market.contracts import build_option, build_perpetual, terms_of
from trader.venue.market.first_version import first_version_price
from trader.venue.market.instants import check_onwards, to_ms
from trader.venue.market.listings import listed_expiries, strikes_around
from trader.venue.market.noise import stream_key, uniform
from trader.venue.market.premium import premium
from trader.venue.market.spot_path import SpotPath
from trader.venue.market.stats import money, option_stats_of, perpetual_stats
from trader.venue.market.surface import SmileState, VolSurface
from trader.venue.market.temper import TEMPERS, MarketMode, Temper

if TYPE_CHECKING:
    from trader.venue.market.synthetic_history import SyntheticHistory

_log = logging.getLogger(__name__)
STATE_VERSION = 2
BEAT_MS = 500
_INSTANTS_MAX = 64
_REVIEW = timedelta(hours=4)  # a divisor of the day that meets the expiry instant, 12:00 UTC
_STEP_MS = 4000  # of the grid on which trades happen
_SLOTS_ONE_BY_ONE = 3
_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)


class SyntheticSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the synthetic market is made of.

    `start` is the first market instant (aware UTC); `start_prices` USD by underlying, whose keys are the underlyings
    listed; `mode` how wild it is (`temper`).
    """

    seed: int
    start: datetime
    start_prices: dict[str, float] = msgspec.field(default_factory=lambda: {"BTC": 77_000.0, "ETH": 2_600.0})
    mode: MarketMode = "normal"


class _Underlying:
    """Path, surface and perpetual of one underlying, with recent instants at hand."""

    def __init__(self, name: str, seed: int, price: float, shocks: Shocks, temper: Temper) -> None:
        self.terms = terms_of(name)
        self.perpetual = build_perpetual(name)
        cells = Cells(seed=seed, underlying=name, temper=temper, shocks=shocks)
        self.path = SpotPath(seed=seed, underlying=name, start_price=price, cells=cells)
        self.surface = VolSurface(seed=seed, underlying=name, path=self.path)
        self._instants: dict[int, tuple[Decimal, SmileState]] = {}

    def at(self, second: int) -> tuple[Decimal, SmileState]:
        """Index price (on its tick) and smile at a second after the start."""
        known = self._instants.get(second)
        if known is None:
            if len(self._instants) >= _INSTANTS_MAX:
                self._instants.clear()
            index = round(self.path.price(second) / float(self.terms.index_tick)) * self.terms.index_tick
            known = self._instants[second] = (index, self.surface.state(second, float(index)))
        return known


class _Listing(msgspec.Struct):
    """A listed contract with what was last computed of it."""

    instrument: Instrument
    key: int
    phase_ms: int
    depth: Depth | None = None
    depth_beat: int = -1
    stats: OptionStats | None = None
    stats_of: tuple[int, int] | None = None
    slot_prints: dict[int, Print | None] = msgspec.field(default_factory=dict)  # of slots asked for lately


class SyntheticMarket:
    """A seeded market source (see `MarketSource` and `HistorySource` in `trader.venue.market.base`)."""

    tells_trades = True

    def __init__(self, settings: SyntheticSettings) -> None:
        if settings.start.tzinfo is None:
            raise ValueError(f"start must be aware UTC, was {settings.start}")
        self.underlyings = tuple(settings.start_prices)
        self._settings = settings
        self._begin(settings.start.astimezone(UTC), settings.start_prices)

    def _begin(self, epoch: datetime, prices: dict[str, float]) -> None:
        self._epoch = self._now = self._started = epoch
        self._first_prices = prices
        seed, temper = self._settings.seed, TEMPERS[self._settings.mode]
        shocks = Shocks(seed, temper)
        self._models = {name: _Underlying(name, seed, prices[name], shocks, temper) for name in self.underlyings}
        self._listings: dict[str, _Listing] = {}
        self._instruments: tuple[Instrument, ...] = ()
        self._reviewed: datetime | None = None
        self._history: SyntheticHistory | None = None
        for model in self._models.values():
            self._list(model.perpetual)

    def start(self) -> datetime:
        return self._started

    def end(self) -> datetime | None:
        return None

    def advance(self, now: datetime) -> None:
        check_onwards(self._now, now)
        self._now = now

    def spot(self, underlying: str) -> Decimal:
        return self._models[underlying].at(self._second(self._now))[0]

    def instruments(self) -> Sequence[Instrument]:
        self._review()
        return self._instruments

    def depth(self, symbol: str) -> Depth:
        self._review()
        listing = self._listings[symbol]
        beat = ((self._now - self._epoch) // _MILLISECOND + listing.phase_ms) // BEAT_MS
        if listing.depth is None or listing.depth_beat != beat:
            fresh = self._depth_at(listing, beat)
            same = listing.depth is not None and (fresh.bids, fresh.asks) == (listing.depth.bids, listing.depth.asks)
            listing.depth_beat = beat
            if not same:
                listing.depth = fresh
        assert listing.depth is not None
        return listing.depth

    def option_stats(self, symbol: str) -> OptionStats:
        self._review()
        listing = self._listings[symbol]
        depth = self.depth(symbol)
        asked = (self._second(self._now), depth.version)
        if listing.stats is None or listing.stats_of != asked:
            listing.stats, listing.stats_of = self._stats_at(listing, asked[0], depth), asked
        return listing.stats

    def settlement_price(self, underlying: str, expiry: datetime) -> Decimal | None:
        return None

    def listed_since(self, instrument: Instrument) -> datetime:
        return self._past().listed_since(instrument)

    def prints(self, instrument: Instrument, after_ms: int, until_ms: int) -> Sequence[Print]:
        until_ms = min(until_ms, to_ms(self._now))
        listing = self._listings.get(instrument.symbol)
        if listing is None or instrument.strike is None:
            return self._past().prints(instrument, after_ms, until_ms)
        # A stream asks again and again for the last moments: those slots are looked at one by one.
        epoch_ms, width = to_ms(self._epoch), rhythm.OPTION_SLOT_STEPS * _STEP_MS
        first, last = ((at - epoch_ms) // width for at in (after_ms - 1000, until_ms))
        if last - first > _SLOTS_ONE_BY_ONE:
            return self._past().prints(instrument, after_ms, until_ms)
        found = [self._print_of(listing, slot) for slot in range(first, last + 1)]
        return [each for each in found if each is not None and after_ms < each.ts_ms <= until_ms]

    def _print_of(self, listing: _Listing, slot: int) -> Print | None:
        """The trade of an option's slot; the scalar twin of `SyntheticHistory`'s."""
        if slot in listing.slot_prints:
            return listing.slot_prints[slot]
        if len(listing.slot_prints) > _SLOTS_ONE_BY_ONE:
            listing.slot_prints.clear()
        fresh = listing.slot_prints[slot] = self._find_print(listing, slot)
        return fresh

    def _find_print(self, listing: _Listing, slot: int) -> Print | None:
        key, instrument = listing.key, listing.instrument
        limit, will = rhythm.activity(key), uniform(key, rhythm.WILLING, slot)
        if will >= limit:
            return None
        step = slot * rhythm.OPTION_SLOT_STEPS + int(uniform(key, rhythm.INSTANT, slot) * rhythm.OPTION_SLOT_STEPS)
        beat = -(-(step * _STEP_MS + listing.phase_ms) // BEAT_MS)
        ts_ms = to_ms(self._epoch) + beat * BEAT_MS - listing.phase_ms
        mark, delta, time_value, unrest, *_ = self._value(instrument, step * _STEP_MS // 1000)
        otm_delta = min(abs(delta), 1 - abs(delta))
        if will >= rhythm.likely(limit, otm_delta) or ts_ms < to_ms(self._past().listed_since(instrument)):
            return None
        tick = instrument.tick_size
        bid, ask = best_quotes(
            mark=mark, time_value=time_value, otm_delta=otm_delta, unrest=unrest, tick=float(tick), key=key, beat=beat
        )
        side = Side.SELL if uniform(key, rhythm.SELLER, slot) < 0.5 else Side.BUY
        ticks = bid if side is Side.SELL else ask
        if ticks is None:
            return None
        size = rhythm.size_of(key, slot, rhythm.OPTION_SIZE)
        return Print(ts_ms=ts_ms, price=ticks * tick, size=size, side=side)

    def bars(
        self, series: Series, instrument: Instrument, width_ms: int, offset_ms: int, from_ms: int, until_ms: int
    ) -> Sequence[Bar]:
        return self._past().bars(
            series,
            instrument,
            width_ms=width_ms,
            offset_ms=offset_ms,
            from_ms=from_ms,
            until_ms=min(until_ms, to_ms(self._now)) + 1,
        )

    def marks(self, instrument: Instrument, instants: Sequence[int]) -> Sequence[float | None]:
        return self._past().marks(instrument, instants)

    def _past(self) -> "SyntheticHistory":
        if self._history is None:
            # Imported here: numpy and scipy take a moment to load, and a venue nobody asks for candles does without.
            from trader.venue.market.spot_grid import SpotGrid
            from trader.venue.market.synthetic_history import PastOfUnderlying, SyntheticHistory

            self._history = SyntheticHistory(
                seed=self._settings.seed,
                epoch=self._epoch,
                underlyings={
                    name: PastOfUnderlying(model.terms, SpotGrid(model.path), model.surface)
                    for name, model in self._models.items()
                },
            )
        return self._history

    def state(self) -> dict[str, Any]:
        self._review()
        return {
            "source": "synthetic",
            "version": STATE_VERSION,
            "seed": self._settings.seed,
            "mode": self._settings.mode,
            "start_prices": self._settings.start_prices,
            "epoch": self._epoch.isoformat(),
            "first_prices": self._first_prices,
            "now": self._now.isoformat(),
            "symbols": [each.symbol for each in self._instruments if each.kind is not Kind.PERPETUAL],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """As `MarketSource.restore`. A market saved with another mode, or by a version that made its prices otherwise, goes on
        from its last prices as one that begins there: who has a position keeps it, at the price it had."""
        ours = ("synthetic", self._settings.seed, self._settings.start_prices)
        theirs = tuple(state.get(name) for name in ("source", "seed", "start_prices"))
        if ours != theirs or state.get("version") not in (1, STATE_VERSION):
            raise ValueError(
                f"the saved market (source, seed, start prices = {theirs}, version {state.get('version')}) is not this one "
                f"({ours}, version {STATE_VERSION}); start with the same seed and prices or without the saved state"
            )
        now = datetime.fromisoformat(state["now"])
        if (state["version"], state.get("mode")) == (STATE_VERSION, self._settings.mode):
            self._begin(datetime.fromisoformat(state["epoch"]), state["first_prices"])
        else:
            prices = self._last_prices(state)
            _log.warning(
                "the synthetic market now makes its prices otherwise (mode %s); they go on from the last ones: %s",
                self._settings.mode,
                ", ".join(f"{name} {price:,.1f}" for name, price in prices.items()),
            )
            self._begin(now, prices)
        self._now = self._started = now
        for symbol in state["symbols"]:
            option = parse_option_symbol(symbol)
            self._list(build_option(option.underlying, option.kind, option.strike, option.expiry))
        self._reviewed = max(self._epoch, _review_floor(self._now))
        self._publish(self._reviewed)

    def _last_prices(self, state: dict[str, Any]) -> dict[str, float]:
        """The index prices at which a saved market stopped."""
        second = (datetime.fromisoformat(state["now"]) - datetime.fromisoformat(state["epoch"])) // _SECOND
        if state["version"] == 1:
            return {
                name: first_version_price(seed=self._settings.seed, underlying=name, start_price=price, second=second)
                for name, price in self._settings.start_prices.items()
            }
        shocks = Shocks(self._settings.seed, TEMPERS[state["mode"]])
        return {
            name: _Underlying(name, self._settings.seed, price, shocks, TEMPERS[state["mode"]]).path.price(second)
            for name, price in state["first_prices"].items()
        }

    def _second(self, instant: datetime) -> int:
        return (instant - self._epoch) // _SECOND

    def _review(self) -> None:
        """List and expire what the reviews due since the last one bring; mostly nothing is due."""
        if self._reviewed is None:
            self._review_at(self._epoch)
            self._publish(self._epoch)
        assert self._reviewed is not None
        mark = _review_floor(self._reviewed) + _REVIEW
        if mark > self._now:
            return
        while mark <= self._now:
            self._review_at(mark)
            mark += _REVIEW
        self._publish(self._reviewed)

    def _review_at(self, mark: datetime) -> None:
        second = self._second(mark)
        for expiry in listed_expiries(mark):
            if expiry <= self._now:
                continue  # a jump passes over days that listed and expired meanwhile
            years = year_fraction(mark, expiry)
            for name, model in self._models.items():
                index, smile = model.at(second)
                for strike in strikes_around(name, float(index), smile.at_the_money(years), years):
                    if build_option_symbol(Kind.CALL, name, strike, expiry) not in self._listings:
                        for kind in (Kind.CALL, Kind.PUT):
                            self._list(build_option(name, kind, strike, expiry))
        self._reviewed = mark

    def _publish(self, mark: datetime) -> None:
        ended = [s for s, each in self._listings.items() if each.instrument.expiry and each.instrument.expiry <= mark]
        for symbol in ended:
            del self._listings[symbol]
        self._instruments = tuple(each.instrument for each in self._listings.values())

    def _list(self, instrument: Instrument) -> None:
        key = stream_key(self._settings.seed, instrument.symbol)
        self._listings[instrument.symbol] = _Listing(
            instrument=instrument, key=key, phase_ms=int(uniform(key, 0) * BEAT_MS)
        )

    def _depth_at(self, listing: _Listing, beat: int) -> Depth:
        second = max(0, (beat * BEAT_MS - listing.phase_ms) // 1000)
        instrument = listing.instrument
        if instrument.strike is None:
            return perpetual_depth(
                mark=self._perpetual_mark(listing, second), tick=instrument.tick_size, key=listing.key, beat=beat
            )
        mark, delta, time_value, unrest, *_ = self._value(instrument, second)
        return option_depth(
            mark=mark,
            time_value=time_value,
            otm_delta=min(abs(delta), 1 - abs(delta)),
            unrest=unrest,
            tick=instrument.tick_size,
            key=listing.key,
            beat=beat,
        )

    def _perpetual_mark(self, listing: _Listing, second: int) -> Decimal:
        index, _ = self._models[listing.instrument.underlying].at(second)
        return money(float(index) * (1 + premium(listing.key, second)))

    def _value(
        self, instrument: Instrument, second: int
    ) -> tuple[float, float, float, float, float, float, float, Greeks]:
        """mark, delta, time value, unrest, spot, volatility, years, greeks of an option."""
        assert instrument.strike is not None and instrument.expiry is not None
        index, smile = self._models[instrument.underlying].at(second)
        spot, strike = float(index), float(instrument.strike)
        years = year_fraction(self._epoch + timedelta(seconds=second), instrument.expiry)
        vol = smile.vol(spot, strike, years)
        mark, greeks = price_and_greeks(spot, strike, vol, years, instrument.kind)
        time_value = mark - intrinsic(spot, strike, instrument.kind)
        return mark, greeks.delta, time_value, smile.unrest, spot, vol, years, greeks

    def _stats_at(self, listing: _Listing, second: int, depth: Depth) -> OptionStats:
        instrument = listing.instrument
        if instrument.strike is None:
            return perpetual_stats(self._perpetual_mark(listing, second), listing.key)
        mark, delta, _, _, spot, vol, years, greeks = self._value(instrument, second)
        open_interest = rhythm.open_interest(listing.key, min(abs(delta), 1 - abs(delta)), second)
        return option_stats_of(
            instrument=instrument,
            spot=spot,
            mark=mark,
            vol=vol,
            years=years,
            greeks=greeks,
            depth=depth,
            open_interest=open_interest,
            volume=float(instrument.contract_value) * open_interest * 3 * uniform(listing.key, 9),
        )


def _review_floor(instant: datetime) -> datetime:
    return instant.replace(hour=instant.hour // 4 * 4, minute=0, second=0, microsecond=0)
