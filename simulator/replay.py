"""A recording as the source of what happens: its records at their own times, in their own order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final, Literal

from simulator.exchange import History
from simulator.recording import Recording
from simulator.records import Instrument, Item, Record

WILD_MS: Final = 3_600_000  # so far ahead of something that arrived later, a date is not when the item arrived


class Replay:
    """Hands out a recording by event time. An item that steps back in time keeps its place in the order of arrival."""

    mode: Literal["market", "replay"] = "replay"
    history: History | None = None

    def __init__(self, recording: Recording) -> None:
        self.instruments: Sequence[Instrument] = recording.instruments
        self._items: Sequence[Item] = recording.items
        self._due: Sequence[int] = list(accumulate(_believed([item.event_ms for item in self._items]), max))
        self._next = 0
        self.start_ms = self._due[0] - 1
        self.past_start_ms = 0  # what was not recorded did not happen

    def past(self) -> Iterable[Record]:
        """Nothing is known of the time before a recording."""
        return ()

    def take(self, now_ms: int, limit: int) -> Sequence[Item]:
        """The next items up to ``now_ms``."""
        first = last = self._next
        end = min(len(self._items), first + limit)
        while last < end and self._due[last] <= now_ms:
            last += 1
        self._next = last
        return self._items[first:last]

    @property
    def reached_ms(self) -> int:
        """When the newest item taken has happened."""
        return self._due[self._next - 1] if self._next else self.start_ms

    def quote(self, symbol: str, at_ms: int) -> tuple[int, int] | None:
        """A recording has its own quotes, or none."""
        return None

    @property
    def end_ms(self) -> int | None:
        """Event time of the last item."""
        return self._due[-1]


def _believed(times_ms: Sequence[int]) -> list[int]:
    """When each item arrived, going by its event time; by those of the items behind it where that one is wild.

    >>> _believed([5, 10, 99_000_000, 15, 12])
    [5, 10, 12, 15, 12]
    """
    later = list(accumulate(reversed(times_ms), min))[::-1]
    return [at if at - low <= WILD_MS else low for at, low in zip(times_ms, later, strict=True)]
