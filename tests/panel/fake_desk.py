"""A desk in memory with moving values, for the pages' own tests: it answers like the real one and remembers what it was asked.

A scenario fixes what the run looks like: ``empty``, ``waiting``, ``entering``, ``holding``, ``exiting``, ``done``, ``dead``
(runner silent while holding), ``several`` (two runs that hold), ``unreachable`` (every read fails).
"""

import json
import math
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tests.panel import fake_chain, fake_numbers, fake_report
from tests.panel.fake_books import FakeBooks
from tests.panel.fake_results import FakeAnalytics
from tests.panel.fake_system import FakeSystem
from trader.config.account_limits import AccountLimits
from trader.config.preset import Preset
from trader.desk import (
    Chain,
    CheckResult,
    CommandReceipt,
    CommandRow,
    DayRow,
    ExpiryChoice,
    FillRow,
    Happening,
    LogLine,
    LotSize,
    MarginChange,
    Marker,
    NotPossible,
    Outcome,
    Payoff,
    PnlSeries,
    Position,
    PresetChanged,
    PresetInfo,
    Preview,
    PreviewLeg,
    RunnerHealth,
    RunReport,
    RunSummary,
    SizeBy,
    Status,
    TimelineEvent,
    Volatility,
)
from trader.desk.logs.looking import Logs
from trader.desk.sizing import size_for
from trader.domain.errors import ConfigError, ExchangeError, JournalError
from trader.domain.fill import Fill
from trader.domain.foreign import Foreign, beside_phrase, listed_words
from trader.domain.instrument import Kind
from trader.domain.margin import MarginTerms
from trader.domain.order import Side
from trader.engine.records import Phase
from trader.engine.view import Exposure, LegView, Ops, OrderView, Rung, RunView, Totals
from trader.journal import AlertRow
from trader.pricing.margin_mode import OptionHeld
from trader.pricing.payoff import Basis

ANYTHING: Any = object()
EXPIRY = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PREMIUM = Decimal("84.20")
OTHER_RUN = "w2rt-20261121-2"
HOSTILE = '<img src=x onerror="alert(1)"> ![x](http://evil.example/x.png) [go](javascript:alert(1)) :red[x] $x$'


STRANGE = (
    Foreign(kind="position", symbol="C-BTC-99000-221126", quantity=-3),
    Foreign(kind="order", symbol="BTCUSD", quantity=5, side=Side.BUY, order_id="42", limit_price=Decimal(80_000)),
)


class FakeDesk(FakeBooks):
    """Args:
    scenario: See the module.
    env: paper, testnet or production.
    """

    def __init__(self, scenario: str = "holding", *, env: str = "paper") -> None:
        self.scenario = scenario
        self.env = env
        self.asked: list[tuple[str, Any]] = []
        self.stored = {name: Preset(name=name) for name in ("default", "conservative", "aggressive", "development")}
        self.kept: dict[str, dict[str, Any]] = {}
        self.snapshot: Preset | None = None
        self.broken_snapshot = ""
        self.broken_presets: dict[str, str] = {}
        self.stopped_at: datetime | None = None
        self.started_at = datetime.now(UTC)
        self.hostile = False
        self.foreign_things: tuple[Foreign, ...] = ()
        self.chain_fault = ""
        self.refusal = ""
        self.level = ("ACTIVE", "")
        self.acknowledged: set[int] = set()
        self.alert_count = 2
        self.limits_set = AccountLimits()
        self.margined = MarginTerms(mode="isolated", portfolios=(), default_auto_topup=False)
        self.margin_fault = ""
        self.margin_answer: MarginChange | None = None
        self.locked = ""
        self.logs = Logs(Path("/nowhere"))
        self.system = FakeSystem(self.asked)
        self.analytics = FakeAnalytics(self)
        self.make_books()

    # ---------------------------------------------------------------- what is
    def status(self, run_id: str | None = None) -> Status:
        if self.scenario == "unreachable":
            raise JournalError("the journal cannot be read: disk I/O error")
        now = datetime.now(UTC)
        run = self._run(now)
        dead = self.scenario == "dead"
        runs, day = () if run is None else (run,), fake_numbers.day(run, now)
        if run is not None and self.scenario == "several":
            other = replace(run, run_id=OTHER_RUN, preset="wide", trailing_level=None)
            runs, run = (run, other), run if run_id == run.run_id else other
        if run is not None and self.scenario == "one_of_two" and run_id == OTHER_RUN:
            done = {"phase": Phase.DONE, "flat": "true", "realized_pnl": Decimal("1.25")}
            run = replace(run, run_id=OTHER_RUN, preset="wide", **done)
        return Status(
            env=self.env,
            account=self.env,
            runner=RunnerHealth(alive=not dead, heartbeat_age_s=12.4 if dead else 0.3, host="thread", pid=4711),
            run=run,
            runs=runs,
            ops=Ops(
                public_socket="up",
                private_socket="up",
                price_age_s=0.4,
                last_reconciled_at=now - timedelta(seconds=9),
                quota_left_pct=91.0,
                clock_skew_s=0.02,
                messages_per_s=41.0,
            ),
            alerts=(),
            wall=now,
            pictured_at=now,
            day=replace(day, open=day.open * len(runs)) if day.open and runs else day,
            trading=self.level,
            situation=self._situation(dead),
            happened=self._happened(now) if run is not None else (),
            open_alerts=tuple(alert for alert in self._alerts(now) if alert.seq not in self.acknowledged),
            totals=self._totals(run),
            tickets=tuple(self.tickets),
        )

    def _totals(self, run: RunView | None) -> Totals:
        """Of the run that is shown: 40 contracts, of whatever symbol, each worth 91 USD."""
        symbols = [leg.symbol for leg in run.legs] if run is not None else []
        return Totals(
            limits=self.limits_set.document(),
            locked=self.locked,
            exposures=tuple(
                Exposure(symbol=symbol, underlying="BTC", contracts=40, notional=Decimal(3_640)) for symbol in symbols
            ),
        )

    def limits(self) -> AccountLimits:
        return self.limits_set

    def limits_asked(self) -> AccountLimits | None:
        return None

    def set_limits(self, limits: AccountLimits, *, issued_by: str, seen: AccountLimits | None = None) -> CommandReceipt:
        self.asked.append(("limits", (limits, seen, issued_by)))
        if not self.refusal:
            self.limits_set = limits
        return CommandReceipt(command_id="limits", account=self.env, issued_at=datetime.now(UTC))

    def margin(self) -> MarginTerms:
        if self.margin_fault:
            raise ExchangeError(self.margin_fault)
        return self.margined

    def set_margin_mode(self, mode: str) -> MarginChange:
        self.asked.append(("margin_mode", mode))
        if self.margin_answer is not None:
            return self.margin_answer
        self.margined = replace(self.margined, mode=mode)
        return MarginChange(done=True, words=f"Set: margin mode {mode}.", terms=self.margined)

    def set_auto_topup(self, on: bool, symbol: str | None = None) -> MarginChange:
        self.asked.append(("auto_topup", (on, symbol)))
        self.margined = replace(self.margined, default_auto_topup=on)
        return MarginChange(done=True, words="Set: auto top-up of new positions.", terms=self.margined)

    def _situation(self, dead: bool) -> tuple[str, ...]:
        lines = []
        if dead:
            lines.append(
                "The runner (pid 4711, thread, last heard 21 Nov 10:41:07 IST) was killed or has crashed: its process is "
                "gone. To take up what it left, start the panel or `python -m trader run`."
            )
        if self.level[0] != "ACTIVE":
            lines.append(f"Trading is {self.level[0]}: {self.level[1]}.")
        return tuple(lines)

    def _alerts(self, now: datetime) -> tuple[AlertRow, ...]:
        if self.scenario not in ("holding", "dead"):
            return ()
        text = HOSTILE if self.hostile else "Positions differ from our own fills; somebody else traded."
        return tuple(
            AlertRow(seq=seq, run_id="", wall=now - timedelta(minutes=seq), level=level, code="c", text=text)
            for seq, level in [(12 - i, "warning" if i % 2 else "error") for i in range(self.alert_count)]
        )

    def _happened(self, now: datetime) -> tuple[Happening, ...]:
        lines = [
            Happening(
                at=alert.wall,
                level=alert.level,
                code=alert.code,
                text=alert.text,
                alert=alert.seq,
                acked_by="panel" if alert.seq in self.acknowledged else "",
                acked_at=now if alert.seq in self.acknowledged else None,
                times=3,
            )
            for alert in self._alerts(now)
        ]
        told = (
            "Found on the exchange: C-BTC-95000-221126 short 100 (as recorded); P-BTC-86500-221126 short 100 (as recorded); "
            "no open orders. Trailing stop at -12.5 % kept, exit at 16:30 IST kept; watching.",
            "The runner (panel, pid 4698) was killed or lost its machine while holding BTC; last heard 10:41:07 IST. Started "
            "again at 10:41:09 IST (panel, pid 4711, epoch 3).",
            "The private stream is back after 12 s (down since 10:20:44 IST); what it missed is read over REST.",
            "The private stream is down (silent for 35 s); reconciling over REST.",
            "The runner was started for the first time on this account (panel, pid 4602, epoch 1).",
        )
        lines += [
            Happening(
                at=now - timedelta(minutes=20 + i), level="warning" if i in (1, 3) else "info", code=f"t{i}", text=text
            )
            for i, text in enumerate(told)
        ]
        return tuple(lines)

    def phase(self, now: datetime) -> Phase | None:
        if self.stopped_at is not None:
            return Phase.EXITING if now - self.stopped_at < timedelta(seconds=2) else Phase.DONE
        return {
            "empty": None,
            "waiting": Phase.WAITING,
            "entering": Phase.ENTERING,
            "exiting": Phase.EXITING,
            "done": Phase.DONE,
        }.get(self.scenario, Phase.HOLDING)

    def _run(self, now: datetime) -> RunView | None:
        phase = self.phase(now)
        if phase is None:
            return None
        pnl = pnl_at(now)
        held = phase in (Phase.HOLDING, Phase.EXITING)
        done = phase is Phase.DONE
        market = now
        view = RunView(
            run_id="k3fa-20261121-1",
            env=self.env,
            phase=phase,
            words="",
            preset="default",
            config_hash="9f1c2d3e4a5b6c7d",
            underlying="BTC",
            created_at=now - timedelta(hours=2),
            stop_requested=self.stopped_at is not None,
            flat="true" if done else "false" if held else "unknown",
            market_at=market,
            spot=Decimal(91234) + Decimal(int(pnl * 4)),
            spot_at_entry=None if phase is Phase.WAITING else Decimal(91020),
            entry_at=market + timedelta(minutes=42, seconds=10)
            if phase is Phase.WAITING
            else market - timedelta(hours=2),
            exit_at=market + timedelta(hours=2, minutes=14),
            premium=None if phase in (Phase.WAITING, Phase.ENTERING) else PREMIUM,
            pnl=pnl if held else None,
            pnl_pct=(pnl / PREMIUM * 100) if held else None,
            peak_pnl=Decimal("41.13") if held or done else None,
            peak_pct=Decimal("48.8") if held or done else None,
            trailing_level=Decimal("0.00") if held else None,
            max_loss_usd=None if phase is Phase.WAITING else -PREMIUM,
            max_profit_usd=None if phase is Phase.WAITING else PREMIUM * Decimal("0.8"),
            exit_reason="manual" if phase in (Phase.EXITING, Phase.DONE) else None,
            realized_pnl=Decimal("31.87") if done else None,
            fees=Decimal("2.31") if done else None,
            legs=() if phase is Phase.WAITING else self._legs(phase, now),
            orders=() if phase is Phase.WAITING else self._orders(phase, now),
            ladder=ladder(market, pnl) if held else (),
            why_not=WHY_NOT if phase is Phase.WAITING else (),
            foreign=self.foreign_things if phase is Phase.WAITING else (),
            steps=STEPS[: 3 if phase is Phase.EXITING else 5] if phase in (Phase.EXITING, Phase.DONE) else (),
        )
        return fake_numbers.with_numbers(view, now)

    def _legs(self, phase: Phase, now: datetime) -> tuple[LegView, ...]:
        wave = Decimal(str(round(math.sin(now.timestamp() / 3), 2)))
        done = phase is Phase.DONE
        symbols = (HOSTILE, HOSTILE) if self.hostile else ("C-BTC-95000-221126", "P-BTC-86500-221126")
        return tuple(
            LegView(
                key=key,
                symbol=symbol,
                side="sell",
                quantity=100,
                filled_quantity=100 if phase is not Phase.ENTERING else 40,
                open_quantity=0 if done else 100 if phase is not Phase.ENTERING else 40,
                strike=Decimal(strike),
                expiry=EXPIRY,
                avg_px=Decimal(entry),
                exit_px=Decimal("260.5") if done else None,
                mark=Decimal(entry) - 130 + wave * 7,
                bid=Decimal(entry) - 140 + wave * 7,
                ask=Decimal(entry) - 121 + wave * 7,
                delta=delta,
                iv=iv,
                pnl=Decimal("11.90") + wave,
                distance_pct=distance,
                price_age_s=0.4,
                fresh=True,
                progress="4 of 10 slices filled, next at 10:04:30 IST" if phase is Phase.ENTERING else "",
            )
            for key, symbol, strike, entry, delta, iv, distance in (
                ("C", symbols[0], 95000, "431.5", 0.094, 0.412, 4.1),
                ("P", symbols[1], 86500, "410.5", -0.101, 0.468, 5.2),
            )
        )

    def _orders(self, phase: Phase, now: datetime) -> tuple[OrderView, ...]:
        def order(leg: str, purpose: str, side: str, status: str, filled: int, price: str, ago: float) -> OrderView:
            return OrderView(
                client_order_id=f"k3fa-1{leg}{purpose}1",
                leg=leg,
                purpose=purpose,
                side=side,
                quantity=100,
                filled_quantity=filled,
                limit_price=Decimal(price),
                status=status,
                message=HOSTILE if self.hostile else "",
                wall=now - timedelta(seconds=ago),
            )

        orders = [
            order("C", "E", "sell", "filled", 100, "431.5", 7200),
            order("P", "E", "sell", "filled", 100, "410.5", 7199),
        ]
        if phase is Phase.EXITING:
            orders += [
                order("C", "X", "buy", "filled", 100, "310.5", 1.2),
                order("P", "X", "buy", "accepted", 0, "289.5", 1.0),
            ]
        return tuple(orders)

    def pnl_series(self, run_id: str, max_points: int = 2000) -> PnlSeries:
        now = datetime.now(UTC)
        at = [now - timedelta(seconds=20 * i) for i in range(360, -1, -1)]
        pnl = [float(pnl_at(t)) if i > 2 else None for i, t in enumerate(at)]
        armed = [None if (p is None or i < 150) else 0.0 for i, p in enumerate(pnl)]
        n = len(at)
        return PnlSeries(
            wall=at,
            market=list(at),
            pnl=pnl,
            pnl_pct=[None if p is None else p / 84.2 * 100 for p in pnl],
            spot=[91000.0] * n,
            level_usd=armed,
            max_loss_usd=[-84.2] * n,
            max_profit_usd=[67.36] * n,
        )

    def pnl_chart(self, run_id: str, max_points: int = 2000) -> tuple[PnlSeries, tuple[Marker, ...]]:
        return self.pnl_series(run_id, max_points), tuple(self.markers(run_id))

    def markers(self, run_id: str) -> list[Marker]:
        now = datetime.now(UTC)
        return [
            Marker(at=now - timedelta(seconds=7180), kind="entry", text="Sold 100 C-BTC-95000-221126 at 431.5"),
            Marker(at=now - timedelta(seconds=7175), kind="entry", text="Sold 100 P-BTC-86500-221126 at 410.5"),
            Marker(at=now - timedelta(seconds=4200), kind="decision", text="Peak 40 %: stop at breakeven"),
        ]

    def log_tail(self, lines: int) -> list[LogLine]:
        now = datetime.now(UTC)
        text = HOSTILE if self.hostile else "status: holding, P&L +$31.20 (37.1 %), spot 91,234"
        return [
            LogLine(at=now - timedelta(minutes=5 * i, seconds=3), level="info", text=text) for i in range(min(lines, 6))
        ][::-1]

    def prerequisites(self, preset: Preset) -> list[CheckResult]:
        found = listed_words(self.foreign_things) or "no position and no order but our own"
        return [
            CheckResult(name="journal", ok=True, words="writable"),
            CheckResult(name="request budget", ok=None, words="not known here"),
            CheckResult(name="nothing foreign", ok=not self.foreign_things, words=found),
        ]

    def foreign(self, underlying: str) -> tuple[Foreign, ...]:
        return self.foreign_things

    # ---------------------------------------------------------------- what is done
    def start(
        self,
        preset: Preset,
        *,
        now: bool = False,
        issued_by: str,
        confirm: str | None = None,
        beside: str | None = None,
    ) -> CommandReceipt:
        if self.foreign_things and now and beside != beside_phrase(self.foreign_things):
            raise NotPossible(f"Nothing was started: this account holds {listed_words(self.foreign_things)}.")
        if beside:
            self.asked.append(("beside", beside))
        if self.env == "production" and confirm != self.arming_phrase(preset):
            raise ConfigError("the phrase does not match")
        self.asked.append(("start", (preset, now, issued_by, confirm)))
        self.scenario, self.stopped_at = ("holding" if now else "waiting"), None
        return CommandReceipt(command_id=uuid.uuid4().hex, account=self.env, issued_at=datetime.now(UTC))

    def await_command(self, command_id: str, timeout_secs: float) -> CommandRow:
        refused = bool(self.refusal)
        now = datetime.now(UTC)
        return CommandRow(
            command_id=command_id,
            account=self.env,
            kind="start",
            issued_at=now,
            issued_by="panel",
            body={},
            status="refused" if refused else "accepted",
            detail=self.refusal,
            updated_at=now,
        )

    def confirm_beside(self, run_id: str, phrase: str, *, issued_by: str) -> CommandReceipt:
        if phrase != beside_phrase(self.foreign_things):
            raise ConfigError("Nothing was confirmed: the phrase is another one")
        self.asked.append(("confirm_beside", (run_id, phrase, issued_by)))
        return CommandReceipt(command_id="beside", account=self.env, issued_at=datetime.now(UTC))

    def arming_phrase(self, preset: Preset) -> str:
        return f"TRADE LIVE {self.env} {preset.strategy.quantity}"

    def stop(self, run_id: str | None = None, *, issued_by: str) -> CommandReceipt:
        self.asked.append(("stop", (run_id, issued_by)))
        if self.scenario == "unreachable":
            raise JournalError("the journal cannot be written: disk full")
        self.stopped_at = self.stopped_at or datetime.now(UTC)
        return CommandReceipt(command_id=uuid.uuid4().hex, account=self.env, issued_at=datetime.now(UTC))

    def acknowledge(self, which: Any, *, issued_by: str, who: str = "") -> tuple[CommandReceipt, int]:
        self.asked.append(("ack", (which, issued_by)))
        self.acknowledged |= set(which)
        return CommandReceipt(command_id="ack", account=self.env, issued_at=datetime.now(UTC)), len(which)

    def order_level(self, order: str, *, issued_by: str, who: str = "", reason: str = "") -> CommandReceipt:
        self.asked.append((order, issued_by))
        words = {"pause": "PAUSED", "reduce": "REDUCING", "kill": "HALTED", "resume": "ACTIVE"}
        self.level = (words[order], f"{order} (panel)")
        return CommandReceipt(command_id=order, account=self.env, issued_at=datetime.now(UTC))

    def preset_of(self, run_id: str) -> Preset | None:
        return self.stored["default"]

    def outcome(self, run_id: str) -> Outcome | None:
        return outcome_of(run_id, datetime.now(UTC)) if self.phase(datetime.now(UTC)) is Phase.DONE else None

    def sell_now_instead(self, run_id: str, *, issued_by: str, confirm: str | None = None) -> CommandReceipt:
        if self.env == "production" and confirm != self.arming_phrase(self.stored["default"]):
            raise ConfigError("the phrase does not match. The wait goes on.")
        self.asked.append(("instead", (run_id, issued_by, confirm)))
        self.scenario = "holding"
        return CommandReceipt(command_id=uuid.uuid4().hex, account=self.env, issued_at=datetime.now(UTC))

    # ---------------------------------------------------------------- presets
    def expiries(self, underlying: str) -> list[ExpiryChoice]:
        return [
            ExpiryChoice(value=day, expiry=datetime.fromisoformat(f"{day}T12:00:00+00:00"))
            for day in ("2026-11-21", "2026-11-22", "2026-11-27", "2026-12-25")
        ]

    def presets(self) -> list[PresetInfo]:
        return [
            PresetInfo(
                name=name,
                built_in=name in ("default", "conservative"),
                stored=name not in ("conservative",),
                problem=self.broken_presets.get(name, ""),
            )
            for name in self.stored
        ]

    def load_preset(self, name: str) -> Preset:
        if name in self.broken_presets:
            raise ConfigError(self.broken_presets[name])
        if name not in self.stored:
            raise ConfigError(f"there is no preset named {name}")
        return self.stored[name]

    def save_preset(self, preset: Preset, overwrite: bool, *, expected: Preset | None = ANYTHING) -> None:
        if preset.name in self.stored and not overwrite:
            raise ConfigError(f"a preset named {preset.name} exists already")
        self._as_expected(preset.name, expected)
        self.asked.append(("save", preset))
        self.stored[preset.name] = preset

    def _as_expected(self, name: str, expected: Preset | None) -> None:
        if expected is not ANYTHING and self.stored.get(name) != expected:
            raise PresetChanged("it was changed meanwhile", stored=self.stored.get(name))

    def save_draft(self, token: str, body: dict[str, Any]) -> None:
        self.kept[token] = json.loads(json.dumps(body))

    def load_draft(self, token: str) -> dict[str, Any] | None:
        return self.kept.get(token)

    def drafts(self) -> list[tuple[str, datetime, dict[str, Any]]]:
        return [(token, EXPIRY, body) for token, body in self.kept.items()]

    def drop_draft(self, token: str) -> None:
        self.kept.pop(token, None)

    def delete_preset(self, name: str, *, expected: Preset | None = ANYTHING) -> None:
        self._as_expected(name, expected)
        self.asked.append(("delete", name))
        del self.stored[name]

    def save_snapshot(self, preset: Preset) -> None:
        self.asked.append(("snapshot", preset))
        self.snapshot = preset

    def load_snapshot(self) -> Preset | None:
        if self.broken_snapshot:
            raise ConfigError(self.broken_snapshot)
        return self.snapshot

    def preview(self, preset: Preset) -> Preview:
        if preset.strategy.delta_min > Decimal("0.4"):
            why = ("no call with |delta| 0.45 to 0.50 has a bid",)
            return Preview(reasons=why, legs=(), spot=Decimal(91234), expiry=EXPIRY, market=datetime.now(UTC))
        legs = tuple(
            PreviewLeg(
                key=kind,
                symbol=f"{kind}-BTC-{strike}-221126",
                kind={"C": "call", "P": "put"}[kind],
                strike=Decimal(strike),
                quantity=preset.strategy.quantity,
                delta=delta,
                iv=iv,
                bid=Decimal(bid),
                ask=Decimal(bid) + 12,
                mark=Decimal(bid) + 5,
                bid_size=120,
                open_interest=Decimal(1240),
                limit_price=Decimal(bid),
                exit_most=Decimal(bid) * (1 + preset.risk.exit_limit_pct / 100) * preset.strategy.quantity / 1000,
            )
            for kind, strike, delta, iv, bid in (
                ("C", 95000, 0.124, 0.41, "431.5"),
                ("P", 86500, -0.127, 0.47, "410.5"),
            )
        )
        now = datetime.now(UTC)
        return replace(preview_of(legs, now), position=fake_chain.position(preset, now))

    def position(self, run: RunView) -> Position | str:
        if run.pnl is None:
            return "P&L is not known now, so there is no payoff to draw."
        return fake_chain.position(self.stored["default"], datetime.now(UTC), run)

    def chain(self, of: Preset | RunView, expiry: datetime | None = None) -> Chain:
        if self.chain_fault:
            raise ExchangeError(self.chain_fault)
        return fake_chain.chain(of, self.stored["default"], expiry, datetime.now(UTC))

    def volatility(self, underlying: str, market: datetime) -> Volatility:
        return Volatility(realised={"24 h": 0.382, "7 days": 0.447})

    def available(self) -> Decimal:
        return Decimal("8159.50")

    def size_for(self, preset: Preset, by: SizeBy, amount: Decimal) -> LotSize:
        return size_for(preset, self.preview(preset), by, amount)

    # ---------------------------------------------------------------- the past
    def history(self, limit: int, offset: int) -> list[RunSummary]:
        return self.past()[offset : offset + limit]

    def run_list(self, *, limit: int = 50) -> list[RunSummary]:
        return self.past()[:limit]

    def days(self, count: int) -> tuple[DayRow, ...]:
        if self.scenario == "empty":
            return ()
        day, agrees = date(2026, 11, 20), Decimal(0)
        return (
            DayRow(date=day, made=Decimal("-9.5"), runs=1, is_over=False),
            DayRow(date=day - timedelta(days=1), made=Decimal("-21"), runs=2, compared=True, difference=Decimal("-2.235"),
                   besides={"deposit": Decimal(500)}),
            DayRow(date=day - timedelta(days=2), made=Decimal("41.2"), runs=1, compared=True, difference=agrees),
        )[:count]  # fmt: skip

    def past(self) -> list[RunSummary]:
        if self.scenario == "empty":
            return []
        day = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
        reasons = ("time", "trailing_stop", "max_loss", "max_profit", "breakeven", "manual", "time")
        return [
            RunSummary(
                account="paper",
                config_hash="9f1c2d3e4a5b6c7d",
                phase="done",
                legs=("C-BTC-95000-221126", "P-BTC-86500-221126"),
                run_id=f"k3fa-{(day - timedelta(days=i)):%Y%m%d}-1",
                env="paper",
                preset="default",
                underlying="BTC",
                created_at=day - timedelta(days=i, hours=7),
                created_market=day - timedelta(days=i, hours=7),
                finished_market=day - timedelta(days=i),
                premium=PREMIUM,
                pnl_pct=(Decimal("41.20") - 13 * (i % 5)) / PREMIUM * 100,
                fill_count=4,
                finished_at=day - timedelta(days=i),
                exit_reason=reasons[i % len(reasons)],
                realized_pnl=Decimal("41.20") - 13 * (i % 5),
                fees=Decimal("2.31"),
            )
            for i in range(23)
        ]

    def report(self, run_id: str) -> RunReport:
        now = datetime.now(UTC)
        summary = next((row for row in self.past() if row.run_id == run_id), None)
        if summary is None:
            raise NotPossible(f"There is no run {run_id}.")
        view = self._run_done(now)
        day_end = summary.finished_at or now
        fills = [
            FillRow(
                seq=i,
                wall=summary.created_at,
                market=None,
                leg=leg.key,
                fill=Fill(
                    fill_id=f"f{i}",
                    venue_order_id=f"v{i}",
                    client_order_id=f"k3fa-1{leg.key}E1",
                    symbol=leg.symbol,
                    product_id=i,
                    side=Side(side),
                    quantity=100,
                    price=Decimal(price),
                    commission=Decimal("0.58"),
                ),
            )
            for i, (leg, side, price) in enumerate(
                [
                    (view.legs[0], "sell", "431.5"),
                    (view.legs[1], "sell", "410.5"),
                    (view.legs[0], "buy", "260.5"),
                    (view.legs[1], "buy", "258.0"),
                ]
            )
        ]
        events = (
            (summary.created_at, "run_created", "user", "preset default"),
            (summary.created_at, "legs_chosen", "rule", "95000 call, 86500 put"),
            (day_end, "exit_decided", "rule", str(summary.exit_reason)),
            (day_end, "run_finished", "exchange", "flat"),
        )
        return RunReport(
            summary=summary,
            config=Preset(),
            view=view,
            legs=view.legs,
            orders=view.orders,
            fills=tuple(fills),
            timeline=tuple(TimelineEvent(at=at, wall=at, kind=k, cause=c, text=t) for at, k, c, t in events),
            series=(series := self.pnl_series(run_id)),
            markers=tuple(self.markers(run_id)),
            **fake_report.told(summary, view.legs, fills, series),
        )

    def _run_done(self, now: datetime) -> RunView:
        keep, self.scenario = self.scenario, "done"
        try:
            view = self._run(now)
        finally:
            self.scenario = keep
        assert view is not None
        return view


def pnl_at(now: datetime) -> Decimal:
    """A P&L that wanders within the limits and moves every second."""
    t = now.timestamp()
    return Decimal(str(round(24 + 11 * math.sin(t / 900) + 5 * math.sin(t / 170) + 1.5 * math.sin(t / 7), 2)))


def ladder(market: datetime, pnl: Decimal) -> tuple[Rung, ...]:
    return (
        Rung(name="exit time", armed=True, at_time=market + timedelta(hours=2, minutes=14)),
        Rung(name="max loss", armed=True, at_pnl=-PREMIUM, at_pct=Decimal(-100), distance_usd=pnl + PREMIUM,
             distance_pct=Decimal(128), spot_low=84210.0, spot_high=97350.0),
        Rung(name="max profit", armed=True, at_pnl=Decimal("67.36"), at_pct=Decimal(80),
             distance_usd=Decimal("67.36") - pnl, distance_pct=Decimal(52)),
        Rung(name="trailing stop", armed=True, at_pnl=Decimal(0), at_pct=Decimal(0), distance_usd=pnl,
             distance_pct=Decimal(28), spot_low=87120.0, spot_high=94410.0),
        Rung(name="before expiry", armed=True, at_time=EXPIRY - timedelta(minutes=45)),
    )  # fmt: skip


WHY_NOT = (
    "entry time 09:30 IST is 42 minutes ahead",
    "the put P-BTC-86500-221126 has a quote older than 8 s",
)
STEPS = (
    "Stop recorded",
    "Entry orders cancelled and confirmed",
    "Call bought back: 100 of 100",
    "Put bought back: 100 of 100",
    "Exchange reports no position and no order",
)


def outcome_of(run_id: str, now: datetime) -> Outcome:
    """84.20 received, 50.02 paid, 2.31 of fees: 31.87."""
    return Outcome(run_id=run_id, reason="manual", premium=PREMIUM, closed_for=Decimal("50.02"), fees=Decimal("2.31"),
                   result=Decimal("31.87"), result_pct=Decimal("37.85"), settled=False,
                   started_at=now - timedelta(hours=2), ended_at=now)  # fmt: skip


def preview_of(legs: tuple[PreviewLeg, ...], now: datetime) -> Preview:
    """Figures that follow from the legs as the desk's do: sold at the bid, bought back at the ask, fees of 3.5 % each way."""
    size, spot = Decimal("0.001"), Decimal(91234)
    units = legs[0].quantity * size
    premium = sum((leg.limit_price for leg in legs), Decimal(0)) * units
    back = sum((leg.ask or Decimal(0) for leg in legs), Decimal(0)) * units
    fees, closing = premium * Decimal("0.035"), back * Decimal("0.035")
    start, net = premium - back - fees - closing, premium - fees
    margin = units * Decimal(18405)
    each = net / units
    traded = tuple(
        OptionHeld(kind=kind, strike=leg.strike, expiry=EXPIRY, quantity=-leg.quantity, contract_value=size,
                   mark=Decimal("79.1"), iv=None, margin_pct=Decimal(10))
        for kind, leg in zip((Kind.CALL, Kind.PUT), legs, strict=True)
    )  # fmt: skip
    return Preview(
        reasons=(), legs=legs, spot=spot, expiry=EXPIRY, market=now, premium=premium, fees=fees, margin=margin,
        traded=traded, breakevens=(86500 - premium / units, 95000 + premium / units), contract_value=size, notional=spot * units,
        closing_fees=closing, spread=back - premium, start_pnl=start, return_on_margin_pct=net / margin * 100,
        breakevens_after_fees=(86500 - each, 95000 + each), stop_low=87912.0, stop_high=93871.0,
        basis=Basis(premium, "credit"), exit_at=now + timedelta(hours=7), best_pct=23.8, still_pct=21.4,
        payoff=payoff_of(float(units), float(net), float(start), float(premium)),
    )  # fmt: skip


def payoff_of(units: float, net: float, start: float, premium: float) -> Payoff:
    spots = tuple(float(spot) for spot in range(83000, 98501, 250))

    def bowl(spot: float, top: float) -> float:
        width = 3322.0 if spot < 91234 else 2637.0  # where the maximum loss fires
        return top - (premium + start) * ((spot - 91234) / width) ** 2

    def settled(spot: float) -> float:
        return net - units * (max(0.0, 86500 - spot) + max(0.0, spot - 95000))

    return Payoff(
        spots=spots,
        now=tuple(bowl(spot, start) for spot in spots),
        at_exit=tuple(bowl(spot, 0.238 * premium) for spot in spots),
        at_expiry=tuple(settled(spot) for spot in spots),
    )
