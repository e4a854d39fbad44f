"""The pairs a trader wants to come back to, kept in the database as one note."""

from __future__ import annotations

import time
from typing import Final

import msgspec

from storage.reader import StoreReader
from storage.sqlite import TradeStore

NOTE: Final = "watch-list"
Pair = tuple[str, str]  # Y, X


def watched(store: StoreReader) -> tuple[Pair, ...]:
    """The watch-list, in the order the pairs came; one that cannot be read is empty."""
    note = store.note(NOTE)
    if note is None:
        return ()
    try:
        return tuple(msgspec.json.decode(note[0], type=list[Pair]))
    except msgspec.MsgspecError:
        return ()


def mark(store: TradeStore, pair: Pair, keep: bool) -> None:
    """Put a pair on the list or take it off; on disk when this returns, unless the store cannot write."""
    pairs = [known for known in watched(store) if known != pair]
    if keep:
        pairs.append(pair)
    store.put_note(NOTE, msgspec.json.encode(pairs).decode(), time.time_ns() // 1_000_000)
    store.flush()
