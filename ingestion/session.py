"""One connection from its opening to its end, renewed on the way without a seam. Runs on the feed's thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Final, Literal

from core.errors import LineDown
from ingestion.channel import Channel
from ingestion.detour import Detour
from ingestion.opening import Beside, Opening, in_a_thread
from ingestion.pulse import StreamKey
from ingestion.times import THE_EXCHANGE, FeedTimes
from ingestion.transport import Line

log = logging.getLogger(__name__)

IDLE_READ_S: Final = 0.25
BOTH_READ_S: Final = 0.01  # while several lines are read in turn
RENEW_SPREAD: Final = 0.02

Wish = Literal["", "renew"]


class Session:
    """Reads lines and hands on what they bring.

    A renewal opens the new line first, reads both until the new one has delivered every stream that is alive on the
    old one, and only then closes the old one. Records that came on both are doubles, which their ids show. A new line
    that cannot be opened, or does not bring what the old one brings, is left, and the old one goes on.
    """

    def __init__(
        self,
        *,
        open_line: Callable[[], Line],
        deliver: Callable[[Line, list[bytes], float], Iterable[StreamKey]],
        tend: Callable[[Line, float], None],
        advise: Callable[[float], Wish],
        now_s: Callable[[], float],
        uniform: Callable[[], float],
        detour: Detour | None = None,
        beside: Beside = in_a_thread,
        times: FeedTimes = THE_EXCHANGE,
    ) -> None:
        """``deliver`` decodes and hands on, and says which streams spoke; ``tend`` is called for each line whenever it
        was read, ``advise`` once in each turn. ``open_line`` may run in another thread, ``beside`` this one."""
        self._open_line = open_line
        self._deliver = deliver
        self._tend = tend
        self._advise = advise
        self._now_s = now_s
        self._uniform = uniform
        self._detour = detour
        self._beside = beside
        self._times = times
        self._lock = threading.Lock()  # guards the two lines, which `close` reads from another thread
        self._old: Channel | None = None
        self._opening: Opening | None = None  # of the new line
        self._new: Channel | None = None  # during a renewal
        self._closed = False
        self._renew_at_s = 0.0
        self._not_before_s = 0.0  # a renewal that failed is not tried again at once, whoever wishes for it
        self._busy: dict[StreamKey, float] = {}  # when each stream last spoke on the old line
        self._since: dict[StreamKey, float] = {}  # when each first spoke there during this renewal
        self._seen: set[StreamKey] = set()  # on the new line
        self.heard_s = 0.0
        self.healthy_s = 0.0  # so long it has delivered

    def run(self, stop: threading.Event) -> None:
        """Live until ``stop``. Raises `LineDown` when the connection ends otherwise, or cannot be opened."""
        self._old = self._channel(self._open_line())
        self._renew_at_s = self._renew_s()
        try:
            while not stop.is_set():
                self._turn()
                if self._detour is not None:
                    self._detour.turn()
                if self._advise(self._now_s()):
                    self._renew_at_s = self._now_s()  # remembered while a renewal is under way
                self._renew()
        finally:
            channels = [channel for channel in (self._old, self._new) if channel is not None]
            with ExitStack() as ends:
                for channel in channels:
                    ends.callback(channel.line.close)
                if self._detour is not None:
                    ends.callback(self._detour.close)
                if self._opening is not None:
                    ends.callback(self._opening.leave)
                for channel in channels:  # what arrived before the end counts
                    self._hand_on(channel, channel.rest())

    def close(self) -> None:
        """End it, from any thread."""
        with self._lock:
            self._closed = True
            channels = [channel for channel in (self._old, self._new) if channel is not None]
        for channel in channels:
            channel.line.close()

    def _channel(self, line: Line) -> Channel:
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
        alone = self._new is None and (self._detour is None or not self._detour.open)
        try:
            self._read(self._old, IDLE_READ_S if alone else BOTH_READ_S)
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
                self._leave_new(self._new, str(down))

    def _read(self, channel: Channel, idle_s: float) -> None:
        messages = channel.line.read(channel.patience_s(idle_s, self._now_s()))
        now_s = self._now_s()
        channel.arrived(messages, now_s)
        self.heard_s = max(self.heard_s, channel.heard_s)
        self._hand_on(channel, channel.due(now_s))
        channel.check(now_s)
        self._tend(channel.line, now_s)

    def _hand_on(self, channel: Channel, messages: list[bytes]) -> None:
        if not messages:
            return
        now_s = self._now_s()
        spoke = self._deliver(channel.line, messages, now_s)
        if channel is self._new:
            self._seen.update(spoke)
        else:
            spoken = dict.fromkeys(spoke, now_s)
            self._busy.update(spoken)
            if self._new is not None:
                self._since = spoken | self._since
            self.healthy_s = now_s - channel.opened_s

    def _renew(self) -> None:
        """Take the next step of a renewal that is due or under way."""
        now_s = self._now_s()
        if self._new is not None:
            self._finish_renewal(self._new, now_s)
        elif self._opening is not None:
            try:
                line = self._opening.line()
                fresh = None if line is None else self._channel(line)
            except LineDown as down:
                self._opening = None
                self._failed(str(down))
                return
            if fresh is not None:
                self._opening = None
                self._seen.clear()
                self._since.clear()
                with self._lock:
                    self._new = fresh
        elif now_s >= max(self._renew_at_s, self._not_before_s):
            self._renew_at_s = self._renew_s()
            self._opening = Opening(self._open_line, self._beside)

    def _finish_renewal(self, new: Channel, now_s: float) -> None:
        """Close the old line once the new one delivers all that is alive; leave the new one if it never does."""
        age_s = now_s - new.opened_s
        alive = {key for key, spoke_s in self._busy.items() if now_s - spoke_s <= self._times.busy_s}
        if age_s >= self._times.overlap_least_s and alive <= self._seen:
            self._switch()
        elif age_s > self._times.overlap_s:
            only_old = {key for key, at_s in self._since.items() if now_s - at_s > self._times.busy_s} - self._seen
            if only_old:
                self._leave_new(new, f"it does not deliver {', '.join(f'{s} ({k})' for s, k in sorted(only_old))}")
            else:
                self._switch()

    def _leave_new(self, new: Channel, why: str) -> None:
        self._hand_on(new, new.rest())
        with self._lock:
            self._new = None
        new.line.close()
        self._failed(why)

    def _failed(self, why: str) -> None:
        if not self._closed:
            log.warning("the connection could not be renewed yet: %s", why)
        self._renew_at_s = self._not_before_s = self._now_s() + self._times.renew_again_s

    def _switch(self) -> None:
        old = self._old
        assert old is not None
        self._hand_on(old, old.rest())
        with self._lock:
            self._old, self._new = self._new, None
        old.line.close()
        self._busy = dict.fromkeys(self._seen, self._now_s())
