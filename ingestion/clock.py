"""How late an event may claim to be. Pure state; our own time is handed in.

The newest event time confirms candles, so one absurd date would confirm everything for ever. Our clock alone cannot
judge it: it may be hours off, and a replay runs in the past, faster than time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from core.types import Records

AHEAD_OF_OUR_CLOCK_MS: Final = 86_400_000  # until REST has told the exchange's, ours may be off by a wrong time zone
SLACK_MS: Final = 600_000  # what event time may jump between two batches
FASTEST_REPLAY: Final = 100  # seconds of exchange time in one of ours
AGREEING: Final = 3  # so many records that agree on a jump, and nothing else beside them, are believed at once
TIME_MOVED_AFTER_MS: Final = 5_000  # so long nothing but refused dates: the exchange's time itself has jumped


class EventClock:
    """The latest event time that can be believed.

    At most a day ahead of our clock; and, once events have been seen, not further ahead of them than the time since
    explains, unless several agree. Earlier events are always believed: only the newest one confirms anything.

    >>> clock = EventClock()
    >>> clock.limit(now_ms=0)
    86400000
    >>> clock.saw(newest_ms=1_000, refused=False, now_ms=0)
    >>> clock.limit(now_ms=10)
    602000
    """

    def __init__(self) -> None:
        self._newest_ms = 0
        self._seen_at_ms = 0
        self._refusing_since_ms: int | None = None

    @property
    def newest_ms(self) -> int:
        """The newest believed event time; 0: none yet."""
        return self._newest_ms

    def limit(self, now_ms: int) -> int:
        """No event of a batch received at ``now_ms`` (our clock, Unix ms) can be later than this."""
        most = self.most(now_ms)
        if not self._newest_ms:
            return most
        return min(most, self._newest_ms + SLACK_MS + FASTEST_REPLAY * max(0, now_ms - self._seen_at_ms))

    def first_limit(self, oldest_ms: int) -> int:
        """The limit within the first batch, by its oldest event: an absurd date is rarely the oldest."""
        return oldest_ms + SLACK_MS

    def most(self, now_ms: int) -> int:
        """What no event can be later than, however time jumped."""
        return now_ms + AHEAD_OF_OUR_CLOCK_MS

    def agree(self, records: Sequence[Records]) -> bool:
        """Whether these, all refused before, tell of one jump: a replay faster than its limit passes over silences."""
        several = sum(len(np.unique(one.record_id)) for one in records) >= AGREEING
        return (
            several
            and int(max(one.event_ms.max() for one in records) - min(one.event_ms.min() for one in records)) <= SLACK_MS
        )

    def saw(self, newest_ms: int, refused: bool, now_ms: int) -> None:
        """What a batch held: its newest believed event time (0: none), and whether a date was refused."""
        if newest_ms:
            self._newest_ms = max(self._newest_ms, newest_ms)
            self._seen_at_ms = now_ms
            self._refusing_since_ms = None
        elif refused:
            if self._refusing_since_ms is None:
                self._refusing_since_ms = now_ms
            elif now_ms - self._refusing_since_ms >= TIME_MOVED_AFTER_MS:
                self._newest_ms = 0
                self._refusing_since_ms = None
