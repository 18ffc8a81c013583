"""Wire rows to domain values. Pure.

Orders, fills, positions, money and contract terms are read strictly: what makes no sense raises `WireError`, because a
guess there costs money. Market data is read leniently field by field: nonsense counts as absent (None), and a decision
that needs it waits. Nothing here ever yields NaN, infinity or a negative size.
"""

import logging
from datetime import datetime
from decimal import Decimal
from typing import Any

from trader.domain.errors import WireError
from trader.domain.fill import Channel, Fill, FillKind, Position
from trader.domain.instrument import Instrument, Kind, parse_option_symbol
from trader.domain.margin import ISOLATED, PORTFOLIO
from trader.domain.order import OrderSnapshot, Side
from trader.domain.quote import Greeks, Quote
from trader.domain.wallet import Wallet
from trader.exchange.delta.wire import numbers as n
from trader.exchange.delta.wire.core import (
    BandRow,
    FillRow,
    GreeksRow,
    Number,
    OrderRow,
    PositionRow,
    ProductRow,
    QuotesRow,
    TickerRow,
    UserTrade,
    WalletRow,
)

logger = logging.getLogger(__name__)

_KINDS = {"call_options": Kind.CALL, "put_options": Kind.PUT, "perpetual_futures": Kind.PERPETUAL}
MONEY = (
    "USD",
    "USDT",
    "USDC",
)  # what amounts are counted in, one dollar each: India settles in USD, the global exchange in USDT
_STATES = frozenset({"open", "pending", "closed", "cancelled"})


def parse_instrument(row: ProductRow) -> Instrument | None:
    """A contract with its terms; None for kinds we do not trade (futures, MOVE, spreads, spot).

    Raises:
        WireError: A term that prices, sizes, fees or margins depend on is missing or nonsense, or two contradict each other.
    """
    kind = _KINDS.get(row.contract_type)
    if kind is None:
        return None
    if not row.symbol:
        raise WireError("it names no symbol")
    underlying = _underlying(row)
    strike, expiry = (None, None) if kind is Kind.PERPETUAL else _option_terms(row, kind, underlying)
    if underlying not in row.symbol:
        raise WireError(f"its underlying ({underlying}) contradicts its symbol")
    _check_money(row, underlying)
    specs = row.product_specs
    instrument = Instrument(
        symbol=row.symbol,
        product_id=n.count(row.id, "product id"),
        underlying=underlying,
        kind=kind,
        strike=strike,
        expiry=expiry,
        contract_value=n.positive(row.contract_value, "contract_value"),
        tick_size=n.positive(row.tick_size, "tick_size"),
        taker_rate=_rate(row.taker_commission_rate, "taker_commission_rate"),
        maker_rate=_rate(row.maker_commission_rate, "maker_commission_rate"),
        fee_cap=n.price_of(specs.premium_commission_rate, "premium_commission_rate") if specs else None,
        initial_margin_pct=n.positive(row.initial_margin, "initial_margin"),
        maintenance_margin_pct=n.positive(row.maintenance_margin, "maintenance_margin"),
        position_size_limit=0 if row.position_size_limit is None else n.count(row.position_size_limit, "size limit"),
        state=row.state or "live",
        trading_status=row.trading_status or "operational",
    )
    if strike is not None and instrument.tick_size >= strike:
        raise WireError(f"its tick size {instrument.tick_size:f} is not below its strike {strike:f}")
    return instrument


def _underlying(row: ProductRow) -> str:
    if row.underlying_asset is not None:
        return row.underlying_asset.symbol
    raise WireError("underlying_asset is missing")


def _option_terms(row: ProductRow, kind: Kind, underlying: str) -> tuple[Decimal, datetime]:
    """Strike and expiry, which the symbol has to repeat.

    Raises:
        WireError: One of them is missing, or the symbol says something else.
    """
    try:
        named = parse_option_symbol(row.symbol)
    except ValueError as error:
        raise WireError(str(error)) from None
    strike = n.positive(row.strike_price, "strike_price")
    expiry = n.needed_instant(row.settlement_time, "settlement_time")
    for what, told, by_name in (
        ("contract_type", kind.value, named.kind.value),
        ("underlying_asset", underlying, named.underlying),
        ("strike_price", strike, named.strike),
        ("settlement_time", expiry.date(), named.expiry.date()),
    ):
        if told != by_name:
            raise WireError(f"its {what} ({told}) contradicts its symbol ({by_name})")
    return strike, expiry


def _check_money(row: ProductRow, underlying: str) -> None:
    """Every amount in this program is price x contracts x contract value, in dollars: contracts whose money is counted
    otherwise are not for it.

    Raises:
        WireError: It is one of them.
    """
    if row.notional_type not in (None, "", "vanilla"):
        raise WireError(f"its notional is {row.notional_type}, and only vanilla ones can be accounted for")
    if n.flag(row.is_quanto):
        raise WireError("it is a quanto contract, which cannot be accounted for")
    if row.contract_unit_currency not in (None, "", underlying):
        raise WireError(f"its contract value is counted in {row.contract_unit_currency}, not in {underlying}")
    for what, asset in (("quoted", row.quoting_asset), ("settled", row.settling_asset)):
        if asset is not None and asset.symbol not in MONEY:
            raise WireError(f"it is {what} in {asset.symbol}, not in {MONEY[0]}")


def _rate(value: Number, what: str) -> Decimal:
    """A commission rate; the maker's may be a rebate."""
    rate = n.required(value, what)
    if abs(rate) >= 1:
        raise WireError(f"{what} is absurd: {rate}")
    return rate


def parse_order(row: OrderRow) -> OrderSnapshot:
    """What the exchange says of one order, from REST (`id`) or a stream update (`order_id`).

    Raises:
        WireError: An id, side, state or quantity is missing, or the quantities contradict each other.
    """
    quantity = n.count(row.size, "size")
    leaves = n.count(row.unfilled_size, "unfilled_size")
    if quantity == 0 or leaves > quantity:
        raise WireError(f"order quantities contradict: size {quantity}, unfilled {leaves}")
    if row.state not in _STATES:
        raise WireError(f"unknown order state {row.state!r}")
    symbol = row.product_symbol or row.symbol
    if not symbol:
        raise WireError("order without a symbol")
    paid = n.decimal_of(row.paid_commission, "paid_commission")
    trail = n.signed_or_none(row.trail_amount)  # its sign says on which side of the market it trails
    return OrderSnapshot(
        venue_order_id=n.id_of(row.order_id if row.id is None else row.id, "order id"),
        client_order_id=row.client_order_id or None,
        symbol=symbol,
        product_id=n.count(row.product_id, "product_id"),
        side=_side(row.side),
        quantity=quantity,
        leaves_qty=leaves,
        limit_price=n.price_of(row.limit_price, "limit_price"),
        avg_px=n.price_of(row.average_fill_price, "average_fill_price"),
        venue_state=row.state,
        reduce_only=n.flag(row.reduce_only),
        cancellation_reason=row.cancellation_reason,
        paid_commission=paid,
        stop_kind=row.stop_order_type or "",
        stop_price=n.price_or_none(row.stop_price),
        trail=None if trail is None else abs(trail),
        created_at=n.instant_of(row.created_at, "created_at"),
        ts_event=n.instant_of(row.timestamp, "timestamp") or n.instant_of(row.updated_at, "updated_at"),
    )


def parse_fill(row: FillRow) -> Fill:
    """One row of the fills endpoint; it carries no client order id. `commission` is all that the exchange has charged: GST is
    in it and, where it closed the position by itself, its liquidation fee. Where that is not told, the cost is not known.

    Raises:
        WireError: Id, side, size or price is missing or nonsense.
    """
    kind, commission = _fill_kind(row.fill_type), n.decimal_of(row.commission, "commission")
    extra = _liquidation_fee(row.meta_data) if kind is FillKind.LIQUIDATION else Decimal(0)
    return Fill(
        fill_id=n.id_of(row.id, "fill id"),
        venue_order_id=n.id_of(row.order_id, "order_id"),
        client_order_id=None,
        symbol=row.product_symbol,
        product_id=n.count(row.product_id, "product_id"),
        side=_side(row.side),
        quantity=_fill_size(row.size),
        price=_fill_price(row.price),
        commission=None if commission is None or extra is None else commission + extra,
        role=row.role or "taker",
        kind=kind,
        ts_event=n.instant_of(row.created_at, "created_at"),
        channel=Channel.REST,
    )


def _liquidation_fee(meta: Any) -> Decimal | None:
    """USD charged for a liquidation beside the commission, tax included; None where the row does not tell."""
    told = meta.get("total_liquidation_fee_in_settling_asset") if isinstance(meta, dict) else None
    return n.decimal_of(told, "liquidation fee") if type(told) in (str, int, float) else None


def parse_user_trade(row: UserTrade, product_id: int) -> Fill:
    """One message of the fast fill stream, which tells neither product id nor commission.

    Raises:
        WireError: Id, side, size or price is missing or nonsense.
    """
    return Fill(
        fill_id=n.id_of(row.f, "fill id"),
        venue_order_id=n.id_of(row.o, "order id"),
        client_order_id=row.c or None,
        symbol=row.sy,
        product_id=product_id,
        side=_side(row.S),
        quantity=_fill_size(row.s),
        price=_fill_price(row.p),
        commission=None,
        role=row.r or "taker",
        kind=_fill_kind(row.R),
        ts_event=n.instant_of(row.t, "time"),
        channel=Channel.STREAM,
    )


def parse_position(row: PositionRow, *, symbol: str = "", product_id: int | None = None) -> Position:
    """A net holding. `symbol` and `product_id` are what was asked for, where the row does not repeat them.

    Raises:
        WireError: The size is missing (which is not 0), or nothing says which contract it is.
    """
    told = row.product_id if row.product_id is not None else product_id
    return Position(
        symbol=row.product_symbol or row.symbol or symbol,
        product_id=n.count(told, "product_id"),
        quantity=n.whole(row.size, "position size"),
        entry_price=n.price_of(row.entry_price, "entry_price"),
        liquidation_price=n.price_or_none(row.liquidation_price),
    )


def parse_wallet(row: WalletRow, equity: Number = None) -> Wallet:
    """The settling asset's balances.

    Raises:
        WireError: A balance is missing or unreadable.
    """
    return Wallet(
        balance=n.required(row.balance, "balance"),
        available=n.required(row.available_balance, "available_balance"),
        blocked_margin=n.required(row.blocked_margin, "blocked_margin"),
        equity=n.decimal_of(equity, "net_equity"),
        asset=row.asset_symbol or "USD",
        margin_mode=_mode_of(row),
        ts_event=n.instant_of(row.timestamp, "timestamp"),
        order_margin=n.decimal_or_none(row.order_margin),
        position_margin=n.decimal_or_none(row.position_margin),
        portfolio_margin=n.decimal_or_none(row.portfolio_margin),
        commission=n.decimal_or_none(row.commission),
    )


def _mode_of(row: WalletRow) -> str | None:
    """The margin mode, where something is blocked: each has parts of its own in a wallet."""
    if n.decimal_or_none(row.portfolio_margin):
        return PORTFOLIO
    return ISOLATED if n.decimal_or_none(row.position_margin) or n.decimal_or_none(row.order_margin) else None


def parse_named_wallet(row: WalletRow) -> Wallet:
    """One row of the list of balances.

    Raises:
        WireError: As `parse_wallet`, or it names no asset.
    """
    if not row.asset_symbol:
        raise WireError("it names no asset")
    return parse_wallet(row)


def parse_ticker(row: TickerRow) -> Quote:
    """A REST ticker. Its one timestamp stands for mark, quote and greeks.

    Raises:
        WireError: It names no contract.
    """
    if not row.symbol:
        raise WireError("it names no symbol")
    ts = n.instant_or_none(row.timestamp)
    quotes = row.quotes or QuotesRow()
    band = row.price_band
    return Quote(
        symbol=row.symbol,
        mark=n.decimal_or_none(row.mark_price),  # 0 is a mark: that of a worthless option
        bid=n.price_or_none(quotes.best_bid),
        ask=n.price_or_none(quotes.best_ask),
        bid_size=n.count_or_none(quotes.bid_size),
        ask_size=n.count_or_none(quotes.ask_size),
        greeks=_greeks_row(row.greeks),
        # The mark was computed from `mark_vol`; `mark_iv` beside the quotes is of another moment (recorded payloads).
        mark_iv=n.fraction_or_none(row.mark_vol) or n.fraction_or_none(quotes.mark_iv),
        bid_iv=n.fraction_or_none(quotes.bid_iv),
        ask_iv=n.fraction_or_none(quotes.ask_iv),
        spot=n.price_or_none(row.spot_price),
        open_interest=n.decimal_or_none(row.oi_contracts),
        volume=n.decimal_or_none(row.volume),
        band_low=n.price_or_none(band.lower_limit) if band else None,
        band_high=n.price_or_none(band.upper_limit) if band else None,
        ts_mark=ts,
        ts_quote=ts,
        ts_greeks=ts,
    )


def ticker_flaw(row: TickerRow, quote: Quote) -> str:
    """What `parse_ticker` took as absent although something was told there; empty when nothing was."""
    quotes = row.quotes or QuotesRow()
    band = row.price_band or BandRow()
    for what, told, kept, read in (
        ("mark_price", row.mark_price, quote.mark, n.price_of),
        ("best_bid", quotes.best_bid, quote.bid, n.price_of),
        ("best_ask", quotes.best_ask, quote.ask, n.price_of),
        ("bid_size", quotes.bid_size, quote.bid_size, n.count),
        ("ask_size", quotes.ask_size, quote.ask_size, n.count),
        ("spot_price", row.spot_price, quote.spot, n.price_of),
        ("lower_limit", band.lower_limit, quote.band_low, n.price_of),
        ("upper_limit", band.upper_limit, quote.band_high, n.price_of),
        ("timestamp", row.timestamp, quote.ts_mark, n.instant_of),
    ):
        if kept is None and told not in (None, ""):
            try:
                read(told, what)
            except WireError as error:
                return str(error)
    greeks = row.greeks
    if greeks is not None and quote.greeks is None and greeks.delta not in (None, ""):
        return f"its greeks make no sense (delta {str(greeks.delta)[:20]!r})"
    return ""


def parse_greeks(delta: Number, gamma: Number, theta: Number, vega: Number, rho: Number) -> Greeks | None:
    """Greeks where all five are finite and delta is a possible one, else None."""
    values = [n.float_or_none(value) for value in (delta, gamma, theta, vega, rho)]
    known = [value for value in values if value is not None]
    if len(known) < 5 or abs(known[0]) > 1:
        return None
    return Greeks(delta=known[0], gamma=known[1], theta=known[2], vega=known[3], rho=known[4])


def _greeks_row(row: GreeksRow | None) -> Greeks | None:
    return parse_greeks(row.delta, row.gamma, row.theta, row.vega, row.rho) if row is not None else None


def _side(text: str | None) -> Side:
    try:
        return Side(text or "")
    except ValueError:
        raise WireError(f"unknown side {text!r}") from None


def _fill_size(value: Number) -> int:
    size = n.count(value, "fill size")
    if size == 0:
        raise WireError("fill of 0 contracts")
    return size


def _fill_price(value: Number) -> Decimal:
    price = n.required(value, "fill price")
    if price < 0:
        raise WireError(f"fill price is negative: {price}")
    return price  # 0 is a price: a worthless option settles at 0


def _fill_kind(text: str | None) -> FillKind:
    try:
        return FillKind(text or FillKind.NORMAL)
    except ValueError:
        # A kind the exchange adds one day is still a fill: dropping it would falsify the books.
        logger.warning("fill_kind_unknown kind=%r", text)
        return FillKind.NORMAL
