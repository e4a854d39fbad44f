"""A long history from closed klines, up to a year: fetched when somebody asks for it, kept in the store.

One thread, "year", only while there is something to fetch. It takes what the background budget leaves and asks for
nothing that is stored, so that a fetch that was cut short, or cancelled, goes on where it was.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import numpy as np

from core.clock import DAY_MS
from core.errors import PairsightError, RestError, StoreError
from core.load import HistoryLoad
from core.types import TIMEFRAME_NAMES, Ints
from desk.holes import KLINE_MIN_S
from desk.warmup import PAGE_WEIGHT
from desk.warmup import Shelf as HistoryShelf
from ingestion.binance_rest import SETTLING_MS
from ingestion.history import history
from ingestion.rest import Rest

log = logging.getLogger(__name__)

MOST_DAYS: Final = 366
ROOM_S: Final = 30.0
KEPT: Final = 16  # fetches that are remembered
WAITING: Final = HistoryLoad("waiting")

Plan = tuple[tuple[str, ...], int, int]  # symbols, timeframe in seconds, days


class Shelf(HistoryShelf, Protocol):
    """What it needs of the store."""

    def wait_room(self, timeout_s: float) -> bool: ...
    def note(self, name: str) -> tuple[str, int] | None: ...
    def put_note(self, name: str, body: str, at_ms: int) -> None: ...


@dataclass(slots=True)
class _Job:
    """One fetch."""

    plan: Plan
    load: HistoryLoad = WAITING
    cancelled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """At its next page, or at once where it waits; under the lock."""
        self.cancelled.set()
        if self.load.stage == "waiting":
            self.load = HistoryLoad("cancelled")


class Year:
    """Thread safe. ``closed_ms`` says up to which exchange time bars are closed; ``on_change`` hears of a symbol and
    timeframe that has more candles than before, once for each.
    """

    def __init__(
        self,
        rest: Rest,
        store: Shelf,
        *,
        closed_ms: Callable[[], int],
        on_change: Callable[[str, int], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rest = rest
        self._store = store
        self._closed_ms = closed_ms
        self._on_change = on_change
        self._monotonic = monotonic
        self._lock = threading.Lock()  # guards the jobs and the thread
        self._jobs: dict[Plan, _Job] = {}
        self._thread: threading.Thread | None = None

    def fetch(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> None:
        """Fetch what is missing of the newest ``days``; does nothing while that is under way.

        Raises
        ------
        PairsightError
            For candles finer than the exchange keeps.
        """
        if timeframe_s < KLINE_MIN_S:
            name = TIMEFRAME_NAMES[timeframe_s]
            raise PairsightError(f"The exchange keeps no candles of {name}: choose 1 min or longer.")
        if not 1 <= days <= MOST_DAYS:
            raise ValueError(f"days must be from 1 to {MOST_DAYS}, was {days}")
        plan = (symbols, timeframe_s, days)
        with self._lock:
            known = self._jobs.pop(plan, None)
            if known is not None and not known.load.ended and not known.cancelled.is_set():
                self._jobs[plan] = known
                return
            self._jobs[plan] = _Job(plan)
            for old in [p for p, job in self._jobs.items() if job.load.ended][: max(0, len(self._jobs) - KEPT)]:
                del self._jobs[old]
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._main, name="year", daemon=True)
                self._thread.start()

    def load(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> HistoryLoad:
        """How far it is; "idle" where nobody has asked for it."""
        with self._lock:
            job = self._jobs.get((symbols, timeframe_s, days))
            return job.load if job is not None else HistoryLoad()

    def cancel(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> None:
        """Stop fetching it; what has come stays, and is not asked for again."""
        with self._lock:
            job = self._jobs.get((symbols, timeframe_s, days))
            if job is not None:
                job.cancel()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Cancel everything, and end the thread. A request on its way may outlive the wait; its answer still counts."""
        with self._lock:
            thread = self._thread
            for job in self._jobs.values():
                job.cancel()
        if thread is not None:
            thread.join(timeout_s)
            if thread.is_alive():
                log.warning("the year thread has not ended after %g s: it waits for an answer", timeout_s)

    # The thread

    def _main(self) -> None:
        while True:
            with self._lock:
                job = next((job for job in self._jobs.values() if job.load.stage == "waiting"), None)
                if job is None:
                    self._thread = None
                    return
                job.load = HistoryLoad("loading")
            try:
                self._run(job)
            except (RestError, StoreError) as error:
                self._say(job, replace(job.load, stage="failed", problem=str(error), left_s=None))
            except Exception:  # the thread's last resort
                log.exception("fetching %s failed", job.plan)
                self._say(job, replace(job.load, stage="failed", problem="It failed; see the log.", left_s=None))

    def _say(self, job: _Job, load: HistoryLoad) -> None:
        with self._lock:
            job.load = load

    def _run(self, job: _Job) -> None:
        symbols, timeframe_s, days = job.plan
        step_ms, now_ms = timeframe_s * 1000, self._closed_ms()
        bars, end_ms = days * DAY_MS // step_ms, (now_ms - SETTLING_MS) // step_ms * step_ms
        first_ms = end_ms - bars * step_ms
        if not self._store.flush():
            raise StoreError("What was fetched before is not written yet: try again in a moment.")
        there = {symbol: self._known(symbol, timeframe_s, first_ms, end_ms) for symbol in symbols}
        missing = {symbol: bars - len(known) for symbol, known in there.items()}
        total, asked_before, began_s = sum(missing.values()), 0, self._monotonic()
        self._say(job, HistoryLoad("loading", 0, total))
        for symbol, known in there.items():
            pages = history(symbol, timeframe_s, bars, known.tolist(), self._rest, now_ms)
            while self._may_go_on(job):
                page = next(pages, None)
                if page is None:
                    break
                candles, share = page
                if not self._store.wait_room(ROOM_S):
                    raise StoreError("The store takes no more candles now: try again in a moment.")
                self._store.put_candles(candles)
                asked = asked_before + round(share * missing[symbol])
                took_s = self._monotonic() - began_s
                left_s = took_s * (total - asked) / asked if asked else None
                self._say(job, HistoryLoad("loading", min(asked, total), total, left_s))
            asked_before += missing[symbol]
            self._on_change(symbol, timeframe_s)
            if job.cancelled.is_set():
                self._say(job, replace(job.load, stage="cancelled", left_s=None))
                return
            self._note(symbol, timeframe_s, first_ms, end_ms)
        if not self._store.flush(ROOM_S):
            raise StoreError("Everything has come and is still being written.")
        self._say(job, HistoryLoad("done", total, total))

    def _may_go_on(self, job: _Job) -> bool:
        """Wait for the budget, where that is spent; False: cancelled."""
        while not job.cancelled.is_set():
            wait_s = self._rest.wait_s(PAGE_WEIGHT)
            if wait_s <= 0:
                return True
            job.cancelled.wait(wait_s)
        return False

    def _known(self, symbol: str, timeframe_s: int, from_ms: int, to_ms: int) -> Ints:
        """Opens that need not be asked for: stored ones, and those of a span that was fetched to its end before.

        Intervals without a trade have no candle and would be asked for again and again.
        """
        stored = self._store.candles(symbol, timeframe_s, from_ms=from_ms, to_ms=to_ms).open_ms
        first_ms, end_ms = self._noted(symbol, timeframe_s)
        step_ms = timeframe_s * 1000
        return np.union1d(stored, np.arange(max(first_ms, from_ms), min(end_ms, to_ms), step_ms, dtype=np.int64))

    def _noted(self, symbol: str, timeframe_s: int) -> tuple[int, int]:
        noted = self._store.note(_name(symbol, timeframe_s))
        if noted is None:
            return 0, 0
        first_ms, end_ms = json.loads(noted[0])
        return first_ms, end_ms

    def _note(self, symbol: str, timeframe_s: int, first_ms: int, end_ms: int) -> None:
        """A span was fetched to its end; joined with the one before where the two meet."""
        old_first, old_end = self._noted(symbol, timeframe_s)
        if old_first <= end_ms and first_ms <= old_end:
            first_ms, end_ms = min(first_ms, old_first), max(end_ms, old_end)
        self._store.put_note(_name(symbol, timeframe_s), json.dumps([first_ms, end_ms]), end_ms)


def _name(symbol: str, timeframe_s: int) -> str:
    return f"fetched {symbol} {timeframe_s}"
