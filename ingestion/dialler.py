"""Opens lines, unless the exchange forbade it, and sees to it that each is asked for what is wanted. Thread safe."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final
from weakref import WeakKeyDictionary

from core.errors import LineDown, LineRefused
from core.types import Reply
from ingestion.control import Control, Names, opening
from ingestion.times import FeedTimes
from ingestion.transport import Connect, Line
from ingestion.wire import Wire

FORBIDDING: Final = (403, 418, 429)


class Dialler:
    """What is forbidden, is so for every line alike; what was asked for, belongs to each."""

    def __init__(
        self,
        connect: Connect,
        wire: Wire,
        base: str,
        *,
        now_s: Callable[[], float],
        uniform: Callable[[], float],
        times: FeedTimes,
    ) -> None:
        self._connect = connect
        self._wire = wire
        self._base = base
        self._now_s = now_s
        self._uniform = uniform
        self._times = times
        self._lock = threading.Lock()  # guards everything below
        self._controls = WeakKeyDictionary[Line, Control]()
        self._forbidden_until_s = 0.0

    def url(self, route: str, wanted: Names) -> str:
        """Where a line is opened."""
        return self._wire.stream_url(self._base, route, opening(wanted))

    def dial(self, route: str, wanted: Names) -> Line:
        """A new line. Raises `LineRefused` and `LineDown`."""
        if (left_s := self.forbidden_s()) > 0:
            raise LineDown(f"The exchange must not be asked for a connection for another {left_s:.0f} s.")
        try:
            line = self._connect(self.url(route, wanted))
        except LineRefused as refused:
            if refused.status in FORBIDDING:
                wait_s = max(self._times.refused_wait_s * (1 + self._uniform() / 4), refused.retry_after_s or 0.0)
                with self._lock:
                    self._forbidden_until_s = self._now_s() + wait_s
            raise
        with self._lock:
            asked = opening(wanted)
            self._controls[line] = Control(self._wire.subscribe, self._wire.unsubscribe, asked, self._now_s())
        return line

    def forbidden_s(self) -> float:
        """How long no line may be asked for; 0: one may be now."""
        with self._lock:
            return max(0.0, self._forbidden_until_s - self._now_s())

    def tend(self, line: Line, wanted: Names, now_s: float) -> None:
        """Send what is due on a line. Raises `LineDown`, also where requests are not answered."""
        with self._lock:
            control = self._controls[line]
            due = control.due(wanted, now_s)
            late = control.unanswered(now_s, self._times.answer_within_s)
        for frame in due:
            line.send(frame)
        if late:
            raise LineDown("The exchange does not answer requests on this connection.")

    def again(self, names: Iterable[str]) -> None:
        """Drop these and ask for them once more, on whatever line they were asked for."""
        names = list(names)
        with self._lock:
            for control in self._controls.values():
                control.again(names)

    def answered(self, line: Line, reply: Reply) -> None:
        """An answer has come on a line."""
        with self._lock:
            self._controls[line].answered(reply)
