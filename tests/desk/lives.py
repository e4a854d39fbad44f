"""A collector at a venue that runs, stops, is killed and is born again on the same database."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

from core.settings import Settings
from core.types import TradeKind
from desk.collector import Collector
from simulator.faults import Fault
from simulator.recording import Recording
from simulator.records import Record
from storage.backlog import Backlog
from storage.sqlite import TradeStore
from storage.work import Work
from tests.desk.schedules import SYMBOLS
from tests.desk.truth import Findings, examine
from tests.desk.venue import Time, Venue

GRACE_MS: Final = 500
REAL_WAIT_S: Final = 120.0  # a run that hangs fails
WATCHED: Final = ("desk", "ingestion", "storage")


class Unwritten:
    """Stands before a store's queue and keeps each request for one flush interval: what a killed process loses."""

    def __init__(self, behind: Backlog, time: Time, flush_s: float) -> None:
        self._behind, self._time, self._flush_s = behind, time, flush_s
        self._kept: deque[tuple[float, Work]] = deque()
        self.dead = False

    def offer(self, request: Work) -> bool:
        if not self.dead:
            self._kept.append((self._time.s, request))
            self.pass_on(self._time.s - self._flush_s)
        return not self.dead

    def pass_on(self, until_s: float) -> None:
        """Hand on what was asked for until then."""
        while self._kept and self._kept[0][0] <= until_s:
            self._behind.offer(self._kept.popleft()[1])

    def lose(self, keep: int) -> None:
        """The process is killed: only so many of the waiting requests still make it, in order."""
        for _ in range(min(keep, len(self._kept))):
            self._behind.offer(self._kept.popleft()[1])
        self._kept.clear()
        self.dead = True

    def wait_written(self, timeout_s: float) -> bool:
        self.pass_on(self._time.s)
        return self.dead or self._behind.wait_written(timeout_s)

    def close(self) -> None:
        self.pass_on(self._time.s)
        self._behind.close()

    def __len__(self) -> int:
        return len(self._kept)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)


class MortalStore(TradeStore):
    """A store whose process can be killed."""

    def __init__(self, path: Path, time: Time, flush_ms: int) -> None:
        super().__init__(path, flush_ms=flush_ms)
        self.unwritten = Unwritten(self._backlog, time, flush_ms / 1000)
        self._backlog = self.unwritten  # type: ignore[assignment]


class Errors(logging.Handler):
    """Keeps what is logged as an error: none may be, whatever the exchange does."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class Life:
    """One database, one venue, and the collectors that live there one after the other."""

    def __init__(
        self,
        recording: Recording,
        path: Path,
        schedule: Sequence[Fault] = (),
        *,
        stream: TradeKind = "trade",
        wants: Sequence[int] = (),
        begins_s: float = 0.0,
    ) -> None:
        """``wants``: timeframes of which history is wanted; ``begins_s``: how long the exchange trades before."""
        self.venue = Venue(recording, list(schedule))
        if begins_s:
            self.venue.begin(begins_s)
        self.settings = Settings(
            ws_url="ws://venue", rest_url="http://venue", db=path, symbols=SYMBOLS, stream=stream, grace_ms=GRACE_MS
        )
        self.errors = Errors()
        self._wants = wants
        self._random = Random(1)
        self.born()

    def __enter__(self) -> Life:
        for name in WATCHED:
            logging.getLogger(name).addHandler(self.errors)
        return self

    def __exit__(self, *error: object) -> None:
        self.end()
        for name in WATCHED:
            logging.getLogger(name).removeHandler(self.errors)

    def born(self) -> None:
        """A new process on the same database."""
        s = self.settings
        self.store = MortalStore(s.db, self.venue.time, s.flush_ms)
        self.collector = Collector(s, self.store, self.venue.surroundings())
        self.venue.others = self._others
        for timeframe_s in self._wants:
            for symbol in SYMBOLS:
                self.collector.repairer.want(symbol, timeframe_s, 300)

    def run(self, seconds: float) -> None:
        """Live for so long."""
        self.venue.go_on(self.venue.time.s + seconds)
        self.collector.streams.trades.start()
        assert self.venue.stopped.wait(REAL_WAIT_S), "time does not pass"
        assert not self.errors.lines, self.errors.lines

    def pause(self, seconds: float) -> None:
        """Stop in peace, let so much time pass, and be ready to run again."""
        self._hang_up()
        self.collector.intake.ended()
        self.store.flush()
        self._alone(seconds)
        self.venue.others = self._others

    def postpone(self, share: float, most_s: float) -> None:
        """Deliver so many of the records late and out of order from now on."""
        self.venue.postpone(self._random, share, most_s)

    def killed(self, away_s: float) -> None:
        """Kill -9, then so much time without anybody, then a new process."""
        self.store.unwritten.lose(self._random.randint(0, len(self.store.unwritten)))
        self._hang_up()
        self.collector.close()
        self._alone(away_s)
        self.born()

    def end(self) -> None:
        """The end, in peace."""
        self._hang_up()
        self.collector.close()

    def findings(self) -> Findings:
        """What the database holds, against what has happened."""
        self.collector.intake.tick()
        self.store.flush()
        tapes, aggregates = self.venue.exchange.tapes, None
        if self.settings.stream == "aggTrade":
            aggregates = {symbol: tapes[symbol].aggregates.read(1 << 30, from_id=0) for symbol in SYMBOLS}
        return examine(self.store, self.truth(), self.collector.intake.watermark_ms, GRACE_MS, aggregates)

    def truth(self) -> Mapping[str, Sequence[Record]]:
        """What has happened, whoever heard of it."""
        return {symbol: self.venue.exchange.tapes[symbol].records() for symbol in SYMBOLS}

    def _hang_up(self) -> None:
        self.collector.streams.trades.stop()

    def _alone(self, seconds: float) -> None:
        self.venue.others = lambda: None
        self.venue.go_on(self.venue.time.s + seconds + 1.0)
        self.venue.pass_time(seconds)

    def _others(self) -> None:
        self.store.unwritten.pass_on(self.venue.time.s - self.settings.flush_ms / 1000)
        self.collector.intake.tick()
        self.collector.repairer.turn()


def lengthened(recording: Recording, seconds: int = 8) -> Recording:
    """The recording and a few made-up trades after it, so that its last bars are over and settled."""
    items, extra = list(recording.items), []
    for symbol in SYMBOLS:
        last = [r for r in recording.records if r.symbol == symbol][-1]
        extra += [
            last._replace(id=last.id + n, trade_ms=last.trade_ms + 500 * n, event_ms=last.event_ms + 500 * n)
            for n in range(1, 2 * seconds)
        ]
    extra.sort(key=lambda r: r.event_ms)
    return replace(recording, items=(*items, *extra))
