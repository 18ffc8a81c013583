"""Weighted request quota in fixed five-minute windows, and the matching engine's limit per product.

Source: exchange documentation, "Rate Limits". Counted on the wall clock, whatever the market's speed.
"""

from trader.venue.wire.problem import rate_limited


class Quota:
    """Units used per caller (user id, or address when unsigned) in the current window."""

    def __init__(self, units: int, window_secs: int = 300) -> None:
        self.units = units
        self._window_secs = window_secs
        self._window = -1
        self._used: dict[str, int] = {}

    def charge(self, caller: str, weight: int, wall_secs: float) -> None:
        """Count a request.

        Raises:
            GatewayError: 429; the request is not counted then.
        """
        used = self.used(caller, wall_secs)
        if used + weight > self.units:
            raise rate_limited(self.remaining_ms(wall_secs))
        self._used[caller] = used + weight

    def used(self, caller: str, wall_secs: float) -> int:
        """Units spent in this window."""
        window = int(wall_secs // self._window_secs)
        if window != self._window:
            self._window = window
            self._used.clear()
        return self._used.get(caller, 0)

    def remaining_ms(self, wall_secs: float) -> int:
        """Milliseconds to the next window."""
        return max(1, int((self._window_secs - wall_secs % self._window_secs) * 1000))


class EngineLimit:
    """At most so many order operations per second and product; cancels are exempt."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._second = -1
        self._used: dict[str, int] = {}

    def charge(self, product: str, wall_secs: float, operations: int = 1) -> None:
        """Count operations on a product, named by id or symbol. Raises GatewayError (429) beyond the limit."""
        second = int(wall_secs)
        if second != self._second:
            self._second = second
            self._used.clear()
        used = self._used.get(product, 0)
        if used + operations > self._per_second:
            raise rate_limited(max(1, int((second + 1 - wall_secs) * 1000)))
        self._used[product] = used + operations
