"""The socket's messages, channel by channel. Source: documentation, "Public Channels" and "Private Channels"."""

from tests.conformance.schema.language import Table, table
from tests.conformance.schema.objects import WALLET_FIELDS

RESOLUTIONS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d", "1w")

_BRACKET = """
* bracket_order               : bool null
* bracket_stop_loss_price bracket_stop_loss_limit_price : dec null
* bracket_take_profit_price bracket_take_profit_limit_price bracket_trail_amount : dec null
* bracket_stop_trigger_method : str null
"""

MESSAGES: dict[str, Table] = {
    # ------------------------------------------------------------------------------------------------- control
    "subscriptions": table("""
! type     : 'subscriptions'
! channels : [@ChannelState]
"""),
    "ChannelState": table("""
! name     : str
* symbols  : [str]
* error    : str
"""),
    "key-auth": table("""
! type     : 'key-auth'
! success  : bool
! status_code : int
! status   : str
* message  : str
"""),
    "heartbeat": table("! type : 'heartbeat'\n* ts : us"),
    "pong": table("! type : 'pong'"),
    # ------------------------------------------------------------------------------- public, compact, own host
    "ticker": table("""
! type     : 'ticker'
! sy       : str
! ts       : us
! sp       : dec null
! d        : [@TickerRow]
"""),
    "TickerRow": table("""
! s        : str
! i        : int
! m        : dec null
  m24hc    : dec null
! ohlc     : [num/null] null
! q        : [dec/null] null
! qiv      : [dec/null] null
! g        : [dec/null] null
! oi       : [dec/null] null
! pb       : [dec/null] null
  to       : [num/null] null
"""),
    "ob_l1": table("""
! type     : 'ob_l1'
! sy       : str
! ap as bp bs : dec null
! lts ts   : us
"""),
    "ob_l2": table("""
! type     : 'ob_l2'
! sy       : str
! a b      : [[dec]]
! lts ts   : us
"""),
    "ob_updates": table("""
! type     : 'ob_updates'
! action   : 'snapshot' 'update' 'error'
* a b      : [[dec]]
* seq cs   : int
* sy symbol msg : str
* ts       : us
"""),
    "trades": table("""
! type     : 'trades'
! sy       : str
! p        : dec
! s        : num
! r        : 'm' 't'
! t ts     : us
"""),
    "mark_price": table("""
! type     : 'mark_price'
! sy       : str
! p        : dec
! ts       : us
"""),
    "candlestick": table("""
! type res sy : str
! o h l c  : num
* v        : num null
! ts       : us
"""),
    "spot_price": table("""
! type     : 'spot_price'
! sy       : str
! p        : dec
! ts       : us
"""),
    "spot_30mtwap_price": table("""
! type     : 'spot_30mtwap_price'
! symbol   : str
! price    : dec
! timestamp : us
"""),
    "funding_rate": table("""
! type     : 'funding_rate'
! sy       : str
! fr       : num dec
! fi       : int
! nfr ts   : us
"""),
    "product_updates": table("""
! type     : 'product_updates'
! event    : 'market_disruption' 'start_auction' 'finish_auction'
! product  : @UpdatedProduct
! timestamp : us
"""),
    "UpdatedProduct": table("""
! id       : int
! symbol trading_status : str
"""),
    "system_status": table("""
! type     : 'system_status'
! event    : str
* status   : 'live' 'maintenance' 'api_fallback' 'degraded_mode' null
* maintenance_start_time maintenance_finish_time maintenance_announcement_time : us null
! timestamp : us
"""),
    # ---------------------------------------------------------------------------- public, legacy, private host
    "v2/ticker": table("""
! type     : 'v2/ticker'
! symbol   : str
! product_id : int
* open high low close volume turnover turnover_usd : num null
* size     : int null
* turnover_symbol : str null
! mark_price : dec
* mark_change_24h oi : dec null
! spot_price : dec null
! timestamp : us
! quotes   : @Quotes null
! greeks   : @Greeks null
* price_band : @PriceBand null
* oi_value oi_value_symbol oi_value_usd oi_contracts oi_change_usd_6h contract_type description ltp_change_24h : any
* mark_vol strike_price tick_size contract_value initial_margin leverage mark_basis funding_rate time tags : any
* underlying_asset_symbol product_trading_status oi_reduce_only_mode mark_high_24h mark_low_24h top_tag sort_priority : any
"""),
    "l1_orderbook": table("""
! type     : 'l1_orderbook'
! symbol   : str
! best_ask ask_qty best_bid bid_qty : dec null
! product_id last_sequence_no : int
! last_updated_at timestamp : us
"""),
    "l2_orderbook": table("""
! type     : 'l2_orderbook'
! symbol   : str
! buy sell : [@LegacyLevel]
! last_sequence_no product_id : int
! last_updated_at timestamp : us
"""),
    "LegacyLevel": table("""
! limit_price : dec
! size     : int
  depth    : dec
"""),
    "l2_updates": table("""
! type     : 'l2_updates'
! action   : 'snapshot' 'update' 'error'
* asks bids : [[dec]]
* sequence_no cs : int
! symbol   : str
! timestamp : us
* msg      : str
"""),
    "all_trades": table("""
! type     : 'all_trades'
! symbol   : str
! price    : dec
! size     : int num
! buyer_role seller_role : 'maker' 'taker'
! timestamp : us
* product_id : int
"""),
    "all_trades_snapshot": table("""
! type     : 'all_trades_snapshot'
! symbol   : str
! trades   : [@Trade]
* product_id : int
"""),
    "mark_price/legacy": table("""
! type     : 'mark_price'
! symbol   : str
! price    : dec
  product_id : int
  best_bid bid_qty bid_iv best_ask ask_qty ask_iv implied_volatility delta gamma rho vega : dec null
* theta    : dec null
  price_band : @PriceBand null
! timestamp : us
"""),
    "candlestick/legacy": table("""
! type symbol resolution : str
! candle_start_time timestamp : us
! open high low close : num
* volume   : num null
* last_updated : any
"""),
    "spot_price/legacy": table("""
! type     : 'spot_price'
! symbol   : str
! price    : dec num
* timestamp : us
"""),
    "v2/spot_price": table("""
! type     : 'v2/spot_price'
! s        : str
! p        : num
"""),
    "funding_rate/legacy": table("""
! type     : 'funding_rate'
! symbol   : str
! product_id : int
! funding_rate funding_rate_8h predicted_funding_rate : num dec
! next_funding_realization timestamp : us
"""),
    "announcements": table("""
! type     : 'announcements'
! event    : str
* maintenance_start_time maintenance_finish_time timestamp : us null
"""),
    # ------------------------------------------------------------------------------------------------- private
    "margins": table(f"""
! type     : 'margins'
! action   : 'update'
! timestamp : us
  user_id  : int
* id       : int
* robo_trading_equity : dec
{WALLET_FIELDS}
"""),
    "positions/snapshot": table("""
! type     : 'positions'
! action   : 'snapshot'
* success  : bool
* symbol   : str
! result   : [@PositionState]
"""),
    "PositionState": table("""
  user_id  : int
! product_id size : int
! product_symbol : str
* symbol   : str
! entry_price : dec null
  margin commission : dec null
  liquidation_price bankruptcy_price : dec null
  adl_level : int str null
  auto_topup : bool
  realized_pnl realized_funding : dec
  created_at updated_at : iso
"""),
    "positions": table("""
! type     : 'positions'
! action   : 'create' 'update' 'delete'
  reason   : 'auto_topup' null
! symbol   : str
! product_id : int
! size     : int
  margin entry_price liquidation_price bankruptcy_price commission : dec null
* user_id  : int
* timestamp : us
* realized_pnl realized_funding realized_cashflow : dec null
* created_at updated_at : iso
* auto_topup : bool
* adl_level : int str null
"""),
    "orders/snapshot": table("""
! type     : 'orders'
! action   : 'snapshot'
* success  : bool
! symbol   : str
! meta     : @SnapshotMeta
! result   : [@Order]
"""),
    "SnapshotMeta": table("""
! seq_no   : int
* timestamp : us
"""),
    "orders": table(f"""
! type     : 'orders'
! action   : 'create' 'update' 'delete'
! reason   : 'fill' 'stop_update' 'stop_trigger' 'stop_cancel' 'liquidation' 'self_trade' null
! symbol   : str
! product_id order_id size unfilled_size : int
! client_order_id : str null
! side     : 'buy' 'sell'
! limit_price average_fill_price : dec null
! state    : 'open' 'pending' 'closed' 'cancelled'
  cancellation_reason : str null
  stop_order_type : 'stop_loss_order' 'take_profit_order' 'liquidation_order' null
  stop_price : dec null
* trail_amount trigger_price_max_or_min : dec null
* stop_trigger_method : str null
* order_type : 'limit_order' 'market_order'
* time_in_force mmp : str
* post_only reduce_only : flag
* paid_commission commission : dec
* user_id  : int
* created_at updated_at : iso digits
! seq_no   : int
! timestamp : us
{_BRACKET}
"""),
    "user_trades": table("""
! type     : 'user_trades'
! symbol   : str
! product_id user_id : int
! order_id : int str
! client_order_id : str null
! fill_id  : str
! side     : 'buy' 'sell'
! size     : int
! price    : dec
! role     : 'maker' 'taker'
! reason   : 'normal' 'adl' 'liquidation' null
! timestamp : us
! seq_no   : int
* commission : dec
"""),
    "v2/user_trades": table("""
! type     : 'v2/user_trades'
! sy       : str
! f        : str
! R        : 'normal' 'adl' 'liquidation'
! u o      : int
! S        : 'buy' 'sell'
! s        : int
! p        : dec
! po       : int
! r        : 'maker' 'taker'
! c        : str null
! t        : us
! se       : int
"""),
    "portfolio_margins": table("""
! type     : 'portfolio_margins'
! user_id asset_id : int
! index_symbol : str
! liquidation_risk under_liquidation : bool
! blocked_margin im_w_ucf im_wo_ucf mm_w_ucf mm_wo_ucf positions_upl risk_margin margin_floor : dec
  futures_margin_floor short_options_margin_floor long_options_margin_floor commission : dec
* margin_shortfall : dec null
  risk_matrix : @RiskMatrix
! timestamp : us
"""),
    "RiskMatrix": table("""
! down unchanged up : [@Scenario]
"""),
    "Scenario": table("""
! is_worst : bool
! pnl price_shock : dec num
"""),
    "mmp_trigger": table("""
! type     : 'mmp_trigger'
! user_id  : int
! asset    : str
! frozen_till : int
* mmp timestamp : any
"""),
}
