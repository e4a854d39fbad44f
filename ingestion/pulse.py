"""What each stream delivered and when. Pure state; time is handed in (seconds of a monotonic clock)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from core.types import Batch, StreamStatus

RATE_MEMORY_S: Final = 600.0  # trades come in bursts; a shorter memory would call the pause after one a silence

StreamKey = tuple[str, str]  # symbol, kind


@dataclass(slots=True)
class Beat:
    """One stream's deliveries."""

    since_s: float  # when it was asked for, or asked for again
    arrived_s: float | None = None  # newest arrival
    rate_per_s: float = 0.0  # mean over the memory, as of the newest arrival: silence does not lower it
    weight_s: float = 0.0  # how much of the memory is filled
    last_id: int | None = None
    event_ms: int | None = None

    def count(self, records: int, now_s: float) -> None:
        """So many records have arrived."""
        passed_s = max(now_s - (self.since_s if self.arrived_s is None else self.arrived_s), 0.0)
        fade = math.exp(-passed_s / RATE_MEMORY_S)
        total = self.rate_per_s * self.weight_s * fade + records
        self.weight_s = max(RATE_MEMORY_S * (1 - fade) + self.weight_s * fade, 1.0)
        self.rate_per_s = total / self.weight_s
        self.arrived_s = now_s


class Pulse:
    """The beats of all streams of a feed."""

    def __init__(self) -> None:
        self._beats: dict[StreamKey, Beat] = {}

    @property
    def beats(self) -> Mapping[StreamKey, Beat]:
        """Each stream's beat, in the order they were asked for."""
        return self._beats

    def watch(self, streams: Iterable[StreamKey], now_s: float) -> None:
        """These, and only these, are asked for; new ones start now."""
        wanted = list(streams)
        self._beats = {key: self._beats.get(key) or Beat(since_s=now_s) for key in wanted}

    def restart(self, now_s: float) -> None:
        """A new connection: silence counts from here, what is known of each stream's rate stays."""
        for beat in self._beats.values():
            beat.since_s = now_s

    def take(self, batch: Batch, now_s: float) -> None:
        """A batch has arrived."""
        for records in batch.records:
            beat = self._beats.get((records.symbol, records.kind))
            if beat is not None:
                beat.count(len(records), now_s)
                beat.last_id = int(records.record_id[-1])
                beat.event_ms = int(records.event_ms[-1])
        for mark in batch.marks:
            beat = self._beats.get((mark.symbol, "markPrice"))
            if beat is not None:
                beat.count(1, now_s)
                beat.event_ms = mark.event_ms
        for bars in batch.bars:
            beat = self._beats.get((bars.symbol, "kline_1m"))
            if beat is not None:
                beat.count(bars.messages, now_s)
                beat.event_ms = bars.event_ms

    def streams(self, now_s: float) -> tuple[StreamStatus, ...]:
        """Every stream as a value."""
        return tuple(
            StreamStatus(
                symbol=symbol,
                last_id=beat.last_id,
                last_event_ms=beat.event_ms,
                age_s=None if beat.arrived_s is None else max(0.0, now_s - beat.arrived_s),
                rate_per_s=_shown(beat, now_s),
                kind=kind,
            )
            for (symbol, kind), beat in self._beats.items()
        )


def _shown(beat: Beat, now_s: float) -> float:
    """The rate as of now: falls while the stream is silent."""
    if beat.arrived_s is None:
        return 0.0
    silent_s = max(0.0, now_s - beat.arrived_s)
    return beat.rate_per_s * beat.weight_s / (beat.weight_s + silent_s)
