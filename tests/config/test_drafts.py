"""Unsaved edits: kept privately, bounded, and never a reason for a page to fail."""

import logging
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from trader.config.drafts import DRAFTS_MOST, LARGEST_CHARS, DraftStore
from trader.domain.errors import ConfigError

TOKEN = "0123456789abcdef"


@pytest.fixture
def drafts(tmp_path: Path) -> DraftStore:
    return DraftStore(tmp_path / "home")


def file_of(tmp_path: Path, token: str = TOKEN) -> Path:
    return tmp_path / "home" / "drafts" / f"{token}.json"


def test_a_draft_survives_the_desk_that_kept_it(drafts: DraftStore, tmp_path: Path) -> None:
    body = {"draft": {"strategy": {"quantity": 2.7, "delta_min": "0.10"}}, "base": None}
    drafts.save(TOKEN, body)
    assert DraftStore(tmp_path / "home").load(TOKEN) == body
    assert stat.S_IMODE(file_of(tmp_path).stat().st_mode) == 0o600
    assert stat.S_IMODE(file_of(tmp_path).parent.stat().st_mode) == 0o700
    drafts.drop(TOKEN)
    drafts.drop(TOKEN)
    assert drafts.load(TOKEN) is None


@pytest.mark.parametrize("token", ["", "short", "../presets/mine", "a" * 65, "0123456\n", "0123456789abcdef\n", "a/b/c/d/e", "ab\0cdefgh", "ümläutümläut"])  # fmt: skip
def test_a_token_from_an_address_is_no_path(drafts: DraftStore, tmp_path: Path, token: str) -> None:
    assert drafts.load(token) is None
    drafts.drop(token)
    with pytest.raises(ConfigError, match="token"):
        drafts.save(token, {})
    assert not (tmp_path / "home").exists()


def spoil_text(path: Path) -> None:
    path.write_text('{"draft": ', encoding="utf-8")


def spoil_list(path: Path) -> None:
    path.write_text("[1, 2]", encoding="utf-8")


def spoil_bytes(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


def spoil_empty(path: Path) -> None:
    path.write_bytes(b"")


def spoil_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def spoil_link(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def spoil_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "spoil", [spoil_text, spoil_list, spoil_bytes, spoil_empty, spoil_folder, spoil_link, spoil_pipe]
)
def test_a_draft_that_cannot_be_read_is_none_and_one_line_in_the_log(
    drafts: DraftStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: Any
) -> None:
    drafts.save(TOKEN, {"draft": {}})
    spoil(file_of(tmp_path))
    with caplog.at_level(logging.WARNING):
        assert drafts.load(TOKEN) is None
    (record,) = caplog.records
    assert record.getMessage().startswith("draft_unreadable: The draft ") and "\n" not in record.getMessage()


def test_drafts_do_not_pile_up(drafts: DraftStore, tmp_path: Path) -> None:
    tokens = [f"token-{i:04d}" for i in range(DRAFTS_MOST + 5)]
    for i, token in enumerate(tokens):
        drafts.save(token, {"draft": i})
        os.utime(file_of(tmp_path, token), ns=(i, i))
    drafts.save("the-newest", {})
    kept = {path.stem for path in file_of(tmp_path).parent.iterdir()}
    assert kept == {*tokens[6:], "the-newest"} and len(kept) == DRAFTS_MOST


@pytest.mark.parametrize(
    "body", [{"x": "y" * LARGEST_CHARS}, {"x": float("nan")}, {"x": object()}], ids=["large", "nan", "object"]
)
def test_what_is_no_draft_is_refused_in_words(drafts: DraftStore, tmp_path: Path, body: dict[str, Any]) -> None:
    drafts.save(TOKEN, {"draft": 1})
    with pytest.raises(ConfigError, match="draft"):
        drafts.save(TOKEN, body)
    assert drafts.load(TOKEN) == {"draft": 1}


def test_drafts_are_listed_newest_first_without_those_that_cannot_be_read(drafts: DraftStore, tmp_path: Path) -> None:
    assert drafts.all() == []
    for age, name in enumerate(("first-one", "second-one", "broken-one")):
        drafts.save(name, {"n": name})
        os.utime(file_of(tmp_path, name), (1_000_000 + age, 1_000_000 + age))
    file_of(tmp_path, "broken-one").write_text("{")
    assert [(token, at.timestamp(), body) for token, at, body in drafts.all()] == [
        ("second-one", 1_000_001.0, {"n": "second-one"}),
        ("first-one", 1_000_000.0, {"n": "first-one"}),
    ]
