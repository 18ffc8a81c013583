"""Several runs on one account, on the scene of `tests.engine.scene`: the newest is the scene's own, the others by name."""

from decimal import Decimal
from typing import Any

from tests.engine.scene import SYMBOL, Scene, holding, preset
from trader.config.preset import Preset
from trader.domain.order import OrderIntent, Purpose
from trader.domain.outcome import Ok, Rejected
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine.gate import closable
from trader.engine.state import Run

D = Decimal


def config(number: int = 0, **sections: Any) -> Preset:
    """A preset of its own for each number: starts of the same one are refused while the first enters."""
    return preset(
        **{"risk": {"max_runs_per_day": 50, "naked_leg_secs": 600}, "system": {"status_report_mins": 5 + number}}
        | sections
    )


def two_holding(quantity: int = 2) -> Scene:
    """Two runs short in the same call and the same put, `quantity` contracts of each."""
    scene = holding(config(0, strategy={"quantity": quantity}))
    second(scene, config(1, strategy={"quantity": quantity}))
    return scene


def second(scene: Scene, preset_: Preset, *, price: str = "200") -> None:
    """Start another run and let it sell what is nearest, which is what the first one holds."""
    scene.start(preset_)
    for _ in range(12):
        scene.pass_time(1)
        scene.prices(after=0)
        serve(scene, price=price)
        if scene.phase.value == "holding":
            break
    assert scene.phase.value == "holding", (scene.phase, scene.watch.why_not)
    scene.tick(6)
    serve(scene)


def serve(scene: Scene, *, price: str | None = None, fill: bool = True) -> None:
    """As `Scene.serve`, whichever run asks."""
    for _ in range(80):
        if not scene.due:
            return
        effect = scene.due[0]
        match effect:
            case ef.ReadChain():
                scene.due.remove(effect)
                scene.read_chain(run_id=effect.run_id)
            case ef.ReadAccount():
                scene.read_account()
            case ef.Submit(intent=intent):
                take(scene, intent)
                if fill:
                    limit = str(intent.limit_price or price or "205")
                    scene.fill(
                        intent.client_order_id, min(intent.quantity, scene.exchange.open_for(intent)), price=limit
                    )
            case ef.Cancel(client_order_id=coid):
                scene.due.remove(effect)
                known = coid in scene.exchange.orders
                outcome = Ok(scene.exchange.cancel(coid)) if known else Rejected("open_order_not_found")
                scene.feed(ev.CancelAnswered, client_order_id=coid, outcome=outcome)
    raise AssertionError(f"still due: {scene.due}")


def take(scene: Scene, intent: OrderIntent) -> None:
    """The exchange accepts an order."""
    scene.due = [e for e in scene.due if not (isinstance(e, ef.Submit) and e.intent == intent)]
    scene.answer(intent.client_order_id, Ok(scene.exchange.accept(intent)))


def runs(scene: Scene) -> list[Run]:
    """The unfinished ones, the oldest first."""
    return scene.state.unresolved


def read(scene: Scene, *, after: float = 5.0, **members: Any) -> None:
    """A whole account read, asked for so long after the last news."""
    scene.pass_time(after)
    scene.read_account(asked=scene.wall, runs=tuple(run.run_id for run in runs(scene)), **members)


def may_close(scene: Scene, key: str = "C") -> list[int]:
    return [closable(run, run.leg(key)) for run in runs(scene)]


def exchange_shows(scene: Scene, key: str = "C") -> int:
    return abs(scene.exchange.positions().get(SYMBOL[key], 0))


def sent_by(scene: Scene, run: Run, *purposes: Purpose) -> list[OrderIntent]:
    return [intent for intent in scene.sent(*purposes) if intent.run_id == run.run_id]
