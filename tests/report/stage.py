"""Runs that ended in every way, in the journal of a desk; and readers of what reports write."""

import csv
import io
import math
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser

from msgspec.structs import replace

from tests.desk.analytics.past_runs import renamed
from tests.engine.scene import entering, finish, holding
from trader.engine import records as rec
from trader.journal import Journal, Sample
from trader.journal.views import LegSample


def written(journal: Journal, records: Sequence[rec.AnyRecord], run_id: str, **created: str) -> list[rec.AnyRecord]:
    """The same run under a name, on the desk's own account."""
    told = [
        replace(one, account="paper", **created) if isinstance(one, rec.RunCreated) else one
        for one in renamed(records, run_id)
    ]
    journal.append(told, lease=None)
    return told


def stopped_before_a_fill() -> list[rec.AnyRecord]:
    scene = entering()
    scene.stop()
    finish(scene, fill=False)
    return scene.records


def killed_while_holding() -> list[rec.AnyRecord]:
    """Held, the runner dies, another takes over and is stopped."""
    scene = holding()
    scene.prices("180", "190", after=30)
    scene.restart(down_secs=90)
    scene.read_account()
    scene.prices("170", "185", after=1)
    scene.stop()
    finish(scene)
    return scene.records


def sampled(journal: Journal, records: Sequence[rec.AnyRecord], run_id: str, count: int = 60) -> None:
    """A point each two seconds from the first fill on, as a runner writes them."""
    start = next(one for one in records if isinstance(one, rec.FillRecorded))
    journal.sample(
        [
            Sample(
                run_id=run_id,
                wall=start.wall + timedelta(seconds=2 * n),
                market=(start.market or start.wall) + timedelta(seconds=2 * n),
                spot=Decimal(100_000) + n,
                pnl=Decimal("-0.05") + Decimal(n) / 1000,
                pnl_pct=Decimal(n) / 10,
                max_loss_usd=Decimal("-0.8"),
                max_profit_usd=Decimal("0.64"),
                legs=tuple(
                    LegSample(
                        key=key, open=2, mark=Decimal(205), iv=0.5 + 0.01 * math.sin(n), delta=-0.0005, gamma=-1e-8, theta=0.1, vega=-0.02
                    )
                    for key in ("C", "P")
                ),
            )
            for n in range(count)
        ]
    )  # fmt: skip


def read_sections(text: str) -> dict[str, list[dict[str, str]]]:
    """The CSV of a report, by section, as another program would read it."""
    found: dict[str, list[dict[str, str]]] = {}
    head: list[str] = []
    for row in csv.reader(io.StringIO(text)):
        if not row:
            continue
        if row[0] == "section":
            head = row[1:]
        else:
            found.setdefault(row[0], []).append(dict(zip(head, row[1:], strict=True)))
    return found


class Page(HTMLParser):
    """What stands in a report's HTML: tags, exact amounts by the label before them, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.amounts: list[tuple[str, Decimal]] = []
        self._label = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "data":
            self.amounts.append((self._label, Decimal(dict(attrs)["value"] or "")))

    def handle_data(self, data: str) -> None:
        self.text += data
        self._label = data.strip() or self._label

    def amount(self, label: str) -> Decimal:
        return next(value for name, value in self.amounts if name == label)
