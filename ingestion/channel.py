"""One open line: what has arrived on it and waits to be decoded, and whether it is alive. Time is handed in."""

from __future__ import annotations

from typing import Final

from core.errors import LineDown
from ingestion.times import FeedTimes
from ingestion.transport import Line

FLUSH_S: Final = 0.05  # a message waits at most this long for others
FLUSH_MESSAGES: Final = 2_000


class Channel:
    """Gathers messages into runs, since decoding and storing a run costs little more than a single message."""

    def __init__(self, line: Line, now_s: float, times: FeedTimes) -> None:
        self.line = line
        self._times = times
        self.opened_s = self.heard_s = self._pinged_s = now_s
        self._answered = True
        self._received = line.received
        self._waiting: list[bytes] = []
        self._since_s = 0.0  # when the oldest waiting one came

    def patience_s(self, idle_s: float, now_s: float) -> float:
        """How long the next read may wait: for as long as nothing has to be flushed, at most ``idle_s``."""
        return max(0.001, min(idle_s, self._since_s + FLUSH_S - now_s)) if self._waiting else idle_s

    def arrived(self, messages: list[bytes], now_s: float) -> None:
        """A read is over; it may have brought messages, or only signs of life, or nothing."""
        if messages:
            if not self._waiting:
                self._since_s = now_s
            self._waiting += messages
        if self.line.received != self._received:
            self._received, self.heard_s, self._answered = self.line.received, now_s, True

    def due(self, now_s: float) -> list[bytes]:
        """The waiting messages, once they are many or have waited long enough; else none."""
        if len(self._waiting) >= FLUSH_MESSAGES or (self._waiting and now_s - self._since_s >= FLUSH_S):
            return self.rest()
        return []

    def rest(self) -> list[bytes]:
        """All waiting messages."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def check(self, now_s: float) -> None:
        """Ping when it is time to. Raises `LineDown` when the line is dead, although nobody closed it."""
        answer_within_s = self._times.answer_within_s
        if self.line.mid_frame and now_s - self.heard_s > answer_within_s:
            raise LineDown(f"The connection stalled within a message for {answer_within_s:g} s.")
        if not self._answered and now_s - self._pinged_s > answer_within_s:
            raise LineDown(f"The connection is dead: nothing was heard for {now_s - self.heard_s:.0f} s.")
        if now_s - self._pinged_s >= self._times.ping_every_s:
            self.line.ping()
            self._pinged_s, self._answered = now_s, False
