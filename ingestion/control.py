"""What one line was asked for, and the control frames that are due on it. Pure state; time is handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from core.types import Reply

NAMES_PER_FRAME: Final = 200
FRAMES_PER_S: Final = 4.0  # the exchange allows 10, pings and pongs included

Frame = Callable[[Sequence[str], int], str]  # names, request id -> text
Names = Mapping[str, None]  # in the order they were wanted


def opening(wanted: Names) -> list[str]:
    """The names that go into the address of a line; the rest follow in control frames."""
    return list(wanted)[:NAMES_PER_FRAME]


class Control:
    """The wanted streams outlive lines; what was asked for belongs to each: another line knows nothing of it.

    An answer only says that the exchange understood: streams that do not exist are confirmed too. So answers are
    watched for staying out, and delivery is watched elsewhere (`watchdog.py`).
    """

    def __init__(self, subscribe: Frame, unsubscribe: Frame, names: Iterable[str], now_s: float) -> None:
        """A line that has just been opened with these names and nothing else."""
        self._subscribe = subscribe
        self._unsubscribe = unsubscribe
        self._asked = set(names)
        self._renewed: set[str] = set()  # to be dropped and asked for again
        self._settled: Names | None = None  # nothing is due while these are wanted
        self._waiting: dict[int, float] = {}  # request id -> when it was sent; oldest first
        self._next_id = 1
        self._budget = FRAMES_PER_S
        self._counted_s = now_s

    def again(self, names: Iterable[str]) -> None:
        """Drop these, where they were asked for, and ask for them once more: they stayed silent."""
        self._renewed |= self._asked.intersection(names)
        self._settled = None

    def due(self, wanted: Names, now_s: float) -> list[str]:
        """The frames to send now, within the exchange's limit. ``wanted`` is another object whenever it differs."""
        if self._settled is wanted:
            return []
        self._budget = min(FRAMES_PER_S, self._budget + (now_s - self._counted_s) * FRAMES_PER_S)
        self._counted_s = now_s
        frames = []
        while self._budget >= 1 and (frame := self._next(wanted, now_s)) is not None:
            self._budget -= 1
            frames.append(frame)
        return frames

    def answered(self, reply: Reply) -> None:
        """An answer has come; one that does not say to what is taken for that to the oldest request."""
        self._waiting.pop(next(iter(self._waiting), 0) if reply.request_id is None else reply.request_id, None)

    def unanswered(self, now_s: float, within_s: float) -> bool:
        """Whether an answer stays out for longer than ``within_s``."""
        return any(now_s - sent_s > within_s for sent_s in self._waiting.values())

    def _next(self, wanted: Names, now_s: float) -> str | None:
        surplus = [name for name in self._asked if name not in wanted or name in self._renewed][:NAMES_PER_FRAME]
        missing = [name for name in wanted if name not in self._asked][:NAMES_PER_FRAME]
        if not surplus and not missing:
            self._settled = wanted
            return None
        request_id, self._next_id = self._next_id, self._next_id + 1
        self._waiting[request_id] = now_s
        if surplus:
            self._asked.difference_update(surplus)
            self._renewed.difference_update(surplus)
            return self._unsubscribe(surplus, request_id)
        self._asked.update(missing)
        return self._subscribe(missing, request_id)
