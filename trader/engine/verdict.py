"""What the gate answers: a refusal is a value, with a code for programs and numbers for people; what passes is noted the same way."""

import msgspec


class Denied(msgspec.Struct, frozen=True):
    """Our refusal: `code` for programs, `detail` with the numbers for people."""

    code: str
    detail: str


Passed = dict[str, str]  # code of a check → the numbers with which an order passed it


def judge(fails: bool, code: str, numbers: str, passed: Passed) -> Denied | None:
    """The refusal of a check that fails; one that does not is noted with its numbers."""
    if fails:
        return Denied(code, numbers)
    passed[code] = numbers
    return None
