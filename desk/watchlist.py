"""The pairs looked at whether or not anybody looks on, kept in the database as one note."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import Final

import msgspec

from core.clock import now_ms
from core.errors import NoteUnreadable
from core.types import TIMEFRAMES_S, WatchedPair
from desk.notes import read_note
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


def mark(store: TradeStore, pair: Pair, keep: bool) -> tuple[WatchedPair, ...]:
    """Put a pair on the list at its first timeframe and preset, or take it off at all of them; returns what changed.

    On disk when this returns, unless the store cannot write. Raises NoteUnreadable, and changes nothing, where the
    list cannot be read: writing it anew would lose what it holds.
    """
    with _changing:
        entries = watch_list(store)
        of_pair = tuple(entry for entry in entries if (entry.symbol_y, entry.symbol_x) == pair)
        rest = tuple(entry for entry in entries if entry not in of_pair)
        if keep:
            _keep(store, (*rest, *(of_pair or (WatchedPair(*pair),))))
            return () if of_pair else (WatchedPair(*pair),)
        _keep(store, rest)
        return of_pair


def _keep(store: TradeStore, entries: tuple[WatchedPair, ...]) -> None:
    store.put_note(NOTE, msgspec.json.encode(entries).decode(), now_ms())
    store.flush()
