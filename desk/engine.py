"""Looks: every confirmed candle of every watched pair is analysed, judged and journalled, in order, once.

One thread, "engine", woken by confirmed candles. The screen's looks come from the same function, so that what is on
screen and what is in the journal are the same words.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from typing import Final, Protocol

import numpy as np

from analytics.costs import CostSplit, Funding, half_spread_bps, round_trip
from analytics.decision import Freshness, decide
from analytics.journal import journal_row
from analytics.look import Look
from analytics.params import Params
from analytics.record import Record, RecordSummary, advance, record_of
from analytics.report import PairReport, analyse
from analytics.ticket import deciding_z, legs_of
from core.errors import PairsightError
from core.journal import JournalRow
from core.types import Candles, Ints, MarkPrice, Ticks

log = logging.getLogger(__name__)

SCREEN_ROWS: Final = 300  # confirmed rows with statistics that the screen shows
PRINTS: Final = 600  # newest trades that the price spread is estimated from
WATCHES: Final = 50  # pairs looked at; the one asked for longest ago makes room
CATCH_UP: Final = 2_000  # looks owed beyond this many candles are not made up for: the journal begins anew
SLOW: Final = 20  # looks owed at once that are worth a line in the log
RECORD_DAYS: Final[Mapping[int, int]] = {60: 30, 300: 60, 900: 120, 3600: 180}  # history of a pair's record
FINE_RECORD_BARS: Final = 60_000  # below 1 min: what the stream has brought, at most so much of it
RECORD_AGAIN_S: Final = 10.0  # while its history is still coming in
TURN_S: Final = 1.0

NO_FUNDING_HOURS: Final = 8  # the exchange lists only contracts that differ


class Library(Protocol):
    """What the engine reads."""

    def candles(
        self, symbol: str, timeframe_s: int, *, limit: int | None = ..., to_ms: int | None = ...
    ) -> Candles: ...
    def trades(self, symbol: str, *, to_ms: int | None = ..., limit: int | None = ...) -> Ticks: ...
    def looks(self, pair: str, timeframe_s: int, params: str, *, limit: int | None = ...) -> list[JournalRow]: ...


class Journal(Protocol):
    """What it writes."""

    def put_looks(self, looks: Sequence[JournalRow]) -> None: ...
    def note_looks(self, pair: str, timeframe_s: int, from_ms: int, to_ms: int) -> None: ...
    def flush(self, timeout_s: float = ...) -> bool: ...


@dataclass(frozen=True, slots=True)
class Key:
    """What is watched."""

    symbol_y: str
    symbol_x: str
    params: Params

    @property
    def pair(self) -> str:
        """The pair's name, Y first."""
        return f"{self.symbol_y}/{self.symbol_x}"


@dataclass(frozen=True, slots=True, eq=False)
class _Legs:
    """What an analysis reads."""

    y: Candles
    x: Candles
    holes: Ints


def _same(a: _Legs, b: _Legs) -> bool:
    """Whether an analysis of both would say the same: then the report stays the same object, and is drawn once."""
    return np.array_equal(a.holes, b.holes) and all(
        np.array_equal(c.open_ms, d.open_ms) and np.array_equal(c.close, d.close) for c, d in ((a.y, b.y), (a.x, b.x))
    )


@dataclass(slots=True)
class _Watch:
    """What is remembered of one watched pair between looks. The lock guards it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    seen: tuple[int | None, int | None, int] | None = None  # newest candles and revision of the report kept
    report: PairReport | None = None
    legs: _Legs | None = None  # what it was made of
    costs: CostSplit | None = None
    record: Record | None = None
    record_revision: int = -1
    record_s: float = -1e9
    said_ms: int | None = None  # newest candle that has its row in the journal
    asked: bool = False  # whether the journal was asked for it


def record_bars(params: Params) -> int:
    """Candles that a pair's record and its newest fit need; 0 where the exchange keeps no history."""
    days = RECORD_DAYS.get(params.timeframe_s)
    return 0 if days is None else days * 86_400 // params.timeframe_s + params.need_bars


class Engine:
    """Analyses and journals. ``newest_ms`` and ``revision`` say cheaply whether there is anything new.

    ``holes`` gives the opens known to be incomplete in either leg; ``marks`` and ``funding_hours`` what the exchange
    says of funding. Without a ``journal`` it only reads, for a process that does not collect.
    """

    def __init__(
        self,
        store: Library,
        *,
        journal: Journal | None,
        newest_ms: Callable[[str, int], int | None],
        revision: Callable[[str, int], int],
        holes: Callable[[str, int, int], Ints],
        marks: Callable[[], Mapping[str, MarkPrice]],
        funding_hours: Callable[[], Mapping[str, int]],
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._journal = journal
        self._newest_ms = newest_ms
        self._revision = revision
        self._holes = holes
        self._marks = marks
        self._funding_hours = funding_hours
        self._now_ms = now_ms
        self._monotonic = monotonic
        self._watches: OrderedDict[Key, _Watch] = OrderedDict()  # the one on screen last
        self._lock = threading.Lock()  # guards the dict
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.behind = 0  # looks owed at the newest round

    def start(self) -> None:
        """Start the thread; does nothing while it runs."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stop.clear()
        self._thread = threading.Thread(target=self._main, name="engine", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the thread."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                log.warning("the engine has not ended after %g s", timeout_s)

    def wake(self) -> None:
        """Candles were confirmed or repaired."""
        self._wake.set()

    def watch(self, key: Key) -> None:
        """Look at this pair at every confirmed candle from now on."""
        self._of(key)
        self._wake.set()

    def repaired(self, symbol: str, timeframe_s: int, open_ms: int) -> None:
        """A candle was repaired late: looks that rested on the interval without it get a note, and stay as they are."""
        if self._journal is None:
            return
        with self._lock:
            watches = list(self._watches.items())
        for key, watch in watches:
            if symbol in (key.symbol_y, key.symbol_x) and key.params.timeframe_s == timeframe_s:
                said_ms = watch.said_ms
                if said_ms is not None and said_ms >= open_ms:
                    last_ms = min(said_ms, open_ms + key.params.need_bars * timeframe_s * 1000)
                    self._journal.note_looks(key.pair, timeframe_s, open_ms, last_ms)
        self._wake.set()

    def look(self, key: Key, freshness: Freshness) -> Look:
        """The newest look for the screen.

        The statistics are those of the newest confirmed candle; only ``freshness`` is of this moment.
        """
        watch = self._of(key)
        report = self.report(key)
        with watch.lock:
            summary = watch.record.summary() if watch.record is not None else None
            decision = decide(report, freshness=freshness, costs=watch.costs, record=summary)
            return Look(report, decision, watch.costs, summary)

    def report(self, key: Key) -> PairReport:
        """The newest look's report."""
        watch = self._of(key)
        with watch.lock:
            self._refresh(key, watch)
            assert watch.report is not None
            return watch.report

    def _of(self, key: Key) -> _Watch:
        with self._lock:
            watch = self._watches.get(key)
            if watch is None:
                watch = self._watches[key] = _Watch()
                while len(self._watches) > WATCHES:
                    self._watches.popitem(last=False)
            self._watches.move_to_end(key)
            return watch

    def _refresh(self, key: Key, watch: _Watch) -> None:
        """Analyse the newest candles unless that was done."""
        timeframe_s = key.params.timeframe_s
        ends = (self._newest_ms(key.symbol_y, timeframe_s), self._newest_ms(key.symbol_x, timeframe_s))
        now = (*ends, self._changes(key))
        if watch.report is not None and watch.seen == now:
            return
        self._settle()
        legs = self._legs(key, key.params.need_bars + SCREEN_ROWS, None)
        if watch.report is None or watch.legs is None or not _same(legs, watch.legs):
            watch.report, watch.legs = analyse(legs.y, legs.x, key.params, legs.holes), legs
        watch.seen = now
        watch.costs = self._costs(key, watch.report, watch.record)

    def _changes(self, key: Key) -> int:
        timeframe_s = key.params.timeframe_s
        return self._revision(key.symbol_y, timeframe_s) + self._revision(key.symbol_x, timeframe_s)

    def _settle(self) -> None:
        """What was confirmed must be there to be read."""
        if self._journal is not None:
            self._journal.flush()

    def report_to(self, key: Key, bars: int, to_ms: int | None) -> PairReport:
        """The analysis of the newest ``bars`` stored candles opened before ``to_ms``; None: of all."""
        legs = self._legs(key, bars, to_ms)
        return analyse(legs.y, legs.x, key.params, legs.holes)

    def _legs(self, key: Key, bars: int, to_ms: int | None) -> _Legs:
        timeframe_s = key.params.timeframe_s
        y = self._store.candles(key.symbol_y, timeframe_s, limit=bars, to_ms=to_ms)
        x = self._store.candles(key.symbol_x, timeframe_s, limit=bars, to_ms=to_ms)
        return _Legs(y, x, self._incomplete(key, y, x))

    def _incomplete(self, key: Key, y: Candles, x: Candles) -> Ints:
        opens = [int(c.open_ms[0]) for c in (y, x) if len(c)]
        if not opens:
            return np.empty(0, np.int64)
        timeframe_s, start = key.params.timeframe_s, min(opens)
        return np.union1d(
            np.setdiff1d(self._holes(key.symbol_y, timeframe_s, start), y.open_ms),
            np.setdiff1d(self._holes(key.symbol_x, timeframe_s, start), x.open_ms),
        )

    def _costs(self, key: Key, report: PairReport, record: Record | None) -> CostSplit | None:
        """A round trip at the report's newest candle, from stored prints and the funding announced."""
        legs = legs_of(report, deciding_z(report))
        if legs is None or report.newest_ms is None:
            return None
        end_ms = report.newest_ms + report.step_ms
        summary = record.summary() if record is not None else None
        return round_trip(
            legs,
            fee_y_bps=key.params.fee_bps,
            fee_x_bps=key.params.fee_bps,
            half_y_bps=half_spread_bps(self._store.trades(key.symbol_y, to_ms=end_ms, limit=PRINTS)),
            half_x_bps=half_spread_bps(self._store.trades(key.symbol_x, to_ms=end_ms, limit=PRINTS)),
            funding_y=self._funding(key.symbol_y),
            funding_x=self._funding(key.symbol_x),
            now_ms=end_ms,
            hold_s=summary.mean_hold_s if summary is not None else None,
        )

    def _funding(self, symbol: str) -> Funding | None:
        mark = self._marks().get(symbol)
        if mark is None or mark.next_funding_ms <= 0:
            return None
        hours = self._funding_hours().get(symbol, NO_FUNDING_HOURS)
        return Funding(mark.funding_rate, float(hours), mark.next_funding_ms)

    # The journal

    def _main(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(TURN_S)
            self._wake.clear()
            try:
                self._round()
            except PairsightError as error:  # a store that cannot be read now; the next round tries again
                log.warning("engine: %s", error)
            except Exception:  # the thread's last resort
                log.exception("the engine failed at a look; it goes on with the next")

    def _round(self) -> None:
        self._settle()
        with self._lock:
            newest_first = list(reversed(self._watches.items()))
        owed = 0
        for key, watch in newest_first:
            if self._stop.is_set():
                return
            with watch.lock:
                owed += self._catch_up(key, watch)
        self.behind = owed

    def _catch_up(self, key: Key, watch: _Watch) -> int:
        """Journal every candle since the newest look, oldest first; returns how many there were."""
        timeframe_s = key.params.timeframe_s
        newest_y, newest_x = self._newest_ms(key.symbol_y, timeframe_s), self._newest_ms(key.symbol_x, timeframe_s)
        if newest_y is None or newest_x is None:
            return 0
        if not watch.asked:
            said = self._store.looks(key.pair, timeframe_s, key.params.key, limit=1)
            watch.said_ms, watch.asked = (said[-1].candle_ms if said else None), True
        self._renew_record(key, watch)
        if watch.said_ms is not None and min(newest_y, newest_x) <= watch.said_ms:
            return 0
        bars = key.params.need_bars + SCREEN_ROWS
        report = self.report_to(key, bars, None)
        owed = self._owed(watch, report)
        if len(owed) > CATCH_UP:
            log.warning("%s: %d looks were missed; the journal goes on from the newest", key.pair, len(owed))
            owed = owed[-1:]
        elif len(owed) > SLOW:
            log.info("%s: catching up %d looks", key.pair, len(owed))
        step_ms = timeframe_s * 1000
        for open_ms in owed:
            if self._stop.is_set():
                return len(owed)
            at = report if open_ms == report.newest_ms else self.report_to(key, bars, open_ms + step_ms)
            self._say(key, watch, at)
        return len(owed)

    def _owed(self, watch: _Watch, report: PairReport) -> list[int]:
        if not report.have_bars:
            return []
        if watch.said_ms is None:  # a journal begins at the newest candle
            return [int(report.open_ms[-1])]
        return [int(t) for t in report.open_ms[report.open_ms > watch.said_ms]]

    def _say(self, key: Key, watch: _Watch, report: PairReport) -> None:
        """One look: record, costs, decision, journal."""
        if watch.record is not None and watch.record.newest_ms is not None:
            try:
                watch.record = advance(watch.record, report)
            except ValueError:  # more candles have passed than the report holds: from the beginning
                watch.record_revision = -1
                self._renew_record(key, watch)
        watch.costs = self._costs(key, report, watch.record)
        summary: RecordSummary | None = watch.record.summary() if watch.record is not None else None
        freshness = Freshness.as_of(report.newest_y_ms, report.newest_x_ms, timeframe_s=key.params.timeframe_s)
        decision = decide(report, freshness=freshness, costs=watch.costs, record=summary)
        look = Look(report, decision, watch.costs, summary)
        if self._journal is not None:
            row = {name: nan if value is None else value for name, value in journal_row(look).items()}
            self._journal.put_looks([replace(JournalRow(**row), written_ms=self._now_ms())])  # type: ignore[arg-type]
        watch.said_ms = report.newest_ms

    def _renew_record(self, key: Key, watch: _Watch) -> None:
        """Take the record from the whole history again when that has changed, not too often."""
        revision = self._changes(key)
        now_s = self._monotonic()
        if watch.record is not None and watch.record_revision == revision:
            return
        if now_s - watch.record_s < RECORD_AGAIN_S:
            return
        bars = record_bars(key.params) or FINE_RECORD_BARS
        to_ms = None if watch.said_ms is None else watch.said_ms + key.params.timeframe_s * 1000
        watch.record = record_of(self.report_to(key, bars, to_ms))
        watch.record_revision, watch.record_s = revision, now_s
        watch.seen = None  # the screen's costs rest on the record's mean hold
