"""How much of a strangle's P&L its attribution leaves over on recorded days: `TRADER_DATA=... python -m bench.attribution [--days]`.

Strangles of several strikes are sold at the bid on each recorded day and bought back at the ask a day later, or held to the
settlement. What they went through is what was recorded and nothing else: chains six hours apart, quotes half an hour apart. `replayed` is
the local exchange's own path between those chains, a sample a minute: a made-up path, for what a run would have sampled.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from bench import chains
from bench.measuring import percentile
from trader.analytics.attribution import FAITHFUL, Attribution, LegPath, Traded, attribute
from trader.analytics.steps import Greeks, Option, Seen
from trader.desk.market import Board
from trader.domain.instrument import Instrument, Kind
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.pricing.black76 import intrinsic
from trader.pricing.fees import option_commission
from trader.venue.market.deribit import read_delivery_prices
from trader.venue.market.importer import import_recording
from trader.venue.market.instants import from_ms
from trader.venue.market.recording import RecordingMarket

QUANTITY = 100
DELTAS = (0.10, 0.15, 0.25)
_LEAST = timedelta(hours=6)  # to the expiry when sold
_HELD = timedelta(hours=24)
_REPLAYED_DAYS = 22

Settled = dict[datetime, float]


class Held(NamedTuple):
    """One strangle: the day it was sold, what it is called, what its legs went through, whether it was held to the settlement."""

    day: date
    name: str
    legs: list[LegPath]
    settled: bool


class Line(NamedTuple):
    """A strangle taken apart; `ends` with the greeks at the ends of each step alone."""

    held: Held
    found: Attribution
    ends: Attribution


def strangles(boards: Sequence[Board], deltas: Sequence[float], settled: Settled) -> Iterator[Held]:
    """One of each delta for each of the two nearest expiries, sold on the first board of each day that still has one a day later."""
    day = None
    for place, first in enumerate(boards):
        at = _at(first)
        if at.date() == day:
            continue
        later = [one for one in boards[place:] if _at(one) - at <= _HELD + timedelta(hours=1)]
        if _at(later[-1]) - at < _LEAST:
            continue
        day = at.date()
        expiries = sorted({one.expiry for one in first.instruments if one.expiry and one.expiry - at >= _LEAST})
        for expiry in expiries[:2]:
            for delta in deltas:
                picked = [_nearest(first, kind, expiry, delta) for kind in (Kind.CALL, Kind.PUT)]
                legs = [_leg(one, later, settled) for one in picked if one is not None]
                if len(legs) == 2 and all(len(leg.seen) > 1 and len(leg.traded) == 2 for leg in legs):
                    hours = (expiry - at) / timedelta(hours=1)
                    is_settled = any(one.reference is None for leg in legs for one in leg.traded)
                    yield Held(day, f"{delta:.2f} {hours:.0f} h", legs, is_settled)


def _nearest(board: Board, kind: Kind, expiry: datetime, delta: float) -> Instrument | None:
    def off(one: Instrument) -> float:
        greeks = board.quotes[one.symbol].greeks
        return 1.0 if greeks is None else abs(abs(greeks.delta) - delta)

    return min((one for one in board.instruments if one.kind is kind and one.expiry == expiry), key=off, default=None)


def _leg(one: Instrument, boards: Sequence[Board], settled: Settled) -> LegPath:
    """From the first board to the last that quotes it, or to its settlement."""
    assert one.expiry is not None and one.strike is not None
    known = [(_at(board), quote) for board in boards if (quote := board.quotes.get(one.symbol)) is not None]
    seen = [_seen(at, quote) for at, quote in known]
    traded = [_trade(one, *known[0], Side.SELL)] if known else []
    price = settled.get(one.expiry)
    if price is not None and _at(boards[-1]) >= one.expiry:
        worth = Decimal(str(intrinsic(price, float(one.strike), one.kind)))
        traded.append(
            Traded(at=one.expiry, side=Side.BUY, quantity=QUANTITY, price=worth, reference=None, fee=Decimal(0))
        )
    elif len(known) > 1:
        traded.append(_trade(one, *known[-1], Side.BUY))
    option = Option(one.kind, float(one.strike), one.expiry)
    return LegPath(key=one.symbol, contract_value=one.contract_value, seen=seen, traded=traded, option=option)


def _seen(at: datetime, quote: Quote) -> Seen:
    greeks = quote.greeks
    assert quote.mark is not None and quote.spot is not None
    told = None if greeks is None else Greeks(greeks.delta, greeks.theta, greeks.vega)
    return Seen(at=at, spot=float(quote.spot), mark=float(quote.mark), iv=quote.mark_iv, greeks=told)


def _trade(one: Instrument, at: datetime, quote: Quote, side: Side) -> Traded:
    """At the touch, at the mark where nobody quotes that side."""
    price = (quote.bid if side is Side.SELL else quote.ask) or quote.mark
    assert price is not None and quote.spot is not None
    fee = option_commission(
        price=price, spot=quote.spot, quantity=QUANTITY, contract_value=one.contract_value,
        rate=one.taker_rate, cap=one.fee_cap,
    )  # fmt: skip
    return Traded(at=at, side=side, quantity=QUANTITY, price=price, reference=price, fee=fee)


def _at(board: Board) -> datetime:
    assert board.market is not None
    return board.market


def taken_apart(held: Iterable[Held]) -> list[Line]:
    return [Line(one, attribute(one.legs), attribute([replace(leg, option=None) for leg in one.legs])) for one in held]


# ------------------------------------------------------------ what was recorded


def six_hours(folder: Path, underlying: str, *, on_forward: bool = False, months: str = "*") -> list[Held]:
    """January to May 2026. `on_forward`: spot is the forward of the expiry, as Deribit marks; by default the index, as a run has it."""
    return [
        one
        for path in sorted((folder / "deribit_chain_6h").glob(f"{underlying}_{months}.parquet"))
        for one in strangles(list(chains.boards(path, "deribit-chain", underlying, on_forward=on_forward)), DELTAS, {})
    ]


def half_hours(folder: Path) -> list[Held]:
    """The week from 21 June 2021, with its settlement prices."""
    place = folder / "deribit_other"
    prices = read_delivery_prices(place / "delivery_prices_2021-06-21_27.csv", "BTC")
    settled = {from_ms(one.expiry_ms): float(one.price) for one in prices}
    week = place / "BTC_quotes_30min_2021-06-21_27.parquet"
    return list(strangles(list(chains.boards(week, "deribit-30min", "BTC", timedelta(minutes=30))), DELTAS, settled))


def replayed(folder: Path) -> list[Held]:
    """March 2026 as the local exchange plays it, a sample a minute, over the strangles of its chains."""
    path = folder / "deribit_chain_6h" / "BTC_2026-03.parquet"
    boards = list(chains.boards(path, "deribit-chain", "BTC"))
    wanted = [
        one
        for one in strangles(boards, DELTAS[1:2], {})
        if one.day <= boards[0].market.date() + timedelta(days=_REPLAYED_DAYS)
    ]  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory() as kept:
        out = Path(kept) / "march.parquet"
        import_recording(path, out, "deribit-chain", "BTC", fill_step=Decimal(0))
        market = RecordingMarket(out)
    legs = {(one.day, one.name, leg.key): leg for one in wanted for leg in one.legs}
    paths: dict[tuple[date, str, str], list[Seen]] = {name: [] for name in legs}
    now, end = market.start(), max(leg.seen[-1].at for leg in legs.values())
    while now <= end:
        market.advance(now)
        for name, leg in legs.items():
            if leg.seen[0].at <= now <= leg.seen[-1].at:
                stats, greeks = (told := market.option_stats(leg.key)), told.greeks
                paths[name].append(
                    Seen(
                        at=now, spot=float(market.spot("BTC")), mark=float(stats.mark), iv=stats.mark_iv,
                        greeks=Greeks(greeks.delta, greeks.theta, greeks.vega),
                    )
                )  # fmt: skip
        now += timedelta(minutes=1)
    return [
        one._replace(legs=[replace(leg, seen=paths[one.day, one.name, leg.key]) for leg in one.legs]) for one in wanted
    ]


# ------------------------------------------------------------ tables


def share(found: Attribution) -> float:
    return found.residual_share or 0.0


def summary(name: str, lines: Sequence[Line]) -> str:
    """A row of the table: all strangles of one source."""
    cells = []
    for shares in ([share(one.found) for one in lines], [share(one.ends) for one in lines]):
        over = sum(one > FAITHFUL for one in shares)
        cells.append(
            f"{percentile(shares, 0.5) * 100:>9.2f}{percentile(shares, 0.95) * 100:>8.2f}{max(shares) * 100:>8.2f}{over:>6}"
        )
    return f"{name:<26}{len({one.held.day for one in lines}):>5}{len(lines):>7}" + "".join(cells)


HEAD = f"{'':<26}{'days':>5}{'held':>7}" + f"{'median %':>9}{'95 %':>8}{'most':>8}{'> 5':>6}" * 2


def row(one: Line) -> str:
    """One strangle, USD."""
    found = one.found
    parts = (found.pnl, found.delta, found.gamma, found.theta, found.vega, found.spread, found.exchange, found.fees)
    money = "".join(f"{float(part):>8.2f}" for part in parts)
    why = f"  {found.why}" if found.why else ""
    return f"{one.held.day} {one.held.name:<10}{found.moved:>8.2f}{money}{found.residual:>8.3f}{share(found) * 100:>7.2f} %{why}"


ROWS = f"{'day':<11}{'delta, to':<10}{'moved':>8}" + "".join(
    f"{name:>8}" for name in ("P&L", "delta", "gamma", "theta", "vega", "spread", "exch.", "fees", "left")
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.attribution", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--days", action="store_true", help="every strangle of every day, not the table alone")
    wants_days = parser.parse_args().days
    folder = chains.data_folder()
    if folder is None:
        print("The recorded data is not here: set TRADER_DATA to its folder.", file=sys.stderr)
        return 2
    tables = {
        "BTC, 6 h apart": taken_apart(six_hours(folder, "BTC")),
        "BTC, 6 h, on the forward": taken_apart(six_hours(folder, "BTC", on_forward=True)),
        "ETH, 6 h apart": taken_apart(six_hours(folder, "ETH")),
        "BTC, 30 min apart": taken_apart(half_hours(folder)),
        "BTC, replayed, 1 min": taken_apart(replayed(folder)),
    }
    if wants_days:
        for name, lines in tables.items():
            print(name, ROWS, *(row(one) for one in lines), "", sep="\n")
    print(f"{'':<38}{'along the way':>31}{'greeks at the ends alone':>31}")
    print(HEAD)
    for name, lines in tables.items():
        print(summary(name, lines), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
