"""Looks: every confirmed candle of every watched pair is analysed, judged and journalled, in order, once.

One thread, "engine", woken by confirmed candles. The screen's looks come from the same function, so that what is on
screen and what is in the journal are the same words.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import numpy as np

from analytics.decision import Freshness, decide
from analytics.journal import row_of
from analytics.look import Look
from analytics.record import RecordSummary, advance, record_of
from analytics.report import PairReport
from core.clock import now_ms
from core.engine import EngineStatus
from core.errors import PairsightError, StoreError
from core.types import TIMEFRAME_NAMES, Ints, MarkPrice
from desk.basis import Basis, Journal, Library, Sources, report_of
from desk.outbox import Listener, Outbox
from desk.owed import Ledger, Owed
from desk.watch import Key, Watch, record_bars, same_legs
from desk.watches import Watches
from desk.worker import Worker

log = logging.getLogger(__name__)

TURN_LOOKS: Final = 20  # of one pair before the others have their turn
LOT: Final = 50  # looks handed to the journal together
TOGETHER: Final = 16  # looks made at once: more save no more, and their arrays leave the processor's cache
ON_SCREEN_S: Final = 10.0  # a pair asked for within this time comes first, and again whenever it has a new candle
RECORD_AGAIN_S: Final = 10.0  # while its history is still coming in
RENEW_REST: Final = 3.0  # times as long as a renewal took, before the next one: most of the thread's time is for looks
RENEW_S: Final = 3.0  # without a renewal, after which looks wait for one: they take all the time they can have
TURN_S: Final = 1.0
SETTLE_S: Final = 2.0  # the store is waited for; a screen is drawn every second, and waits less for newer candles
SCREEN_SETTLE_S: Final = 0.25


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
        mending: Callable[[str, int, int], Ints] = lambda *_: np.empty(0, np.int64),
        now_ms: Callable[[], int] = now_ms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = Sources(store, holes, mending, marks, funding_hours)
        self._ledger = Ledger(store, newest_ms, revision, monotonic)
        self._journal = journal
        self._now_ms = now_ms
        self._monotonic = monotonic
        self._watches = Watches()
        self._wake = threading.Event()
        self._worker = Worker("engine", self._main, self._wake)
        self._outbox = Outbox(journal)
        self._renewed_s = self._renew_from_s = -1e9
        self._status = EngineStatus()

    def start(self) -> None:
        """Start the thread; does nothing while it runs."""
        if not self._worker.on:
            self._status = replace(self._status, at_ms=self._now_ms())
        self._worker.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the thread."""
        self._worker.stop(timeout_s)

    def wake(self) -> None:
        """Candles were confirmed or repaired."""
        self._wake.set()

    def tell(self, listener: Listener) -> None:
        """Have this hear of every look once it is queued for the journal, in order, on the engine's thread.

        It must be quick: later looks wait for it.
        """
        self._outbox.tell(listener)

    def status(self) -> EngineStatus:
        """As of the newest round. Cheap."""
        return replace(self._status, watched=len(self._watches))

    def watch(self, key: Key, *, keep: bool = False) -> None:
        """Look at this pair at every confirmed candle from now on; with ``keep`` however many others are asked for."""
        watch = self._watches.of(key)
        watch.kept = watch.kept or keep
        self._wake.set()

    def unwatch(self, key: Key) -> None:
        """Look at it no longer, until somebody asks for it again."""
        self._watches.drop(key)

    @property
    def watches(self) -> tuple[Key, ...]:
        """What is looked at, the pair on screen last."""
        return self._watches.keys

    def repaired(self, symbol: str, timeframe_s: int, open_ms: int) -> None:
        """A candle was repaired late: the looks said since its interval rested on what there was, and get a note.

        All of them, for a record rests on the whole history. What they said stays.
        """
        self._outbox.repaired(symbol, timeframe_s, open_ms)
        self._wake.set()

    # For the screen

    def look(self, key: Key, freshness: Freshness) -> Look:
        """The newest look for the screen.

        The statistics are those of the newest confirmed candle; only ``freshness`` is of this moment.
        """
        report = self.report(key)
        watch = self._watches.of(key)
        with watch.lock:
            summary = watch.record.summary() if watch.record is not None else None
            decision = decide(report, freshness=freshness, costs=watch.costs, record=summary)
            return Look(report, decision, watch.costs, summary)

    def report(self, key: Key) -> PairReport:
        """The newest look's report."""
        watch = self._watches.of(key)
        watch.asked_s = self._monotonic()
        now = (*self._ledger.ends(key), self._ledger.changes(key))
        whole = watch.seen == now or self._settle(SCREEN_SETTLE_S)  # before the lock: others do not wait for the store
        with watch.lock:
            if watch.report is None or watch.seen != now:
                watch.report = self._refreshed(key, watch)
                watch.seen = now if whole else None
            return watch.report

    def report_to(self, key: Key, bars: int, to_ms: int | None) -> PairReport:
        """The analysis of the newest ``bars`` stored candles opened before ``to_ms``; None: of all."""
        return Basis(self._sources).report(key, bars, to_ms)

    def _refreshed(self, key: Key, watch: Watch) -> PairReport:
        """The analysis of the newest candles, and their costs."""
        basis = Basis(self._sources)
        legs = basis.legs(key, key.look_bars, None)
        report = watch.report
        if report is None or watch.legs is None or not same_legs(legs, watch.legs):
            report, watch.legs = report_of(key, legs), legs
        watch.costs = basis.costs(key, report, watch.record)
        return report

    def _settle(self, timeout_s: float = SETTLE_S) -> bool:
        """What was confirmed must be there to be read; False: some of it may not be, and waiting longer is no use."""
        return self._journal is None or self._journal.settle(timeout_s)

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
        self._finish()

    def turn(self) -> None:
        """Every watched pair's turn: those on screen first, and again as soon as they have a new candle."""
        began_s = self._monotonic()
        order = self._watches.newest_first()
        front = [(key, watch) for key, watch in order if began_s - watch.asked_s < ON_SCREEN_S]
        others = [(key, watch) for key, watch in order if began_s - watch.asked_s >= ON_SCREEN_S]
        revisions = self._revisions(order)
        # What the store has no room for, or cannot have written by now, comes before anything further is said.
        if self._outbox.hand_on() and self._settle():
            self._outbox.note_repaired(order, self._ledger.said_ms)  # it was said before anything is read anew
            try:
                basis = Basis(self._sources)
                self._turns(front, basis, revisions)
                self._outbox.hand_on()
                for at in range(0, len(others), LOT):
                    self._turns(others[at : at + LOT], basis, revisions)
                    newer = self._revisions(front)
                    if front and self._wake.is_set() and self._settle():
                        self._turns(front, Basis(self._sources), newer)
            finally:  # what was said must be written, whatever came of the next one
                self._outbox.hand_on()
            if self._settle():
                self._renew_records(front, others)
        self._told(order, self._monotonic() - began_s)

    def _revisions(self, watches: Sequence[tuple[Key, Watch]]) -> dict[Key, int]:
        """Taken before the store has settled: a repair that is not written by then is then newer, and looked at."""
        return {key: self._ledger.changes(key) for key, _ in watches}

    def _turns(self, watches: Sequence[tuple[Key, Watch]], basis: Basis, revisions: Mapping[Key, int]) -> None:
        """Say what these owe, as far as their turn goes."""
        lot: list[tuple[Key, Watch, Owed]] = []
        for key, watch in watches:
            with watch.lock, self._on_its_own(key, watch, says=False):
                owed = self._ledger.looks(key, watch, basis, revisions[key])
                if owed.opens:
                    lot.append((key, watch, owed))
                else:
                    watch.failing = False
                    watch.through = owed.through or watch.through
            if sum(len(owed.opens[:TURN_LOOKS]) for _, _, owed in lot) >= TOGETHER:
                self._say_lot(lot, basis, revisions)
                lot = []
        self._say_lot(lot, basis, revisions)

    def _say_lot(self, lot: Sequence[tuple[Key, Watch, Owed]], basis: Basis, revisions: Mapping[Key, int]) -> None:
        """Make these pairs' looks together, and say each pair's by itself."""
        if self._worker.stopping or self._outbox.refused:
            return
        # A later candle that only one leg has by now does not concern the look at this one.
        basis.make([(key, open_ms + key.step_ms) for key, _, owed in lot for open_ms in owed.opens[:TURN_LOOKS]])
        for key, watch, owed in lot:
            if self._outbox.refused:
                return
            with watch.lock, self._on_its_own(key, watch):
                for open_ms in owed.opens[:TURN_LOOKS]:
                    if self._worker.stopping:
                        return
                    self._say(key, watch, basis.newest(key, open_ms + key.step_ms), basis, revisions[key])
                if len(owed.opens) > TURN_LOOKS:
                    self._wake.set()
                else:
                    watch.through = owed.through or watch.through
            if len(self._outbox) >= LOT:
                self._outbox.hand_on()

    @contextmanager
    def _on_its_own(self, key: Key, watch: Watch, *, says: bool = True) -> Iterator[None]:
        """One pair's trouble is not the others'. A store that cannot be read is everybody's."""
        try:
            yield
        except StoreError:
            raise
        except Exception:
            if not watch.failing:
                log.exception("a look at %s failed", key.pair)
            watch.failing = True
        else:
            if says:
                watch.failing = False

    def _finish(self) -> None:
        """Hand on what a run leaves behind."""
        try:
            if self._outbox.hand_on() and self._settle():
                self._outbox.note_repaired(self._watches.newest_first(), self._ledger.said_ms)
            if not self._outbox.finish():
                log.warning("%d looks found no room in the store; they are said again after a start", len(self._outbox))
        except PairsightError as error:
            log.warning("engine: %s", error)

    def _say(self, key: Key, watch: Watch, report: PairReport, basis: Basis, revision: int) -> None:
        """One look: record, costs, decision, journal."""
        if watch.record is None or watch.record.newest_ms is None:  # the legs had no candle in common yet
            self._renew_record(key, watch, report.newest_ms, revision)
        else:
            try:
                watch.record = advance(watch.record, report)
            except ValueError:  # more candles have passed than the report holds: from the beginning
                self._renew_record(key, watch, report.newest_ms, revision)
        watch.costs = basis.costs(key, report, watch.record)
        summary: RecordSummary | None = watch.record.summary() if watch.record is not None else None
        freshness = Freshness.as_of(report.newest_y_ms, report.newest_x_ms, timeframe_s=key.params.timeframe_s)
        decision = decide(report, freshness=freshness, costs=watch.costs, record=summary)
        if self._journal is not None:
            self._outbox.say(key, row_of(Look(report, decision, watch.costs, summary), self._now_ms()))
        watch.said_ms = report.newest_ms

    def _renew_records(self, front: Sequence[tuple[Key, Watch]], others: Sequence[tuple[Key, Watch]]) -> None:
        """Take records from their whole history where that has changed, not too often, the oldest of ``others`` first.

        With the time that is left, and where there is none one every few seconds.
        """
        for key, watch in [*front, *sorted(others, key=lambda each: each[1].record_s)]:
            now_s = self._monotonic()
            busy = self._wake.is_set() and now_s - self._renewed_s < RENEW_S
            if busy or self._worker.stopping or now_s < self._renew_from_s:
                return
            revision = self._ledger.changes(key)
            known = watch.record is None or watch.record_revision == revision
            if known or now_s - watch.record_s < RECORD_AGAIN_S:
                continue
            if not self._settle():
                return
            with watch.lock, self._on_its_own(key, watch):
                watch.record_s = self._renewed_s = now_s
                self._renew_record(key, watch, watch.said_ms, revision)

    def _renew_record(self, key: Key, watch: Watch, last_ms: int | None, revision: int) -> None:
        """From the stored history up to this candle; None: to the newest. ``revision``: the changes that are in it."""
        to_ms = None if last_ms is None else last_ms + key.step_ms
        began_s = self._monotonic()
        watch.record = record_of(Basis(self._sources).history(key, record_bars(key.params), to_ms))
        watch.record_revision, watch.record_s = revision, self._monotonic()
        self._renew_from_s = watch.record_s + RENEW_REST * (watch.record_s - began_s)
        watch.seen = None  # the screen's costs rest on the record's mean hold

    def _told(self, order: Sequence[tuple[Key, Watch]], round_s: float) -> None:
        """Say how it goes: looks owed for candles confirmed by now."""
        owed = sum(self._ledger.count(key, watch) for key, watch in order)
        behind = owed > len(order)
        if behind and not self._status.behind:
            log.warning("the engine is behind: %d looks owed for %d pairs", owed, len(order))
        elif self._status.behind and not behind:
            log.info("the engine has caught up")
        failing = tuple(f"{k.pair} {TIMEFRAME_NAMES[k.params.timeframe_s]}" for k, watch in order if watch.failing)
        self._status = EngineStatus(len(order), owed, behind, round(round_s, 3), self._now_ms(), failing)
