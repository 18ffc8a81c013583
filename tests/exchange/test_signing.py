import pytest

from trader.exchange.delta.http.signing import sign, sign_login

SECRET, TIMESTAMP = "paper-secret", "1700000000"


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "expected"),
    [
        (
            "GET",
            "/v2/orders",
            "?product_ids=27&states=open",
            "",
            "acde3128c19aa1a34caae8250ada6470c5cd061c6e5719a8413c78d51be5488d",
        ),
        (
            "GET",
            "/v2/positions/margined",
            "",
            "",
            "ac3b5439b06a1ede3a2e9125d5db75015645ba0d921343f4903a6bf0906139a0",
        ),
        (
            "DELETE",
            "/v2/orders",
            "",
            '{"id":13452112,"product_id":27}',
            "20890dcd733f2afff8dee1f3bd5809725db7afc3009a6e49cbf2475abcce27f9",
        ),
        (
            "POST",
            "/v2/orders",
            "",
            '{"product_id":27,"size":3,"side":"sell","order_type":"limit_order","limit_price":"65000.5"}',
            "09b1acf47c08650447a2579443258aa2c3cd560d3450f6455c92265fc582ea77",
        ),
    ],
)
def test_signature_matches_the_reference_vectors(method: str, path: str, query: str, body: str, expected: str) -> None:
    assert sign(SECRET, method, TIMESTAMP, path, query, body) == expected


def test_login_signature_matches_the_reference_vector() -> None:
    assert sign_login(SECRET, TIMESTAMP) == "f2f00d65fbdc6f38a7921869c75973d8ea98287e2a5134a6e20a22b56dbdca63"
