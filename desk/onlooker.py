"""Reads what another process collects into the same database. Streams nothing, writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from analytics.decision import Freshness
from analytics.live import Touch, touch
from analytics.market import MarketRule, MarketView
from core.errors import NoteUnreadable, PairsightError
from core.load import HistoryLoad
from core.settings import Settings
from core.types import DeskStatus, Ints, MarkPrice, StoreStatus, SymbolInfo, Trade, WatchedPair
from desk.alerts_seen import AlertsSeen
from desk.engine import Engine
from desk.heard import heard
from desk.holes import Hole, spans_of, unknown_opens
from desk.mender import HOLES
from desk.notes import read_note
from desk.past import Past
from desk.revisions import stored_revision
from desk.streams import since_ms
from desk.watch import Key
from storage.reader import StoreReader

PRINTS: Final = 200  # newest stored trades in which the last taker prices are looked for


class Onlooker:
    """A desk without feeds: the same looks, from the same candles, as old as the other process's last transaction."""

    def __init__(self, settings: Settings, store: StoreReader, denied: str = "") -> None:
        self.settings = settings
        self._denied = denied  # why this user may not collect
        self.store = store
        self.engine = Engine(
            store,
            journal=None,
            newest_ms=self.newest_candle_ms,
            revision=lambda symbol, timeframe_s: stored_revision(store, symbol, timeframe_s),
            holes=self._holes,
            marks=self.marks,
            funding_hours=lambda: None,
        )
        self.past = Past(self.engine.report_to, store)
        self.alerts = AlertsSeen(store, settings.db, settings.watch)

    def start(self) -> None:
        """Follow the pairs that are looked at; the other process collects."""
        self.engine.start()

    def stop(self) -> None:
        """Follow them no longer."""
        self.engine.stop()

    def close(self) -> bool:
        """Stop, and close the store; True: nothing here waited to be written."""
        self.stop()
        return self.store.close()

    @property
    def running(self) -> bool:
        """Whether the other process says that it collects."""
        return self.status().running

    @property
    def symbols(self) -> tuple[str, ...]:
        """What the other process streams."""
        return self.status().symbols or self.store.symbols()

    def add(self, symbol: str) -> None:
        """Symbols are the other process's business."""
        raise PairsightError(f"{symbol} cannot be added here: another Pairsight collects. Add it there.")

    def drop(self, symbol: str) -> None:
        """Symbols are the other process's business."""
        raise PairsightError(f"{symbol} cannot be dropped here: another Pairsight collects. Drop it there.")

    def watch(self, entry: WatchedPair, keep: bool) -> None:
        """Ask the other process to put a pair on its watch-list, or to take it off."""
        self.alerts.watch(entry, keep)

    def catalogue(self) -> Mapping[str, SymbolInfo]:
        """Unknown: nothing is asked of the exchange from here."""
        return {}

    def marks(self) -> Mapping[str, MarkPrice]:
        """Unknown here."""
        return {}

    def status(self) -> DeskStatus:
        """What the collecting process last said of itself."""
        db, stale_after_s = self.settings.db, self.settings.stale_after_s
        told_to = ", as PAIRSIGHT_ROLE=read tells it to" if self.settings.role == "read" else ""
        words = f"Another Pairsight collects into {db}; this one shows what it stores{told_to}."
        if self._denied:
            words = f"This one only shows what is stored: {self._denied}."
        store = replace(self.store.status(), state="reading", reason=words)
        unknown = DeskStatus(store=store, problem=words, stale_after_s=stale_after_s)
        try:
            said = heard(self.store)
        except NoteUnreadable as error:
            return replace(unknown, problem=f"How the Pairsight that collects into {db} does is unknown. {error}")
        if said is None:
            return unknown
        told = said.status
        if said.problem:
            last = f" It said last: {told.problem}" if told.problem else ""
            why = f"The Pairsight that collects into {db} {said.problem}.{last}"
            return replace(unknown, source=told.source, symbols=told.symbols, problem=why)
        return replace(
            told, store=_beside(store, told.store), problem=told.problem or words, stale_after_s=stale_after_s
        )

    def newest_candle_ms(self, symbol: str, timeframe_s: int) -> int | None:
        """Open of the newest stored candle."""
        stored = self.store.candles(symbol, timeframe_s, limit=1)
        return int(stored.open_ms[-1]) if len(stored) else None

    def newest_trade(self, symbol: str) -> Trade | None:
        """The newest stored trade."""
        return self.store.last_trade(symbol)

    def touch(self, symbol: str) -> Touch | None:
        """Where takers last traded, among the newest stored trades; None as in the process that collects."""
        from_ms = since_ms(self.status().trades, symbol, self.settings.stale_after_s)
        return None if from_ms is None else touch(self.store.trades(symbol, limit=PRINTS), from_ms)

    def freshness(self, key: Key) -> Freshness:
        """As current as the other process is."""
        status = self.status()
        if not status.running:
            return Freshness(reason=f"No data: {status.problem}")
        if status.trades.state != "live":
            return Freshness(reason=f"No data: {status.trades.reason or 'connecting to the exchange.'}")
        silent = status.trades.silent(key.symbols, self.settings.stale_after_s)
        return Freshness(status.trades.watermark_ms or None, silent, grace_ms=self.settings.grace_ms)

    def whole_market(self, rule: MarketRule) -> MarketView:
        """Unknown: nothing is asked of the exchange from here."""
        return MarketView(problem="Another Pairsight collects into this database: open the Scanner page there.")

    def fetch_history(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> None:
        """Nothing is asked of the exchange from here."""
        raise PairsightError("Another Pairsight collects into this database: fetch there, and run here or there.")

    def history_load(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> HistoryLoad:
        """Nothing is fetched here."""
        return HistoryLoad()

    def cancel_history(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> None:
        """Nothing is fetched here."""

    def incomplete(self, symbol: str, timeframe_s: int, from_ms: int) -> Ints:
        """Opens of intervals since ``from_ms`` known to be without a candle that should be there."""
        return self._holes(symbol, timeframe_s, from_ms)

    def settled(self, symbol: str, from_ms: int, to_ms: int) -> list[tuple[int, float]]:
        """Nothing is asked of the exchange from here."""
        raise PairsightError("Another Pairsight collects: the settled funding is not to be had here. Assume a rate.")

    def want(self, key: Key) -> None:
        """History is the other process's business."""

    def _holes(self, symbol: str, timeframe_s: int, from_ms: int) -> Ints:
        noted = read_note(self.store, HOLES, list[Hole])
        spans = spans_of(noted[0] if noted else (), symbol, timeframe_s)
        return unknown_opens(spans, self.store.gaps(symbol, from_ms=from_ms), timeframe_s, from_ms, lost=True)


def _beside(own: StoreStatus, other: StoreStatus) -> StoreStatus:
    """Our own state, and the other writer's figures."""
    return replace(other, state=own.state, reason=own.reason)
