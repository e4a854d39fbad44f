"""Walk-forward runs off the screen's thread: asked for, watched, cancelled. One at a time, the newest few kept.

Thread "walk-forward", only while there is something to run.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np

from analytics.backtest import Frictions
from analytics.funding import USUAL_HOURS, FundingRates
from analytics.trial import Stage, Trial, TrialAsk, trial
from core.clock import DAY_MS
from core.errors import PairsightError
from core.types import Candles, Ints

log = logging.getLogger(__name__)

KEPT: Final = 2  # a year of minutes and all that was computed of it is some hundred megabytes
WAITING: Final = 8  # runs that wait for the one before them, or are made; each may take minutes

Read = Callable[[TrialAsk, int], tuple[Candles, Candles, Ints]]
"""(ask, from) -> both legs' stored candles from there on, and the opens known to be incomplete."""
Settled = Callable[[str, int, int], list[tuple[int, float]]]
"""(symbol, from, to) -> its funding settlements: (time, rate)."""
Steps = Callable[[TrialAsk], Iterator[Trial]]


class Shelf(Protocol):
    """What it needs of the store."""

    def candles(self, symbol: str, timeframe_s: int, *, from_ms: int | None = ...) -> Candles: ...


@dataclass(slots=True)
class _Job:
    """One run."""

    trial: Trial
    cancelled: bool = False


class Trials:
    """Thread safe. ``steps`` makes a run: its values one after the other."""

    def __init__(self, steps: Steps, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._steps = steps
        self._monotonic = monotonic
        self._lock = threading.Lock()  # guards what follows
        self._jobs: dict[TrialAsk, _Job] = {}
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self, ask: TrialAsk) -> None:
        """Run it, from the beginning, after what is running; does nothing while it waits or runs.

        Raises
        ------
        PairsightError
            While as many as are let wait do.
        """
        with self._lock:
            known = self._jobs.get(ask)
            if self._closed or (known is not None and not known.trial.ended and not known.cancelled):
                return
            if sum(not job.trial.ended for job in self._jobs.values()) >= WAITING:
                raise PairsightError(f"{WAITING} runs wait or are being made: cancel one, or wait for one to end.")
            self._jobs.pop(ask, None)
            self._jobs[ask] = _Job(Trial(ask))
            self._let_go()
            if self._thread is None:
                self._thread = threading.Thread(target=self._main, name="walk-forward", daemon=True)
                self._thread.start()

    def of(self, ask: TrialAsk) -> Trial | None:
        """How far it is; None where it was not asked for, or is not kept any more."""
        with self._lock:
            job = self._jobs.get(ask)
            return job.trial if job is not None else None

    def cancel(self, ask: TrialAsk) -> None:
        """Stop after the step that is being made, or at once where none is; what is there stays."""
        with self._lock:
            job = self._jobs.get(ask)
            if job is not None:
                job.cancelled = True
                if job.trial.stage == "waiting":
                    job.trial = replace(job.trial, stage="cancelled")

    def forget(self) -> None:
        """Cancel and keep nothing: the source has changed, and the same question has another answer there."""
        with self._lock:
            for job in self._jobs.values():
                job.cancelled = True
            self._jobs.clear()

    def close(self, timeout_s: float = 5.0) -> None:
        """Cancel everything and take no more."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self.forget()
        if thread is not None:
            thread.join(timeout_s)
            if thread.is_alive():
                log.warning("the walk-forward thread has not ended after %g s: it is within a step", timeout_s)

    def _main(self) -> None:
        while True:
            with self._lock:
                self._let_go()
                job = next((job for job in self._jobs.values() if not job.trial.ended), None)
                if job is None:
                    self._thread = None
                    return
            try:
                self._run(job)
            except (PairsightError, ValueError) as error:
                self._end(job, "failed", str(error))
            except MemoryError:
                self._end(job, "failed", "There is not enough memory for so many candles: choose fewer days.")
            except Exception:  # the thread's last resort
                log.exception("a walk-forward run failed")
                self._end(job, "failed", "It failed; see the log.")

    def _let_go(self) -> None:
        """Of the runs that are over the newest; the one being made counts. Under the lock."""
        over = [ask for ask, job in self._jobs.items() if job.trial.ended]
        keep = KEPT - (len(over) < len(self._jobs))
        for ask in over[: max(0, len(over) - keep)]:
            del self._jobs[ask]

    def _run(self, job: _Job) -> None:
        ran_s: float | None = None  # when the run itself was there; its redraws and neighbours take alike
        for now in self._steps(job.trial.ask):
            left_s = None
            if now.run is not None and not now.ended:
                ran_s = self._monotonic() if ran_s is None else ran_s
                more = now.done_steps - 1
                left_s = (self._monotonic() - ran_s) / more * (now.steps - now.done_steps) if more else None
            with self._lock:
                cancelled = job.cancelled and not now.ended
                job.trial = replace(now, stage="cancelled") if cancelled else replace(now, left_s=left_s)
            if cancelled:
                return

    def _end(self, job: _Job, stage: Stage, problem: str) -> None:
        with self._lock:
            job.trial = replace(job.trial, stage=stage, problem=problem, left_s=None)


def steps(ask: TrialAsk, now_ms: int, read: Read, settled: Settled) -> Iterator[Trial]:
    """A run from its question to its end.

    Parameters
    ----------
    now_ms : int
        Where the asked days end.
    read, settled
        The store, and the exchange's funding. ``settled`` raises PairsightError where that cannot be had.
    """
    now = Trial(ask, "reading")
    yield now
    if ask.legs is not None:
        (y, x), incomplete = ask.legs, None
    else:
        y, x, incomplete = read(ask, now_ms - ask.days * DAY_MS)
    if not len(y) or not len(x):
        lacking = ask.symbol_x if len(y) else ask.symbol_y
        yield replace(now, stage="failed", problem=f"No candles of {lacking} are stored for this time: fetch them.")
        return
    now = replace(now, stage="funding")
    yield now
    from_ms = int(min(y.open_ms[0], x.open_ms[0]))
    to_ms = int(max(y.open_ms[-1], x.open_ms[-1])) + ask.params.timeframe_s * 1000
    rates, note = _rates(ask, from_ms, to_ms, settled)
    costs = Frictions(ask.half_y_bps, ask.half_x_bps, *rates)
    yield from trial(replace(now, stage="running", funding_note=note), y, x, costs, incomplete)


def stored(
    store: Shelf, holes: Callable[[str, int, int], Ints], ask: TrialAsk, from_ms: int
) -> tuple[Candles, Candles, Ints]:
    """Both legs' stored candles from there on; and the opens that are known to lack one, in either."""
    timeframe_s = ask.params.timeframe_s
    legs = [store.candles(symbol, timeframe_s, from_ms=from_ms) for symbol in (ask.symbol_y, ask.symbol_x)]
    lacking = [np.setdiff1d(holes(c.symbol, timeframe_s, int(c.open_ms[0])), c.open_ms) for c in legs if len(c)]
    y, x = legs
    return y, x, np.unique(np.concatenate([np.empty(0, np.int64), *lacking]))


def _rates(ask: TrialAsk, from_ms: int, to_ms: int, settled: Settled) -> tuple[tuple[FundingRates, FundingRates], str]:
    if not ask.settled:
        if ask.funding_rate == 0:
            return (FundingRates.none(), FundingRates.none()), ""
        flat = FundingRates.flat(ask.funding_rate, from_ms - DAY_MS, to_ms)
        return (flat, flat), f"Funding assumed: {ask.funding_rate:.4%} every {USUAL_HOURS:g} h, on both legs."
    found = []
    for symbol in (ask.symbol_y, ask.symbol_x):
        # A day before: the first look must know what was settled last.
        rows = settled(symbol, from_ms - DAY_MS, to_ms)
        if not rows:
            raise PairsightError(f"The exchange tells no funding of {symbol} for this time: assume a rate instead.")
        found.append(rates_of(rows))
    y, x = found
    return (y, x), f"Funding as settled: {len(y.settle_ms)} and {len(x.settle_ms)} settlements from the exchange."


def rates_of(rows: list[tuple[int, float]]) -> FundingRates:
    """Settlements as the engine takes them."""
    return FundingRates(np.array([ms for ms, _ in rows], np.int64), np.array([value for _, value in rows]))
