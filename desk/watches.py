"""Which pairs are looked at: those on the watch-list, and those that a screen asked for last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from desk.watch import Key, Watch

MOST: Final = 256  # the one asked for longest ago makes room, those on the watch-list never do


class Watches:
    """Thread safe: the lock guards the order."""

    def __init__(self) -> None:
        self._watches: OrderedDict[Key, Watch] = OrderedDict()  # the one on screen last
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._watches)

    def of(self, key: Key) -> Watch:
        """What is remembered of this pair, which is looked at from now on."""
        with self._lock:
            watch = self._watches.get(key)
            if watch is None:
                passing = [k for k, w in self._watches.items() if not w.kept] if len(self._watches) >= MOST else []
                if passing:
                    del self._watches[passing[0]]
                watch = self._watches[key] = Watch()
            self._watches.move_to_end(key)
            return watch

    def drop(self, key: Key) -> None:
        """Forget it."""
        with self._lock:
            self._watches.pop(key, None)

    @property
    def keys(self) -> tuple[Key, ...]:
        """The pair on screen last."""
        with self._lock:
            return tuple(self._watches)

    def newest_first(self) -> list[tuple[Key, Watch]]:
        """The pair on screen first."""
        with self._lock:
            return list(reversed(self._watches.items()))
