"""One source from its sockets to its store: feeds, intake, repair, looks. Wired here, started and stopped as one."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from analytics.decision import Freshness
from analytics.live import Touch
from analytics.market import MarketRule, MarketView
from core.errors import StoreError, UnknownSymbol
from core.settings import Settings
from core.types import TIMEFRAMES_S, DeskStatus, FeedStatus, Ints, MarkPrice, Source, SymbolInfo, Trade
from desk.engine import Engine, Key, record_bars
from desk.holes import KLINE_MIN_S
from desk.intake import Intake
from desk.past import Past
from desk.repairer import Repairer
from desk.streams import Streams, feed_of
from desk.surroundings import REAL, Surroundings
from desk.universe import Universe
from ingestion import binance
from storage.ring import Ring
from storage.sqlite import TradeStore

log = logging.getLogger(__name__)

HEALTH: Final = "health"  # the note that tells other processes how this one does
HEALTH_EVERY_S: Final = 5.0
FLUSH_S: Final = 2.0
ORIGIN: Final = "origin"


class Collector:
    """Collects one source into one store. Threads: feed-trades, feed-market, repair, engine, and while the
    market is scanned feed-universe and scanner; the store has its own.

    Raises
    ------
    StoreError
        If the store holds another source's trades.
    """

    def __init__(self, settings: Settings, store: TradeStore, around: Surroundings = REAL) -> None:
        _claim(settings, store)
        self.settings = settings
        self.store = store
        self.ring = Ring(settings.ring_trades)
        self.rest = around.rest(settings.rest_url)
        self._lock = threading.Lock()  # guards symbols, and starting against stopping
        self._symbols = list(settings.symbols)
        self._revisions: Counter[tuple[str, int]] = Counter()  # changes before the newest candle
        self._running = False
        self._told_s = 0.0
        self.engine = Engine(
            store,
            journal=store,
            newest_ms=self.newest_candle_ms,
            revision=lambda symbol, timeframe_s: self._revisions[symbol, timeframe_s],
            holes=self._holes,
            marks=self.marks,
            funding_hours=lambda: self.repairer.facts.funding_hours,
        )
        self.past = Past(self.engine.report_to, store)
        self.repairer = Repairer(
            self.rest,
            store,
            watermark_ms=lambda: self.intake.watermark_ms,
            kind=lambda symbol: self.intake.kind(symbol),  # noqa: PLW0108 (it comes later)
            tick=self._tick,
            on_change=self._changed,
            on_repaired=self.engine.repaired,
            grace_ms=settings.grace_ms,
            retry_s=around.retry_s,
            on_facts=lambda: self.streams.expect(self.repairer.facts.day_trades),
            spare=lambda stopped: self.universe.turn(stopped),  # noqa: PLW0108 (it comes later)
            monotonic=around.monotonic,
        )
        self.universe = Universe(
            self.rest,
            store,
            catalogue=self.catalogue,
            open_stream=lambda take: feed_of(
                "feed-universe", settings, around, route=binance.ROUTES["kline_1m"], on_batch=take
            ),
            monotonic=around.monotonic,
            closed_ms=self.repairer.closed_ms,
        )
        self.intake = Intake(
            self.ring,
            store,
            self.repairer,
            grace_ms=settings.grace_ms,
            on_confirmed=self.engine.wake,
            monotonic=around.monotonic,
            times=around.times,
        )
        self.streams = Streams(settings, around, self.intake)
        store.tell_dropped(self.intake.dropped)
        for symbol in self._symbols:
            self._enter(symbol)

    # Running

    def start(self) -> None:
        """Start everything; does nothing while it runs. Returns at once: connecting is the threads' business."""
        with self._lock:
            if self._running:
                return
            self._running = True
            self.repairer.start()
            self.engine.start()
            self.streams.start()

    def stop(self) -> None:
        """End the threads and write what is queued; does nothing when stopped."""
        with self._lock:
            if not self._running:
                return
            self._running = False
            self.streams.stop()
            self.intake.line_down()
            self.repairer.stop()
            self.universe.stop()
            self.engine.stop()
            if not self.store.flush():
                log.warning("what was queued could not all be written: %s", self.store.status().reason)

    def close(self) -> None:
        """Stop, and close the store."""
        self.stop()
        self.rest.close()
        self.store.close()

    @property
    def running(self) -> bool:
        """Between start and stop."""
        return self._running

    # Symbols

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is streamed, or will be once started."""
        return tuple(self._symbols)

    def add(self, symbol: str) -> None:
        """Stream one more symbol.

        Raises
        ------
        UnknownSymbol
            If the exchange does not list it as trading, or its list is not known yet.
        """
        catalogue = self.repairer.facts.catalogue
        if symbol in self._symbols:
            return
        if not catalogue:
            why = self.repairer.facts.problem or "it is still being fetched"
            raise UnknownSymbol(f"{symbol} cannot be checked: the exchange's list of contracts is not known ({why}).")
        info = catalogue.get(symbol)
        if info is None:
            raise UnknownSymbol(f"{symbol} is not a contract of this exchange. Choose one from the list.")
        if info.status != "TRADING":
            raise UnknownSymbol(f"{symbol} does not trade now: the exchange says {info.status}.")
        with self._lock:
            self._symbols.append(symbol)
            self._enter(symbol)

    def drop(self, symbol: str) -> None:
        """Stream it no longer. What is stored stays."""
        with self._lock:
            if symbol not in self._symbols:
                return
            self._symbols.remove(symbol)
            self.streams.unsubscribe(symbol)
            self.intake.drop(symbol)
            self.ring.drop(symbol)

    # What is known now

    def catalogue(self) -> Mapping[str, SymbolInfo]:
        """Every contract the exchange lists; empty while unknown."""
        return self.repairer.facts.catalogue

    def marks(self) -> Mapping[str, MarkPrice]:
        """Newest mark price and funding per symbol: from the stream, or from REST before the first push."""
        return {**self.repairer.facts.marks, **self.streams.marks}

    def newest_candle_ms(self, symbol: str, timeframe_s: int) -> int | None:
        """Open of the newest confirmed candle, from the stream or, before its first one, from the store."""
        streamed = self.intake.newest_ms(symbol, timeframe_s)
        if streamed is not None:
            return streamed
        stored = self.store.candles(symbol, timeframe_s, limit=1)
        return int(stored.open_ms[-1]) if len(stored) else None

    def newest_trade(self, symbol: str) -> Trade | None:
        """The newest trade in memory."""
        return self.ring.last(symbol)

    def touch(self, symbol: str) -> Touch | None:
        """Where takers last traded; None until both sides did."""
        bought, sold = self.ring.executable(symbol)
        return None if bought is None or sold is None else Touch(sold=sold, bought=bought)

    def freshness(self, key: Key) -> Freshness:
        """How current the data of a pair are."""
        trades, _ = self.streams.status()
        if not self._running:
            return Freshness(reason="No data: the feed is stopped.")
        if trades.state != "live":
            return Freshness(reason=f"No data: {trades.reason or 'connecting to the exchange.'}")
        age = {s.symbol: s.age_s for s in trades.streams}
        stale_s = self.settings.stale_after_s
        silent = tuple(s for s in (key.symbol_y, key.symbol_x) if (a := age.get(s)) is None or a > stale_s)
        return Freshness(self.intake.watermark_ms or None, silent)

    def status(self) -> DeskStatus:
        """Everything but what only the desk knows."""
        trades, market = self.streams.status()
        counts = self.store.gap_counts()
        return DeskStatus(
            running=self._running,
            source=self._source(trades),
            trades=trades,
            market=market,
            store=self.store.status(),
            symbols=self.symbols,
            problem=self._problem(trades),
            warmup=self.repairer.warmup(),
            gaps_open=counts["open"],
            gaps_repaired=counts["repaired"],
            gaps_lost=counts["lost"],
            clock_offset_ms=self.rest.offset_ms,
            stale_after_s=self.settings.stale_after_s,
        )

    def want(self, key: Key) -> None:
        """This pair is looked at: first the history its verdict needs, then that of its record."""
        params = key.params
        for bars in (params.need_bars + 1, record_bars(params)):
            for symbol in (key.symbol_y, key.symbol_x):
                if bars:
                    self.repairer.want(symbol, params.timeframe_s, bars)
        self.engine.watch(key)

    def whole_market(self, rule: MarketRule) -> MarketView:
        """The scan of the market, made for as long as somebody asks for it."""
        self.universe.want(rule)
        return self.universe.view()

    def _source(self, trades: FeedStatus) -> Source:
        said = trades.simulated or self.rest.simulated
        if said == "replay":
            return "REPLAY"
        return "LIVE" if self.settings.is_exchange and not said else "SIMULATED"

    def _problem(self, trades: FeedStatus) -> str:
        store = self.store.status()
        if store.state == "failing":
            return f"Trades are kept in memory only: {store.reason}."
        if not self._running:
            return ""
        return trades.reason if trades.state in {"waiting", "blocked"} else self.repairer.facts.problem

    def _enter(self, symbol: str) -> None:
        self.store.flush(FLUSH_S)  # it may have been streamed until a moment ago
        last = self.store.last_trade(symbol)
        last_id, last_ms = (last.trade_id, last.ts_ms) if last else (None, None)
        self.intake.add(symbol, last_id, last_ms, self.settings.stream)
        self.streams.subscribe(symbol)

    def _changed(self, symbol: str, timeframe_s: int | None) -> None:
        self._revisions.update((symbol, s) for s in ([timeframe_s] if timeframe_s else TIMEFRAMES_S))
        self.engine.wake()

    def _tick(self) -> None:
        """Now and then, on the repair thread."""
        self.intake.tick()
        now_s = time.monotonic()
        if now_s - self._told_s > HEALTH_EVERY_S:
            self._told_s = now_s
            self.store.put_note(HEALTH, msgspec.json.encode(self.status()).decode(), time.time_ns() // 1_000_000)
        self.intake.silent(self.streams.silent(self.settings.stale_after_s))

    def _holes(self, symbol: str, timeframe_s: int, from_ms: int) -> Ints:
        """Opens of intervals since ``from_ms`` known to be without a candle that should be there."""
        ms = timeframe_s * 1000
        spans = [(a, b) for a, b in self.repairer.unknown_ms(symbol, timeframe_s) if b >= from_ms]
        # Lost trades leave only fine candles unknown: from 1 min up the exchange's own bars stand in.
        spans += [
            (gap.from_ms // ms * ms, gap.to_ms // ms * ms)
            for gap in self.store.gaps(symbol, from_ms=from_ms)
            if gap.state == "open" or (gap.state == "lost" and timeframe_s < KLINE_MIN_S)
        ]
        opens: Sequence[Ints] = [np.arange(max(a, from_ms), b + 1, ms, dtype=np.int64) for a, b in spans]
        return np.unique(np.concatenate(opens)) if opens else np.empty(0, np.int64)


def _claim(settings: Settings, store: TradeStore) -> None:
    """A database holds trades of the exchange or of something else, never of both."""
    origin = "the exchange" if settings.is_exchange else "a simulator or another server"
    known = store.note(ORIGIN)
    if known is None:
        store.put_note(ORIGIN, json.dumps(origin), time.time_ns() // 1_000_000)
    elif json.loads(known[0]) != origin:
        raise StoreError(
            f"{settings.db} holds trades of {json.loads(known[0])}, and {settings.ws_url} is {origin}:"
            " name another file by PAIRSIGHT_DB"
        )
