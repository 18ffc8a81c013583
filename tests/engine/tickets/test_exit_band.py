"""A perpetual is closed by a limit that the exchange's price band still allows once the mark has moved a little."""

import pytest

from tests.engine.tickets.stage import D, Phase, Purpose, Stage, buy, holding, perp_quote, sell

# Which way, the mark, and the limit that goes out: two percent beyond the touch would lie outside of the band.
CASES = [(buy(), "100000", "98650"), (sell(), "100000", "101350"), (buy(), "100003", "98653")]


def banded(stage: Stage, mark: str, **touch: str) -> None:
    """The price of now, in a band of 1.5 % around the mark."""
    stage.pass_time(1)
    assert stage.market is not None
    quote = perp_quote(stage.market, mark)
    changes = {name: D(price) for name, price in touch.items()}
    low, high = D(mark) * D("0.985"), D(mark) * D("1.015")
    stage.quotes(
        type(quote)(
            **{**{f: getattr(quote, f) for f in quote.__struct_fields__}, "band_low": low, "band_high": high, **changes}
        )
    )


@pytest.mark.parametrize(("ticket", "mark", "limit"), CASES)
def test_an_exit_leaves_a_tenth_of_the_way_to_the_bands_edge(ticket: dict[str, object], mark: str, limit: str) -> None:
    stage = holding(ticket=ticket, price="100000")
    banded(stage, mark)
    stage.close(ticket=stage.ticket().run_id)
    (sent,) = [one for one in stage.submits() if one.purpose is Purpose.EXIT]
    assert sent.limit_price == D(limit) and stage.ticket().phase is Phase.EXITING


def test_what_stands_near_the_edge_is_met_all_the_same() -> None:
    stage = holding(price="100000")
    banded(stage, "100000", bid="98600", ask="100010")
    stage.close(ticket=stage.ticket().run_id)
    (sent,) = [one for one in stage.submits() if one.purpose is Purpose.EXIT]
    assert sent.limit_price is not None and D("98500") <= sent.limit_price <= D("98600")
