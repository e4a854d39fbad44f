"""Which streams are wanted and which were asked for: the control frames that are due. Pure state; time is handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from core.types import Reply

NAMES_PER_FRAME: Final = 200
FRAMES_PER_S: Final = 4.0  # the exchange allows 10, pings and pongs included

Frame = Callable[[Sequence[str], int], str]  # names, request id -> text


class Control:
    """The wanted streams outlive connections; what was asked for is forgotten with each.

    An answer only says that the exchange understood: streams that do not exist are confirmed too. So answers are
    watched for errors and for staying out, and delivery is watched elsewhere (`watchdog.py`).
    """

    def __init__(self, subscribe: Frame, unsubscribe: Frame) -> None:
        self._subscribe = subscribe
        self._unsubscribe = unsubscribe
        self._wanted: dict[str, None] = {}  # in the order they were wanted
        self._asked: set[str] = set()
        self._renewed: set[str] = set()  # to be dropped and asked for again
        self._settled = False  # nothing is due
        self._waiting: dict[int, float] = {}  # request id -> when it was sent
        self._next_id = 1
        self._budget = FRAMES_PER_S
        self._counted_s = 0.0
        self.refused = ""  # the exchange's newest complaint

    def want(self, names: Iterable[str]) -> None:
        """Ask for these too."""
        self._wanted.update(dict.fromkeys(names))
        self._settled = False

    def drop(self, names: Iterable[str]) -> None:
        """Ask for these no longer."""
        for name in names:
            self._wanted.pop(name, None)
        self._settled = False

    def again(self, names: Iterable[str]) -> None:
        """Drop these and ask for them once more: they were asked for and stayed silent."""
        self._renewed.update(names)
        self._settled = False

    def opening(self) -> list[str]:
        """The names that go into the address of the next connection; the rest follow in control frames."""
        return list(self._wanted)[:NAMES_PER_FRAME]

    def opened(self, names: Iterable[str], now_s: float) -> None:
        """A new connection has these and nothing else."""
        self._asked = set(names)
        self._renewed.clear()
        self._settled = False
        self._waiting.clear()
        self._budget, self._counted_s = FRAMES_PER_S, now_s

    def due(self, now_s: float) -> list[str]:
        """The frames to send now, within the exchange's limit."""
        if self._settled:
            return []
        self._budget = min(FRAMES_PER_S, self._budget + (now_s - self._counted_s) * FRAMES_PER_S)
        self._counted_s = now_s
        frames = []
        while self._budget >= 1 and (frame := self._next(now_s)) is not None:
            self._budget -= 1
            frames.append(frame)
        return frames

    def answered(self, reply: Reply) -> None:
        """An answer has come."""
        if reply.request_id is not None:
            self._waiting.pop(reply.request_id, None)
        if reply.error is not None:
            self.refused = reply.error

    def unanswered(self, now_s: float, within_s: float) -> bool:
        """Whether an answer stays out for longer than ``within_s``."""
        return any(now_s - sent_s > within_s for sent_s in self._waiting.values())

    def _next(self, now_s: float) -> str | None:
        surplus = [name for name in self._asked if name not in self._wanted or name in self._renewed][:NAMES_PER_FRAME]
        missing = [name for name in self._wanted if name not in self._asked][:NAMES_PER_FRAME]
        if not surplus and not missing:
            self._settled = True
            return None
        request_id, self._next_id = self._next_id, self._next_id + 1
        self._waiting[request_id] = now_s
        if surplus:
            self._asked.difference_update(surplus)
            self._renewed.difference_update(surplus)
            return self._unsubscribe(surplus, request_id)
        self._asked.update(missing)
        return self._subscribe(missing, request_id)
