"""Desk: the one object of a process. Chooses the source, owns its collector, answers the screen. Only wires."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import nan
from pathlib import Path

from analytics.decision import LiveScore
from analytics.live import score_live
from analytics.look import Look
from analytics.market import MarketRule, MarketView
from analytics.paper_account import Account
from analytics.paper_view import TrackView, live_accounts
from analytics.params import Params
from analytics.report import PairReport
from analytics.trial import Trial, TrialAsk
from core.errors import DataError, NoteUnreadable, PairsightError, StoreBusy, StoreDenied, StoreError, UnknownSymbol
from core.journal import JournalRow
from core.load import HistoryLoad
from core.settings import Settings
from core.types import Candles, DeskStatus, Gap, MarkPrice, SymbolInfo, Ticks, WatchedPair
from desk.alerts import Alerts
from desk.alerts_seen import AlertsSeen
from desk.collector import Collector
from desk.journal_shelf import JournalShelf
from desk.local_exchange import LocalExchange
from desk.onlooker import Onlooker
from desk.recent_log import RecentLog
from desk.track_shelf import TrackShelf
from desk.trials import Trials, steps, stored
from desk.watch import Key
from desk.watchlist import watch_list, watched
from storage.sqlite import TradeStore

log = logging.getLogger(__name__)


class Desk:
    """Thread safe. Made once per process, by the app's cache or by ``python -m desk``; closed once.

    Raises
    ------
    StoreError
        If the database cannot be used; the sentence says what to do.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.RLock()  # guards which collector there is
        self._log = RecentLog()
        self._log.attach()
        self._simulator: LocalExchange | None = None
        self._journal = JournalShelf()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._track = TrackShelf(settings.taker_fee_bps)
        self._trials = Trials(self._steps)
        self.denied = ""  # why this user may not collect, as a sentence
        try:
            self._station = self._open(settings)
        except BaseException:
            self._log.detach()
            raise

    # Running

    def start(self) -> None:
        """Start the feeds; does nothing when they run. Where another process collected, try to take over, if it may."""
        with self._lock:
            if isinstance(self._station, Onlooker) and self._may_collect:
                old, self._station = self._station, self._open(self.settings)
                old.close()
            self._station.start()

    def stop(self) -> None:
        """Stop the feeds and write what is queued; does nothing when stopped."""
        with self._lock:
            self._station.stop()

    def close(self) -> bool:
        """Stop, close the store, end the simulator. False: not all that was received could be written."""
        self._trials.close()
        with self._lock:
            written = self._station.close()
            self._leave_simulator()
            self._log.detach()
        return written

    def use_simulator(self) -> None:
        """Start the local simulator, switch the source to it, and run. Its trades have a database of their own."""
        if not self._may_collect:
            why = self.denied or "PAIRSIGHT_ROLE=read"
            raise PairsightError(f"This Pairsight only reads ({why}): it starts no simulator.")
        with self._lock:
            if self._simulator is not None:
                self._station.start()
                return
            simulator = LocalExchange()
            simulator.start()
            folder = tempfile.TemporaryDirectory(prefix="pairsight-", ignore_cleanup_errors=True)
            settings = replace(
                self.settings,
                ws_url=simulator.ws_url,
                rest_url=simulator.rest_url,
                db=Path(folder.name) / "simulated.db",
                alert_urls=(),  # made-up prices wake nobody
            )
            self._simulator, self._folder = simulator, folder
            try:
                self._swap(settings)
            except BaseException:
                if self._station.settings is not settings:  # still the exchange's
                    self._leave_simulator()
                raise

    def use_exchange(self) -> None:
        """Back to the addresses of the settings."""
        with self._lock:
            if self._simulator is not None:
                self._swap(self.settings)
                self._leave_simulator()

    # Symbols

    def add_symbol(self, symbol: str) -> None:
        """Stream one more symbol; does nothing when it is streamed. Raises UnknownSymbol."""
        self._station.add(symbol.strip().upper())

    def drop_symbol(self, symbol: str) -> None:
        """Stop streaming a symbol; its stored data stay."""
        self._station.drop(symbol)

    def catalogue(self) -> Mapping[str, SymbolInfo]:
        """Every contract the exchange lists; empty while unknown."""
        return self._station.catalogue()

    def marks(self) -> Mapping[str, MarkPrice]:
        """Newest mark price and funding per symbol; a symbol may be absent."""
        return self._station.marks()

    # What the screen shows

    def status(self) -> DeskStatus:
        """The desk at this moment. Cheap."""
        status = self._station.status()
        reached = status.trades.state == "live" or status.trades.watermark_ms > 0
        offered = status.running and not reached and self._simulator is None and bool(status.problem)
        may_collect = self._may_collect
        return replace(status, may_collect=may_collect, simulator_offered=offered and may_collect, log=self._log.lines)

    def newest_candle_ms(self, symbol_y: str, symbol_x: str, timeframe_s: int) -> int | None:
        """Open time of the newest candle both legs may share. Cheap."""
        s = self._station
        y, x = s.newest_candle_ms(symbol_y, timeframe_s), s.newest_candle_ms(symbol_x, timeframe_s)
        return None if y is None or x is None else min(y, x)

    def look(self, symbol_y: str, symbol_x: str, params: Params) -> Look:
        """The look at the newest confirmed candle; the pair is watched and journalled from now on."""
        s, key = self._station, self._key(symbol_y, symbol_x, params)
        s.want(key)
        return s.engine.look(key, s.freshness(key))

    def report(self, symbol_y: str, symbol_x: str, params: Params, bars: int, to_ms: int) -> PairReport:
        """The analysis of the newest ``bars`` stored candles opened before ``to_ms``."""
        return self._station.engine.report_to(self._key(symbol_y, symbol_x, params), bars, to_ms)

    def live(self, symbol_y: str, symbol_x: str, params: Params) -> LiveScore | None:
        """The newest trades of both legs; without a fit to score them with their scores are NaN."""
        s, key = self._station, self._key(symbol_y, symbol_x, params)
        s.want(key)
        y, x = s.newest_trade(symbol_y), s.newest_trade(symbol_x)
        if y is None or x is None:
            return None
        report, ts_ms = s.engine.report(key), min(y.ts_ms, x.ts_ms)
        try:
            return score_live(report, y.price, x.price, ts_ms, s.touch(symbol_y), s.touch(symbol_x))
        except DataError:
            return LiveScore(ts_ms, y.price, x.price, spread=nan, z=nan, z_roll=nan)

    def market(self, rule: MarketRule) -> MarketView:
        """What is known of the whole market, scanned for as long as somebody asks. Cheap."""
        station = self._station
        view = station.whole_market(rule)
        try:
            return replace(view, pairs=watched(station.store))
        except NoteUnreadable as error:  # the scan needs no watch-list
            return replace(view, problem=view.problem or str(error))

    def watch_pair(self, entry: WatchedPair, keep: bool) -> None:
        """Put a pair on the watch-list, or take it off; where another process collects, ask it to.

        Raises PairsightError where it cannot be.
        """
        self._station.watch(entry, keep)

    def watch_list(self) -> Sequence[WatchedPair]:
        """The pairs kept in the database, with their timeframes and presets, in the order they came."""
        return watch_list(self._station.store)

    @property
    def alerts(self) -> Alerts | AlertsSeen:
        """Rules, channels, and what was told."""
        return self._station.alerts

    @property
    def watches(self) -> Sequence[Key]:
        """What is looked at and journalled at this moment, on the list or on a screen."""
        return self._station.engine.watches

    def candles(
        self,
        symbol: str,
        timeframe_s: int,
        limit: int | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
    ) -> Candles:
        """Confirmed, complete candles, oldest first; with ``limit`` the newest ones of the range."""
        return self._station.store.candles(symbol, timeframe_s, limit=limit, from_ms=from_ms, to_ms=to_ms)

    def trades(self, symbol: str, from_ms: int, to_ms: int, limit: int) -> Ticks:
        """Stored trades with ``from_ms <= ts_ms < to_ms``, at most the newest ``limit``."""
        return self._station.store.trades(symbol, from_ms=from_ms, to_ms=to_ms, limit=limit)

    def gaps(self, symbol: str, from_ms: int | None = None) -> Sequence[Gap]:
        """Known gaps that end at or after ``from_ms``, oldest first."""
        return self._station.store.gaps(symbol, from_ms=from_ms)

    def journal(self, symbol_y: str, symbol_x: str, params: Params, limit: int) -> Sequence[JournalRow]:
        """What the looks said, oldest first, the newest ``limit``; may be empty. Cheap while nothing new was said."""
        return self._journal.rows(self._station.store, f"{symbol_y}/{symbol_x}", params, limit)

    def journal_before(
        self, symbol_y: str, symbol_x: str, params: Params, limit: int, before_ms: int
    ) -> Sequence[JournalRow]:
        """What the looks said at candles opened before ``before_ms``, oldest first, the newest ``limit`` of them."""
        pair = f"{symbol_y}/{symbol_x}"
        return self._station.store.looks(pair, params.timeframe_s, params.key, limit=limit, before_ms=before_ms)

    def track_record(self) -> TrackView:
        """Trades on paper, what was said and what was refused, newest ``MOST``. Cheap while none changes."""
        return self._track.view(self._station.store)

    def paper_now(self) -> Mapping[tuple[str, int, str, int], Account]:
        """Open trades on paper as if closed at the touch, by key. Live."""
        return live_accounts(self.track_record().on, self._station.touch)

    def as_of(self, symbol_y: str, symbol_x: str, params: Params, candle_ms: int) -> Look:
        """The look at a past candle, from what is stored. Raises DataError where there is none."""
        return self._station.past.look(self._key(symbol_y, symbol_x, params), candle_ms)

    # Walk-forward runs

    def walk(self, ask: TrialAsk) -> None:
        """Run it in the background, anew; does nothing while it waits or runs."""
        self._trials.start(ask)

    def walked(self, ask: TrialAsk) -> Trial | None:
        """How far that is; None where it was not asked for, or is not kept any more. Cheap."""
        return self._trials.of(ask)

    def cancel_walk(self, ask: TrialAsk) -> None:
        """Stop it; what is there of it stays."""
        self._trials.cancel(ask)

    def fetch_history(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> None:
        """Fetch what is missing of the newest days, in the background. Raises PairsightError where it cannot be."""
        self._station.fetch_history(symbols, timeframe_s, days)

    def history_load(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> HistoryLoad:
        """How far that is. Cheap."""
        return self._station.history_load(symbols, timeframe_s, days)

    def cancel_history(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> None:
        """Fetch it no further; what has come stays."""
        self._station.cancel_history(symbols, timeframe_s, days)

    # Inside

    def _steps(self, ask: TrialAsk) -> Iterator[Trial]:
        station = self._station
        timeframe_s = ask.params.timeframe_s
        newest_ms = self.newest_candle_ms(ask.symbol_y, ask.symbol_x, timeframe_s)
        now_ms = int(time.time() * 1000) if newest_ms is None else newest_ms + timeframe_s * 1000
        return steps(
            ask,
            now_ms,
            lambda ask, from_ms: stored(station.store, station.incomplete, ask, from_ms),
            station.settled,
        )

    @property
    def _may_collect(self) -> bool:
        return self.settings.role == "any" and not self.denied

    def _open(self, settings: Settings) -> Collector | Onlooker:
        """Collect; where another process does, or where it may not, look on."""
        if not self._may_collect:
            return Onlooker(settings, TradeStore.open_reader(settings.db))
        try:
            store = TradeStore(
                settings.db,
                flush_ms=settings.flush_ms,
                queue_rows=settings.queue_rows,
                retention_days=settings.retention_days,
            )
        except StoreBusy as busy:
            log.warning("%s", busy)
            return Onlooker(settings, TradeStore.open_reader(settings.db))
        except StoreDenied as denied:
            try:
                reader = TradeStore.open_reader(settings.db)
            except StoreError:
                raise denied from None
            log.warning("%s", denied)
            self.denied = str(denied)
            return Onlooker(settings, reader, self.denied)
        try:
            return Collector(settings, store)
        except BaseException:
            store.close()
            raise

    def _swap(self, settings: Settings) -> None:
        old, self._station = self._station, self._open(settings)
        self._trials.forget()
        old.close()
        self._station.start()

    def _leave_simulator(self) -> None:
        simulator, self._simulator = self._simulator, None
        folder, self._folder = self._folder, None
        if simulator is not None:
            simulator.stop()
        if folder is not None:
            folder.cleanup()

    def _key(self, symbol_y: str, symbol_x: str, params: Params) -> Key:
        if symbol_y == symbol_x:
            raise UnknownSymbol(f"A pair needs two symbols; both are {symbol_y}.")
        return Key(symbol_y, symbol_x, params)
