"""What was missed is fetched again: gaps, the candles they spoiled, and the history before the start. Owns REST's time.

One thread, "repair". Gaps and holes come from the intake, wants from the screen and the engine; trades and candles go
to the store. Nothing here touches the stream.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from core.errors import BadRequest, Blocked, RateLimited, RestError, StoreError
from core.types import TIMEFRAMES_S, Candles, Gap, GapState, MarkPrice, SymbolInfo, Ticks, TradeKind
from desk.filler import Filler, Trades
from desk.holes import Hole, touched
from desk.listed import never_funded
from desk.mender import CLOCK_BEHIND_MS, Bench, Mender
from desk.warmup import Shelf, Warmup
from desk.worker import Worker
from ingestion.rest import Rest

log = logging.getLogger(__name__)

TURN_S: Final = 0.25
CLOCK_EVERY_S: Final = 600.0
CATALOGUE_EVERY_S: Final = 3_600.0
CLOCK_DOUBT_MS: Final = 600_000  # REST's clock alone may be minutes off

Part = Callable[[], None]


class Archive(Trades, Bench, Shelf, Protocol):
    """What repair needs of the store."""

    def gaps(
        self,
        symbol: str | None = ...,
        state: GapState | None = ...,
        *,
        from_ms: int | None = ...,
        to_ms: int | None = ...,
    ) -> list[Gap]: ...
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
    funding_hours: dict[str, int] | None = None  # of contracts that may not settle every 8 h; None: not known yet
    day_trades: dict[str, float] = field(default_factory=dict)  # of the last 24 hours, by symbol
    marks: dict[str, MarkPrice] = field(default_factory=dict)
    problem: str = ""  # why REST does not answer


class Repairer:
    """The thread that asks; the intake's `Care`. ``watermark_ms``, ``passed_ms`` and ``kind`` come from the intake.

    ``on_change`` tells of the symbol and timeframe (None: all) of candles before the newest, ``on_repaired`` of the
    symbol, timeframe and first open of repaired ones. ``retry_s`` passes before what failed is tried again.
    """

    def __init__(
        self,
        rest: Rest,
        store: Archive,
        *,
        watermark_ms: Callable[[], int],
        passed_ms: Callable[[str], int],
        kind: Callable[[str], TradeKind | None],
        on_change: Callable[[str, int | None], None],
        on_repaired: Callable[[str, int, int], None],
        grace_ms: int,
        retry_s: float,
        on_facts: Callable[[], None] = lambda: None,
        spare: Callable[[Callable[[], bool]], None] = lambda stopped: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rest = rest
        self._store = store
        self._watermark_ms = watermark_ms
        self._passed_ms = passed_ms
        self._on_change = on_change
        self._on_repaired = on_repaired
        self._grace_ms = grace_ms
        self._on_facts = on_facts
        self._spare = spare
        self._monotonic = monotonic
        self._wait_s = retry_s
        self._filler = Filler(
            rest,
            store,
            kind=kind,
            on_healed=lambda gap: self._mender.add(touched(gap)),
            on_settled=self._settled,
            monotonic=monotonic,
        )
        self._mender = Mender(rest, store, self._mended)
        self._warmup = Warmup(rest, store, monotonic, self.closed_ms)
        self._lock = threading.Lock()  # guards what others add to
        self._begun: list[tuple[str, int]] = []  # streams that have begun to deliver
        self._facts = Facts()
        self._due: list[tuple[int, Callable[[], Facts]]] = []  # to be learned: the weight, and asking
        self._troubles: dict[Part, tuple[float, str]] = {}  # of parts that failed: when to try again, and why
        self._refused_s = 0.0  # until then nothing may be asked
        self._clock_s = self._catalogue_s = -1e9
        self._local: tuple[Part, ...] = (self._filler.absorb, self._join, self._rebuild)
        # What is missed most comes first; history and the market get the time that is left.
        self._asking: tuple[Part, ...] = (
            self._set_clock,
            self._list_contracts,
            self._filler.turn,
            self._mend,
            self._learn,
            self._read_on,
            self._use_spare,
        )
        self._wake = threading.Event()
        self._worker = Worker("repair", self._main, self._wake)

    def start(self) -> None:
        """Start the thread; does nothing while it runs."""
        if self._worker.on:
            return
        # Gaps that an earlier run left open, and with them the intervals they touch.
        self._mender.add(hole for gap in self._store.gaps(state="open") for hole in touched(gap))
        self._filler.news()
        self._worker.start()

    def close(self) -> None:
        """End the thread and what it waits for, without waiting for either; nothing is asked any more."""
        self._worker.tell()
        self._rest.close()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the thread. A request on its way may outlive the wait; its answer still counts."""
        self._worker.stop(timeout_s)

    # What others tell it, from any thread

    def gap(self, gap: Gap) -> None:
        """Trades are missing, and the store has the gap."""
        self._filler.news()
        self._wake.set()

    def latecomers(self, ticks: Ticks) -> None:
        """Trades of a gap came after all."""
        self._filler.latecomers(ticks)
        self._wake.set()

    def healed(self, gap: Gap) -> None:
        """Latecomers closed a gap."""
        self._filler.healed(gap)
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

    def closed_ms(self) -> int:
        """Up to which exchange time bars are closed for sure.

        The stream's own times say so. Before its first record there is only REST's clock, and what would be open if
        that were minutes off is left for later. May raise RestError.
        """
        clock_ms, watermark_ms = self._rest.clock_ms(), self._watermark_ms()
        return min(clock_ms, watermark_ms) if watermark_ms else clock_ms - CLOCK_DOUBT_MS

    # The thread

    def _main(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._wake.wait(TURN_S)
            self.turn()

    def turn(self) -> None:
        """Do what is due; what stands in a part's way is told, and costs the other parts nothing."""
        self._wake.clear()
        for part in self._local:
            self._do(part)
        for part in self._asking:
            if self._monotonic() < self._refused_s:
                self._do(self._make_do)
                break
            if not self._worker.stopping:
                self._do(part)
        if not self._worker.stopping:  # what ends in midst of an answer is no trouble
            self._say(next((words for _, words in self._troubles.values() if words), ""))

    def _do(self, part: Part) -> None:
        """One part, unless it failed a moment ago."""
        if self._monotonic() < self._troubles.get(part, (0.0, ""))[0]:
            return
        wait_s, words = self._wait_s, ""
        try:
            part()
        except RestError as error:
            words = str(error)
            if isinstance(error, RateLimited):
                wait_s = error.retry_after_s
            if isinstance(error, RateLimited | Blocked):  # that goes for whatever else would be asked
                self._refused_s = self._monotonic() + wait_s
        except StoreError as error:  # it cannot be read now; the writer says more
            log.warning("repair: %s", error)
        except Exception:  # the thread's last resort
            log.exception("repair failed; it tries again")
            words = "An error inside Pairsight disturbs the repair of gaps; the log has it."
        else:
            self._troubles.pop(part, None)
            return
        self._troubles[part] = self._monotonic() + wait_s, words

    def _join(self) -> None:
        """The seams of streams that have begun; one that fails makes room for the next."""
        while self._begun:
            with self._lock:
                seam = self._begun.pop(0)
            try:
                self._seam(*seam)
            except BaseException:
                with self._lock:
                    self._begun.append(seam)
                raise

    def _rebuild(self) -> None:
        self._mender.rebuild(self._passed_ms)

    def _make_do(self) -> None:
        self._mender.make_do(self._passed_ms)

    def _mend(self) -> None:
        self._rebuild()  # which gaps filled just now allow
        try:
            self._mender.fetch(self._watermark_ms() - self._grace_ms, self._passed_ms)
        except RestError:
            self._make_do()
            raise

    def _read_on(self) -> None:
        self._warmup.turn(self._interrupted, self._on_change)

    def _use_spare(self) -> None:
        self._spare(self._interrupted)

    def _interrupted(self) -> bool:
        """Asked between pages."""
        return self._worker.stopping or self._wake.is_set()

    def _say(self, problem: str) -> None:
        if problem and problem != self._facts.problem:
            log.warning("repair: %s", problem)
        if problem != self._facts.problem:
            self._facts = replace(self._facts, problem=problem)

    def _set_clock(self) -> None:
        now_s = self._monotonic()
        behind = self._rest.exchange_ms() < self._watermark_ms() - CLOCK_BEHIND_MS
        if now_s - self._clock_s > (self._wait_s if behind else CLOCK_EVERY_S):
            self._rest.server_time_ms()
            self._clock_s = now_s

    def _list_contracts(self) -> None:
        """Without the list nothing can be checked. Whoever waits for it is a person."""
        now_s = self._monotonic()
        if now_s >= self._catalogue_s:
            self._facts = replace(self._facts, catalogue=self._rest.exchange_info())
            self._catalogue_s = now_s + CATALOGUE_EVERY_S
            self._due = [
                (1, lambda: replace(self._facts, funding_hours=self._funding_hours())),
                (10, lambda: replace(self._facts, marks={mark.symbol: mark for mark in self._rest.premium_index()})),
                (40, lambda: replace(self._facts, day_trades=self._day_trades())),
            ]

    def _learn(self) -> None:
        """What is good to know, one by one where the budget has room; what was known stands until the new has come."""
        while self._due and self._rest.wait_s(self._due[0][0]) == 0:
            try:
                self._facts = self._due[0][1]()
            except BadRequest as error:  # a server without it: asking again is of no use
                log.warning("not to be learned: %s", error)
            self._due.pop(0)
            self._on_facts()

    def _funding_hours(self) -> dict[str, int]:
        return {**self._rest.funding_hours(), **never_funded(self._facts.catalogue)}

    def _day_trades(self) -> dict[str, float]:
        if self._rest.simulated == "replay":
            return {}  # its day begins with it
        return {ticker.symbol: float(ticker.trades) for ticker in self._rest.ticker_24h()}

    def _mended(self, hole: Hole) -> None:
        self._on_change(hole.symbol, hole.timeframe_s)
        self._on_repaired(hole.symbol, hole.timeframe_s, hole.first_ms)

    def _settled(self, gap: Gap) -> None:
        self._mender.settled()
        self._on_change(gap.symbol, None)

    def _seam(self, symbol: str, first_ms: int) -> None:
        """Join history and stream: fetch up to the first record, and build what an earlier run had not confirmed."""
        self._warmup.again(symbol, first_ms)
        last = self._store.trades(symbol, to_ms=first_ms, limit=1).ts_ms
        oldest = self._store.next_trade(symbol, 0)
        if not len(last) or oldest is None:
            return
        for timeframe_s in TIMEFRAMES_S:
            ms = timeframe_s * 1000
            newest = self._store.candles(symbol, timeframe_s, to_ms=first_ms, limit=1).open_ms
            begin = int(newest[-1]) + ms if len(newest) else oldest.ts_ms // ms * ms
            hole = Hole(symbol, timeframe_s, begin, int(last[-1]) // ms * ms)
            if hole.first_ms <= hole.last_ms:
                self._mender.add([hole])
