"""Can an account carry this order, in its margin mode?"""

from decimal import Decimal

from trader.domain.instrument import Instrument, Kind
from trader.domain.order import Side
from trader.venue.core.account import Account
from trader.venue.core.book import Take
from trader.venue.core.floor import TradingFloor
from trader.venue.core.funds import Terms, check_funds, check_liquidation, check_position_limit
from trader.venue.core.portfolio import portfolio_margin
from trader.venue.core.records import Order
from trader.venue.core.refusal import insufficient_margin

_NAUGHT = Decimal(0)


def check_money(
    floor: TradingFloor,
    account: Account,
    instrument: Instrument,
    side: Side,
    takes: list[Take],
    size: int,
    resting_at: Decimal | None,
    replacing: Order | None,
) -> None:
    """Can the account carry it, in its margin mode? `replacing` is an order whose edit this is.

    Raises:
        Refused: ``risk_limits_breached``, ``insufficient_margin``, ``close_position_insufficient_margin`` or
            ``immediate_liquidation``.
    """
    if instrument.position_size_limit:
        check_position_limit(account, instrument, side, size)
    terms = floor.terms(account, instrument)
    if account.margin_mode == "portfolio":
        _check_portfolio(
            floor,
            account,
            terms,
            side=side,
            takes=takes,
            size=size,
            rests=resting_at is not None,
            without=replacing,
        )
        return
    check_funds(account, terms, side=side, takes=takes, size=size, resting_at=resting_at, replacing=replacing)
    if floor.settings.liquidates and takes:
        check_liquidation(account, terms, side=side, takes=takes, mark=floor.stats(instrument.symbol).mark)


def _check_portfolio(
    floor: TradingFloor,
    account: Account,
    terms: Terms,
    *,
    side: Side,
    takes: list[Take],
    size: int,
    rests: bool,
    without: Order | None,
) -> None:
    """The margin of the whole portfolio with it, against the balance: refuse an order whose fill would leave the portfolio's requirement above the balance.

    An order that lowers the requirement is taken whatever the balance is.

    Raises:
        Refused: ``insufficient_margin``.
    """
    instrument = terms.instrument
    taken = sum(take.size for take in takes)
    whole = size if rests else taken
    mark = floor.stats(instrument.symbol).mark
    traded = sum((take.price * take.size for take in takes), _NAUGHT) + mark * (whole - taken)
    commission = sum((terms.commission(take.price, take.size) for take in takes), _NAUGHT)
    cash = _NAUGHT if instrument.kind is Kind.PERPETUAL else -side.sign * traded * instrument.contract_value
    live, market, now = floor.products.live, floor.market, floor.now
    before = portfolio_margin(market, live, account, now)
    after = portfolio_margin(market, live, account, now, without=without, extra=(instrument.symbol, side.sign * whole))
    available = account.balance + cash - commission
    if after.im_without_ucf <= before.im_without_ucf or after.required <= available:
        return
    raise insufficient_margin(available, after.required)
