"""What is refused: told before by the check, and by the problem document when it is sent all the same. Nothing reaches the exchange."""

from decimal import Decimal
from typing import Any

from examples.api.connect import Refused, ask, mark, whole


def main() -> None:
    about = mark()
    for order in (
        {"symbol": "BTCUSD", "side": "buy", "quantity": 0},
        {"symbol": "BTCUSD", "side": "buy", "quantity": 20_000, "limit_price": whole(about * Decimal("0.99"))},
        {"symbol": "BTCUSD", "side": "buy", "quantity": 1, "limit_price": whole(about * 2)},
    ):
        _tried("/v1/trading/orders/check", order)
        _tried("/v1/trading/orders?wait=20", order)


def _tried(path: str, order: dict[str, Any]) -> None:
    try:
        answer = ask("POST", path, {"tickets": [order]})
    except Refused as refused:
        print(f"refused: {refused}")
        for one in refused.problem["errors"]:
            print(f"  {one['field']}: {one['detail']}")
        return
    for one in answer["tickets"][0]["problems"]:
        print(f"would be refused: {one['code']}: {one['field']}: {one['sentence']}")


if __name__ == "__main__":
    main()
