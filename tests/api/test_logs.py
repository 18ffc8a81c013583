"""`GET /v1/logs`: filtered lines, page by page."""

from tests.api.client import Client
from tests.desk.test_logs import row


def test_pages_of_lines_with_what_was_hidden(api: Client) -> None:
    (api.home / "logs").mkdir(exist_ok=True)
    lines = [row(number, level="DEBUG" if number % 2 else "INFO", run_id="abcdefghij") for number in range(10)]
    (api.home / "logs" / "delta_trader_detailed.log").write_text("".join(f"{line}\n" for line in lines))
    first = api.get("/v1/logs", "read", params={"limit": 3, "run_id": "abcdefghij"})
    assert [line["text"] for line in first["lines"]] == ["line 8", "line 6", "line 4"] and first["hidden"]["level"] >= 3
    rest = api.get("/v1/logs", "read", params={"limit": 3, "cursor": first["next"]})
    assert [line["text"] for line in rest["lines"]] == ["line 2", "line 0"] and rest["next"] is None
    assert api.get("/v1/logs", "read", params={"level": "error"})["lines"] == []
    refused = api.ask("GET", "/v1/logs", "read", params={"cursor": "nonsense"})
    assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == "cursor"
    assert api.ask("GET", "/v1/logs", "read", params={"level": "loud"}).status_code == 422
