"""Our own clock, and how long days and hours are in its unit. Everything is Unix milliseconds UTC."""

from __future__ import annotations

import time
from typing import Final

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000


def now_ms() -> int:
    """What our clock says; it may be off, and whoever compares it with the exchange's times allows for that."""
    return time.time_ns() // 1_000_000
