"""How long a client waits for an answer, and how often it asks again. Orders are never repeated."""

import msgspec

ORDER_SECS_MOST = 5.0  # what is known of an order whose answer was lost counts on no later signature


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds for the whole of a request that changes something and of one that reads; `repeats` of a read that was not
    answered, `pause_secs` before the first of them, doubled for each further one."""

    change_secs: float = ORDER_SECS_MOST
    read_secs: float = 10.0
    repeats: int
    pause_secs: float


OWN = Patience(repeats=1, pause_secs=0.0)
CCXT = Patience(repeats=2, pause_secs=0.25)
