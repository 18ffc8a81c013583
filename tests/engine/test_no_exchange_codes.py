"""The engine decides by what a refusal leaves to do, never by an exchange's word for it."""

import ast
from pathlib import Path

import pytest

from tests.test_imports import module_name, sources, tree_of
from trader.exchange.delta.http import errors
from trader.exchange.delta.http.errors import normalise

CODES = {normalise(code) for table in (errors.ORDER_CODES, errors.AUTH_CODES, errors.AMBIGUOUS_CODES) for code in table}


def named_codes(tree: ast.AST) -> list[str]:
    """Every text in the source that is an exchange's code. Comments are prose; in capitals it is a code of our own gate."""
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [text for text in texts if normalise(text) in CODES and not text.isupper()]


@pytest.mark.parametrize("path", sources("trader/engine"), ids=module_name)
def test_no_file_of_the_engine_names_an_exchanges_error_code(path: Path) -> None:
    assert named_codes(tree_of(path)) == []


def test_the_rule_can_fail() -> None:
    assert len(CODES) > 50
    assert named_codes(ast.parse('if order.code in ("stale_order", "not sent"): pass')) == ["stale_order", "not sent"]
