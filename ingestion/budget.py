"""How much may be asked of the exchange, and when. Pure state; time is handed in (the exchange's Unix ms)."""

from __future__ import annotations

from typing import Final

WEIGHT_PER_MINUTE: Final = 2400
MINUTE_MS: Final = 60_000


class Budget:
    """The request weight of the running minute, shared by all callers.

    The exchange counts by the minute of its own clock and tells its count in every answer; that count is believed
    where it is higher, since others may ask from the same address.

    >>> budget = Budget()
    >>> budget.wait_ms(20, share=0.6, now_ms=0), budget.spend(1440, now_ms=0)
    (0, None)
    >>> budget.wait_ms(20, share=0.6, now_ms=1_000)
    59000
    >>> budget.wait_ms(20, share=1.0, now_ms=1_000)
    0
    """

    def __init__(self, per_minute: int = WEIGHT_PER_MINUTE) -> None:
        self._per_minute = per_minute
        self._minute = -1
        self._used = 0

    def wait_ms(self, weight: int, share: float, now_ms: int) -> int:
        """How long a request of this weight must wait, when no more than ``share`` of the budget is for its kind."""
        self._turn(now_ms)
        if self._used == 0 or self._used + weight <= self._per_minute * share:
            return 0
        return MINUTE_MS - now_ms % MINUTE_MS

    def spend(self, weight: int, now_ms: int) -> None:
        """A request of this weight is on its way."""
        self._turn(now_ms)
        self._used += weight

    def told(self, used: int, now_ms: int) -> None:
        """The exchange's own count for this minute."""
        self._turn(now_ms)
        self._used = max(self._used, used)

    def _turn(self, now_ms: int) -> None:
        minute = now_ms // MINUTE_MS
        if minute != self._minute:
            self._minute, self._used = minute, 0
