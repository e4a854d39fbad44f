"""What was missed is fetched again: gaps, the candles they spoiled, and the history before the start. Owns REST's time.

One thread, "repair". Gaps and holes come from the intake, wants from the screen and the engine; trades and candles go
to the store. Nothing here touches the stream.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import numpy as np

from analytics.resample import resample
from core.errors import BadRequest, RateLimited, RestError
from core.types import TIMEFRAMES_S, Candles, Gap, GapState, MarkPrice, SymbolInfo, Ticks
from desk.intake import KLINE_MIN_S, Hole
from ingestion.binance_rest import SETTLING_MS
from ingestion.history import BARS_A_CALL, history
from ingestion.repair import Fill, fill
from ingestion.rest import Rest

log = logging.getLogger(__name__)

RETRY_S: Final = 5.0
TURN_S: Final = 0.25
CLOCK_EVERY_S: Final = 600.0
CATALOGUE_EVERY_S: Final = 3_600.0


class Archive(Protocol):
    """What repair needs of the store."""

    def put(self, ticks: Ticks) -> None: ...
    def put_candles(self, candles: Candles) -> None: ...
    def replace_candles(self, candles: Candles) -> None: ...
    def put_gap(self, gap: Gap) -> None: ...
    def set_gap_state(self, gap: Gap, state: GapState) -> None: ...
    def flush(self, timeout_s: float = ...) -> bool: ...
    def trades(
        self, symbol: str, *, from_ms: int | None = ..., to_ms: int | None = ..., limit: int | None = ...
    ) -> Ticks: ...
    def gaps(self, symbol: str, *, from_ms: int, to_ms: int) -> Iterable[Gap]: ...
    def candles(
        self,
        symbol: str,
        timeframe_s: int,
        *,
        limit: int | None = ...,
        from_ms: int | None = ...,
        to_ms: int | None = ...,
    ) -> Candles: ...


@dataclass(slots=True)
class _Want:
    """History that somebody needs: so many candles before now."""

    bars: int
    done: bool = False
    progress: float = 0.0
    not_before_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What REST told beside candles: the list of contracts, funding, the clock."""

    catalogue: dict[str, SymbolInfo] = field(default_factory=dict)
    funding_hours: dict[str, int] = field(default_factory=dict)
    marks: dict[str, MarkPrice] = field(default_factory=dict)
    problem: str = ""  # why REST does not answer


class Repairer:
    """The thread that asks. ``watermark_ms`` and ``tick`` come from the intake.

    ``on_change`` tells of candles before the newest, ``on_repaired`` of the symbol, timeframe and first open of
    repaired ones.
    """

    def __init__(
        self,
        rest: Rest,
        store: Archive,
        *,
        watermark_ms: Callable[[], int],
        tick: Callable[[], None],
        on_change: Callable[[], None],
        on_repaired: Callable[[str, int, int], None],
        grace_ms: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rest = rest
        self._store = store
        self._watermark_ms = watermark_ms
        self._tick = tick
        self._on_change = on_change
        self._on_repaired = on_repaired
        self._grace_ms = grace_ms
        self._monotonic = monotonic
        self._lock = threading.Lock()  # guards what others add to
        self._gaps: list[Gap] = []  # to be tried
        self._holes: list[Hole] = []
        self._wants: dict[tuple[str, int], _Want] = {}
        self._begun: list[tuple[str, int]] = []  # streams that have begun to deliver
        self._facts = Facts()
        self._retry_s = 0.0
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
        with self._lock:
            self._holes += holes
        self._wake.set()

    def want(self, symbol: str, timeframe_s: int, bars: int) -> None:
        """The newest ``bars`` candles of a timeframe are needed; below 1 min only the stream can make them."""
        if timeframe_s < KLINE_MIN_S:
            return
        with self._lock:
            known = self._wants.get((symbol, timeframe_s))
            if known is not None and known.bars >= bars:
                return
            self._wants[symbol, timeframe_s] = _Want(bars)
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
        with self._lock:
            open_ = [(symbol, want.progress) for (symbol, _), want in self._wants.items() if not want.done]
        return {symbol: min(p for s, p in open_ if s == symbol) for symbol, _ in open_}

    def unknown_ms(self, symbol: str, timeframe_s: int) -> list[tuple[int, int]]:
        """Spans of opens that passed and whose candles are still to be repaired."""
        with self._lock:
            return [(h.first_ms, h.last_ms) for h in self._holes if (h.symbol, h.timeframe_s) == (symbol, timeframe_s)]

    # The thread

    def _main(self) -> None:
        try:
            clock_s = catalogue_s = -1e9
            while not self._stop.is_set():
                self._wake.wait(TURN_S)
                self._wake.clear()
                self._tick()
                now_s = self._monotonic()
                if now_s < self._retry_s:
                    continue
                try:
                    if now_s - catalogue_s > CATALOGUE_EVERY_S:
                        self._learn()
                        catalogue_s = now_s
                    if now_s - clock_s > CLOCK_EVERY_S:
                        self._rest.server_time_ms()
                        clock_s = now_s
                    self._turn()
                    self._say("")
                except RateLimited as limited:
                    self._say(str(limited))
                    self._retry_s = self._monotonic() + limited.retry_after_s
                except RestError as error:
                    self._say(str(error))
                    self._retry_s = self._monotonic() + RETRY_S
        except Exception:  # the thread's last resort
            log.exception("repair failed")
            self._say("An error inside Pairsight ended the repair of gaps; the log has it.")

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
        self._mend()
        for (symbol, timeframe_s), want in list(self._wants.items()):
            if not want.done and not self._stop.is_set():
                self._fetch(symbol, timeframe_s, want)

    def _seam(self, symbol: str, first_ms: int) -> None:
        """Join history and stream: fetch up to the first record, and build what an earlier run had not confirmed."""
        with self._lock:
            for (wanted, _), want in self._wants.items():
                if wanted == symbol:
                    want.done = False
        last = self._store.trades(symbol, to_ms=first_ms, limit=1).ts_ms
        if not len(last):
            return
        for timeframe_s in TIMEFRAMES_S:
            ms = timeframe_s * 1000
            newest = self._store.candles(symbol, timeframe_s, limit=1).open_ms
            hole = Hole(
                symbol, timeframe_s, int(newest[-1]) + ms if len(newest) else first_ms, int(last[-1]) // ms * ms
            )
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
        self._on_change()

    def _mend(self) -> None:
        """Build or fetch the candles of the intervals that passed."""
        with self._lock:
            holes, self._holes = self._holes, []
        passed_ms = self._watermark_ms() - self._grace_ms
        due = any(h.by_kline and h.first_ms + h.timeframe_s * 1000 + SETTLING_MS <= passed_ms for h in holes)
        waiting: list[Hole] = []
        unanswered: RestError | None = None
        settled_ms = 0
        if due:
            try:
                settled_ms = min(passed_ms, self._rest.server_time_ms()) - SETTLING_MS
            except RestError as error:  # what needs no answer is mended all the same
                unanswered = error
        try:
            while holes:
                left = self._mend_one(holes[-1], settled_ms if holes[-1].by_kline else passed_ms)
                holes.pop()
                waiting += left
        finally:
            with self._lock:
                self._holes = waiting + holes + self._holes
        if unanswered is not None:
            raise unanswered

    def _mend_one(self, hole: Hole, over_ms: int) -> list[Hole]:
        """Mend what ended by ``over_ms``; return what must wait."""
        ms = hole.timeframe_s * 1000
        last = min(hole.last_ms, over_ms // ms * ms - ms)
        if last < hole.first_ms:
            return [hole]
        if hole.by_kline:
            self._from_klines(hole, last)
        elif not self._from_trades(hole, last):
            return [hole]
        self._on_change()
        self._on_repaired(hole.symbol, hole.timeframe_s, hole.first_ms)
        if last < hole.last_ms:
            return [replace(hole, first_ms=last + ms)]
        return []

    def _from_klines(self, hole: Hole, last_ms: int) -> None:
        ms = hole.timeframe_s * 1000
        first = hole.first_ms
        while first <= last_ms and not self._stop.is_set():
            end = min(last_ms, first + (BARS_A_CALL - 1) * ms)
            bars = (end - first) // ms + 1
            candles = self._rest.klines(hole.symbol, hole.timeframe_s, start_ms=first, end_ms=end, limit=bars)
            self._store.replace_candles(candles)
            first = end + ms

    def _from_trades(self, hole: Hole, last_ms: int) -> bool:
        """Build candles again from what is stored, where all of it is stored. False: a gap is still open."""
        ms = hole.timeframe_s * 1000
        end = last_ms + ms
        self._store.flush()
        gaps = self._store.gaps(hole.symbol, from_ms=hole.first_ms, to_ms=end)
        if any(gap.state == "open" for gap in gaps):
            return False
        ticks = self._store.trades(hole.symbol, from_ms=hole.first_ms, to_ms=end)
        if not len(ticks):
            return True
        candles = resample(ticks, hole.timeframe_s)
        sound = np.ones(len(candles), np.bool_)
        for gap in gaps:
            if gap.state == "lost":
                sound &= (candles.open_ms + ms <= gap.from_ms) | (candles.open_ms > gap.to_ms)
        if not len(self._store.trades(hole.symbol, to_ms=hole.first_ms, limit=1)):
            # Nobody listened before: what the first interval held until then is not known.
            sound &= candles.open_ms > ticks.ts_ms.min()
        self._store.replace_candles(_repaired(candles.take(sound)))
        return True

    def _fetch(self, symbol: str, timeframe_s: int, want: _Want) -> None:
        """The history before now, newest first, in pages."""
        if self._monotonic() < want.not_before_s:
            return
        ms = timeframe_s * 1000
        now_ms = self._rest.server_time_ms()
        have = self._store.candles(symbol, timeframe_s, from_ms=now_ms - (want.bars + 1) * ms, to_ms=now_ms).open_ms
        try:
            for page, progress in history(symbol, timeframe_s, want.bars, have, self._rest, now_ms):
                self._store.put_candles(page)
                want.progress = progress
                self._on_change()
                if self._stop.is_set() or self._gaps:  # history can wait, a gap is now
                    return
        except BadRequest as error:
            log.warning("no history of %s: %s", symbol, error)
            want.not_before_s = self._monotonic() + CATALOGUE_EVERY_S
            return
        want.done, want.progress = True, 1.0


def _key(gap: Gap) -> tuple[str, int, int]:
    return gap.symbol, gap.from_ms, gap.to_ms


def _touched(gap: Gap, timeframe_s: int) -> Hole:
    ms = timeframe_s * 1000
    return Hole(gap.symbol, timeframe_s, gap.from_ms // ms * ms, gap.to_ms // ms * ms)


def _repaired(candles: Candles) -> Candles:
    c = candles
    return Candles(
        c.symbol, c.timeframe_s, c.open_ms, c.open, c.high, c.low, c.close, c.volume, c.trade_count,
        np.full(len(c), "repaired", "U8"),
    )  # fmt: skip
