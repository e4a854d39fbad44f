"""The pairs looked at whether or not anybody looks on, kept in the database as one note."""

from __future__ import annotations

import threading
import time
from typing import Final

import msgspec

from core.types import TIMEFRAMES_S, WatchedPair
from storage.reader import StoreReader
from storage.sqlite import TradeStore

NOTE: Final = "watch-list"
Pair = tuple[str, str]  # Y, X

_changing = threading.Lock()  # guards reading the note, changing it and writing it back


def watch_list(store: StoreReader) -> tuple[WatchedPair, ...]:
    """Pairs with their timeframes and presets, in the order they came; a list that cannot be read is empty."""
    note = store.note(NOTE)
    if note is None:
        return ()
    try:
        kept = msgspec.json.decode(note[0], type=list[WatchedPair | Pair])
    except msgspec.MsgspecError:
        return ()
    # A bare pair is how the list was kept when it knew no timeframes.
    entries = (WatchedPair(*entry) if isinstance(entry, tuple) else entry for entry in kept)
    return tuple(entry for entry in entries if entry.timeframe_s in TIMEFRAMES_S)


def watched(store: StoreReader) -> tuple[Pair, ...]:
    """The pairs of the watch-list, each once, at whatever timeframe."""
    return tuple(dict.fromkeys((entry.symbol_y, entry.symbol_x) for entry in watch_list(store)))


def mark(store: TradeStore, pair: Pair, keep: bool) -> tuple[WatchedPair, ...]:
    """Put a pair on the list at its first timeframe and preset, or take it off at all of them; returns what changed.

    On disk when this returns, unless the store cannot write.
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
    store.put_note(NOTE, msgspec.json.encode(entries).decode(), time.time_ns() // 1_000_000)
    store.flush()
