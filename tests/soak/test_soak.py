"""Twenty seconds of the soak: nothing lost, nothing twice, nothing grows. How fast is judged by `python -m tests.soak`."""

import pytest

from tests.soak.soak import Limits, soak


@pytest.mark.t1
@pytest.mark.timeout(180)
def test_twenty_seconds_at_a_thousand_messages_lose_no_order_and_no_fill() -> None:
    limits = Limits(p99_ms=None, stop_p99_ms=None, sent_share=0.5)  # the machine that runs the tests is not idle
    figures = soak(20.0, 1000.0, limits)
    assert figures["violations"] == [], figures
    assert figures["runs_finished"] >= 2
    assert figures["fills"] >= 8
    assert figures["venue_messages_per_sec"] > 300
