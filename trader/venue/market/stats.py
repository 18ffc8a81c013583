"""Published figures of a contract from its value and its book: implied volatilities of the quotes, price bands."""

from decimal import Decimal

from trader.domain.instrument import Instrument, Kind
from trader.domain.quote import Greeks
from trader.pricing.black76 import price
from trader.pricing.implied_vol import implied_vol
from trader.venue.market.base import Depth, OptionStats
from trader.venue.market.noise import uniform
from trader.venue.market.trading_rhythm import perpetual_open_interest

BAND_MOVE = 0.02  # recorded price bands are the option's value after spot moved 2 % either way
_PLACES = Decimal("1e-8")


def option_stats_of(
    *,
    instrument: Instrument,
    spot: float,
    mark: float,
    vol: float,
    years: float,
    greeks: Greeks,
    depth: Depth,
    open_interest: int,
    volume: float,
) -> OptionStats:
    """Figures of an option whose value is known. `open_interest` is contracts, `volume` underlying units."""
    assert instrument.strike is not None
    strike, kind = float(instrument.strike), instrument.kind
    values = [price(spot * (1 + move), strike, vol, years, kind) for move in (-BAND_MOVE, BAND_MOVE)]
    # Mark lies between the two; a mark that came rounded from elsewhere is taken in.
    low, high = min(*values, mark), max(*values, mark)
    return OptionStats(
        mark=money(mark),
        mark_iv=vol,
        greeks=greeks,
        bid_iv=_quote_iv(depth.bids, spot, strike, years, kind),
        ask_iv=_quote_iv(depth.asks, spot, strike, years, kind),
        open_interest=Decimal(open_interest),
        volume=volume,
        band_low=max(instrument.tick_size, money(low)),
        band_high=max(money(high), 10 * instrument.tick_size),
    )


def perpetual_stats(mark: Decimal, key: int) -> OptionStats:
    """Figures of a perpetual; `key` seeds its open interest and volume."""
    move = Decimal(str(BAND_MOVE))
    return OptionStats(
        mark=mark,
        mark_iv=0.0,
        greeks=Greeks(delta=1.0, gamma=0.0, theta=0.0, vega=0.0, rho=0.0),
        bid_iv=None,
        ask_iv=None,
        open_interest=Decimal(perpetual_open_interest(key)),
        volume=2000 + 8000 * uniform(key, 9),
        band_low=mark * (1 - move),
        band_high=mark * (1 + move),
    )


def money(value: float) -> Decimal:
    """A computed price at the exchange's precision, 8 decimals."""
    return Decimal(value).quantize(_PLACES)


def _quote_iv(
    levels: tuple[tuple[Decimal, int], ...], spot: float, strike: float, years: float, kind: Kind
) -> float | None:
    return implied_vol(float(levels[0][0]), spot, strike, years, kind) if levels else None
