"""The numbers of one feed: what arrived, what was refused, how late it may be. Pure state; time is handed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from core.types import Batch
from ingestion.clock import AGREEING, EventClock
from ingestion.pulse import Pulse, StreamKey

REPORT_EVERY_S: Final = 60.0  # refused frames are logged at most this often
NO_LIMIT_MS: Final = 2**53
NOT_WORTH_A_LINE: Final = ("not_market", "foreign")  # expected on this stream


class Tally:
    """Counts every batch once, after it has been read."""

    def __init__(self) -> None:
        self.pulse = Pulse()
        self.clock = EventClock()
        self.frames = 0
        self.records = 0
        self.rejected: Counter[str] = Counter()
        self._unreported: Counter[str] = Counter()
        self._reported_s = -REPORT_EVERY_S

    def read(self, parse: Callable[[int], Batch], now_s: float, now_ms: int, own_time: bool = False) -> Batch:
        """Have a batch read under the latest time an event may claim, and count it.

        ``own_time``: a simulator's; it runs as fast as that likes, passes over silences, and need not be near ours.
        """
        batch = parse(NO_LIMIT_MS) if own_time else self._believed(parse, now_ms)
        self.clock.saw(batch.watermark_ms, "bad_time" in batch.rejected, now_ms)
        self.pulse.take(batch, now_s)
        self.frames += batch.frames
        self.records += sum(map(len, batch.records))
        if batch.rejected:
            self.rejected.update(batch.rejected)
            self._unreported.update(batch.rejected)
        return batch

    def _believed(self, parse: Callable[[int], Batch], now_ms: int) -> Batch:
        batch = parse(self.clock.limit(now_ms))
        if not self.clock.newest_ms and batch.records:
            # The very first batch has nothing to compare with but our own clock; its own oldest event serves then.
            limit_ms = self.clock.first_limit(min(int(records.event_ms.min()) for records in batch.records))
            if batch.watermark_ms > limit_ms:
                return parse(limit_ms)
        elif not batch.records and batch.rejected.get("bad_time", 0) >= AGREEING:
            whole = parse(self.clock.most(now_ms))
            if self.clock.agree(whole.records):
                return whole
        return batch

    def report(self, now_s: float) -> Mapping[str, int]:
        """What was refused since the last report and is worth a line in the log; empty until the next is due."""
        if not self._unreported or now_s - self._reported_s < REPORT_EVERY_S:
            return {}
        told = {why: n for why, n in self._unreported.items() if not why.startswith(NOT_WORTH_A_LINE)}
        self._unreported.clear()
        if told:
            self._reported_s = now_s
        return told


class Complaints:
    """What the exchange refuses in words, for the log: a line a minute, however often it complains."""

    def __init__(self) -> None:
        self._unsaid = 0  # complaints since the last line
        self._said_s = -REPORT_EVERY_S

    def line(self, complaint: str, now_s: float) -> str:
        """The line to log for a complaint; empty while the next is not due."""
        if now_s - self._said_s < REPORT_EVERY_S:
            self._unsaid += 1
            return ""
        more, self._unsaid, self._said_s = self._unsaid, 0, now_s
        return f"{complaint} ({more} more since the last line)" if more else complaint


def spoke(batch: Batch) -> Iterable[StreamKey]:
    """The streams that a batch holds something of."""
    for records in batch.records:
        yield records.symbol, records.kind
    for mark in batch.marks:
        yield mark.symbol, "markPrice"
    for bars in batch.bars:
        yield bars.symbol, "kline_1m"
