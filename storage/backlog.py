"""What waits for the writer: bounded in rows, in order; what does not fit is counted and its stretch remembered."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from core.types import Gap
from storage.work import DeleteCandles, PutCandles, PutGap, PutLooks, PutTrades, Work

# Beyond the capacity, as shares of it. Candles and looks cannot be fetched again as trades can; and what says that
# a stored candle is not to be trusted must find room when nothing else does.
_ROOM: Final[dict[type, float]] = {
    PutTrades: 0.0, PutCandles: 0.1, PutLooks: 0.1,
}  # fmt: skip
_ROOM_OF_OTHERS: Final = 0.2  # few, small, and asked for once


class Backlog:
    """A queue between many threads that ask and the one that writes.

    :meth:`offer` never waits. The lock guards the queue and its counts; nothing is done under it but to move them.
    """

    def __init__(self, capacity_rows: int, flush_s: float, most_rows: int = 50_000) -> None:
        self._capacity = capacity_rows
        self._flush_s = flush_s
        self._most_rows = most_rows  # handed out at once
        self._enough = min(most_rows, capacity_rows // 2)  # rows worth writing before the interval is over
        self._waiting: deque[Work] = deque()
        self._since = 0.0  # when the oldest waiting request came
        self._rows = 0  # of the waiting requests and of those being written
        self._dropped = 0  # rows
        self._lost: dict[str, Gap] = {}  # one stretch a symbol, until the writer takes it
        self._offered = 0  # requests accepted
        self._finished = 0  # requests written or given up
        self._urgent_to = 0  # write without waiting until this many are finished
        self._closed = False
        self._changed = threading.Condition(threading.Lock())

    def offer(self, request: Work) -> bool:
        """Queue a request, or drop it when there is no room; says which."""
        rows = request.rows
        if not rows:
            return True
        with self._changed:
            if self._closed or self._rows + rows > self._capacity * (1 + _ROOM.get(type(request), _ROOM_OF_OTHERS)):
                self._drop(request)
                return False
            self._queue(request)
            return True

    def insist(self, request: Work) -> None:
        """Queue a request whatever the room, closed or not: the writer's own, and there are few."""
        with self._changed:
            self._queue(request)

    def take(self, patience_s: float | None = None) -> list[Work]:
        """The next requests, once the oldest has waited a flush interval, or enough have come, or it is urgent.

        Empty when none came within ``patience_s`` (None: wait for one), or when closed and drained. What is taken
        still counts as queued until :meth:`finish`.
        """
        with self._changed:
            if not self._waiting and not self._closed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._closed, patience_s)
            if not self._waiting:
                return []
            self._changed.wait_for(
                lambda: self._closed or self._urgent_to > self._finished or self._rows >= self._enough,
                max(0.0, self._since + self._flush_s - time.monotonic()),
            )
            taken: list[Work] = []
            rows = 0
            while self._waiting and (not taken or rows + self._waiting[0].rows <= self._most_rows):
                taken.append(self._waiting.popleft())
                rows += taken[-1].rows
            self._since = time.monotonic()
            return taken

    def finish(self, taken: Sequence[Work], *, lost: bool = False) -> None:
        """These were written; or, with ``lost``, had to be given up and count as dropped."""
        with self._changed:
            self._finished += len(taken)
            self._rows -= sum(request.rows for request in taken)
            if lost:
                for request in taken:
                    self._drop(request)
            self._changed.notify_all()

    def take_lost(self) -> list[Gap]:
        """The stretches whose rows were dropped, one a symbol; they are the caller's from now on."""
        with self._changed:
            lost, self._lost = list(self._lost.values()), {}
            return lost

    def wait_written(self, timeout_s: float) -> bool:
        """Have everything queued so far written at once; False when that took longer."""
        with self._changed:
            target = self._offered
            self._urgent_to = max(self._urgent_to, target)
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._finished >= target, timeout_s)

    def wait_room(self, timeout_s: float) -> bool:
        """Wait until at most half of the room is taken, at most so long; says whether it is."""
        if self._rows <= self._capacity // 2:
            return True
        with self._changed:
            return self._changed.wait_for(lambda: self._rows <= self._capacity // 2 or self._closed, timeout_s)

    def wait_closed(self, timeout_s: float) -> bool:
        """Wait until closed, at most so long; says whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed, timeout_s)

    def close(self) -> None:
        """Accept nothing more. What waits is still handed out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether nothing more is accepted."""
        return self._closed

    @property
    def rows(self) -> int:
        """Rows waiting or being written."""
        return self._rows

    @property
    def dropped(self) -> int:
        """Rows dropped since the start."""
        return self._dropped

    @property
    def pressed(self) -> bool:
        """Whether so much waits that nothing else should be done."""
        return self._rows > self._capacity // 4

    def _queue(self, request: Work) -> None:
        rows = self._rows + request.rows
        if not self._waiting:
            self._since = time.monotonic()
            self._changed.notify_all()
        elif self._rows < self._enough <= rows:
            self._changed.notify_all()
        self._waiting.append(request)
        self._offered += 1
        self._rows = rows

    def _drop(self, request: Work) -> None:
        self._dropped += request.rows
        lost = _stretch(request)
        if lost is None:
            return
        known = self._lost.get(lost.symbol)
        self._lost[lost.symbol] = lost if known is None else _both(known, lost)


def _stretch(request: Work) -> Gap | None:
    """What is unknown once a request is dropped. None: nothing of the market (looks are analysed again)."""
    if isinstance(request, PutTrades):
        t = request.ticks
        return Gap(
            t.symbol, int(t.first_id.min()) - 1, int(t.trade_id.max()) + 1, int(t.ts_ms.min()), int(t.ts_ms.max())
        )
    if isinstance(request, PutCandles):
        c = request.candles
        return Gap(c.symbol, None, None, int(c.open_ms[0]), int(c.open_ms[-1]) + c.timeframe_s * 1000 - 1)
    if isinstance(request, PutGap):
        return request.gap
    if isinstance(request, DeleteCandles):
        return Gap(request.symbol, None, None, request.from_ms, request.to_ms)
    return None


def _both(a: Gap, b: Gap) -> Gap:
    """One stretch that covers two. A bound unknown in one is taken from the other: it says no less."""
    after = [g.after_id for g in (a, b) if g.after_id is not None]
    before = [g.before_id for g in (a, b) if g.before_id is not None]
    return Gap(
        a.symbol,
        min(after, default=None),
        max(before, default=None),
        min(a.from_ms, b.from_ms),
        max(a.to_ms, b.to_ms),
    )
