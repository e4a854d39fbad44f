"""Which streams are silent for longer than their rate explains, and what to do about it. Pure state; time is handed in.

The exchange confirms every subscription, also of streams that will never deliver, and a connection that answers pings
may carry nothing: only records prove a stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ingestion.pulse import Beat, StreamKey
from ingestion.times import THE_EXCHANGE, FeedTimes

MISSED_RECORDS: Final = 20  # so many expected ones in a row; by chance once in e^20 looks


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do now, by stream. Each step comes when the one before has not helped."""

    again: tuple[StreamKey, ...] = ()  # drop it and ask for it again
    renew: tuple[StreamKey, ...] = ()  # open a new connection
    given_up: tuple[StreamKey, ...] = ()  # this address does not deliver it


@dataclass(slots=True)
class _Case:
    """A silent stream: how far it has come, and when the last step was taken."""

    step: int = 0
    at_s: float = 0.0


class Watchdog:
    """Judges each stream by its own rate: thin symbols may be silent for long, busy ones not."""

    def __init__(self, times: FeedTimes = THE_EXCHANGE) -> None:
        self._times = times
        self._expected: dict[StreamKey, float] = {}
        self._cases: dict[StreamKey, _Case] = {}

    def expect(self, rates: Mapping[StreamKey, float]) -> None:
        """Records per second to expect, from the exchange's own counts; used until the stream has shown its rate."""
        self._expected.update(rates)

    def limit_s(self, key: StreamKey, beat: Beat) -> float:
        """How long this stream may be silent."""
        rates = [rate for rate in (self._expected.get(key, 0.0),) if rate > 0]
        if beat.weight_s >= self._times.learned_after_s:
            rates.append(beat.rate_per_s)
        if not rates:
            return self._times.silent_unknown_s
        missed_s = MISSED_RECORDS / max(min(rates), 1e-9)
        return min(self._times.silent_most_s, max(self._times.silent_least_s, missed_s))

    def silent(self, beats: Mapping[StreamKey, Beat], now_s: float) -> tuple[StreamKey, ...]:
        """The streams that are silent for too long."""
        return tuple(key for key, beat in beats.items() if now_s - _spoke_s(beat) > self.limit_s(key, beat))

    def advise(self, beats: Mapping[StreamKey, Beat], now_s: float) -> Advice:
        """The steps that are due; each is advised once."""
        steps: dict[int, list[StreamKey]] = {1: [], 2: [], 3: []}
        for key in list(self._cases):
            beat = beats.get(key)
            if beat is None or _spoke_s(beat) > self._cases[key].at_s:
                del self._cases[key]
        for key in self.silent(beats, now_s):
            case = self._cases.setdefault(key, _Case())
            if case.step >= 3:
                if now_s - case.at_s > max(self._times.cycle_s, self.limit_s(key, beats[key])):
                    del self._cases[key]
                continue
            if case.step == 0 or now_s - case.at_s > self.limit_s(key, beats[key]):
                case.step, case.at_s = case.step + 1, now_s
                steps[case.step].append(key)
        return Advice(*(tuple(steps[step]) for step in (1, 2, 3)))

    def tried_elsewhere(self, keys: Iterable[StreamKey], now_s: float) -> None:
        """These are asked for at another address now: give them time there before giving up."""
        for key in keys:
            self._cases[key] = _Case(step=2, at_s=now_s)


def _spoke_s(beat: Beat) -> float:
    return beat.since_s if beat.arrived_s is None else max(beat.since_s, beat.arrived_s)
