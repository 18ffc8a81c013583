"""The figures of docs/numbers.md: their arithmetic on made-up chains and spot; the recorded data is not needed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from bench import chains, numbers, numbers_guard, numbers_liquidation
from bench.numbers_liquidation import Minute
from tests.venue_market.deribit_rows import DAY, rows, write
from trader.config.builtin import BUILT_IN
from trader.config.preset import Preset
from trader.desk.market import Board
from trader.domain.quote import Quote

D = Decimal
HALF = timedelta(minutes=30)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> list[Board]:
    """Six half hours of one expiry, eleven hours and less before it."""
    place = tmp_path_factory.mktemp("chains") / "BTC_made_up.parquet"
    instants = [DAY + timedelta(hours=21) + HALF * number for number in range(6)]
    write(place, rows(instants, [DAY + timedelta(days=1, hours=8)]))
    return list(chains.boards(place, "deribit-chain", "BTC"))


def preset(**sections: dict[str, object]) -> Preset:
    body = BUILT_IN["default"].model_dump()
    body["strategy"] |= {"expiry": "today", "max_spread_pct": 200, "delta_min": "0.05", "delta_max": "0.4"}
    for name, fields in sections.items():
        body[name] |= fields
    return Preset.model_validate(body)


def changed(board: Board, symbols: Sequence[str], change: Callable[[Quote], Quote]) -> Board:
    """A board with the quotes of these contracts made anew."""
    return replace(board, quotes={**board.quotes, **{symbol: change(board.quotes[symbol]) for symbol in symbols}})


def test_a_chain_is_read_on_this_exchanges_clock_and_in_its_terms(chain: list[Board]) -> None:
    assert [board.market for board in chain] == [DAY + timedelta(hours=25) + HALF * n for n in range(6)]
    (expiry,) = {one.expiry for one in chain[0].instruments}
    assert expiry == DAY + timedelta(days=1, hours=12)
    quote = next(iter(chain[0].quotes.values()))
    assert quote.mark_iv is not None and quote.greeks is not None and quote.spot == chain[0].spot


def test_quotes_that_keep_their_own_times_are_told_on_the_grid(tmp_path: Path) -> None:
    place = tmp_path / "BTC_staggered.parquet"
    write(place, rows([DAY + HALF, DAY + 2 * HALF], [DAY + timedelta(hours=8)], stagger=15.0))
    told = list(chains.boards(place, "deribit-chain", "BTC", HALF))
    assert [board.market for board in told] == [DAY + timedelta(hours=4) + HALF, DAY + timedelta(hours=5)]
    assert min(len(board.quotes) for board in told) >= 29, "nothing but worthless ones is missing"


def test_a_profit_that_only_the_guard_made_is_counted_as_below_and_a_stop_it_hid_as_never_fired(
    chain: list[Board],
) -> None:
    chosen = preset(exits={"max_profit_pct": 50, "max_loss_pct": 100})
    run = numbers_guard.held(chosen, chain[0])
    assert run is not None
    symbols = [leg.symbol for leg in run.legs]
    sold = {leg.symbol: run.ledger(leg.key).entered_value / leg.quantity for leg in run.legs}

    def won(quote: Quote) -> Quote:  # the mark has gone, the ask stands where it was sold
        return replace(quote, mark=sold[quote.symbol] / 10, bid=None, ask=sold[quote.symbol])

    def lost(quote: Quote) -> Quote:  # an ask far above the mark
        return replace(quote, mark=sold[quote.symbol], bid=None, ask=sold[quote.symbol] * 4)

    def unoffered(quote: Quote) -> Quote:
        return replace(won(quote), ask=None)

    boards = [chain[0], changed(chain[1], symbols, won), changed(chain[2], symbols, lost)]
    seen = numbers_guard.figures([chosen], [*boards, changed(chain[3], symbols, lost)])
    assert (seen.reached, seen.below, seen.reached_at_touch) == (1, 1, 0)
    assert (seen.stopped, seen.never, seen.late, seen.waits, seen.gone) == (1, 1, 0, 1, 0)
    back = numbers_guard.figures([chosen], [*boards, changed(chain[3], symbols, won)])
    assert (back.stopped, back.gone) == (1, 1)

    def moved(quote: Quote) -> Quote:  # the mark follows an hour later
        return replace(quote, mark=sold[quote.symbol] * 4, bid=None, ask=sold[quote.symbol] * 4)

    late = numbers_guard.figures(
        [chosen], [*boards, changed(chain[3], symbols, lost), changed(chain[4], symbols, moved)]
    )
    assert (late.never, late.late, late.late_minutes) == (0, 1, 60)
    none = numbers_guard.figures([chosen], [chain[0], changed(chain[1], symbols, unoffered)])
    assert (none.reached, none.below, none.reached_at_touch) == (1, 1, 0)


def test_moves_of_spot_are_told_where_both_ends_are_known() -> None:
    times = [datetime(2024, 1, 1, 0, minute, tzinfo=UTC) for minute in (0, 1, 2, 5)]
    assert numbers_guard.moves([100.0, 101.0, 99.99, 100.0], times, 1) == pytest.approx([1.0, 1.0])


# ------------------------------------------------------------------------------------------------- liquidation

FLAT = Minute(1.0, 1.0, 1.0, 1.0)


def rising(total: float, over: int) -> list[Minute]:
    """Spot rises by a share within so many minutes, evenly, and stays."""
    marks = [1 + total * number / over for number in range(over + 1)]
    path = [Minute(a, b, a, b) for a, b in zip(marks, marks[1:], strict=False)]
    return path + [Minute(*(4 * (1 + total,)))] * 600


def entered(chosen: Preset, board: Board) -> numbers_liquidation.Held:
    one = numbers_liquidation.held(chosen, board, guarded=False)
    assert not isinstance(one, str), one
    return one


@pytest.mark.parametrize(
    ("max_loss", "path", "reason"),
    [
        (100, [FLAT] * 700, "time"),
        (10, rising(0.03, 60), "max_loss"),
        (1000, rising(0.03, 60), "liquidation"),
        (40, rising(0.06, 1), "liquidation"),  # faster than two prints of the legs
    ],
)
def test_what_comes_first_on_a_path_of_spot(chain: list[Board], max_loss: int, path: list[Minute], reason: str) -> None:
    one = entered(preset(exits={"max_loss_pct": max_loss, "trailing_enabled": False, "max_profit_pct": 99}), chain[0])
    result = numbers_liquidation.lived(one, path)
    assert result.reason == reason
    assert result.pct < (0 if reason != "time" else 100)


def test_a_guard_ahead_of_the_liquidation_closes_before_it(chain: list[Board]) -> None:
    one = entered(preset(exits={"max_loss_pct": 1000, "trailing_enabled": False}), chain[0])
    assert set(one.limits) == {leg.key for leg in one.legs}
    near = one._replace(guards={key: limit * 0.8 for key, limit in one.limits.items()})
    assert numbers_liquidation.lived(near, rising(0.03, 60)).reason == "liquidation_guard"


def test_a_day_with_a_hole_is_left_out_and_single_minutes_stand_still() -> None:
    begin = datetime(2024, 2, 1, 1, 0, tzinfo=UTC)
    day = {begin + timedelta(minutes=n): (100.0 + n, 101.0 + n, 99.0 + n, 100.5 + n) for n in range(20) if n != 3}
    told = numbers_liquidation.minutes_from(day, begin.time(), 6)
    assert told[0] == Minute(1.0, 1.01, 0.99, 1.005)
    assert told[3] == Minute(1.025, 1.025, 1.025, 1.025)
    assert numbers_liquidation.minutes_from(day, begin.time(), 40) == []
    assert numbers_liquidation.minutes_from(day, datetime(2024, 2, 1, 3, tzinfo=UTC).time(), 5) == []


def test_a_preset_is_told_once_a_board_where_it_sells_nothing(chain: list[Board]) -> None:
    none = preset(strategy={"expiry": "monthly"})
    assert [one.reason for one in numbers_liquidation.outcomes(none, chain, [], 2)] == ["nothing"] * len(chain)


def test_the_old_numbers_of_every_built_in_preset_are_stated() -> None:
    old = numbers_liquidation.old_presets(BUILT_IN)
    assert set(old) == set(BUILT_IN)
    assert (old["default"].exits.max_loss_pct, old["aggressive"].exits.max_loss_pct) == (100, 150)


def test_without_the_recorded_data_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TRADER_DATA", raising=False)
    monkeypatch.setattr("sys.argv", ["bench.numbers"])
    assert numbers.main() == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err == "The recorded data is not here: set TRADER_DATA to its folder.\n"
