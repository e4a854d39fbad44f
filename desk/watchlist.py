"""The pairs looked at whether or not anybody looks on, kept in the database as one note."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from analytics.params import Params
from core.clock import now_ms
from core.errors import NoteUnreadable, PairsightError, UnknownSymbol
from core.settings import Settings
from core.types import TIMEFRAME_NAMES, TIMEFRAMES_S, WatchedPair
from desk.engine import Engine
from desk.notes import read_note
from desk.watch import Key
from storage.reader import StoreReader
from storage.sqlite import TradeStore

log = logging.getLogger(__name__)

NOTE: Final = "watch-list"
Pair = tuple[str, str]  # Y, X

_changing = threading.Lock()  # guards reading the note, changing it and writing it back


def watch_list(store: StoreReader) -> tuple[WatchedPair, ...]:
    """Pairs with their timeframes and presets, in the order they came. Raises NoteUnreadable."""
    noted = read_note(store, NOTE, list[WatchedPair | Pair])
    if noted is None:
        return ()
    # A bare pair is how the list was kept when it knew no timeframes.
    entries = (WatchedPair(*entry) if isinstance(entry, tuple) else entry for entry in noted[0])
    return tuple(entry for entry in entries if entry.timeframe_s in TIMEFRAMES_S)


def looked_after(store: StoreReader, named: Iterable[WatchedPair]) -> tuple[WatchedPair, ...]:
    """The pairs of the watch-list, and those named elsewhere, each once.

    A list that cannot be read is logged and stays as it is: what is collected does not wait for it.
    """
    try:
        kept = watch_list(store)
    except NoteUnreadable as error:
        log.error("the pairs of the watch-list are not looked at: %s", error)
        kept = ()
    return tuple(dict.fromkeys((*kept, *named)))


def watched(store: StoreReader) -> tuple[Pair, ...]:
    """The pairs of the watch-list, each once, at whatever timeframe. Raises NoteUnreadable."""
    return tuple(dict.fromkeys((entry.symbol_y, entry.symbol_x) for entry in watch_list(store)))


def mark(store: TradeStore, entry: WatchedPair, keep: bool) -> bool:
    """Put an entry on the list, or take it off; says whether that changed it.

    On disk when this returns, unless the store cannot write. Raises NoteUnreadable, and changes nothing, where the
    list cannot be read: writing it anew would lose what it holds.
    """
    with _changing:
        entries = watch_list(store)
        if (entry in entries) == keep:
            return False
        now = (*entries, entry) if keep else tuple(e for e in entries if e != entry)
        store.put_note(NOTE, msgspec.json.encode(now).decode(), now_ms())
        store.flush()
        return True


def key_of(entry: WatchedPair, fee_bps: float) -> Key:
    """What is looked at for an entry: the preset's own windows and thresholds, and your fee."""
    return Key(entry.symbol_y, entry.symbol_x, Params(entry.timeframe_s, entry.preset, fee_bps=fee_bps))


class WatchList:
    """The list of a desk that collects. ``add`` has a symbol streamed, ``want`` the history of a pair fetched."""

    def __init__(
        self,
        store: TradeStore,
        settings: Settings,
        engine: Engine,
        *,
        add: Callable[[str], None],
        want: Callable[[Key], None],
    ) -> None:
        self._store = store
        self._settings = settings
        self._engine = engine
        self._add = add
        self._want = want

    def change(self, entry: WatchedPair, keep: bool) -> None:
        """Look at a pair from now on, whether or not anybody looks on, its symbols streamed; or no longer.

        Raises PairsightError where the list cannot be kept, or the settings name the pair that is to go.
        """
        if not keep and entry in self._settings.watch:
            raise PairsightError(f"{entry.words} is named by PAIRSIGHT_WATCH: take it out there.")
        if not mark(self._store, entry, keep):
            return
        if not keep:  # its symbols stay until they are dropped
            self._engine.unwatch(key_of(entry, self._settings.taker_fee_bps))
            return
        for symbol in (entry.symbol_y, entry.symbol_x):
            try:
                self._add(symbol)
            except UnknownSymbol as unknown:  # it is on the list: the next start streams it
                log.warning("%s", unknown)
        self.look_after(entry)

    def look_after(self, entry: WatchedPair) -> None:
        """Look at it from now on."""
        key = key_of(entry, self._settings.taker_fee_bps)
        self._want(key)
        self._engine.watch(key, keep=True)

    def let_go(self, symbol: str) -> None:
        """Raises PairsightError where a pair that is watched, or a trade on paper that is open, needs this symbol."""
        for entry in dict.fromkeys((*watch_list(self._store), *self._settings.watch)):
            if symbol in (entry.symbol_y, entry.symbol_x):
                where = "named by PAIRSIGHT_WATCH" if entry in self._settings.watch else "on the watch-list"
                raise PairsightError(f"{symbol} stays: {entry.words} is {where}. Take it off there first.")
        for trade in self._store.open_paper_trades():
            if symbol in trade.symbols:
                timeframe = TIMEFRAME_NAMES[trade.timeframe_s]
                raise PairsightError(f"{symbol} stays: a trade on paper in {trade.pair} {timeframe} is open.")
