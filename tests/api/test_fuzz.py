"""A sample of the fuzzing command: every operation with a few drawn requests, valid and invalid, with and without tokens."""

from pathlib import Path

from schemathesis import GenerationMode

from tests.api.fuzz import fuzzing


def test_drawn_requests_are_answered_as_the_document_says(tmp_path: Path) -> None:
    with fuzzing(tmp_path, 1) as fuzz:
        for operation in fuzz.operations:
            fuzz.run(operation, GenerationMode.POSITIVE, 2)
            fuzz.run(operation, GenerationMode.NEGATIVE, 1)
        for _ in range(5):
            fuzz.garbage()
    assert fuzz.statuses.total() > 500
    assert {200, 202, 401, 403, 404, 422} <= fuzz.statuses.keys()
