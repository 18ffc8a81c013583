"""The exchange's objects, field by field: the tables of its documentation's schemas, newest edition first.

`!` marks what no client can do without, a blank what the newest edition documents, `*` what is conditional or was only
seen on live servers. Sources are the documentation's schemas of the same names.
"""

from tests.conformance.schema.language import Table, table

ASSET = table("""
! id                          : int
! symbol                      : str
  name                        : str
  precision minimum_precision : int
  deposit_status withdrawal_status : str
  base_withdrawal_fee min_withdrawal_amount : dec
* sort_priority : int null
* interest_credit : bool
* interest_slabs networks : any
* kyc_deposit_limit kyc_withdrawal_limit variable_withdrawal_fee : dec
""")

INDEX = table("""
! id                          : int
! symbol                      : str
  constituent_exchanges       : [@Constituent] null
  underlying_asset_id quoting_asset_id : int null
  tick_size                   : dec
  index_type                  : 'spot_pair' 'fixed_interest_rate' 'floating_interest_rate'
  config                      : object null
  health_interval             : int null
  is_composite                : bool
  price_method                : str null
* description                 : str null
* impact_size constituent_indices : any
""")

CONSTITUENT = table("""
* name exchange : str
  weight : num dec null
* health_interval health_priority : num dec null
""")

PRODUCT = table("""
! id                          : int
! symbol                      : str
  description short_description : str null
! contract_type               : str
! state                       : 'upcoming' 'live' 'expired' 'settled'
! trading_status              : 'operational' 'disrupted_cancel_only' 'disrupted_post_only'
  notional_type               : 'vanilla' 'inverse'
  disruption_reason           : str null
  created_at updated_at       : iso null
  launch_time                 : iso null
! settlement_time             : iso null
  settlement_price            : dec null
! strike_price                : dec null
  barrier_price               : dec null
! contract_value tick_size    : dec
  contract_unit_currency      : str
! initial_margin maintenance_margin : dec
  initial_margin_scaling_factor maintenance_margin_scaling_factor : dec
  max_leverage_notional default_leverage : dec
  position_size_limit         : int
  position_notional_limit impact_notional : dec null
  impact_size                 : int
! taker_commission_rate maker_commission_rate : dec
  liquidation_penalty_factor basis_factor_max_limit annualized_funding insurance_fund_margin_contribution : dec
  funding_method              : str
  is_quanto                   : bool
  price_band                  : dec
  auction_start_time auction_finish_time : iso null
! product_specs               : @ProductSpecs null
! underlying_asset quoting_asset settling_asset : @Asset
  spot_index                  : @Index
  ui_config                   : @UiConfig null
""")

PRODUCT_SPECS = table("""
* funding_clamp_value rate_exchange_interval expiry_interval isolated_liq_penalty_factor : num
* only_reduce_only_orders_allowed : bool
* tags                        : [str]
* premium_commission_rate     : num
* vol_calculation_method      : str
* min_volatility max_volatility max_deviation_from_external_vol : num
* max_lower_deviation_from_external_vol max_upper_deviation_from_external_vol : num
* vol_expiry_time backup_vol_expiry_time : num
* spot_price_band             : any
* settlement_index_price      : dec num null
""")

UI_CONFIG = table("""
* leverage_slider_values price_clubbing_values tags : [any]
* default_trading_view_candle : str
* show_bracket_orders : bool
* sort_priority : num null
* exclude_from_contract_listing : bool
""")

# The trimmed product inside a fill.
FILL_PRODUCT = table("""
! id                          : int
! symbol                      : str
  contract_type contract_unit_currency notional_type : str
  tick_size contract_value    : dec
  underlying_asset quoting_asset settling_asset : object
  spot_index                  : object
""")

TICKER = table("""
! symbol contract_type        : str
! product_id                  : int
* open high low close         : num null
* ltp_change_24h              : dec null
  mark_change_24h             : dec null
! mark_price                  : dec
* mark_vol                    : dec null
! spot_price                  : dec null
* strike_price                : dec null
! greeks                      : @Greeks null
! quotes                      : @Quotes null
  price_band                  : @PriceBand null
! oi                          : dec
  oi_value oi_value_usd oi_change_usd_6h oi_contracts : dec
  oi_value_symbol             : str
* size                        : int null
* volume turnover turnover_usd : num null
* turnover_symbol             : str null
! timestamp                   : us sec
* time                        : iso
* description underlying_asset_symbol product_trading_status : str null
* tick_size contract_value initial_margin leverage mark_high_24h mark_low_24h funding_rate mark_basis : dec num null
* oi_reduce_only_mode         : bool null
* tags top_tag sort_priority  : any
* dead_legs                   : any
""")

GREEKS = table("""
! delta gamma rho theta vega  : dec null
* spot                        : dec null
""")

QUOTES = table("""
! best_bid bid_size best_ask ask_size : dec null ''  # an absent side was recorded as empty text, too
  bid_iv ask_iv               : dec null
* mark_iv impact_mid_price    : dec null
""")

PRICE_BAND = table("""
! lower_limit upper_limit     : dec null
""")

BOOK = table("""
! symbol                      : str
! last_updated_at             : us
! buy sell                    : [@BookLevel]
* last_sequence_no            : int
""")

BOOK_LEVEL = table("""
! price                       : dec
! size                        : int
  depth                       : dec
""")

TRADE = table("""
! price                       : dec
! size                        : int num
* symbol                      : str
* side                        : 'buy' 'sell'
* buyer_role seller_role      : 'maker' 'taker'
! timestamp                   : us
""")

TRADES = table("""
! trades                      : [@Trade]
""")

CANDLE = table("""
! time                        : sec
! open high low close         : num
* volume                      : num null
""")

QUOTA = table("""
! current_quota               : int
! remaining_time_in_milliseconds : int
""")

SETTINGS = table("""
! server_time                 : us
! under_maintenance           : 'true' 'false'
* maintenance_start_time      : any
""")

ORDER = table("""
! id                          : int
  user_id                     : int
! product_id                  : int
  product_symbol              : str
! client_order_id             : str null
! side                        : 'buy' 'sell'
! order_type                  : 'limit_order' 'market_order'
! size unfilled_size          : int
! limit_price                 : dec null
  average_fill_price          : dec null
! state                       : 'open' 'pending' 'closed' 'cancelled'
  cancellation_reason         : str null
  time_in_force               : 'gtc' 'ioc'
  post_only reduce_only       : flag
* close_on_trigger            : flag
  stop_order_type             : 'stop_loss_order' 'take_profit_order' 'liquidation_order' null
  stop_price trail_amount     : dec null
  stop_trigger_method         : 'mark_price' 'last_traded_price' 'spot_price' null
  bracket_order               : bool null
  bracket_stop_loss_price bracket_stop_loss_limit_price : dec null
  bracket_take_profit_price bracket_take_profit_limit_price bracket_trail_amount : dec null
  mmp                         : 'disabled' 'mmp1' 'mmp2' 'mmp3' 'mmp4' 'mmp5'
  paid_commission commission  : dec
  meta_data                   : object null
! created_at                  : iso digits
  updated_at                  : iso digits null
* trigger_price_max_or_min    : dec null
* bracket_stop_trigger_method : str null
""")

ORDER_LEVERAGE = table("""
! leverage                    : dec num
  order_margin                : dec
! product_id                  : int
""")

FILL = table("""
! id                          : hex int str
! order_id                    : str
! product_id                  : int
! product_symbol              : str
  product                     : @FillProduct
! side                        : 'buy' 'sell'
! size                        : digits int
! price                       : dec
  notional                    : dec
! role                        : 'maker' 'taker'
! fill_type                   : 'normal' 'adl' 'liquidation' 'settlement' 'otc'
! commission                  : dec
  settling_asset_id           : int
  settling_asset_symbol       : str
! created_at                  : iso
  meta_data                   : @FillMeta null
""")

FILL_META = table("""
* order_price                 : dec null
* order_size order_unfilled_size : int dec null
* order_type                  : str null
* effective_commission_rate total_commission_in_settling_asset tfc_used_for_commission : dec null
* tfc_used_for_liquidation_fee commission_deto commission_deto_in_settling_asset rack_commision : dec null
* liquidation_fee_deto liquidation_fee_deto_in_settling_asset liquidation_fee_in_settling_asset : dec null
* liquidation_fee_settling_asset : dec null
* total_liquidation_fee_in_settling_asset mark spot : dec null
* ip source                   : str null
* is_commission_on_notional   : bool null
* new_position                : @NewPosition null
* cut                         : object null
""")

NEW_POSITION = table("""
* size                        : int dec
* margin entry_price liquidation_price bankruptcy_price commission total_commission_paid : dec null
* realized_pnl realized_cashflow realized_funding : dec null
* last_fill_uuid              : str null
* auto_topup                  : bool
""")

POSITION = table("""
* user_id product_id          : int
* product_symbol              : str
! size                        : int
! entry_price                 : dec null
* timestamp                   : us
""")

MARGINED_POSITION = table("""
  user_id                     : int
! product_id                  : int
! product_symbol              : str
  product                     : @Product
! size                        : int
! entry_price mark_price margin : dec
  liquidation_price bankruptcy_price : dec null
  adl_level                   : int str null
  commission                  : dec
  realized_pnl realized_funding realized_cashflow realized_holding_cost : dec
  unrealized_pnl unrealized_cashflow : dec
  margin_mode                 : 'isolated' 'portfolio' 'cross'
  auto_topup                  : bool
  created_at updated_at       : iso
""")

WALLET_FIELDS = """
! asset_id                    : int
! asset_symbol                : str
! balance available_balance   : dec
  available_balance_for_robo  : dec
! blocked_margin              : dec
  order_margin position_margin commission : dec
  cross_order_margin cross_position_margin cross_commission cross_locked_collateral cross_asset_liability : dec
  portfolio_margin            : dec
  interest_credit trading_fee_credit pending_trading_fee_credit pending_referral_bonus unvested_amount : dec
* strategy_blocked_amount     : dec
"""

WALLET = table(f"""
  id user_id                  : int
{WALLET_FIELDS}
""")

TRANSACTION = table("""
! id                          : int
! amount balance              : dec
! transaction_type            : str
  meta_data                   : object null
  product_id                  : int null
! asset_id                    : int
  asset_symbol                : str
! created_at                  : iso
* uuid                        : str
* user_id                     : int
""")

PREFERENCES = table("""
! user_id                     : int
  default_auto_topup deto_for_commission interest_credit : bool
  mmp_config                  : object [any] null
  vip_level                   : int
  vip_discount_factor volume_30d : dec
  email_preferences notification_preferences enabled_portfolios : object
  price_alert_assets          : [any]
* showMarketOrdersForOptionsInBracket : bool
""")

USER = table("""
! id                          : int str
* email account_name first_name last_name dob country phone_number : str null
* margin_mode                 : 'isolated' 'portfolio' 'cross'
* pf_index_symbol             : str null
* is_sub_account is_kyc_done  : bool null
""")

MARGIN_MODE = table("""
! id                          : int str
! margin_mode                 : 'isolated' 'portfolio' 'cross'
""")

STATS = table("""
! last_30_days_volume last_7_days_volume total_volume : num dec
""")

HEARTBEAT_CREATED = table("""
! heartbeat_id                : str
* status                      : str null
""")

HEARTBEAT_ACK = table("""
! heartbeat_timestamp         : digits
! process_enabled             : 'true' 'false'
""")

HEARTBEAT = table("""
! heartbeat_id                : str
  user_id                     : int
  impact                      : str
  contract_types underlying_assets product_symbols : [str] null
  config                      : [object] null
  status                      : str null
  last_ack next_ack_required_by : any
""")

PAGING = table("""
  after before                : str null
* limit total_count total     : int null
""")

EQUITY = table("""
! net_equity                  : dec
  robo_trading_equity         : dec
""")

ERROR = table("""
! code                        : str
* context                     : any
* message                     : str
""")

OBJECTS: dict[str, Table] = {
    "Asset": ASSET,
    "Index": INDEX,
    "Constituent": CONSTITUENT,
    "Product": PRODUCT,
    "ProductSpecs": PRODUCT_SPECS,
    "UiConfig": UI_CONFIG,
    "FillProduct": FILL_PRODUCT,
    "Ticker": TICKER,
    "Greeks": GREEKS,
    "Quotes": QUOTES,
    "PriceBand": PRICE_BAND,
    "Book": BOOK,
    "BookLevel": BOOK_LEVEL,
    "Trade": TRADE,
    "Trades": TRADES,
    "Candle": CANDLE,
    "Quota": QUOTA,
    "Settings": SETTINGS,
    "Order": ORDER,
    "OrderLeverage": ORDER_LEVERAGE,
    "Fill": FILL,
    "FillMeta": FILL_META,
    "NewPosition": NEW_POSITION,
    "Position": POSITION,
    "MarginedPosition": MARGINED_POSITION,
    "Wallet": WALLET,
    "Transaction": TRANSACTION,
    "Preferences": PREFERENCES,
    "User": USER,
    "MarginMode": MARGIN_MODE,
    "Stats": STATS,
    "HeartbeatCreated": HEARTBEAT_CREATED,
    "HeartbeatAck": HEARTBEAT_ACK,
    "Heartbeat": HEARTBEAT,
    "Paging": PAGING,
    "Equity": EQUITY,
    "Error": ERROR,
}
