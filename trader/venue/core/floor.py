"""The trading floor: contracts, books, accounts and counters of one exchange, which all its parts work on.

It decides nothing: matching, triggers, expiry and the rest do, each in its own module.
"""

from collections import deque
from datetime import datetime
from decimal import Decimal

from trader.domain.instrument import Instrument, Kind
from trader.domain.order import Side
from trader.pricing.portfolio import PortfolioMargin
from trader.venue.core.account import Account, Wallet
from trader.venue.core.book import Book
from trader.venue.core.events import PublicTrade
from trader.venue.core.funds import Terms
from trader.venue.core.holding import Holding
from trader.venue.core.ledger import Counters, Ledger, Prices
from trader.venue.core.margin import LiquidationPrices, liquidation_prices
from trader.venue.core.portfolio import portfolio_margin
from trader.venue.core.products import Products
from trader.venue.core.records import Order, OrderRequest, StopTerms, TriggerMethod
from trader.venue.core.settings import CoreSettings
from trader.venue.core.settlement import IndexAverage
from trader.venue.market.base import HistorySource, MarketSource, OptionStats, Print
from trader.venue.market.instants import from_ms, to_ms

_NAUGHT = Decimal(0)
_PUBLIC_TRADES_KEPT = 50
_LAST_TRADE_LOOKBACK_MS = 3_600_000


class TradingFloor:
    """State of an exchange and plain views of it."""

    def __init__(self, market: MarketSource, settings: CoreSettings, *, start: datetime | None = None) -> None:
        self.market = market
        self.settings = settings
        self.now = market.start() if start is None else start
        market.advance(self.now)
        self.products = Products(market, kept_expired=settings.kept_expired_products)
        self.products.refresh(self.now)
        self.accounts: dict[int, Account] = {}
        self.trades: dict[str, deque[PublicTrade]] = {}
        self.average = IndexAverage(
            market, window_secs=settings.twap_window_secs, sample_secs=settings.twap_sample_secs
        )
        self.counters = Counters(order_id=settings.first_order_id)
        self.ledger = Ledger(settings=settings, counters=self.counters)
        self.books: dict[str, Book] = {}
        self.active: set[str] = set()  # symbols with users' resting orders
        self._history = market if isinstance(market, HistorySource) else None
        self._last_prints: dict[str, tuple[int, Print | None]] = {}
        self.pending: dict[str, dict[int, Order]] = {}  # stops that wait for their trigger, by symbol and id

    def open_account(self, user_id: int | None = None, *, initial_balance: Decimal | None = None) -> Account:
        """The account of that id, opened with the initial balance when it is new; None = the next free id."""
        if user_id is None:
            user_id = self.settings.first_user_id + len(self.accounts)
        account = self.accounts.get(user_id)
        if account is None:
            account = Account(user_id, self.settings.initial_balance if initial_balance is None else initial_balance)
            account.default_auto_topup = self.settings.default_auto_topup
            self.accounts[user_id] = account
        return account

    def leverage(self, account: Account, instrument: Instrument) -> Decimal:
        """Leverage of new orders in a contract: the user's own, else the default of its kind."""
        own = account.leverage.get(instrument.product_id)
        if own is not None:
            return own
        perpetual = instrument.kind is Kind.PERPETUAL
        return self.settings.perpetual_leverage if perpetual else self.settings.option_leverage

    def add_order(
        self,
        account: Account,
        request: OrderRequest,
        instrument: Instrument,
        now: datetime,
        *,
        size: int | None = None,
        state: str = "open",
        stop: StopTerms | None = None,
        bracket_order: bool = False,
        parent_id: int | None = None,
    ) -> Order:
        """Number an order and record it; `size` where it is not the request's, `stop` as it stands by now."""
        size = request.size if size is None else size
        order = Order(
            id=self.counters.order_id,
            user_id=account.user_id,
            product_id=instrument.product_id,
            symbol=instrument.symbol,
            client_order_id=request.client_order_id,
            side=request.side,
            order_type=request.order_type,
            size=size,
            unfilled_size=size,
            limit_price=request.limit_price,
            time_in_force=request.time_in_force,
            post_only=request.post_only,
            reduce_only=request.reduce_only,
            state=state,
            stop=stop,
            bracket=request.bracket,
            bracket_order=bracket_order,
            parent_id=parent_id,
            mmp=request.mmp,
            created_at=now,
            updated_at=now,
        )
        self.counters.order_id += 1
        self.products.traded.add(instrument.product_id)
        account.add_order(order)
        return order

    # market views

    def book(self, symbol: str) -> Book:
        """The book of a live contract with the source's newest depth. Raises KeyError for an unlisted symbol."""
        book = self.books.get(symbol)
        if book is None:
            if symbol not in self.products.live:
                raise KeyError(symbol)
            book = self.books[symbol] = Book()
        book.refresh(self.market.depth(symbol))
        return book

    def stats(self, symbol: str) -> OptionStats:
        """Mark, greeks and volumes of a live contract."""
        return self.market.option_stats(symbol)

    def band(self, instrument: Instrument) -> tuple[Decimal, Decimal]:
        """Lowest and highest limit price taken now, USD per unit of underlying."""
        stats = self.stats(instrument.symbol)
        return stats.band_low, stats.band_high

    def last_price(self, instrument: Instrument) -> Decimal | None:
        """Price of the newest trade, of users or of the source's own people; None where nothing was traded of late."""
        own = self.trades.get(instrument.symbol)
        printed = self._last_print(instrument)
        if own and (printed is None or own[0].ts >= from_ms(printed.ts_ms)):
            return own[0].price
        return printed.price if printed is not None else None

    def _last_print(self, instrument: Instrument) -> Print | None:
        """The source's newest trade, looked for since the last time anybody asked, at first an hour back."""
        if self._history is None:
            return None
        until = to_ms(self.now)
        since, newest = self._last_prints.get(instrument.symbol, (until - _LAST_TRADE_LOOKBACK_MS, None))
        if until > since:
            prints = self._history.prints(instrument, since, until)
            newest = prints[-1] if prints else newest
            self._last_prints[instrument.symbol] = (until, newest)
        return newest

    def reference(self, instrument: Instrument, method: TriggerMethod) -> Decimal | None:
        """The price a stop of that trigger method watches; None = nothing traded yet."""
        if method is TriggerMethod.MARK:
            return self.stats(instrument.symbol).mark
        if method is TriggerMethod.SPOT:
            return self.market.spot(instrument.underlying)
        return self.last_price(instrument)

    def publish_trade(self, symbol: str, side: Side, price: Decimal, size: int, now: datetime) -> None:
        """Let everyone see a trade; `side` is the aggressor's."""
        trade = PublicTrade(symbol=symbol, side=side, price=price, size=size, ts=now)
        self.trades.setdefault(symbol, deque(maxlen=_PUBLIC_TRADES_KEPT)).appendleft(trade)
        self.ledger.events.append(trade)

    # money

    def prices(self, instrument: Instrument) -> Prices:
        """Index and mark at this instant."""
        return Prices(self.market.spot(instrument.underlying), self.stats(instrument.symbol).mark)

    def terms(self, account: Account, instrument: Instrument) -> Terms:
        """What an order of the account is margined with now."""
        return Terms(
            instrument=instrument,
            spot=self.market.spot(instrument.underlying),
            leverage=self.leverage(account, instrument),
            settings=self.settings,
        )

    def wallet(self, account: Account, *, without: Order | None = None) -> Wallet:
        """Balance and what of it is blocked, in the account's margin mode (`without` one of its orders)."""
        wallet = account.wallet(without=without)
        if account.margin_mode != "portfolio":
            return wallet
        margin = self.portfolio(account, without=without)
        return Wallet(
            balance=account.balance,
            available_balance=account.balance - margin.blocked,
            blocked_margin=margin.blocked,
            order_margin=_NAUGHT,
            position_margin=_NAUGHT,
            commission=_NAUGHT,
            portfolio_margin=margin.blocked,
        )

    def portfolio(self, account: Account, *, without: Order | None = None) -> PortfolioMargin:
        """Portfolio margin of everything the account holds and has resting."""
        return portfolio_margin(self.market, self.products.live, account, self.now, without=without)

    def liquidation(self, account: Account, symbol: str) -> LiquidationPrices:
        """Estimated liquidation and bankruptcy price of a held position; none in portfolio mode."""
        holding = account.holdings.get(symbol)
        instrument = self.products.find(symbol)
        if holding is None or instrument is None or holding.entry_price is None or account.margin_mode == "portfolio":
            return LiquidationPrices(None, None)
        spot = self.market.spot(instrument.underlying)
        return liquidation_prices(instrument, holding.size, holding.entry_price, holding.margin, spot)

    def is_used_up(self, account: Account, holding: Holding) -> bool:
        """Whether mark has reached the liquidation price of a position."""
        price = self.liquidation(account, holding.symbol).liquidation
        if price is None:
            return False
        mark = self.stats(holding.symbol).mark
        return mark >= price if holding.size < 0 else mark <= price

    def equity(self, account: Account) -> Decimal:
        """Balance plus what every position would bring at mark (shorts negative), USD."""
        total = account.balance
        for holding in account.holdings.values():
            instrument = self.products.live.get(holding.symbol)
            entry = holding.entry_price
            if instrument is None or entry is None:
                continue
            mark = self.stats(holding.symbol).mark
            base = entry if instrument.kind is Kind.PERPETUAL else _NAUGHT
            total += (mark - base) * holding.size * instrument.contract_value
        return total
