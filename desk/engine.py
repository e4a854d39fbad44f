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
from dataclasses import replace
from math import nan
from typing import Final

import numpy as np

from analytics.decision import Freshness, decide
from analytics.journal import journal_row
from analytics.look import Look
from analytics.record import RecordSummary, advance, record_of
from analytics.report import PairReport
from core.errors import PairsightError
from core.journal import JournalRow
from core.types import EngineStatus, Ints, MarkPrice
from desk.basis import PRINTS, Basis, Journal, Library, Sources, report_of
from desk.watch import SCREEN_ROWS, Key, Watch, record_bars, same_legs
from desk.worker import Worker

__all__ = ["PRINTS", "SCREEN_ROWS", "Engine", "Key", "record_bars"]

log = logging.getLogger(__name__)

WATCHES: Final = 256  # pairs looked at; the one asked for longest ago makes room, those on the watch-list never do
CATCH_UP: Final = 2_000  # looks owed beyond this many candles are not made up for: the journal begins anew
TURN_LOOKS: Final = 20  # of one pair before the others have their turn
SLOW: Final = 20  # looks owed at once that are worth a line in the log
LOT: Final = 50  # looks handed to the journal together
ON_SCREEN_S: Final = 10.0  # a pair asked for within this time comes first, and again whenever it has a new candle
MEND_S: Final = 10.0  # looks wait at most so long for an interval before theirs that is being repaired
RECORD_AGAIN_S: Final = 10.0  # while its history is still coming in
RENEW_REST: Final = 3.0  # times as long as a renewal took, before the next one: most of the thread's time is for looks
TURN_S: Final = 1.0


class Engine:
    """Analyses and journals. ``newest_ms`` and ``revision`` say cheaply whether there is anything new.

    ``holes`` gives the opens known to be incomplete in a leg, ``mending`` those of them that may still be repaired;
    ``marks`` and ``funding_hours`` what the exchange says of funding. Without a ``journal`` it only reads, for a
    process that does not collect.
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
        funding_hours: Callable[[], Mapping[str, int] | None],
        mending: Callable[[str, int, int], Ints] | None = None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = Sources(store, holes, marks, funding_hours)
        self._journal = journal
        self._newest_ms = newest_ms
        self._revision = revision
        self._mending = mending
        self._now_ms = now_ms
        self._monotonic = monotonic
        self._watches: OrderedDict[Key, Watch] = OrderedDict()  # the one on screen last
        self._lock = threading.Lock()  # guards the dict
        self._wake = threading.Event()
        self._worker = Worker("engine", self._main, self._wake)
        self._listeners: list[Callable[[Key, JournalRow], None]] = []
        self._lot: list[tuple[Key, JournalRow]] = []  # said, not yet handed to the journal; the engine's thread only
        self._renew_from_s = -1e9
        self._status = EngineStatus()

    def start(self) -> None:
        """Start the thread; does nothing while it runs."""
        self._worker.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the thread."""
        self._worker.stop(timeout_s)

    def wake(self) -> None:
        """Candles were confirmed or repaired."""
        self._wake.set()

    def tell(self, listener: Callable[[Key, JournalRow], None]) -> None:
        """Have this hear of every look once it is queued for the journal, in order, on the engine's thread.

        It must be quick: later looks wait for it.
        """
        self._listeners.append(listener)

    def status(self) -> EngineStatus:
        """As of the newest round. Cheap."""
        with self._lock:
            watched = len(self._watches)
        return replace(self._status, watched=watched)

    def watch(self, key: Key, *, keep: bool = False) -> None:
        """Look at this pair at every confirmed candle from now on; with ``keep`` however many others are asked for."""
        watch = self._of(key)
        watch.kept = watch.kept or keep
        self._wake.set()

    def unwatch(self, key: Key) -> None:
        """Look at it no longer, until somebody asks for it again."""
        with self._lock:
            self._watches.pop(key, None)

    @property
    def watches(self) -> tuple[Key, ...]:
        """What is looked at, the pair on screen last."""
        with self._lock:
            return tuple(self._watches)

    def repaired(self, symbol: str, timeframe_s: int, open_ms: int) -> None:
        """A candle was repaired late: looks that rested on the interval without it get a note, and stay as they are."""
        if self._journal is None:
            return
        with self._lock:
            watches = list(self._watches.items())
        for key, watch in watches:
            if symbol in key.symbols and key.params.timeframe_s == timeframe_s:
                said_ms = watch.said_ms
                if said_ms is not None and said_ms >= open_ms:
                    last_ms = min(said_ms, open_ms + key.params.need_bars * timeframe_s * 1000)
                    self._journal.note_looks(key.pair, timeframe_s, open_ms, last_ms)
        self._wake.set()

    # For the screen

    def look(self, key: Key, freshness: Freshness) -> Look:
        """The newest look for the screen.

        The statistics are those of the newest confirmed candle; only ``freshness`` is of this moment.
        """
        report = self.report(key)
        watch = self._of(key)
        with watch.lock:
            summary = watch.record.summary() if watch.record is not None else None
            decision = decide(report, freshness=freshness, costs=watch.costs, record=summary)
            return Look(report, decision, watch.costs, summary)

    def report(self, key: Key) -> PairReport:
        """The newest look's report."""
        watch = self._of(key)
        watch.asked_s = self._monotonic()
        with watch.lock:
            self._refresh(key, watch)
            assert watch.report is not None
            return watch.report

    def report_to(self, key: Key, bars: int, to_ms: int | None) -> PairReport:
        """The analysis of the newest ``bars`` stored candles opened before ``to_ms``; None: of all."""
        return Basis(self._sources).report(key, bars, to_ms)

    def _of(self, key: Key) -> Watch:
        with self._lock:
            watch = self._watches.get(key)
            if watch is None:
                passing = [k for k, w in self._watches.items() if not w.kept] if len(self._watches) >= WATCHES else []
                if passing:
                    del self._watches[passing[0]]
                watch = self._watches[key] = Watch()
            self._watches.move_to_end(key)
            return watch

    def _refresh(self, key: Key, watch: Watch) -> None:
        """Analyse the newest candles unless that was done."""
        now = (*self._ends(key), self._changes(key))
        if watch.report is not None and watch.seen == now:
            return
        self._settle()
        basis = Basis(self._sources)
        legs = basis.legs(key, key.look_bars, None)
        if watch.report is None or watch.legs is None or not same_legs(legs, watch.legs):
            watch.report, watch.legs = report_of(key, legs), legs
        watch.seen = now
        watch.costs = basis.costs(key, watch.report, watch.record)

    def _ends(self, key: Key) -> tuple[int | None, int | None]:
        timeframe_s = key.params.timeframe_s
        return self._newest_ms(key.symbol_y, timeframe_s), self._newest_ms(key.symbol_x, timeframe_s)

    def _changes(self, key: Key) -> int:
        timeframe_s = key.params.timeframe_s
        return self._revision(key.symbol_y, timeframe_s) + self._revision(key.symbol_x, timeframe_s)

    def _settle(self) -> None:
        """What was confirmed must be there to be read."""
        if self._journal is not None:
            self._journal.flush()

    # The journal

    def _main(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._wake.wait(TURN_S)
            self._wake.clear()
            try:
                self.turn()
            except PairsightError as error:  # a store that cannot be read now; the next round tries again
                log.warning("engine: %s", error)
            except Exception:  # the thread's last resort
                log.exception("the engine failed at a look; it goes on with the next")

    def turn(self) -> None:
        """Every watched pair's turn: those on screen first, and again as soon as they have a new candle."""
        began_s = self._monotonic()
        with self._lock:
            order = list(reversed(self._watches.items()))
        front = [(key, watch) for key, watch in order if began_s - watch.asked_s < ON_SCREEN_S]
        others = [(key, watch) for key, watch in order if began_s - watch.asked_s >= ON_SCREEN_S]
        try:
            self._settle()
            basis = Basis(self._sources)
            self._turns(front, basis)
            self._hand_on()
            for at in range(0, len(others), LOT):
                self._turns(others[at : at + LOT], basis)
                if front and self._wake.is_set():
                    self._settle()
                    self._turns(front, Basis(self._sources))
        finally:  # what was said must be written, whatever came of the next one
            self._hand_on()
        self._settle()
        self._renew_records(order)
        self._told(order, self._monotonic() - began_s)

    def _turns(self, watches: Sequence[tuple[Key, Watch]], basis: Basis) -> None:
        """Say what these owe, as far as their turn goes."""
        for key, watch in watches:
            if self._worker.stopping:
                return
            with watch.lock:
                try:
                    self._catch_up(key, watch, basis)
                except PairsightError:
                    raise
                except Exception:  # one pair's trouble is not the others'
                    if watch.failed_ms != watch.said_ms or watch.said_ms is None:
                        log.exception("a look at %s failed", key.pair)
                    watch.failed_ms = watch.said_ms
            if len(self._lot) >= LOT:
                self._hand_on()

    def _hand_on(self) -> None:
        lot, self._lot = self._lot, []
        if not lot or self._journal is None:
            return
        self._journal.put_looks([row for _, row in lot])
        for key, row in lot:
            for listener in self._listeners:
                try:
                    listener(key, row)
                except Exception:  # whoever listens is not to cost others what was said
                    log.exception("a listener failed at a look at %s", key.pair)

    def _catch_up(self, key: Key, watch: Watch, basis: Basis) -> None:
        """Say the looks at the candles since the newest one said, oldest first."""
        newest_ms, step_ms = min(end or 0 for end in self._ends(key)), key.params.timeframe_s * 1000
        if not newest_ms:
            return
        if not watch.journal_read:
            said = self._sources.store.looks(key.pair, key.params.timeframe_s, key.params.key, limit=1)
            watch.said_ms, watch.journal_read = (said[-1].candle_ms if said else None), True
        if newest_ms <= self._said_through(key, watch):
            return
        revision = self._changes(key)
        if watch.record is None:
            self._renew_record(key, watch, watch.said_ms)
        y, x = (leg.candles.open_ms for leg in basis.legs(key, key.look_bars, None))
        owed, whole = self._owed(key, watch, np.intersect1d(y, x, assume_unique=True), basis)
        for open_ms in owed[:TURN_LOOKS]:
            if self._worker.stopping:
                return
            # A later candle that only one leg has by now does not concern the look at this one.
            self._say(key, watch, basis.newest(key, open_ms + step_ms), basis)
        if len(owed) > TURN_LOOKS:
            self._wake.set()
        elif whole and len(y) and len(x):  # a candle of one leg alone has no look
            watch.through = min(int(y[-1]), int(x[-1])), revision

    def _said_through(self, key: Key, watch: Watch) -> int:
        """Up to which open no look is owed."""
        through_ms, revision = watch.through
        if watch.said_ms is None:
            return -1
        return max(watch.said_ms, through_ms) if revision == self._changes(key) else watch.said_ms

    def _owed(self, key: Key, watch: Watch, opens: Ints, basis: Basis) -> tuple[list[int], bool]:
        """Opens of the candles to say looks at, and whether these are all of them."""
        if not len(opens):
            return [], True
        if watch.said_ms is None:  # a journal begins at the newest candle
            return [int(opens[-1])], True
        if opens[0] > watch.said_ms:  # a long time has passed
            y, x = (leg.candles.open_ms for leg in basis.legs(key, key.look_bars + CATCH_UP, None))
            opens = np.intersect1d(y, x, assume_unique=True)
        owed = [int(t) for t in opens[opens > watch.said_ms]]
        if len(owed) > CATCH_UP:
            log.warning("%s: %d looks or more were missed; the journal goes on from the newest", key.pair, len(owed))
            return owed[-1:], True
        if len(owed) > SLOW:
            log.info("%s: catching up %d looks", key.pair, len(owed))
        ready = self._ready(key, watch, owed)
        return ready, len(ready) == len(owed)

    def _ready(self, key: Key, watch: Watch, owed: list[int]) -> list[int]:
        """Those before the first interval under repair: its own look comes before those at later candles."""
        if self._mending is None or watch.said_ms is None or not owed:
            return owed
        from_ms = watch.said_ms + key.params.timeframe_s * 1000
        spans = [self._mending(symbol, key.params.timeframe_s, from_ms) for symbol in key.symbols]
        first_ms = min((int(span[0]) for span in spans if len(span)), default=None)
        if first_ms is None or first_ms > owed[-1]:
            watch.waits_ms = None
            return owed
        now_s = self._monotonic()
        if watch.waits_ms is None:
            watch.waits_ms, watch.waits_s = first_ms, now_s
        return owed if now_s - watch.waits_s > MEND_S else [t for t in owed if t < first_ms]

    def _say(self, key: Key, watch: Watch, report: PairReport, basis: Basis) -> None:
        """One look: record, costs, decision, journal."""
        if watch.record is None or watch.record.newest_ms is None:  # the legs had no candle in common yet
            self._renew_record(key, watch, report.newest_ms)
        else:
            try:
                watch.record = advance(watch.record, report)
            except ValueError:  # more candles have passed than the report holds: from the beginning
                self._renew_record(key, watch, report.newest_ms)
        watch.costs = basis.costs(key, report, watch.record)
        summary: RecordSummary | None = watch.record.summary() if watch.record is not None else None
        freshness = Freshness.as_of(report.newest_y_ms, report.newest_x_ms, timeframe_s=key.params.timeframe_s)
        decision = decide(report, freshness=freshness, costs=watch.costs, record=summary)
        if self._journal is not None:
            values = journal_row(Look(report, decision, watch.costs, summary))
            told = {name: nan if value is None else value for name, value in values.items()}
            self._lot.append((key, JournalRow(**told, written_ms=self._now_ms())))  # type: ignore[arg-type]
        watch.said_ms = report.newest_ms

    def _renew_records(self, order: Sequence[tuple[Key, Watch]]) -> None:
        """With the time that is left, take a record from its whole history where that has changed, not too often."""
        for key, watch in order:
            now_s = self._monotonic()
            if self._wake.is_set() or self._worker.stopping or now_s < self._renew_from_s:
                return
            with watch.lock:
                known = watch.record is None or watch.record_revision == self._changes(key)
                if not known and now_s - watch.record_s >= RECORD_AGAIN_S:
                    self._renew_record(key, watch, watch.said_ms)

    def _renew_record(self, key: Key, watch: Watch, last_ms: int | None) -> None:
        """From the stored history up to this candle; None: to the newest."""
        revision = self._changes(key)
        to_ms = None if last_ms is None else last_ms + key.params.timeframe_s * 1000
        began_s = self._monotonic()
        watch.record = record_of(Basis(self._sources).history(key, record_bars(key.params), to_ms))
        watch.record_revision, watch.record_s = revision, self._monotonic()
        self._renew_from_s = watch.record_s + RENEW_REST * (watch.record_s - began_s)
        watch.seen = None  # the screen's costs rest on the record's mean hold

    def _told(self, order: Sequence[tuple[Key, Watch]], round_s: float) -> None:
        """Say how it goes: looks owed for candles confirmed by now."""
        owed = 0
        for key, watch in order:
            newest_ms, through_ms = min(end or 0 for end in self._ends(key)), self._said_through(key, watch)
            if through_ms >= 0 and newest_ms > through_ms:
                owed += (newest_ms - through_ms) // (key.params.timeframe_s * 1000)
        behind = owed > len(order)
        if behind and not self._status.behind:
            log.warning("the engine is behind: %d looks owed for %d pairs", owed, len(order))
        elif self._status.behind and not behind:
            log.info("the engine has caught up")
        self._status = EngineStatus(len(order), owed, behind, round(round_s, 3), self._now_ms())
