"""Defects of single orders: sent twice, sent after all, unprotected, closing what is not theirs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tests.engine.tickets import test_accepting as accepting
from tests.engine.tickets import test_doubts_of_tickets as doubts
from tests.engine.tickets import test_exit_band as banded
from tests.engine.tickets import test_funding as funded
from tests.engine.tickets import test_life as life
from tests.engine.tickets import test_overclosed as overclosing
from tests.engine.tickets import test_protection as protection
from tests.engine.tickets.stage import PERP, Phase, Stage, buy
from tests.mutants.commanding import what_was_read_before_serves
from tests.mutants.mutant import Mutant, named, sessions
from tests.mutants.tools import Patch, everywhere
from trader.domain.outcome import Unknown
from trader.engine import beside
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.account import funding, overclosed
from trader.engine.execution import entry, exit_price
from trader.engine.tickets import accept, amending, leverage, protecting, reducing, waiting, working
from trader.engine.tickets import gate as ticket_gate
from trader.engine.turn import Turn
from trader.simulation.directed import fired_at_once, ticketed
from trader.simulation.directed import funded as over_the_hour
from trader.simulation.planned import Deed, Plan
from trader.simulation.scenario import load, replay

_NO_STREAM = Path(__file__).parents[1] / "simulation" / "scenarios" / "n11-the-stream-down-before-a-chase-began.json"


def _told(function: Callable[..., None], *given: Any) -> Callable[[], None]:
    """A test of the engine as a check: whatever it trips over is a finding."""

    def check() -> None:
        try:
            function(*given)
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}") from error

    check.__name__ = function.__name__.removeprefix("test_")
    return check


def with_tickets() -> list[Plan]:
    return [ticketed(seed) for seed in range(12)]


def with_two_that_fire_at_once() -> list[Plan]:
    return [fired_at_once(seed) for seed in range(2)]


def with_funding() -> list[Plan]:
    return [over_the_hour(seed) for seed in range(2)]


def a_working_order_is_taken_back_when_no_risk_is_allowed() -> None:
    life.test_a_level_that_lets_no_risk_out_takes_working_orders_back("reduce")


def nothing_is_sent_where_the_leverage_is_not_known() -> None:
    stage = Stage()
    stage.order(buy(leverage="5"))
    ended = Unknown("timed out")
    name = stage.ticket().run_id
    stage.feed(ev.LeverageAnswered, run_id=name, product_id=27, leverage=accepting.D(5), ended=ended)
    assert not stage.submits() and stage.ticket().phase is Phase.DONE, "sent all the same"


def a_price_far_beyond_the_market_is_refused() -> None:
    stage = Stage()
    stage.order(buy(limit_price="106000"))
    assert not stage.submits() and stage.of(rec.TicketRefused), "sent at 6 % above the mark"


def an_order_with_a_lost_answer_is_not_sent_again() -> None:
    life.test_a_lost_answer_is_never_sent_again(False)


def what_is_foreign_is_left_alone() -> None:
    accepting.test_a_contract_in_which_something_foreign_stands_is_refused(buy(PERP))


def nothing_begins_while_the_stream_is_down() -> None:
    assert [one.text for one in replay(load(_NO_STREAM)).violations] == []


def second_press_sends_twice(patch: Patch) -> None:
    patch.setattr(accept, "_recent", lambda *_: [])


def sent_again_after_a_lost_answer(patch: Patch) -> None:
    patch.setattr(working, "_is_to_follow", lambda run, orders: not run.fills)


def works_on_while_no_risk_is_allowed(patch: Patch) -> None:
    patch.setattr(working, "bars_entry", lambda *_: False)


def never_protected(patch: Patch) -> None:
    everywhere(patch, protecting.protect, lambda *_: None)


def protection_of_more_than_is_held(patch: Patch) -> None:
    real = protecting._take_back

    def take_back(turn: Any, run_id: str, order: Any, why: str) -> None:
        if why != "less is held":
            real(turn, run_id, order, why)

    patch.setattr(protecting, "_take_back", take_back)


def closes_beside_its_own_protection(patch: Patch) -> None:
    everywhere(patch, protecting.give_way, lambda *_: None)


def reduces_what_it_does_not_hold(patch: Patch) -> None:
    patch.setattr(reducing, "_left", lambda run, ticket: ticket.quantity if run.ticket else 0)


def both_of_a_pair_work_on(patch: Patch) -> None:
    patch.setattr(working, "_cancel_other", lambda *_: None)


def sent_hours_later_after_a_restart(patch: Patch) -> None:
    patch.setattr(waiting, "_end_restarted", lambda turn, run: turn.set_watch(run.run_id, recovered=False))


def told_as_not_sent_unread(patch: Patch) -> None:
    everywhere(patch, waiting.unsearched, lambda *_: None)


def no_collar_for_a_persons_price(patch: Patch) -> None:
    everywhere(patch, ticket_gate.entry_price_flaw, lambda *_: None)


def leverage_taken_for_set(patch: Patch) -> None:
    def on_leverage(turn: Any, event: Any) -> None:
        turn.set_watch(event.run_id, leverage_set=True)

    everywhere(patch, leverage.on_leverage, on_leverage)


def begins_on_what_is_foreign(patch: Patch) -> None:
    patch.setattr(ticket_gate, "_against_others", lambda *_: None)


def nothing_overclosed_is_booked(patch: Patch) -> None:
    everywhere(patch, overclosed.book_overclosed, lambda *_: None)


def no_read_lags(patch: Patch) -> None:
    patch.setattr(overclosed, "POSITION_LAG_SECS", 0.0)


def what_a_list_tells_was_traded_since(patch: Patch) -> None:
    real = overclosed._may_lag
    patch.setattr(overclosed, "_may_lag", lambda booked, asked: booked.wall < asked and real(booked, asked))


def begins_while_the_stream_is_down(patch: Patch) -> None:
    patch.setattr(entry, "is_begun", lambda _: True)


def adopted_by_any_read(patch: Patch) -> None:
    patch.setattr(waiting, "POSITION_LAG_SECS", 0.0)


def ends_before_it_is_booked(patch: Patch) -> None:
    everywhere(patch, overclosed.is_owed, lambda *_: False)


def what_was_closed_is_told_nowhere(patch: Patch) -> None:
    real = Turn.alert

    def alert(turn: Turn, run_id: str, level: Any, code: str, text: str, **more: Any) -> None:
        if code != "overclosed":
            real(turn, run_id, level, code, text, **more)

    patch.setattr(Turn, "alert", alert)


def funding_by_what_is_held_when_it_is_read(patch: Patch) -> None:
    patch.setattr(funding, "_held_at", lambda run, leg, at: run.open_quantity(leg.key))


def no_hour_has_passed_that_is_not_known(patch: Patch) -> None:
    real = funding._hour_of
    patch.setattr(funding, "_hour_of", lambda run, market: None if market is None else real(run, market))


def each_has_the_whole_funding(patch: Patch) -> None:
    patch.setattr(funding, "_share", lambda amount, contracts, total: amount if contracts else amount * 0)


def done_before_the_funding_is_read(patch: Patch) -> None:
    everywhere(patch, funding.may_come, lambda *_: False)


def a_second_press_reduces_twice(patch: Patch) -> None:
    everywhere(patch, reducing.recently, lambda *_: False)


def no_margin_in_the_band(patch: Patch) -> None:
    patch.setattr(exit_price, "_inside_band", lambda leg, quote, touch, limit: limit)


def protection_is_changed_unjudged(patch: Patch) -> None:
    patch.setattr(amending, "tick_flaws", lambda *_: iter(()))


def after_a_pause(seed: int) -> Plan:
    """An order beside a run that is held: its own contracts are all that has been read since trading was let on again."""
    plan = ticketed(seed)
    pause, resume = Deed(secs=9.0, kind="pause", phase="holding"), Deed(secs=12.0, kind="resume")
    ticket, stop = Deed(secs=14.0, kind="ticket", size=0), Deed(secs=24.0, kind="stop")
    return replace(plan, deeds=(plan.deeds[0], pause, resume, ticket, stop))


def looks_at_its_own_contract_alone(patch: Patch) -> None:
    real = beside.reads_whole
    everywhere(patch, real, lambda run: run.ticket is None and real(run))
    patch.setattr(waiting, "_ORDERS_SECS", float("inf"))


MUTANTS = [
    Mutant(
        name="K01",
        defect="A second press of the button sends the order a second time",
        patched="`_recent` knows no earlier ticket",
        patch=second_press_sends_twice,
        check=named(
            "I3", _told(accepting.test_a_second_press_is_refused_unless_it_has_a_key_of_its_own_or_comes_later)
        ),
    ),
    Mutant(
        name="K02",
        defect="An order whose answer was lost is sent again",
        patched="`_is_to_follow` lets another follow as long as nothing has filled",
        patch=sent_again_after_a_lost_answer,
        check=named("I3", _told(an_order_with_a_lost_answer_is_not_sent_again)),
    ),
    Mutant(
        name="K03",
        defect="A resting order may fill while no new risk is allowed",
        patched="`enter_ticket` asks for no level",
        patch=works_on_while_no_risk_is_allowed,
        check=named("OP2", _told(a_working_order_is_taken_back_when_no_risk_is_allowed)),
    ),
    Mutant(
        name="K04",
        defect="What a bracket has bought stands without its stop loss",
        patched="`protect` does nothing",
        patch=never_protected,
        check=sessions("TK4", with_tickets),
    ),
    Mutant(
        name="K05",
        defect="The stop loss closes what the take profit has closed already",
        patched="protection beyond what is held is not taken back",
        patch=protection_of_more_than_is_held,
        check=named("I7", _told(protection.test_the_first_that_fills_cancels_what_the_other_has_beyond_what_is_left)),
    ),
    Mutant(
        name="K06",
        defect="A ticket is closed twice: by its own exit and by its stop loss",
        patched="`give_way` takes nothing back",
        patch=closes_beside_its_own_protection,
        check=named("I7", _told(protection.test_protection_is_cancelled_and_confirmed_before_the_program_closes)),
    ),
    Mutant(
        name="K07",
        defect="A reduce-only order is for more than tickets hold",
        patched="`_left` is what was asked for",
        patch=reduces_what_it_does_not_hold,
        check=named("I7", _told(protection.test_more_than_tickets_hold_is_refused_with_what_they_hold)),
    ),
    Mutant(
        name="K08",
        defect="Of two orders that cancel one another both fill",
        patched="`_cancel_other` does nothing",
        patch=both_of_a_pair_work_on,
        check=named("TK1", _told(life.test_of_a_pair_the_first_fill_cancels_the_other)),
    ),
    Mutant(
        name="K09",
        defect="An order goes out that was pressed before the machine went down",
        patched="`_end_restarted` takes a restarted ticket for a new one",
        patch=sent_hours_later_after_a_restart,
        check=named("TK3", _told(life.test_a_restart_before_the_intent_refuses_what_was_not_sent)),
    ),
    Mutant(
        name="K10",
        defect="A digit too many in the price buys through the whole book",
        patched="`entry_price_flaw` finds none",
        patch=no_collar_for_a_persons_price,
        check=named("TK2", _told(a_price_far_beyond_the_market_is_refused)),
    ),
    Mutant(
        name="K11",
        defect="An order goes out at a leverage that nobody knows",
        patched="`on_leverage` takes every answer for a yes",
        patch=leverage_taken_for_set,
        check=named("TK3", _told(nothing_is_sent_where_the_leverage_is_not_known)),
    ),
    Mutant(
        name="K12",
        defect="A ticket is netted against a position that a person holds",
        patched="`_against_others` sees none",
        patch=begins_on_what_is_foreign,
        check=named("E3", _told(what_is_foreign_is_left_alone)),
    ),
    Mutant(
        name="K13",
        defect="Stop loss and take profit fire at once beside another ticket, whose contracts are gone and still in its books",
        patched="`book_overclosed` books nothing",
        patch=nothing_overclosed_is_booked,
        check=named(
            "AL2", _told(overclosing.test_what_two_protections_have_closed_too_much_is_booked_where_it_was_held)
        ),
    ),
    Mutant(
        name="K14",
        defect="Of funding that two tickets paid together one tells too much and the other nothing",
        patched="`_share` is the whole line",
        patch=each_has_the_whole_funding,
        check=named("WL1", _told(funded.test_two_tickets_have_their_parts_and_nothing_is_lost)),
    ),
    Mutant(
        name="K15",
        defect="A ticket that closes after the hour tells a result without its funding",
        patched="`may_come` waits for nothing",
        patch=done_before_the_funding_is_read,
        check=named(
            "WL1", _told(funded.test_a_ticket_that_closes_after_the_hour_is_not_done_before_its_funding_is_read)
        ),
    ),
    Mutant(
        name="K16",
        defect="A second press of a reduce-only order closes twice as much",
        patched="`recently` knows no earlier one",
        patch=a_second_press_reduces_twice,
        check=named("I3", _told(doubts.test_a_second_press_closed_twice_as_much)),
    ),
    Mutant(
        name="K17",
        defect="A closing limit lies on the edge of the price band and is refused once the mark has moved",
        patched="`_inside_band` leaves no margin",
        patch=no_margin_in_the_band,
        check=named(
            "CT1", _told(banded.test_an_exit_leaves_a_tenth_of_the_way_to_the_bands_edge, buy(), "100000", "98650")
        ),
    ),
    Mutant(
        name="K18",
        defect="A stop loss that stands is taken down for one that no exchange takes",
        patched="`amending` holds no price against the tick",
        patch=protection_is_changed_unjudged,
        check=named("TK4", _told(doubts.test_a_protection_off_tick_took_down_the_one_that_stood, "stop_loss", "price")),
    ),
    Mutant(
        name="K19",
        defect="Funding of an hour goes to who holds when the ledger is read, none to who has closed since",
        patched="`_held_at` is what is open now",
        patch=funding_by_what_is_held_when_it_is_read,
        check=sessions("TK8", with_funding),
    ),
    Mutant(
        name="K20",
        defect="What two closing orders of a ticket have closed of another is booked there, and nobody is told",
        patched="`Turn.alert` passes over that code",
        patch=what_was_closed_is_told_nowhere,
        check=sessions("TK6", with_two_that_fire_at_once),
    ),
    Mutant(
        name="K21",
        defect="Stop loss and take profit fire at once, and what they have closed too much is left in the ticket as less than nothing",
        patched="`book_overclosed` books nothing",
        patch=nothing_overclosed_is_booked,
        check=sessions("TK6", with_two_that_fire_at_once),
    ),
    Mutant(
        name="K22",
        defect="An order goes out on an account whose other contracts nobody has looked at: another installation trades them",
        patched="a ticket has its own contract's orders read, and `_unread` takes that for all",
        patch=looks_at_its_own_contract_alone,
        check=sessions("TK3", lambda: [after_a_pause(28)]),
    ),
    Mutant(
        name="K23",
        defect="A halt is lifted while another installation's order rests, and the next order goes out beside it",
        patched="`_change` leaves what was read before in force",
        patch=what_was_read_before_serves,
        check=named(
            "I9",
            _told(
                accepting.test_another_installation_is_seen_before_an_order_goes_out_whatever_contract_it_trades,
                "a resume",
            ),
        ),
    ),
    Mutant(
        name="K24",
        defect="What a read shows too late of another ticket's exit is taken for somebody else's, and trading is halted for it",
        patched="`overclosed` knows of no lag",
        patch=no_read_lags,
        check=named("I1", _told(overclosing.test_a_read_that_lags_behind_another_exit_halts_nothing)),
    ),
    Mutant(
        name="K25",
        defect="A position of somebody else hides behind an entry that is not shown yet: a ticket loses contracts that it holds",
        patched="`overclosed` knows of no lag",
        patch=no_read_lags,
        check=named("AL2", _told(overclosing.test_a_read_that_lags_behind_an_entry_takes_nothing_from_who_holds_it)),
    ),
    Mutant(
        name="K26",
        defect="Contracts that have just been sold are taken over as a position that no run explains",
        patched="`_adopt` knows of no lag",
        patch=adopted_by_any_read,
        check=named("E3", _told(life.test_what_a_read_shows_of_a_fill_too_late_is_not_adopted)),
    ),
    Mutant(
        name="K27",
        defect="Two tickets end as closed by somebody else: one had closed more than it had, which was the other's, and it is booked nowhere",
        patched="`is_owed` waits for no read",
        patch=ends_before_it_is_booked,
        check=named("TK6", _told(overclosing.test_none_of_them_ends_before_what_was_closed_too_much_is_booked)),
    ),
    Mutant(
        name="K28",
        defect="The journal is an older copy: a ticket is told as not sent, and it is held, with nobody to protect or close it",
        patched="`unsearched` asks for no read",
        patch=told_as_not_sent_unread,
        check=named(
            "BK3",
            _told(life.test_after_an_older_copy_of_the_journal_an_order_that_went_out_is_found, "", (rec.RunCreated,)),
        ),
    ),
    Mutant(
        name="K29",
        defect="A ticket that is closed before the exchange's time is known tells a result without its funding",
        patched="`_hour_of` asks for that time alone",
        patch=no_hour_has_passed_that_is_not_known,
        check=named(
            "TK8",
            _told(
                funded.test_a_ticket_closed_before_the_time_of_the_exchange_is_known_waits_for_its_funding_too,
            ),
        ),
    ),
    Mutant(
        name="K30",
        defect="A person's contracts were closed while the runner was down: a ticket loses contracts that it holds",
        patched="`_may_lag` takes what a list tells for traded since the read",
        patch=what_a_list_tells_was_traded_since,
        check=named("TK6", _told(overclosing.test_so_it_is_where_all_of_it_is_heard_with_the_read_that_shows_it)),
    ),
    Mutant(
        name="K31",
        defect="While the account's stream is down a chase counts orders that never left, and then takes what the book has",
        patched="`unready` holds every entry for begun",
        patch=begins_while_the_stream_is_down,
        check=named("N11", nothing_begins_while_the_stream_is_down),
    ),
]
