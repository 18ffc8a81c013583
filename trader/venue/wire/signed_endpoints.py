"""The signed endpoints with their weights.

Source: exchange documentation, "Rate Limits" and the sections of each endpoint. Bracket calls, cancel-all, close-all are
not listed there; they count 5, as the order calls do.
"""

from trader.venue.wire import (
    account_routes,
    batch_routes,
    order_routes,
    position_routes,
    protection_routes,
    user_routes,
)
from trader.venue.wire.call import Handler
from trader.venue.wire.endpoint import Endpoint

_LEVERAGE = "/v2/products/{product_id:int}/orders/leverage"
_ENGINE = {("POST", "/v2/orders"), ("PUT", "/v2/orders"), ("POST", "/v2/orders/batch"), ("PUT", "/v2/orders/batch")}
_TABLE: list[tuple[str, str, int, Handler]] = [
    ("POST", "/v2/orders", 5, order_routes.place),
    ("PUT", "/v2/orders", 5, order_routes.edit),
    ("DELETE", "/v2/orders", 5, order_routes.cancel),
    ("GET", "/v2/orders", 3, order_routes.open_orders),
    ("DELETE", "/v2/orders/all", 5, order_routes.cancel_all),
    ("GET", "/v2/orders/history", 10, order_routes.history),
    ("POST", "/v2/orders/bracket", 5, position_routes.place_bracket),
    ("PUT", "/v2/orders/bracket", 5, position_routes.edit_bracket),
    ("POST", "/v2/orders/batch", 25, batch_routes.create),
    ("PUT", "/v2/orders/batch", 25, batch_routes.edit),
    ("DELETE", "/v2/orders/batch", 25, batch_routes.cancel),
    ("GET", "/v2/orders/client_order_id/{client_order_id}", 1, order_routes.by_client_id),
    ("GET", "/v2/orders/{order_id:int}", 1, order_routes.by_id),
    ("GET", "/v2/fills", 10, order_routes.fills),
    ("GET", "/v2/fills/history/download/csv", 1, order_routes.fills_csv),
    ("GET", "/v2/positions", 3, position_routes.positions),
    ("GET", "/v2/positions/margined", 3, position_routes.margined),
    ("PUT", "/v2/positions/auto_topup", 1, position_routes.auto_topup),
    ("POST", "/v2/positions/change_margin", 5, position_routes.change_margin),
    ("POST", "/v2/positions/close_all", 5, position_routes.close_all),
    ("GET", "/v2/wallet/balances", 3, account_routes.balances),
    ("GET", "/v2/wallet/transactions", 10, account_routes.transactions),
    ("GET", "/v2/wallet/transactions/download", 1, account_routes.transactions_csv),
    ("POST", "/v2/wallets/sub_account_balance_transfer", 1, user_routes.transfer),
    ("GET", "/v2/wallets/sub_accounts_transfer_history", 1, user_routes.transfers),
    ("GET", _LEVERAGE, 1, account_routes.get_leverage),
    ("POST", _LEVERAGE, 1, account_routes.set_leverage),
    ("GET", "/v2/users/trading_preferences", 1, user_routes.preferences),
    ("PUT", "/v2/users/trading_preferences", 1, user_routes.set_preferences),
    ("PUT", "/v2/users/margin_mode", 1, user_routes.set_margin_mode),
    ("PUT", "/v2/users/update_mmp", 1, protection_routes.update_mmp),
    ("PUT", "/v2/users/reset_mmp", 1, protection_routes.reset_mmp),
    ("GET", "/v2/sub_accounts", 1, user_routes.sub_accounts),
    ("GET", "/v2/profile", 1, user_routes.profile),
    ("POST", "/v2/heartbeat/create", 1, protection_routes.create_heartbeat),
    ("POST", "/v2/heartbeat", 1, protection_routes.acknowledge),
    ("GET", "/v2/heartbeat", 1, protection_routes.heartbeats),
]
SIGNED = [
    Endpoint(method=method, path=path, weight=weight, handler=handler, signed=True, engine=(method, path) in _ENGINE)
    for method, path, weight, handler in _TABLE
]
