"""The simulated exchange's clock: at rest until started, then wall time or any multiple of it, then perhaps stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

AS_FAST_AS_POSSIBLE: Final = float("inf")


class ExchangeClock:
    """Tells the exchange's time in Unix ms. ``speed`` 20: twenty exchange seconds a second. Not thread-safe.

    At infinite speed time does not pass by itself: it is what ``reach`` says.
    """

    def __init__(self, start_ms: int, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.speed = speed
        self.end_ms: int | None = None  # time stops there, for good
        self._monotonic = monotonic
        self._reached_ms = start_ms
        self._started_at: float | None = None

    @property
    def by_itself(self) -> bool:
        """Whether time passes without ``reach``."""
        return self.speed != AS_FAST_AS_POSSIBLE

    @property
    def started(self) -> bool:
        """Whether it ever ran."""
        return self._started_at is not None

    def start(self) -> None:
        """Let time pass from the start on. A second call changes nothing."""
        if self._started_at is None:
            self._started_at = self._monotonic()

    def reach(self, at_ms: int) -> None:
        """It is at least this late now. Only where time does not pass by itself."""
        self._reached_ms = max(self._reached_ms, at_ms)

    def now_ms(self) -> int:
        """Exchange time."""
        if self._started_at is None or not self.by_itself:
            return self._reached_ms
        now = self._reached_ms + int((self._monotonic() - self._started_at) * 1000 * self.speed)
        return now if self.end_ms is None else min(now, self.end_ms)
