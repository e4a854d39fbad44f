"""The newest of the journal as the screens last read it: while nothing new was said, nothing is read again."""

from __future__ import annotations

import threading
from typing import Final

from analytics.params import Params
from core.journal import JournalRow
from storage.reader import StoreReader

MOST: Final = 64  # pairs kept as read


class JournalShelf:
    """Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards everything; not held while the store is read
        self._store: StoreReader | None = None
        self._read: dict[tuple[str, Params, int], list[JournalRow]] = {}

    def rows(self, store: StoreReader, pair: str, params: Params, limit: int) -> list[JournalRow]:
        """What the looks said, oldest first, the newest ``limit``. A note on an older look shows with the next one."""
        newest = store.looks(pair, params.timeframe_s, params.key, limit=1)
        asked = pair, params, limit
        with self._lock:
            if store is not self._store:
                self._store, self._read = store, {}
            known = self._read.get(asked, [])
        if known[-1:] == newest:
            return known
        known = store.looks(pair, params.timeframe_s, params.key, limit=limit)
        with self._lock:
            if store is self._store:  # another tab may ask another store by now
                self._read.pop(asked, None)
                if len(self._read) >= MOST:
                    del self._read[next(iter(self._read))]
                self._read[asked] = known
        return known
