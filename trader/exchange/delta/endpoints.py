"""The endpoints in use, with their weights. Source: exchange documentation, "Rate Limits" and the endpoint pages."""

from trader.exchange.delta.rest import Endpoint

PRODUCTS = Endpoint(method="GET", path="/v2/products", weight=3, signed=False)
TICKERS = Endpoint(method="GET", path="/v2/tickers", weight=3, signed=False)

PLACE_ORDER = Endpoint(method="POST", path="/v2/orders", weight=5)
CANCEL_ORDER = Endpoint(method="DELETE", path="/v2/orders", weight=5)
CANCEL_ALL = Endpoint(method="DELETE", path="/v2/orders/all", weight=5)
OPEN_ORDERS = Endpoint(method="GET", path="/v2/orders", weight=3)
ORDER_BY_ID = Endpoint(method="GET", path="/v2/orders", weight=1)
ORDER_BY_CLIENT_ID = Endpoint(method="GET", path="/v2/orders/client_order_id", weight=1)
ORDER_HISTORY = Endpoint(method="GET", path="/v2/orders/history", weight=10)
FILLS = Endpoint(method="GET", path="/v2/fills", weight=10)
POSITIONS = Endpoint(method="GET", path="/v2/positions", weight=3)
BALANCES = Endpoint(method="GET", path="/v2/wallet/balances", weight=3)
PREFERENCES = Endpoint(method="GET", path="/v2/users/trading_preferences", weight=1)
