"""The worked examples of docs/venue.md run as they are printed."""

import json
import re
from pathlib import Path

import pytest

from tests.official_clients.conftest import Venue

pytest.importorskip("ccxt", reason="ccxt is optional: see requirements-ccxt.txt")
pytest.importorskip("delta_rest_client")
GUIDE = (Path(__file__).parents[2] / "docs" / "venue.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=["delta-rest-client", "ccxt"])
def test_example_of_the_guide_runs(
    example: str, venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "venue.json").write_text(
        json.dumps({"rest_url": venue.url, "api_key": venue.key, "api_secret": venue.secret})
    )
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "docs/venue.md", "exec"), {})
    told = capsys.readouterr().out
    assert "stop_loss_order" in told or "True" in told
