"""The trades on paper as the screen last read them: only what changed since is read again."""

from __future__ import annotations

import threading

from analytics.paper_settings import FEE_BPS
from analytics.paper_view import MOST, TrackView
from core.paper import PaperTrade
from storage.reader import StoreReader


class TrackShelf:
    """Thread safe. ``fee_bps`` is what the desk takes a taker to pay."""

    def __init__(self, fee_bps: float = FEE_BPS) -> None:
        self._fee_bps = fee_bps
        self._lock = threading.Lock()  # guards everything
        self._store: StoreReader | None = None
        self._mark = 0
        self._trades: dict[object, PaperTrade] = {}
        self._view = TrackView(fee_bps=fee_bps)

    def view(self, store: StoreReader) -> TrackView:
        """The newest ``MOST`` trades. Cheap while none changes; the same object then."""
        mark = store.paper_mark()
        with self._lock:
            if store is self._store and mark == self._mark:
                return self._view
            found = self._trades
            if store is not self._store or mark < self._mark:
                found = {t.key: t for t in store.paper_trades(limit=MOST)}
            else:
                found.update((t.key, t) for t in store.changed_paper_trades(self._mark))
            newest = sorted(found.values(), key=lambda t: (t.look_ms, t.key))[-MOST:]
            self._store, self._mark, self._trades = store, mark, {t.key: t for t in newest}
            self._view = TrackView.of(newest, self._fee_bps)
            return self._view
