"""One connection from its opening to its end, renewed on the way without a seam. Runs on the feed's thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Final, Literal

from core.errors import LineDown
from ingestion.channel import Channel
from ingestion.pulse import StreamKey
from ingestion.times import THE_EXCHANGE, FeedTimes
from ingestion.transport import Line

log = logging.getLogger(__name__)

IDLE_READ_S: Final = 0.25
BOTH_READ_S: Final = 0.01  # while two lines are read in turn
RENEW_SPREAD: Final = 0.02

Wish = Literal["", "renew"]


class Session:
    """Reads lines and hands on what they bring.

    A renewal opens the new line first, reads both until the new one has delivered every stream that is alive on the
    old one, and only then closes the old one. Records that came on both are doubles, which their ids show.
    """

    def __init__(
        self,
        *,
        open_line: Callable[[], Line],
        deliver: Callable[[list[bytes], float], Iterable[StreamKey]],
        tend: Callable[[Line, float], Wish],
        now_s: Callable[[], float],
        uniform: Callable[[], float],
        times: FeedTimes = THE_EXCHANGE,
    ) -> None:
        """``deliver`` decodes and hands on, and says which streams spoke; ``tend`` is called at each turn."""
        self._open_line = open_line
        self._deliver = deliver
        self._tend = tend
        self._now_s = now_s
        self._uniform = uniform
        self._times = times
        self._lock = threading.Lock()  # guards the two lines, which `close` reads from another thread
        self._old: Channel | None = None
        self._new: Channel | None = None  # during a renewal
        self._closed = False
        self._busy: dict[StreamKey, float] = {}  # when each stream last spoke on the old line
        self._seen: set[StreamKey] = set()  # on the new line
        self.heard_s = 0.0
        self.healthy_s = 0.0  # so long it has delivered

    def run(self, stop: threading.Event) -> None:
        """Live until ``stop``. Raises `LineDown` when the connection ends otherwise, or cannot be opened."""
        self._old = self._open()
        renew_s = self._renew_s()
        try:
            while not stop.is_set():
                self._turn()
                if self._tend((self._new or self._old).line, self._now_s()):
                    renew_s = self._now_s()  # remembered while a renewal is under way
                if self._new is not None:
                    self._finish_renewal()
                elif self._now_s() >= renew_s:
                    renew_s = self._renew_s() if self._begin_renewal() else self._now_s() + self._times.renew_again_s
        finally:
            channels = [channel for channel in (self._old, self._new) if channel is not None]
            try:
                for channel in channels:  # what arrived before the end counts
                    self._hand_on(channel, channel.rest())
            finally:
                for channel in channels:
                    channel.line.close()

    def close(self) -> None:
        """End it, from any thread."""
        with self._lock:
            self._closed = True
            channels = [channel for channel in (self._old, self._new) if channel is not None]
        for channel in channels:
            channel.line.close()

    def _open(self) -> Channel:
        line = self._open_line()
        channel = Channel(line, self._now_s(), self._times)
        self.heard_s = max(self.heard_s, channel.opened_s)
        with self._lock:
            closed = self._closed
        if closed:
            line.close()
            raise LineDown("The connection was closed here.")
        return channel

    def _renew_s(self) -> float:
        return self._now_s() + self._times.renew_after_s * (1 - RENEW_SPREAD * self._uniform())

    def _turn(self) -> None:
        """Read each line once and hand on what is due."""
        assert self._old is not None
        try:
            self._read(self._old, IDLE_READ_S if self._new is None else BOTH_READ_S)
        except LineDown as down:
            if self._new is None:
                raise
            log.info("the old connection ended during its renewal: %s", down)
            self._switch()
            return
        if self._new is not None:
            try:
                self._read(self._new, BOTH_READ_S)
            except LineDown as down:
                if not self._closed:
                    log.warning("the renewal failed: %s", down)
                self._hand_on(self._new, self._new.rest())
                self._new.line.close()
                with self._lock:
                    self._new = None

    def _read(self, channel: Channel, idle_s: float) -> None:
        messages = channel.line.read(channel.patience_s(idle_s, self._now_s()))
        now_s = self._now_s()
        channel.arrived(messages, now_s)
        self.heard_s = max(self.heard_s, channel.heard_s)
        self._hand_on(channel, channel.due(now_s))
        channel.check(now_s)

    def _hand_on(self, channel: Channel, messages: list[bytes]) -> None:
        if not messages:
            return
        now_s = self._now_s()
        spoke = self._deliver(messages, now_s)
        if channel is self._new:
            self._seen.update(spoke)
        else:
            self._busy.update(dict.fromkeys(spoke, now_s))
            self.healthy_s = now_s - channel.opened_s

    def _begin_renewal(self) -> bool:
        try:
            fresh = self._open()
        except LineDown as down:
            log.warning("the connection could not be renewed yet: %s", down)
            return False
        self._seen.clear()
        with self._lock:
            self._new = fresh
        return True

    def _finish_renewal(self) -> None:
        """Close the old line once the new one delivers all that is alive."""
        assert self._new is not None
        now_s = self._now_s()
        age_s = now_s - self._new.opened_s
        alive = {key for key, spoke_s in self._busy.items() if now_s - spoke_s <= self._times.busy_s}
        if age_s > self._times.overlap_s or (age_s >= self._times.overlap_least_s and alive <= self._seen):
            self._switch()

    def _switch(self) -> None:
        old = self._old
        assert old is not None
        self._hand_on(old, old.rest())
        with self._lock:
            self._old, self._new = self._new, None
        old.line.close()
        self._busy = dict.fromkeys(self._seen, self._now_s())
