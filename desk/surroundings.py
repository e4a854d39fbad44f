"""How a collector reaches the world outside, and by which clocks it lives; a test hands in another world."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from core import clock
from ingestion.backoff import delays
from ingestion.opening import Beside, in_a_thread
from ingestion.rest import Rest
from ingestion.times import THE_EXCHANGE, FeedTimes
from ingestion.transport import Connect, connect


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Sockets, REST, clocks, patience."""

    connect: Connect = connect
    rest: Callable[[str], Rest] = Rest  # from the base of its addresses
    monotonic: Callable[[], float] = time.monotonic
    now_ms: Callable[[], int] = clock.now_ms
    waits: Callable[[], Iterator[float]] = delays  # before each further try to connect, seconds
    beside: Beside = in_a_thread  # runs what would hold up the receiving of records
    times: FeedTimes = THE_EXCHANGE
    retry_s: float = 5.0  # after a REST request that was not answered

    def timed(self, now_ms: Callable[[], int]) -> Surroundings:
        """The same, by another clock."""
        return replace(self, now_ms=now_ms)


REAL = Surroundings()
