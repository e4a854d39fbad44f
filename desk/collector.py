"""One source from its sockets to its store: feeds, intake, repair, looks. Wired here, started and stopped as one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import inf
from typing import Final

import msgspec

from analytics.decision import Freshness
from analytics.live import Touch
from analytics.market import MarketRule, MarketView
from core.clock import now_ms
from core.errors import StoreError, UnknownSymbol
from core.load import HistoryLoad
from core.settings import Settings
from core.types import DeskStatus, FeedStatus, Ints, MarkPrice, SymbolInfo, Trade, WatchedPair
from desk.alert_survey import survey_of
from desk.alerts import Alerts
from desk.engine import Engine
from desk.heartbeat import Heartbeat
from desk.holes import unknown_opens
from desk.intake import Intake
from desk.listed import must_trade, untraded
from desk.origin import claim, source_of
from desk.past import Past
from desk.repairer import Repairer
from desk.revisions import Revisions
from desk.streams import Streams, feed_of, since_ms
from desk.surroundings import REAL, Surroundings
from desk.track_record import TrackRecord, keep_score
from desk.universe import Universe
from desk.watch import Key, record_bars
from desk.watchlist import WatchList, looked_after
from desk.windows import Windows
from desk.wishes import Wishes
from desk.year import Year
from ingestion import binance
from storage.ring import Ring
from storage.sqlite import TradeStore

log = logging.getLogger(__name__)

HEALTH: Final = "health"  # the note that tells other processes how this one does
HEALTH_EVERY_S: Final = 5.0
FLUSH_S: Final = 2.0


class Collector:
    """Collects one source into one store. Threads: feed-trades, feed-market, heartbeat, repair, engine, alerts and one
    a channel, track, wishes; as long as they are wanted feed-universe, scanner and year; the store has its own.

    Raises
    ------
    StoreError
        If the store holds another source's trades.
    """

    def __init__(self, settings: Settings, store: TradeStore, around: Surroundings = REAL) -> None:
        claim(settings, store)
        self.settings = settings
        self.store = store
        self.ring = Ring(settings.ring_trades)
        self.rest = around.rest(settings.rest_url)
        around = around.timed(self.rest.exchange_ms)  # ours may be off by days
        self._lock = threading.Lock()  # guards symbols, and starting against stopping
        kept = looked_after(store, settings.watch)
        legs = (symbol for entry in kept for symbol in (entry.symbol_y, entry.symbol_x))
        self._symbols = list(dict.fromkeys((*settings.symbols, *legs)))
        self._revisions = Revisions(store)
        self._asked_back: set[str] = set()
        self._named: list[str] = []  # sentences in the log of symbols that are not traded
        self._running = False
        self._told_s = -inf
        self.engine = Engine(
            Windows(store),
            journal=store,
            newest_ms=self.newest_candle_ms,
            revision=self._revisions.of,
            holes=self.incomplete,
            mending=lambda symbol, timeframe_s, from_ms: self._opens(symbol, timeframe_s, from_ms, lost=False),
            marks=self.marks,
            funding_hours=lambda: self.repairer.facts.funding_hours,
        )
        self.past = Past(self.engine.report_to, store)
        self.repairer = Repairer(
            self.rest,
            store,
            watermark_ms=lambda: self.intake.watermark_ms,
            passed_ms=lambda symbol: self.intake.passed_ms(symbol),  # noqa: PLW0108 (it comes later)
            kind=lambda symbol: self.intake.kind(symbol),  # noqa: PLW0108 (it comes later)
            on_change=self._changed,
            on_repaired=self.engine.repaired,
            grace_ms=settings.grace_ms,
            retry_s=around.retry_s,
            on_facts=self._learned,
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
        self.year = Year(
            self.rest, store, closed_ms=self.repairer.closed_ms, on_change=self._changed, monotonic=around.monotonic
        )
        self.streams = Streams(
            settings, around, self.intake, listed=lambda symbol: not untraded([symbol], self.catalogue())
        )
        self.heartbeat = Heartbeat(self._tick)
        self.track: TrackRecord = keep_score(self, want=self._resume)
        self.watched = WatchList(store, settings, self.engine, add=self.add, want=self.want)
        self.alerts = Alerts(
            store, settings.alert_urls, survey_of(self), stale_after_s=settings.stale_after_s, named=settings.watch
        )
        self.wishes = Wishes(store, self)
        self.engine.tell(self.alerts.hear)
        store.tell_dropped(self.intake.dropped)
        for symbol in self._symbols:
            self._enter(symbol)
        for entry in kept:
            self.watched.look_after(entry)

    # Running

    def start(self) -> None:
        """Start everything; does nothing while it runs. Returns at once: connecting is the threads' business."""
        with self._lock:
            if self._running:
                return
            self._running = True
            self._told_s = -inf  # the last thing told may be that it was stopped
            self.heartbeat.start()
            self.repairer.start()
            self.alerts.start()
            self.engine.start()
            self.track.start()
            self.streams.start()
            self.wishes.start()

    def stop(self) -> None:
        """End the threads and write what is queued; does nothing when stopped."""
        self.wishes.stop()  # before the lock: a wish may need it
        with self._lock:
            if not self._running:
                return
            self._running = False
            self.streams.stop()
            self.intake.ended()
            self.heartbeat.stop()
            self.repairer.stop()
            self.universe.stop()
            self.engine.stop()
            self.track.stop()
            self.alerts.stop()
            with suppress(StoreError):  # the file is gone; what is queued may still find it
                self._tell()
            if not self.store.flush():
                log.warning("what was queued could not all be written: %s", self.store.status().reason)

    def close(self) -> bool:
        """Stop, and close the store. False: not all that was received could be written."""
        self.repairer.close()  # first: a thread that waits for REST would be waited for
        self.stop()
        self.alerts.close()
        self.year.stop()
        return self.store.close()

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
        if symbol not in self._symbols:
            with self._lock:
                self._stream(symbol)
        for why in self._untraded(self.streams.status()[0], [symbol]):
            raise UnknownSymbol(why)

    def drop(self, symbol: str) -> None:
        """Stream it no longer; what is stored stays. Raises PairsightError where a pair needs it."""
        self.watched.let_go(symbol)
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
        """Newest mark price and funding per symbol: from the stream, or from REST where that is newer."""
        asked = self.repairer.facts.marks
        return {**asked, **{s: m for s, m in self.streams.marks.items() if m.event_ms >= asked.get(s, m).event_ms}}

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
        """Where takers last traded; None unless both sides did so lately that a stream is not called silent."""
        from_ms = since_ms(self.streams.status()[0], symbol, self.settings.stale_after_s)
        bought, sold = (None, None) if from_ms is None else self.ring.executable(symbol, from_ms)
        return None if bought is None or sold is None else Touch(sold=sold, bought=bought)

    def freshness(self, key: Key) -> Freshness:
        """How current the data of a pair are."""
        trades, _ = self.streams.status()
        if not self._running:
            return Freshness(reason="No data: the feed is stopped.")
        if trades.state != "live":
            return Freshness(reason=f"No data: {trades.reason or 'connecting to the exchange.'}")
        if why := self._untraded(trades, key.symbols):
            return Freshness(reason=f"No data: {' '.join(why)}")
        silent = trades.silent(key.symbols, self.settings.stale_after_s)
        return Freshness(self.intake.watermark_ms or None, silent, grace_ms=self.settings.grace_ms)

    def status(self) -> DeskStatus:
        """Everything but what only the desk knows."""
        trades, market = self.streams.status()
        counts = self.store.gap_counts()
        return DeskStatus(
            running=self._running,
            source=source_of(self.settings, trades.simulated or self.rest.simulated),
            trades=trades,
            market=market,
            engine=self.engine.status(),
            universe=self.universe.feed(),
            store=self.store.status(),
            symbols=self.symbols,
            problem=self._problem(trades),
            warmup=self.repairer.warmup(),
            gaps_open=counts["open"],
            gaps_repaired=counts["repaired"],
            gaps_lost=counts["lost"],
            alerts_problem=self.alerts.problem() or self.wishes.problem(),
            track_problem=self.track.problem(),
            clock_offset_ms=self.rest.offset_ms,
            stale_after_s=self.settings.stale_after_s,
        )

    def want(self, key: Key) -> None:
        """This pair is looked at: first the history its verdict needs, then that of its record."""
        params = key.params
        for bars in (params.need_bars + 1, record_bars(params)):
            for symbol in (key.symbol_y, key.symbol_x):
                self.repairer.want(symbol, params.timeframe_s, bars)
        self.engine.watch(key)

    def watch(self, entry: WatchedPair, keep: bool) -> None:
        """Put a pair on the watch-list, or take it off. Raises PairsightError where it cannot be kept."""
        self.watched.change(entry, keep)

    def _resume(self, key: Key) -> None:
        """A trade on paper is on in this pair: its looks go on until it is closed, as after a restart.

        Never waits: who stops the desk holds the lock, and waits for the thread that asks. It asks again.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            if not self._running:
                return
            for symbol in set(key.symbols) - self._asked_back:  # streamed again once; who drops it then means it
                with suppress(UnknownSymbol):  # not known yet
                    self._stream(symbol)
                    self._asked_back.add(symbol)
        finally:
            self._lock.release()
        self.want(key)

    def fetch_history(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> None:
        """Fetch what is missing of the newest days, in the background."""
        self.year.fetch(symbols, timeframe_s, days)

    def history_load(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> HistoryLoad:
        """How far that is."""
        return self.year.load(symbols, timeframe_s, days)

    def cancel_history(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> None:
        """Fetch it no further."""
        self.year.cancel(symbols, timeframe_s, days)

    def incomplete(self, symbol: str, timeframe_s: int, from_ms: int) -> Ints:
        """Opens of intervals since ``from_ms`` known to be without a candle that should be there."""
        return self._opens(symbol, timeframe_s, from_ms, lost=True)

    def settled(self, symbol: str, from_ms: int, to_ms: int) -> list[tuple[int, float]]:
        """A symbol's funding settlements, from the exchange: (time, rate). Raises RestError."""
        return self.rest.funding_settled(symbol, from_ms, to_ms)

    def whole_market(self, rule: MarketRule) -> MarketView:
        """The scan of the market, made for as long as somebody asks for it."""
        self.universe.want(rule)
        return self.universe.view()

    def _problem(self, trades: FeedStatus) -> str:
        store = self.store.status()
        if store.state == "failing":
            return f"Trades are kept in memory only: {store.reason}."
        if not self._running:
            return ""
        if trades.state in {"waiting", "blocked"}:
            return trades.reason
        return " ".join(filter(None, (self.repairer.facts.problem, *self._untraded(trades, self.symbols))))

    def _untraded(self, trades: FeedStatus, symbols: Sequence[str]) -> list[str]:
        """Why nothing comes of these, where the exchange's list says it; it may be old, so not of one that speaks."""
        return untraded(trades.silent(symbols, self.settings.stale_after_s), self.catalogue())

    def _stream(self, symbol: str) -> None:
        """With the lock held: two may add the same one."""
        if symbol not in self._symbols:
            must_trade(symbol, self.repairer.facts.catalogue, self.repairer.facts.problem)
            self._enter(symbol)
            self._symbols.append(symbol)  # not before: one that could not be entered can be added again

    def _enter(self, symbol: str) -> None:
        self.store.flush(FLUSH_S)  # it may have been streamed until a moment ago
        last = self.store.last_trade(symbol)
        last_id, last_ms = (last.trade_id, last.ts_ms) if last else (None, None)
        self.intake.add(symbol, last_id, last_ms, self.settings.stream)
        self.streams.subscribe(symbol)

    def _learned(self) -> None:
        """On the repair thread, when the exchange's list or what goes with it has come."""
        self.streams.expect(self.repairer.facts.day_trades)
        told = untraded(self.symbols, self.catalogue())
        if told and told != self._named:
            log.warning("%s", " ".join(told))
        self._named = told

    def _changed(self, symbol: str, timeframe_s: int | None) -> None:
        self._revisions.change(symbol, timeframe_s)
        self.engine.wake()

    def _tick(self) -> None:
        """Time passes for the intake, and for other processes that look on."""
        self.intake.tick()
        now_s = time.monotonic()
        if now_s - self._told_s > HEALTH_EVERY_S:
            self._told_s = now_s
            self._tell()

    def _tell(self) -> None:
        self.store.put_note(HEALTH, msgspec.json.encode(self.status()).decode(), now_ms())

    def _opens(self, symbol: str, timeframe_s: int, from_ms: int, *, lost: bool) -> Ints:
        spans = self.repairer.unknown_ms(symbol, timeframe_s)
        return unknown_opens(spans, self.store.gaps(symbol, from_ms=from_ms), timeframe_s, from_ms, lost=lost)
