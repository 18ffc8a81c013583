"""Single orders among the runs, drawn for some sessions: market, resting, stops, with protection, by algorithm, reduce-only; in the
contracts of the run or in others, or in a perpetual, often held over an instant of funding; cancelled, changed and closed at any
moment. Now and then two share a contract, and all that protects one of them fires at once."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace

from trader.domain.instrument import Instrument
from trader.domain.order import Side
from trader.domain.rounding import nearest_tick
from trader.simulation.market import PERPETUAL
from trader.simulation.notes import RunNote
from trader.simulation.planned import OPENING, Deed, Plan
from trader.simulation.quotes import quote_of
from trader.simulation.venue import SimVenue

SHARE = 0.2  # of all sessions
_PERPETUAL_SHARE = 0.6  # of those
_TWINS_SHARE = 0.15
_CALMER = 40  # a perpetual moves so many times less than an option
_PHASES = ("", "", "waiting", "entering", "one leg", "holding", "exiting", "recovering")
_KINDS = ("market", "market", "limit", "limit", "limit", "stop_market", "stop_limit")


def drawn(rng: Random, plan: Plan) -> Plan:
    """The plan with single orders in it, for a share of the sessions."""
    if rng.random() > SHARE:
        return plan
    tickets = tuple(_ticket(rng) for _ in range(rng.choice((1, 1, 2, 3, 5))))
    deeds = list(plan.deeds)
    for number in range(len(tickets)):
        secs = rng.uniform(0.05, 25)
        deeds.append(Deed(secs=secs, kind="ticket", size=number, phase=rng.choice(_PHASES)))
        if rng.random() < 0.6:
            kind = rng.choice(("ticket_cancel", "ticket_close", "ticket_close", "ticket_amend", "close_all"))
            later = Deed(secs=secs + rng.uniform(0.05, 20), kind=kind, size=rng.randint(0, 9))
            deeds.append(replace(later, phase=rng.choice(_PHASES)))
    if rng.random() < _TWINS_SHARE:
        twins = _twins(rng)
        deeds += _fired_at_once(rng, len(tickets))
        tickets += twins
    plan = replace(plan, tickets=tickets, deeds=tuple(sorted(deeds, key=lambda deed: deed.secs)))
    return _with_perpetual(rng, plan) if rng.random() < _PERPETUAL_SHARE else plan


def _with_perpetual(rng: Random, plan: Plan) -> Plan:
    """A perpetual is listed, and some of the orders are for it; mostly the session begins shortly before an hour of funding."""
    market = replace(plan.market, perpetual=rng.choice((0.0, 0.1, -0.1)))
    if market.opening == OPENING and market.expiry_secs > 3600 and rng.random() < 0.7:
        market = replace(market, opening=OPENING - timedelta(seconds=30 + rng.randint(14, 40)))
    twins = rng.random() < 0.5
    tickets = [
        {**ticket, **_on_perpetual(rng)} if (twins if ticket.get("twin") else rng.random() < 0.6) else ticket
        for ticket in plan.tickets
    ]
    deeds = list(plan.deeds)
    side = rng.choice(("buy", "sell"))
    for _ in range(rng.choice((0, 1, 1, 2, 3))):  # mostly held over the hour, several of a side sharing its funding
        secs = rng.uniform(0.4, 12)
        deeds.append(Deed(secs=secs, kind="ticket", size=len(tickets)))
        tickets.append(
            {**_ticket(rng), "side": side, "order_type": "market", "reduce_only": False, **_on_perpetual(rng)}
        )
        if rng.random() < 0.4:
            deeds.append(Deed(secs=secs + rng.uniform(5, 80), kind="ticket_close", size=rng.randint(0, 9)))
    deeds.sort(key=lambda deed: deed.secs)
    return replace(plan, market=market, tickets=tuple(tickets), deeds=tuple(deeds))


def _on_perpetual(rng: Random) -> dict[str, Any]:
    return {"perpetual": True, "leverage": rng.choice((None, None, None, None, "2", "2", "5", "5", "20"))}


def _twins(rng: Random) -> tuple[dict[str, Any], ...]:
    """Two protected tickets in one contract, and an order that reduces them."""
    guarded = {
        "twin": True, "contract": rng.randint(0, 9), "side": rng.choice(("buy", "sell")), "order_type": "market",
        "away": 0.0, "trigger": 0.05, "loss": 0.4, "gain": 0.4,
    }  # fmt: skip
    other = "sell" if guarded["side"] == "buy" else "buy"
    sizes = [rng.choice((1, 2, 3, 5)) for _ in range(2)]
    reducing = {**guarded, "side": other, "quantity": 1, "reduce_only": True, "loss": None, "gain": None}
    return (*({**guarded, "quantity": size, "reason": f"{size}"} for size in sizes), reducing)


def _fired_at_once(rng: Random, first: int) -> list[Deed]:
    """Both are sent; then all protection of one fires, mostly alone, else beside a person's close or an order that reduces."""
    secs = rng.uniform(0.3, 10)
    fires = secs + rng.uniform(4, 15)
    deeds = [
        Deed(secs=secs, kind="ticket", size=first),
        Deed(secs=secs + rng.uniform(1.2, 4), kind="ticket", size=first + 1),
        Deed(secs=fires, kind="wick", size=rng.randint(0, 1)),
    ]
    beside = fires + rng.uniform(-0.3, 0.1)
    match rng.choice(("", "", "ticket_close", "ticket")):
        case "ticket_close":
            deeds.append(Deed(secs=beside, kind="ticket_close", size=rng.randint(0, 9)))
        case "ticket":
            deeds.append(Deed(secs=beside, kind="ticket", size=first + 2))
        case _:
            pass
    return deeds


def _ticket(rng: Random) -> dict[str, Any]:
    """Prices are shares of the mark by which they lie beyond the market (positive) or behind it."""
    kind = rng.choice(_KINDS)
    ticket: dict[str, Any] = {
        "contract": rng.randint(-3, 9),  # negative: one of the run's
        "side": rng.choice(("buy", "sell")),
        "quantity": rng.choice((1, 1, 2, 3, 7)),
        "order_type": kind,
        "away": rng.choice((-0.6, -0.3, -0.1, 0.0, 0.1, 0.15)),
        "trigger": rng.choice((0.05, 0.2)),
        "loss": rng.choice((None, 0.1, 0.4)),
        "gain": rng.choice((None, 0.1, 0.4)),
    }
    if kind == "limit":
        ticket |= {"time_in_force": rng.choice(("gtc", "gtc", "ioc")), "post_only": False}
    if kind == "market" and rng.random() < 0.3:
        ticket |= {"work": rng.choice(("chase", "iceberg")), "orders": {"timeout_secs": 2, "entry_visible_pct": "50"}}
    if rng.random() < 0.2:
        ticket |= {"reduce_only": True, "loss": None, "gain": None, "work": "once"}
    return ticket


def order_of(spec: dict[str, Any], live: Sequence[Instrument], own: Sequence[str], venue: SimVenue) -> dict[str, Any]:
    """The order as it is sent now."""
    spec = {name: value for name, value in spec.items() if name not in ("perpetual", "twin")}
    number, away, trigger = spec.pop("contract"), Decimal(str(spec.pop("away"))), Decimal(str(spec.pop("trigger")))
    loss, gain = spec.pop("loss"), spec.pop("gain")
    named = {one.symbol: one for one in live}
    mine = [symbol for symbol in own if symbol in named]
    symbol = mine[number % len(mine)] if number < 0 and mine else sorted(named)[number % len(named)]
    mark, tick = quote_of(venue, symbol).mark or Decimal(100), named[symbol].tick_size
    moves = _moves(symbol)
    sign = Side(spec["side"]).sign

    def at(share: Decimal) -> str:
        return f"{nearest_tick(mark * (1 + sign * share * moves), tick):f}"

    ticket = {"symbol": symbol, **spec}
    kind = spec["order_type"]
    if kind in ("stop_market", "stop_limit"):
        ticket["stop_price"] = at(trigger)
    if kind == "limit":
        ticket["limit_price"] = at(away)
    if kind == "stop_limit":
        ticket["limit_price"] = at(trigger + max(away, Decimal(0)))
    entry = abs(away) if kind == "limit" else trigger if kind != "market" else Decimal(0)
    for name, share, way in (("stop_loss", loss, -1), ("take_profit", gain, 1)):
        if share is not None:
            ticket[name] = {"price": at(way * (Decimal(str(share)) + entry))}
    return ticket


def _moves(symbol: str) -> Decimal:
    """By how much smaller shares of its mark a contract moves than an option."""
    return Decimal(1) / _CALMER if symbol == PERPETUAL else Decimal(1)


def amended(run: RunNote, size: int, venue: SimVenue) -> dict[str, Any]:
    """What a person changes of a ticket: its price, its size, or its protection."""
    ticket = run.ticket
    symbol = str(ticket["symbol"])
    mark = (quote_of(venue, symbol).mark if symbol in venue.core.products.live else None) or Decimal(100)
    sign = Side(str(ticket["side"])).sign
    tick = run.legs[0].tick_size if run.legs else Decimal("0.1")

    def at(share: str) -> str:
        return f"{nearest_tick(mark * (1 + sign * Decimal(share) * _moves(symbol)), tick):f}"

    match size % 4:
        case 0 if ticket.get("limit_price") is not None and ticket.get("stop_price") is None:
            return {"limit_price": at("-0.2")}
        case 1:
            return {"quantity": int(str(ticket["quantity"])) + 2}
        case 2:
            return {"stop_loss": {"price": at("-0.3")}, "take_profit": None}
        case _:
            return {"take_profit": {"price": at("0.3")}}
