"""Tickers: REST rows and the rows of the compact channel. A contract without trades has no open, high, low or close.

Shapes: exchange documentation, schema Ticker, corrected by recorded rows: keys of untraded contracts are left out over
REST and null on the socket; tick size and contract value are padded to 18 places; quotes carry no padding.
"""

from decimal import Decimal
from typing import Any

from trader.domain.instrument import Instrument, Kind
from trader.domain.order import Side
from trader.venue.core.exchange import Exchange
from trader.venue.market.base import Level, OptionStats
from trader.venue.market.instants import from_ms, to_us
from trader.venue.tape import Day, Tape
from trader.venue.wire.catalogue import CONTRACT_TYPES
from trader.venue.wire.text import iso, padded, plain, real, short

_NAMES = {Kind.CALL: "Call", Kind.PUT: "Put"}
_USD_PLACES = Decimal("0.0001")


def ticker_row(exchange: Exchange, tape: Tape, instrument: Instrument, *, fresh: bool = False) -> dict[str, Any]:
    """One row of GET /v2/tickers; `fresh` computes the day's figures again."""
    stats = exchange.stats(instrument.symbol)
    spot = exchange.market.spot(instrument.underlying)
    day = tape.day(instrument, fresh=fresh)
    option = instrument.kind is not Kind.PERPETUAL
    leverage = exchange.settings.option_leverage if option else exchange.settings.perpetual_leverage
    oi_coins = stats.open_interest * instrument.contract_value
    row: dict[str, Any] = {
        "symbol": instrument.symbol,
        "product_id": instrument.product_id,
        "contract_type": CONTRACT_TYPES[instrument.kind],
        "description": f"{instrument.underlying}  {_NAMES.get(instrument.kind, 'Perpetual')}",
        "underlying_asset_symbol": instrument.underlying,
        "mark_change_24h": change_pct(day.mark_then, float(stats.mark)),
        "mark_price": plain(stats.mark),
        "spot_price": plain(spot),
        "greeks": _greeks(stats, spot) if option else None,
        "quotes": _quotes(exchange, instrument, stats),
        "price_band": {"lower_limit": plain(stats.band_low), "upper_limit": plain(stats.band_high)},
        "oi": f"{oi_coins:.4f}",
        "oi_contracts": plain(stats.open_interest),
        "oi_value": f"{oi_coins:.4f}",
        "oi_value_symbol": instrument.underlying,
        "oi_value_usd": plain((oi_coins * spot).quantize(_USD_PLACES)),
        "oi_change_usd_6h": oi_change(day, instrument, spot),
        "turnover_symbol": "USD",
        "tick_size": padded(instrument.tick_size),
        "contract_value": padded(instrument.contract_value),
        "initial_margin": plain(instrument.initial_margin_pct),
        "leverage": int(leverage),
        "oi_reduce_only_mode": False,
        "product_trading_status": instrument.trading_status,
        "sort_priority": 1,
        "tags": [],
        "timestamp": to_us(exchange.now),
    }
    if day.mark_high is not None and day.mark_low is not None:
        row["mark_high_24h"], row["mark_low_24h"] = f"{day.mark_high:.8f}", f"{day.mark_low:.8f}"
    row |= _traded(exchange, tape, instrument, stats, day, spot)
    if option:
        row["mark_vol"] = real(stats.mark_iv)
        row["strike_price"] = plain(instrument.strike) if instrument.strike is not None else None
    else:
        row["funding_rate"] = plain(exchange.funding(instrument).rate_pct)
        row["mark_basis"] = f"{(stats.mark / spot - 1):.8f}"
    return row


def _traded(
    exchange: Exchange, tape: Tape, instrument: Instrument, stats: OptionStats, day: Day, spot: Decimal
) -> dict[str, Any]:
    """The keys that only traded contracts have."""
    contracts = tape.contracts_of_day(stats, instrument, day)
    if day.close is None and contracts == 0:
        return {}
    coins = contracts * float(instrument.contract_value)
    turnover = coins * float(spot)
    row: dict[str, Any] = {
        "size": int(contracts),
        "volume": coins,
        "turnover": turnover,
        "turnover_usd": turnover,
        "top_tag": "",
    }
    if day.open is not None and day.close is not None:
        row |= {"open": day.open, "high": day.high, "low": day.low, "close": day.close}
        row["ltp_change_24h"] = change_pct(day.open, day.close)
        row["time"] = iso(from_ms(day.since_ms))
    return row


def ticker_frame(exchange: Exchange, tape: Tape, subscribed: str, members: list[Instrument], ts: int) -> dict[str, Any]:
    """The `ticker` frame of a contract or a chain: one row per contract."""
    spot = exchange.market.spot(members[0].underlying)
    rows = [ticker_compact(exchange, tape, instrument, spot) for instrument in members]
    return {"type": "ticker", "sy": subscribed, "ts": ts, "sp": plain(spot), "d": rows}


def ticker_compact(exchange: Exchange, tape: Tape, instrument: Instrument, spot: Decimal) -> dict[str, Any]:
    """One row of a `ticker` frame. Ask comes first; greeks run delta, gamma, rho, theta, vega."""
    stats = exchange.stats(instrument.symbol)
    book = exchange.book(instrument.symbol)
    day = tape.day(instrument)
    bid, ask = book.best(Side.BUY), book.best(Side.SELL)
    option = instrument.kind is not Kind.PERPETUAL
    greeks = stats.greeks
    turnover = tape.contracts_of_day(stats, instrument, day) * float(instrument.contract_value) * float(spot)
    return {
        "s": instrument.symbol,
        "i": instrument.product_id,
        "m": plain(stats.mark),
        "m24hc": change_pct(day.mark_then, float(stats.mark)),
        "ohlc": [day.open, day.high, day.low, day.close],
        "q": [best_price(ask), best_size(ask), best_price(bid), best_size(bid), None],
        "qiv": [real(stats.ask_iv) if ask else None, real(stats.bid_iv) if bid else None, real(stats.mark_iv)]
        if option
        else None,
        "g": [real(g) for g in (greeks.delta, greeks.gamma, greeks.rho, greeks.theta, greeks.vega)] if option else None,
        "oi": [plain(stats.open_interest), oi_change(day, instrument, spot)],
        "pb": [plain(stats.band_low), plain(stats.band_high)],
        "to": [turnover, turnover],
    }


def change_pct(then: float | None, now: float) -> str | None:
    """A change in percent, 4 decimals; None where nothing is known of then."""
    return None if not then else f"{100 * (now / then - 1):.4f}"


def oi_change(day: Day, instrument: Instrument, spot: Decimal) -> str:
    """The change of open interest over six hours in USD."""
    return f"{day.interest_change * float(instrument.contract_value) * float(spot):.4f}"


def _greeks(stats: OptionStats, spot: Decimal) -> dict[str, Any]:
    greeks = stats.greeks
    return {
        "delta": real(greeks.delta),
        "gamma": real(greeks.gamma),
        "rho": real(greeks.rho),
        "theta": real(greeks.theta),
        "vega": real(greeks.vega),
        "spot": plain(spot),
    }


def _quotes(exchange: Exchange, instrument: Instrument, stats: OptionStats) -> dict[str, Any]:
    book = exchange.book(instrument.symbol)
    bid, ask = book.best(Side.BUY), book.best(Side.SELL)
    return {
        "best_bid": best_price(bid),
        "bid_size": best_size(bid),
        "bid_iv": real(stats.bid_iv) if bid else None,
        "best_ask": best_price(ask),
        "ask_size": best_size(ask),
        "ask_iv": real(stats.ask_iv) if ask else None,
        "mark_iv": real(stats.mark_iv) if instrument.kind is not Kind.PERPETUAL else None,
        "impact_mid_price": None,
    }


def best_price(level: Level | None) -> str | None:
    return short(level[0]) if level else None


def best_size(level: Level | None) -> str | None:
    return str(level[1]) if level else None
