"""What a chain read over REST says of the exchange's time, and an account read of which parts make no sense."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from tests.engine.scene import CALL, PUT, D, quote
from trader.domain.clock import Now
from trader.domain.errors import WireError
from trader.domain.fill import Position
from trader.domain.odd_row import OddRow
from trader.domain.wallet import Wallet
from trader.engine.effects import ReadAccount, ReadChain
from trader.engine.events import AccountRead, ChainRead
from trader.exchange.common.odd_rows import OddRows, PartialList
from trader.runner.reading import newest_mark, read_account, read_chain

T0 = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)


def chain(*stamps: datetime | None) -> ChainRead:
    quotes = tuple(replace(quote((CALL, PUT)[i % 2], T0), ts_mark=at) for i, at in enumerate(stamps))
    return ChainRead(at=Now(T0, None), run_id="run-1", quotes=quotes)


def test_the_youngest_row_tells_the_time() -> None:
    assert newest_mark(chain(T0, T0 + timedelta(seconds=4), None)) == T0 + timedelta(seconds=4)
    assert newest_mark(chain(T0)) == T0
    assert newest_mark(chain(None)) is None


def test_a_row_stamped_a_day_ahead_of_the_others_does_not() -> None:
    assert newest_mark(chain(T0, T0 + timedelta(days=1), T0 - timedelta(seconds=2))) == T0


# ------------------------------------------------------------ parts that make no sense


class Asked:
    """An account of which some verbs answer oddly."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.odd_rows = OddRows()
        self.calls: list[str] = []

    def __getattr__(self, verb: str) -> Any:
        def ask(*arguments: Any) -> Any:
            self.calls.append(verb)
            answer = self.answers.get(verb, [])
            if callable(answer):
                answer = answer(*arguments)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask


WALLET = Wallet(balance=D(5), available=D(4), blocked_margin=D(1))
ROW = OddRow(listed="the positions", place=1, reason="size is no number")
EFFECT = ReadAccount(
    runs=("run-1",), underlyings=("BTC",), product_ids=(1, 2), since=T0, lookups=("a", "b"), settled_symbols=(CALL, PUT)
)


def read(gateway: Asked) -> AccountRead:
    return read_account(gateway, EFFECT, T0, lambda: Now(T0, T0))  # type: ignore[arg-type]


def test_one_unreadable_order_hid_positions_orders_and_fills() -> None:
    def lookup(coid: str) -> None:
        if coid == "a":
            raise WireError("its size is no number")

    event = read(Asked(lookup=lookup, wallet=WALLET, settlement_price=WireError("no price")))
    assert event.lookups == {"b": None}  # "a" is not known to be absent
    assert (event.positions, event.open_orders, event.fills) == ((), (), ())
    assert "its size is no number" in event.failed["a"] and "no price" in event.failed[CALL] and event.error == ""
    assert event.available_usd == D(4)


def test_the_rows_of_a_partial_list_are_used_and_the_odd_one_is_kept() -> None:
    order = PartialList([1], [ROW])
    event = read(Asked(open_orders=order, order_history=order, wallet=WALLET, lookup=None, settlement_price=None))
    assert event.open_orders == (1,) and event.history == (1,) and event.error == ""
    assert set(event.odd) == {"open_orders", "history"}


def test_beside_an_unreadable_position_the_runs_own_contracts_are_asked_for_one_by_one() -> None:
    held = Position(symbol=CALL, product_id=1, quantity=-2)

    def position(product_id: int) -> Position:
        assert product_id == 2  # the other one was listed
        return Position(symbol=PUT, product_id=2, quantity=0)

    event = read(
        Asked(
            positions=PartialList([held], [ROW]), position=position, wallet=WALLET, lookup=None, settlement_price=None
        )
    )
    assert (event.held(CALL, 1), event.held(PUT, 2)) == (-2, 0)
    event = read(
        Asked(
            positions=PartialList([held], [ROW]),
            position=WireError("odd"),
            wallet=WALLET,
            lookup=None,
            settlement_price=None,
        )
    )
    assert (event.held(CALL, 1), event.held(PUT, 2)) == (-2, None)
    assert event.error == ""


def test_money_that_cannot_be_read_keeps_no_position_from_being_read() -> None:
    gateway = Asked(wallet=WireError("the wallet has no USD row"), lookup=None, settlement_price=None)
    event = read(gateway)
    assert (event.available_usd, event.positions, event.error) == (None, (), "")
    assert len(gateway.odd_rows.fresh()) == 1


def test_one_absurd_index_price_of_a_chain_is_not_its_index_price() -> None:
    quotes = [replace(quote(CALL, T0), spot=D(spot)) for spot in ("64000", "1e9", "64001")]
    gateway = Asked(tickers=quotes, instruments=[])
    event = read_chain(gateway, ReadChain(run_id="run-1", underlying="BTC"), lambda: Now(T0, T0))  # type: ignore[arg-type]
    assert event.spot == D("64001")
