"""The exchange's refusals: a documented code, an optional context, an HTTP status."""

from decimal import Decimal
from typing import Any


class Refused(Exception):
    """A request the exchange refuses; it had no effect.

    `code` is one of the exchange's order error codes, `context` what it adds (JSON-able), `status` the HTTP status.
    """

    def __init__(self, code: str, context: dict[str, Any] | None = None, *, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.context = context
        self.status = status


def bad_schema(param: str, message: str) -> Refused:
    """The refusal of a malformed field."""
    error = {"code": "validation_error", "message": message, "param": param}
    return Refused("bad_schema", {"schema_errors": [error]})


def insufficient_margin(available: Decimal, required: Decimal, code: str = "insufficient_margin") -> Refused:
    """More USD would be needed than is there."""
    context = {
        "asset_symbol": "USD",
        "available_balance": f"{available:f}",
        "required_additional_balance": f"{required - available:f}",
    }
    return Refused(code, context)
