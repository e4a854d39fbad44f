"""Which looks a pair owes: one at each candle that both legs have since the newest look said, oldest first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from desk.basis import Basis, Library
from desk.watch import Key, Watch

log = logging.getLogger(__name__)

CATCH_UP: Final = 2_000  # looks owed beyond this many candles are not made up for: the journal begins anew
SLOW: Final = 20  # looks owed at once that are worth a line in the log
MEND_S: Final = 10.0  # looks wait at most so long for an interval before theirs that is being repaired


@dataclass(frozen=True, slots=True)
class Owed:
    """Looks that a pair owes by now."""

    opens: list[int]  # of the candles to look at, oldest first
    through: tuple[int, int] | None = None  # once they are said: up to this open, at this revision, no look is owed


NOTHING: Final = Owed([])


class Ledger:
    """Knows what is confirmed and what was said. Its caller holds the watch's lock; one thread."""

    def __init__(
        self,
        store: Library,
        newest_ms: Callable[[str, int], int | None],
        revision: Callable[[str, int], int],
        monotonic: Callable[[], float],
    ) -> None:
        self._store = store
        self._newest_ms = newest_ms
        self._revision = revision
        self._monotonic = monotonic

    def ends(self, key: Key) -> tuple[int | None, int | None]:
        """Each leg's newest confirmed candle."""
        timeframe_s = key.params.timeframe_s
        return self._newest_ms(key.symbol_y, timeframe_s), self._newest_ms(key.symbol_x, timeframe_s)

    def changes(self, key: Key) -> int:
        """How often the legs' history has changed."""
        timeframe_s = key.params.timeframe_s
        return self._revision(key.symbol_y, timeframe_s) + self._revision(key.symbol_x, timeframe_s)

    def said_ms(self, key: Key, watch: Watch) -> int | None:
        """The newest candle that has its look; of another life, the journal has it."""
        if not watch.journal_read:
            said = self._store.looks(key.pair, key.params.timeframe_s, key.params.key, limit=1)
            watch.said_ms, watch.journal_read = (said[-1].candle_ms if said else None), True
        return watch.said_ms

    def count(self, key: Key, watch: Watch) -> int:
        """Looks owed for candles confirmed by now; one of a single leg counts until it is read that it is alone."""
        newest_ms, through_ms = min(end or 0 for end in self.ends(key)), self._through_ms(key, watch)
        if through_ms < 0 or newest_ms <= through_ms:
            return 0
        return (newest_ms - through_ms) // (key.params.timeframe_s * 1000)

    def looks(self, key: Key, watch: Watch, basis: Basis, revision: int) -> Owed:
        """Those that can be said now; ``revision`` is that of what the basis reads."""
        newest_ms = min(end or 0 for end in self.ends(key))
        if not newest_ms:
            return NOTHING
        self.said_ms(key, watch)
        if newest_ms <= self._through_ms(key, watch):
            return NOTHING
        y, x = (leg.candles.open_ms for leg in basis.legs(key, key.look_bars, None))
        opens, whole = self._since(key, watch, basis)
        # A candle of one leg alone has no look.
        through = (min(int(y[-1]), int(x[-1])), revision) if whole and len(y) and len(x) else None
        return Owed(opens, through)

    def _through_ms(self, key: Key, watch: Watch) -> int:
        """Up to which open no look is owed."""
        through_ms, revision = watch.through
        if watch.said_ms is None:
            return -1
        return max(watch.said_ms, through_ms) if revision == self.changes(key) else watch.said_ms

    def _since(self, key: Key, watch: Watch, basis: Basis) -> tuple[list[int], bool]:
        """Opens of the candles to say looks at, and whether these are all of them."""
        opens = basis.shared(key, key.look_bars)
        if not len(opens):
            return [], True
        if watch.said_ms is None:  # a journal begins at the newest candle
            return [int(opens[-1])], True
        if opens[0] > watch.said_ms:  # a long time has passed
            opens = basis.shared(key, key.look_bars + CATCH_UP)
        owed = opens[np.searchsorted(opens, watch.said_ms, side="right") :].tolist()
        if len(owed) > CATCH_UP:
            log.warning("%s: %d looks or more were missed; the journal goes on from the newest", key.pair, len(owed))
            return owed[-1:], True
        if len(owed) > SLOW:
            log.info("%s: catching up %d looks", key.pair, len(owed))
        ready = self._ready(key, watch, owed, basis)
        return ready, len(ready) == len(owed)

    def _ready(self, key: Key, watch: Watch, owed: list[int], basis: Basis) -> list[int]:
        """Those before the first interval under repair: its own look comes before those at later candles."""
        if watch.said_ms is None or not owed:
            return owed
        from_ms = watch.said_ms + key.params.timeframe_s * 1000
        spans = [basis.mending(symbol, key.params.timeframe_s, from_ms) for symbol in key.symbols]
        first_ms = min((int(span[0]) for span in spans if len(span)), default=None)
        if first_ms is None or first_ms > owed[-1]:
            watch.waits_ms = None
            return owed
        now_s = self._monotonic()
        if watch.waits_ms is None or first_ms > watch.waits_ms:
            watch.waits_ms, watch.waits_s = max(int(span[-1]) for span in spans if len(span)), now_s
        return owed if now_s - watch.waits_s > MEND_S else [t for t in owed if t < first_ms]
