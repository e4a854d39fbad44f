"""A recording as the source of what happens: its records at their own times, in their own order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Literal

from simulator.exchange import History
from simulator.recording import Recording
from simulator.records import Instrument, Item, Record


class Replay:
    """Hands out a recording by event time. An item that steps back in time keeps its place in the order of arrival."""

    mode: Literal["market", "replay"] = "replay"
    history: History | None = None

    def __init__(self, recording: Recording) -> None:
        self.instruments: Sequence[Instrument] = recording.instruments
        self._items: Sequence[Item] = recording.items
        self._due: Sequence[int] = list(accumulate((item.event_ms for item in self._items), max))
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

    def quote(self, symbol: str, at_ms: int) -> tuple[int, int] | None:
        """A recording has its own quotes, or none."""
        return None

    @property
    def end_ms(self) -> int | None:
        """Event time of the last item."""
        return self._due[-1]
