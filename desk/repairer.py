"""What was missed is fetched again: gaps, the candles they spoiled, and the history before the start. Owns REST's time.

One thread, "repair". Gaps and holes come from the intake, wants from the screen and the engine; trades and candles go
to the store. Nothing here touches the stream.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from core.errors import BadRequest, RateLimited, RestError, StoreError
from core.types import TIMEFRAMES_S, Candles, Gap, GapState, MarkPrice, SymbolInfo, Ticks
from desk.intake import Hole
from desk.mender import Bench, Mender
from desk.warmup import Shelf, Warmup
from ingestion.repair import Fill, fill
from ingestion.rest import Rest

log = logging.getLogger(__name__)

RETRY_S: Final = 5.0
TURN_S: Final = 0.25
CLOCK_EVERY_S: Final = 600.0
CATALOGUE_EVERY_S: Final = 3_600.0


class Archive(Bench, Shelf, Protocol):
    """What repair needs of the store."""

    def put(self, ticks: Ticks) -> None: ...
    def put_gap(self, gap: Gap) -> None: ...
    def set_gap_state(self, gap: Gap, state: GapState) -> None: ...
    def flush(self, timeout_s: float = ...) -> bool: ...
    def candles(
        self,
        symbol: str,
        timeframe_s: int,
        *,
        limit: int | None = ...,
        from_ms: int | None = ...,
        to_ms: int | None = ...,
    ) -> Candles: ...


@dataclass(frozen=True, slots=True)
class Facts:
    """What REST told beside candles: the list of contracts, funding, the clock."""

    catalogue: dict[str, SymbolInfo] = field(default_factory=dict)
    funding_hours: dict[str, int] = field(default_factory=dict)
    marks: dict[str, MarkPrice] = field(default_factory=dict)
    problem: str = ""  # why REST does not answer


class Repairer:
    """The thread that asks. ``watermark_ms`` and ``tick`` come from the intake.

    ``on_change`` tells of the symbol and timeframe (None: all) of candles before the newest, ``on_repaired`` of the
    symbol, timeframe and first open of repaired ones.
    """

    def __init__(
        self,
        rest: Rest,
        store: Archive,
        *,
        watermark_ms: Callable[[], int],
        tick: Callable[[], None],
        on_change: Callable[[str, int | None], None],
        on_repaired: Callable[[str, int, int], None],
        grace_ms: int,
        spare: Callable[[Callable[[], bool]], None] = lambda stopped: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rest = rest
        self._store = store
        self._watermark_ms = watermark_ms
        self._tick = tick
        self._on_change = on_change
        self._mender = Mender(rest, store, self._mended)
        self._warmup = Warmup(rest, store, monotonic)
        self._on_repaired = on_repaired
        self._grace_ms = grace_ms
        self._spare = spare
        self._monotonic = monotonic
        self._lock = threading.Lock()  # guards what others add to
        self._gaps: list[Gap] = []  # to be tried
        self._begun: list[tuple[str, int]] = []  # streams that have begun to deliver
        self._facts = Facts()
        self._retry_s = 0.0
        self._clock_s = self._catalogue_s = -1e9
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; does nothing while it runs."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stop.clear()
        self._thread = threading.Thread(target=self._main, name="repair", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the thread. A request on its way may outlive the wait; its answer is then ignored."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                log.warning("the repair thread has not ended after %g s: it waits for an answer", timeout_s)

    # What others tell it, from any thread

    def gap(self, gap: Gap) -> None:
        """Trades are missing."""
        with self._lock:
            self._gaps.append(gap)
        self._wake.set()

    def reopen(self, gaps: Iterable[Gap]) -> None:
        """Gaps that an earlier run left open, and with them the intervals they touch."""
        for gap in gaps:
            self.holes([_touched(gap, timeframe_s) for timeframe_s in TIMEFRAMES_S])
            self.gap(gap)

    def healed(self, gap: Gap) -> None:
        """Latecomers closed a gap: everything is stored."""
        self._settle(gap, "repaired")
        self._wake.set()

    def holes(self, holes: list[Hole]) -> None:
        """Intervals passed without a candle that can be trusted."""
        self._mender.add(holes)
        self._wake.set()

    def want(self, symbol: str, timeframe_s: int, bars: int) -> None:
        """The newest ``bars`` candles of a timeframe are needed; below 1 min only the stream can make them."""
        if self._warmup.want(symbol, timeframe_s, bars):
            self._wake.set()

    def started(self, symbol: str, first_ms: int) -> None:
        """A symbol's stream delivers from ``first_ms`` on: what its history lacks up to there is fetched."""
        with self._lock:
            self._begun.append((symbol, first_ms))
        self._wake.set()

    @property
    def facts(self) -> Facts:
        """What REST has told so far."""
        return self._facts

    def warmup(self) -> dict[str, float]:
        """Progress 0..1 of each symbol whose history is still being fetched."""
        return self._warmup.progress()

    def unknown_ms(self, symbol: str, timeframe_s: int) -> list[tuple[int, int]]:
        """Spans of opens that passed and whose candles are still to be repaired."""
        return self._mender.spans(symbol, timeframe_s)

    # The thread

    def _main(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(TURN_S)
            self._wake.clear()
            self.turn()

    def turn(self) -> None:
        """Do what is due; what stands in its way is remembered, told, and tried again later."""
        try:
            self._tick()
            if self._monotonic() < self._retry_s:
                self._mender.turn(self._passed_ms(), ask=False)
                return
            self._turn()
            self._say("")
        except RateLimited as limited:
            self._say(str(limited))
            self._retry_s = self._monotonic() + limited.retry_after_s
        except RestError as error:
            self._say(str(error))
            self._retry_s = self._monotonic() + RETRY_S
        except StoreError as error:  # it cannot be read now; the writer says more
            log.warning("repair: %s", error)
            self._retry_s = self._monotonic() + RETRY_S
        except Exception:  # the thread's last resort
            log.exception("repair failed; it tries again")
            self._say("An error inside Pairsight disturbs the repair of gaps; the log has it.")
            self._retry_s = self._monotonic() + RETRY_S

    def _passed_ms(self) -> int:
        return self._watermark_ms() - self._grace_ms

    def _say(self, problem: str) -> None:
        if problem and problem != self._facts.problem:
            log.warning("repair: %s", problem)
        if problem != self._facts.problem:
            f = self._facts
            self._facts = Facts(f.catalogue, f.funding_hours, f.marks, problem)

    def _learn(self) -> None:
        """What changes seldom. Funding is good to know; without the list of contracts nothing can be checked."""
        catalogue = self._rest.exchange_info()
        hours: dict[str, int] = {}
        marks: dict[str, MarkPrice] = {}
        try:
            hours = self._rest.funding_hours()
            marks = {mark.symbol: mark for mark in self._rest.premium_index()}
        except BadRequest as error:  # a server without it; funding then stays unknown
            log.warning("funding is unknown: %s", error)
        self._facts = Facts(catalogue, hours, marks)

    def _turn(self) -> None:
        """What is to be done now: the seams, then gaps, candles, and with the time that is left history."""
        now_s = self._monotonic()
        if now_s - self._catalogue_s > CATALOGUE_EVERY_S:
            self._learn()
            self._catalogue_s = now_s
        if now_s - self._clock_s > CLOCK_EVERY_S:
            self._rest.server_time_ms()
            self._clock_s = now_s
        with self._lock:
            gaps, self._gaps = self._gaps, []
            begun, self._begun = self._begun, []
        for symbol, first_ms in begun:
            self._seam(symbol, first_ms)
        for at, gap in enumerate(gaps):
            try:
                self._fill(gap)
            except RestError:
                with self._lock:  # not answered: all that is left is tried again
                    self._gaps = gaps[at:] + self._gaps
                raise
        self._mender.turn(self._passed_ms(), ask=True)
        self._warmup.turn(self._interrupted, self._on_change)
        self._spare(self._interrupted)

    def _interrupted(self) -> bool:
        return self._stop.is_set() or self._wake.is_set()

    def _mended(self, hole: Hole) -> None:
        self._on_change(hole.symbol, hole.timeframe_s)
        self._on_repaired(hole.symbol, hole.timeframe_s, hole.first_ms)

    def _seam(self, symbol: str, first_ms: int) -> None:
        """Join history and stream: fetch up to the first record, and build what an earlier run had not confirmed."""
        self._warmup.again(symbol)
        last = self._store.trades(symbol, to_ms=first_ms, limit=1).ts_ms
        if not len(last):
            return
        for timeframe_s in TIMEFRAMES_S:
            ms = timeframe_s * 1000
            newest = self._store.candles(symbol, timeframe_s, to_ms=first_ms, limit=1).open_ms
            if not len(newest):
                continue
            hole = Hole(symbol, timeframe_s, int(newest[-1]) + ms, int(last[-1]) // ms * ms)
            if hole.first_ms <= hole.last_ms:
                self.holes([hole])

    def _fill(self, gap: Gap) -> None:
        """Trades of a short gap; a long one, or one the exchange no longer keeps, is lost to the fine timeframes."""
        filled: Fill = fill(gap, self._rest, self._stored)
        if len(filled.ticks):
            self._store.put(filled.ticks)
        whole = any(_key(part) == _key(gap) for part in filled.lost)
        for part in filled.lost:
            if not whole:
                self._store.put_gap(part)
        state: GapState = "lost" if whole else "repaired"
        log.info("gap of %s after id %s: %s. %s", gap.symbol, gap.after_id, state, filled.reason)
        self._settle(gap, state)

    def _stored(self, symbol: str, from_ms: int, to_ms: int) -> Ticks:
        self._store.flush()
        return self._store.trades(symbol, from_ms=from_ms, to_ms=to_ms)

    def _settle(self, gap: Gap, state: GapState) -> None:
        with self._lock:
            self._gaps = [g for g in self._gaps if _key(g) != _key(gap)]
        self._store.set_gap_state(gap, state)
        self._on_change(gap.symbol, None)


def _key(gap: Gap) -> tuple[str, int, int]:
    return gap.symbol, gap.from_ms, gap.to_ms


def _touched(gap: Gap, timeframe_s: int) -> Hole:
    ms = timeframe_s * 1000
    return Hole(gap.symbol, timeframe_s, gap.from_ms // ms * ms, gap.to_ms // ms * ms)
