"""A whole collector, its threads and all, beside a replay over real sockets; patience shortened as time is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from core.settings import Settings
from core.types import TradeKind
from desk.collector import Collector
from desk.surroundings import Surroundings
from ingestion.rest import Rest
from ingestion.times import FeedTimes
from simulator.faults import Fault
from simulator.limits import Limits
from simulator.recording import Recording
from simulator.running import SimulatedExchange
from storage.sqlite import TradeStore
from tests.desk.lives import GRACE_MS
from tests.desk.schedules import SYMBOLS
from tests.desk.truth import Findings, examine

SPEED: Final = 120.0
OVER_S: Final = 60.0
SETTLED_S: Final = 80.0  # a firewall's refusal alone is obeyed for sixty seconds, however fast the replay
FAST: Final = FeedTimes(
    ping_every_s=0.4, answer_within_s=0.3, healthy_after_s=0.2, refused_wait_s=0.4, overlap_least_s=0.1, overlap_s=0.5,
    watch_every_s=0.05, silent_least_s=0.3, silent_unknown_s=0.4, learned_after_s=1e9, hold_s=0.15, give_up_s=0.75,
)  # fmt: skip


def around(times: FeedTimes = FAST) -> Surroundings:
    """The real world, hurried."""
    return Surroundings(
        rest=lambda base: Rest(base, waits=lambda: iter([0.05] * 9), timeouts_s=(2.0, 0.5), patience_s=2.0),
        waits=lambda: iter([0.05] * 10_000),
        times=times,
        retry_s=0.2,
    )


class Replayed:
    """Starts both, and ends both."""

    def __init__(
        self,
        recording: Recording,
        path: Path,
        schedule: Sequence[Fault] = (),
        *,
        times: FeedTimes = FAST,
        stream: TradeKind = "trade",
        speed: float = SPEED,
    ) -> None:
        self.exchange = SimulatedExchange.replaying(
            recording, speed=speed, faults=schedule, limits=Limits(settle_s=0.05, weight_per_minute=1_000_000)
        )
        self.exchange.start()
        self.settings = Settings(
            ws_url=self.exchange.ws_url,
            rest_url=self.exchange.rest_url,
            db=path,
            symbols=SYMBOLS,
            stream=stream,
            grace_ms=GRACE_MS,
            stale_after_s=0.5,
        )
        self._around = around(times)
        self.born()

    def __enter__(self) -> Replayed:
        self.collector.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.collector.close()
        self.exchange.stop()

    def born(self) -> None:
        """A collector, not yet started."""
        self.store = TradeStore(self.settings.db, flush_ms=self.settings.flush_ms)
        self.collector = Collector(self.settings, self.store, self._around)

    def finish(self) -> Findings:
        """Wait for the end of the recording, and until all that can be repaired is."""
        assert self.exchange.finished.wait(OVER_S)
        until(self._settled, SETTLED_S)
        if any(self.collector.intake.kind(symbol) != self.settings.stream for symbol in self.settings.symbols):
            # Rightly so: each of them is one trade then, and single ones are no longer what it is measured by.
            pytest.skip("this machine stood still for so long that a symbol's aggregates were taken instead")
        return self.findings()

    def _settled(self) -> bool:
        end_ms = self.exchange.exchange.source.end_ms
        if end_ms is None or self.collector.intake.watermark_ms < end_ms:  # a busy machine is behind
            return False
        found = self.findings()
        return not found.bad and not found.gaps["open"]

    def findings(self) -> Findings:
        """What the database holds, against what has happened."""
        tapes, symbols = self.exchange.exchange.tapes, self.settings.symbols
        aggregates = None
        if self.settings.stream == "aggTrade":
            aggregates = self.exchange.ask(
                lambda: {symbol: tapes[symbol].aggregates.read(1 << 30, from_id=0) for symbol in symbols}
            )
        self.store.flush()
        truth = {symbol: self.exchange.truth(symbol) for symbol in symbols}
        return examine(self.store, truth, self.collector.intake.watermark_ms, GRACE_MS, aggregates)


def until(true: Callable[[], bool], most_s: float) -> bool:
    """Look now and then whether it holds; the last look's answer."""
    deadline = time.monotonic() + most_s
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def hurried(schedule: Sequence[Fault], speed: float = SPEED) -> list[Fault]:
    """The same faults, where what lasts for seconds of the wall lasts for as long a part of the recording."""
    return [
        replace(
            fault,
            for_s=fault.for_s / speed * 4,
            delay_s=fault.delay_s / speed * 4,
            retry_after_s=min(1, fault.retry_after_s),
        )
        for fault in schedule
    ]
