"""The market that is scanned: which symbols, their minutes from REST and then from the stream, one scan a minute.

Nothing is asked of the exchange until somebody wants a scan. REST is asked on the repair thread, in the time that
gaps and the watched pairs leave; closed bars come on a feed of their own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from analytics.market import TIMEFRAME_S, MarketRule, MarketView, Stage
from analytics.scan_series import LeftOut
from core.errors import RestError
from core.types import Batch, Candles, FeedStatus, SymbolInfo
from desk.closes import STEP_MS, Closes
from desk.scan import Scanner
from desk.warmup import PAGE_WEIGHT, Shelf, Warmup
from ingestion.binance import StreamKind
from ingestion.binance_rest import Ticker
from ingestion.rest import Rest

log = logging.getLogger(__name__)

QUOTE: Final = "USDT"
KIND: Final[StreamKind] = "kline_1m"
CHOOSE_EVERY_S: Final = 3_600.0
LAPSED_S: Final = 5.0  # a tab asks each second; one that has not for so long has been closed, or asks for other things
TICKERS_WEIGHT: Final = 40  # of the 24 h figures of all symbols
UNSEEN_S: Final = 1_800.0  # so long after the last look at it the market is let go


class Stream(Protocol):
    """What the universe needs of a feed."""

    def start(self) -> None: ...
    def stop(self) -> bool: ...
    def subscribe(self, symbols: Iterable[str], kind: StreamKind) -> None: ...
    def unsubscribe(self, symbols: Iterable[str], kind: StreamKind) -> None: ...
    def status(self) -> FeedStatus: ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """The symbols of a market, the largest 24 h volume first."""

    symbols: tuple[str, ...] = ()
    day_volume: Mapping[str, float] = field(default_factory=dict)  # quote currency
    left_out: tuple[LeftOut, ...] = ()


def choose(catalogue: Mapping[str, SymbolInfo], tickers: Iterable[Ticker], rule: MarketRule, now_ms: int) -> Chosen:
    """Choose the symbols to scan: those that trade now against USDT, by 24 h quote volume.

    A symbol that is large enough but listed for less than the window is left out by name; the next one takes its
    place. Contracts whose underlying has closing hours are no choice unless the rule asks for them.
    """
    kinds: Collection[str] = ("PERPETUAL", "TRADIFI_PERPETUAL") if rule.closing_markets else ("PERPETUAL",)
    ranked = sorted(
        (
            (ticker.quote_volume, info)
            for ticker in tickers
            if (info := catalogue.get(ticker.symbol)) is not None
            and (info.status, info.quote) == ("TRADING", QUOTE)
            and info.contract_type in kinds
            and ticker.quote_volume >= rule.min_day_volume
        ),
        key=lambda one: (-one[0], one[1].symbol),
    )
    volumes: dict[str, float] = {}
    young: list[LeftOut] = []
    for volume, info in ranked:
        if len(volumes) == rule.most:
            break
        minutes = (now_ms - info.onboard_ms) // STEP_MS
        if minutes < rule.need_bars:
            young.append(
                LeftOut(info.symbol, f"too young: listed for {minutes:,} minutes, {rule.need_bars:,} are needed")
            )
        else:
            volumes[info.symbol] = volume
    return Chosen(tuple(volumes), volumes, tuple(young))


class Universe:
    """Threads: ``feed-universe`` delivers, ``scanner`` scans, both only while a scan is wanted."""

    def __init__(
        self,
        rest: Rest,
        store: Shelf,
        *,
        catalogue: Callable[[], Mapping[str, SymbolInfo]],
        open_stream: Callable[[Callable[[Batch], None]], Stream],
        monotonic: Callable[[], float] = time.monotonic,
        closed_ms: Callable[[], int] | None = None,
    ) -> None:
        self._rest = rest
        self._store = store
        self._catalogue = catalogue
        self._monotonic = monotonic
        self._closed_ms = closed_ms
        self._stream = open_stream(self.take)
        self._lock = threading.Lock()  # guards what is wanted
        self._rule: MarketRule | None = None
        self._wishes: dict[MarketRule, tuple[float, float]] = {}  # since when, and when last
        self._seen_s = 0.0
        self._ends = 0  # how often it was stopped
        # The repair thread's own:
        self._chosen = Chosen()
        self._chosen_for: tuple[int, float, bool, int] | None = None
        self._chosen_s = 0.0
        self._began_s = 0.0
        self._problem = ""
        self._next_ms: dict[str, int] = {}  # the minute that would follow the newest closed one; the feed thread's own
        # The store may know more of them than the scan does. Both threads add, the repair thread alone takes out.
        self._stale: set[str] = set()
        self._closes: Closes
        self._warmup: Warmup
        self._scanner: Scanner
        self._start_over(MarketRule().need_bars)

    # What the screen asks, from any thread

    def want(self, rule: MarketRule) -> None:
        """Scan by this rule from now on, as long as somebody looks.

        Where tabs ask for different markets, the one that changed its mind last has its way: taking turns would choose,
        fetch and scan anew each second.
        """
        with self._lock:
            now_s = self._monotonic()
            self._wishes = {r: (a, b) for r, (a, b) in self._wishes.items() if now_s - b <= LAPSED_S}
            since_s, _ = self._wishes.get(rule, (now_s, now_s))
            self._wishes[rule] = since_s, now_s
            newest = max(self._wishes, key=lambda r: self._wishes[r][0])
            changed, self._rule = self._rule != newest, newest
            self._seen_s = now_s
        if changed:
            self._scanner.poke()

    def view(self) -> MarketView:
        """What is known now. Cheap."""
        chosen, made, feed = self._chosen, self._scanner.result, self._stream.status()
        loaded, left_s = self._progress()
        stage: Stage = "off"
        rule = self._rule
        if rule is not None:
            ready = loaded == 1.0 and feed.state == "live"
            chosen_now = chosen.symbols and self._chosen_for == rule.universe
            stage = "choosing" if not chosen_now else "live" if ready else "loading"
        down = feed.reason if chosen.symbols and feed.state in {"waiting", "blocked"} else ""
        return MarketView(
            stage=stage,
            problem=self._problem or made.problem or down,
            symbols=chosen.symbols,
            left_out=chosen.left_out + made.left_out,
            loaded=loaded,
            left_s=left_s,
            scan=made.scan,
            candle_ms=made.candle_ms,
            took_ms=made.took_ms,
            number=made.number,
            rule=rule,
        )

    def feed(self) -> FeedStatus:
        """The state of its stream."""
        return self._stream.status()

    def stop(self) -> None:
        """End both threads; what was found stays, and the next turn goes on, one that is on its way does not."""
        with self._lock:
            self._ends += 1
        self._stream.stop()
        self._scanner.stop()
        self._chosen_for = None

    # On the repair thread

    def turn(self, stopped: Callable[[], bool]) -> None:
        """Choose symbols and fetch history, where a scan is wanted and the budget has room. Raises RestError."""
        with self._lock:
            rule, unseen_s, ends = self._rule, self._monotonic() - self._seen_s, self._ends
            if rule is not None and unseen_s > UNSEEN_S:
                self._rule = None
        if rule is None:
            return
        if unseen_s > UNSEEN_S:
            log.info("nobody has looked at the scanner for %.0f min: its stream is closed", unseen_s / 60)
            self.stop()
            return
        try:
            due = self._monotonic() - self._chosen_s > CHOOSE_EVERY_S
            if self._chosen_for != rule.universe or due:
                self._choose(rule, ends)
            self._recall(rule)
            self._warmup.turn(stopped, lambda *_: None)
            self._problem = ""
        except RestError as error:
            self._problem = str(error)
            raise

    # On the feed's thread

    def take(self, batch: Batch) -> None:
        """Closed bars: to the store, to the scan; a minute left out is fetched with the history."""
        minute = False
        for bars in batch.bars:
            if not len(bars.closed_ms):
                continue
            minute = True
            if len(bars.candles):
                self._store.put_candles(bars.candles)
                self._closes.add(bars.candles)
            expected = self._next_ms.get(bars.symbol)
            if expected is None or int(bars.closed_ms[0]) > expected:
                self._warmup.again(bars.symbol)
                self._stale.add(bars.symbol)
            self._next_ms[bars.symbol] = int(bars.closed_ms[-1]) + STEP_MS
        if minute:
            self._scanner.poke()

    # Inside

    def _choose(self, rule: MarketRule, ends: int) -> None:
        catalogue = self._catalogue()
        if not catalogue or self._rest.wait_s(TICKERS_WEIGHT) > 0:
            return
        now_ms = self._rest.server_time_ms()
        chosen = choose(catalogue, self._rest.ticker_24h(), rule, now_ms)
        if self._bars != rule.need_bars:
            self._scanner.stop()
            self._start_over(rule.need_bars)
        gone = set(self._chosen.symbols) - set(chosen.symbols)
        self._stale.update(self._closes.keep(chosen.symbols))
        self._warmup.keep(chosen.symbols)
        for symbol in chosen.symbols:
            self._warmup.want(symbol, TIMEFRAME_S, rule.need_bars)
        if self._chosen_for is None:  # there was a pause
            self._stale.update(chosen.symbols)
            for symbol in chosen.symbols:
                self._warmup.again(symbol)
        with self._lock:
            if self._ends != ends:  # stopped while the exchange answered: nothing comes alive again
                return
            self._chosen, self._began_s = chosen, self._monotonic()
            self._chosen_for, self._chosen_s = rule.universe, self._monotonic()
            self._stream.unsubscribe(gone, KIND)
            self._stream.subscribe(chosen.symbols, KIND)
            self._stream.start()
            self._scanner.start()
        log.info("%d symbols are scanned, %d were left out", len(chosen.symbols), len(chosen.left_out))

    def _recall(self, rule: MarketRule) -> None:
        """What the store knows: from an earlier run, or from trades while no bar came."""
        from_ms = self._rest.exchange_ms() - rule.need_bars * STEP_MS
        while self._stale:
            self._closes.add(self._store.candles(self._stale.pop(), TIMEFRAME_S, from_ms=from_ms))
            self._scanner.poke()

    def _start_over(self, bars: int) -> None:
        self._bars = bars
        self._closes = Closes(bars)
        self._warmup = Warmup(self._rest, _Noting(self._store, self._noted), self._monotonic, self._closed_ms)
        day_volume, loading = (lambda: self._chosen.day_volume), self._warmup.progress
        self._scanner = Scanner(self._closes, lambda: self._rule, day_volume, loading)

    def _noted(self, page: Candles) -> None:
        self._closes.add(page)
        self._scanner.poke()

    def _progress(self) -> tuple[float, float | None]:
        """How much of the history is there, and how long the rest takes at the pace so far."""
        count = len(self._chosen.symbols)
        if not count:
            return 0.0, None
        left = {symbol: share for symbol, share in self._warmup.progress().items() if symbol in self._chosen.day_volume}
        loaded = 1.0 - sum(1.0 - share for share in left.values()) / count
        if not left or not loaded:
            return loaded, None if left else 0.0
        passed_s = self._monotonic() - self._began_s
        return loaded, max(passed_s * (1.0 - loaded) / loaded, self._rest.wait_s(PAGE_WEIGHT))


class _Noting:
    """The store, and somebody who hears of what is put there."""

    def __init__(self, store: Shelf, heard: Callable[[Candles], None]) -> None:
        self._heard = heard
        self.candles = store.candles
        self.flush = store.flush
        self._put = store.put_candles

    def put_candles(self, candles: Candles) -> None:
        """Store, and tell."""
        self._put(candles)
        self._heard(candles)
