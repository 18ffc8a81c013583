"""The endpoints in use, with their weights. Source: exchange documentation, "Rate Limits" and the endpoint pages.

Endpoints whose weight the documentation does not list count 1 as reads and 5 as changes.
"""

from trader.exchange.delta.http.rest import Endpoint

ASSETS = Endpoint(method="GET", path="/v2/assets", weight=3, signed=False)
INDICES = Endpoint(method="GET", path="/v2/indices", weight=3, signed=False)
PRODUCTS = Endpoint(method="GET", path="/v2/products", weight=3, signed=False)
TICKERS = Endpoint(method="GET", path="/v2/tickers", weight=3, signed=False)
BOOK = Endpoint(method="GET", path="/v2/l2orderbook", weight=3, signed=False)
TRADES = Endpoint(method="GET", path="/v2/trades", weight=3, signed=False)
CANDLES = Endpoint(method="GET", path="/v2/history/candles", weight=3, signed=False)
SPARKLINES = Endpoint(method="GET", path="/v2/history/sparklines", weight=3, signed=False)
QUOTA = Endpoint(method="GET", path="/v2/rate_limits/quota", weight=3, signed=False)
SETTINGS = Endpoint(method="GET", path="/v2/settings", weight=3, signed=False)

PLACE_ORDER = Endpoint(method="POST", path="/v2/orders", weight=5)
EDIT_ORDER = Endpoint(method="PUT", path="/v2/orders", weight=5)
CANCEL_ORDER = Endpoint(method="DELETE", path="/v2/orders", weight=5)
CANCEL_ALL = Endpoint(method="DELETE", path="/v2/orders/all", weight=5)
PLACE_BATCH = Endpoint(method="POST", path="/v2/orders/batch", weight=25)
EDIT_BATCH = Endpoint(method="PUT", path="/v2/orders/batch", weight=25)
CANCEL_BATCH = Endpoint(method="DELETE", path="/v2/orders/batch", weight=25)
PLACE_BRACKET = Endpoint(method="POST", path="/v2/orders/bracket", weight=5)
EDIT_BRACKET = Endpoint(method="PUT", path="/v2/orders/bracket", weight=5)
OPEN_ORDERS = Endpoint(method="GET", path="/v2/orders", weight=3)
ORDER_BY_ID = Endpoint(method="GET", path="/v2/orders", weight=1, label="/v2/orders/{order_id}")
ORDER_BY_CLIENT_ID = Endpoint(method="GET", path="/v2/orders/client_order_id", weight=1)
ORDER_HISTORY = Endpoint(method="GET", path="/v2/orders/history", weight=10)
FILLS = Endpoint(method="GET", path="/v2/fills", weight=10)
FILLS_CSV = Endpoint(method="GET", path="/v2/fills/history/download/csv", weight=1)

POSITIONS = Endpoint(method="GET", path="/v2/positions", weight=3)
MARGINED = Endpoint(method="GET", path="/v2/positions/margined", weight=3)
AUTO_TOPUP = Endpoint(method="PUT", path="/v2/positions/auto_topup", weight=5)
CHANGE_MARGIN = Endpoint(method="POST", path="/v2/positions/change_margin", weight=5)
CLOSE_ALL = Endpoint(method="POST", path="/v2/positions/close_all", weight=5)
BALANCES = Endpoint(method="GET", path="/v2/wallet/balances", weight=3)
TRANSACTIONS = Endpoint(method="GET", path="/v2/wallet/transactions", weight=10)
TRANSACTIONS_CSV = Endpoint(method="GET", path="/v2/wallet/transactions/download", weight=1)
TRANSFER = Endpoint(method="POST", path="/v2/wallets/sub_account_balance_transfer", weight=5)
TRANSFERS = Endpoint(method="GET", path="/v2/wallets/sub_accounts_transfer_history", weight=1)
STATS = Endpoint(method="GET", path="/v2/stats", weight=1)
PREFERENCES = Endpoint(method="GET", path="/v2/users/trading_preferences", weight=1)
SET_PREFERENCES = Endpoint(method="PUT", path="/v2/users/trading_preferences", weight=5)
SUB_ACCOUNTS = Endpoint(method="GET", path="/v2/sub_accounts", weight=1)
MARGIN_MODE = Endpoint(method="PUT", path="/v2/users/margin_mode", weight=5)
UPDATE_MMP = Endpoint(method="PUT", path="/v2/users/update_mmp", weight=5)
RESET_MMP = Endpoint(method="PUT", path="/v2/users/reset_mmp", weight=5)
CREATE_HEARTBEAT = Endpoint(method="POST", path="/v2/heartbeat/create", weight=1)
ACK_HEARTBEAT = Endpoint(method="POST", path="/v2/heartbeat", weight=1)
HEARTBEATS = Endpoint(method="GET", path="/v2/heartbeat", weight=1)

_LEVERAGE = "/v2/products/{product_id}/orders/leverage"


def get_leverage(product_id: int) -> Endpoint:
    return Endpoint(method="GET", path=_LEVERAGE.format(product_id=product_id), weight=1, label=_LEVERAGE)


def set_leverage(product_id: int) -> Endpoint:
    return Endpoint(method="POST", path=_LEVERAGE.format(product_id=product_id), weight=5, label=_LEVERAGE)
