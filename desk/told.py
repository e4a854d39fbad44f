"""What ``python -m desk --status`` tells: how whoever collects into the database does, and what is in it."""

from __future__ import annotations

import time
from pathlib import Path

from core.clock import now_ms
from core.errors import NoteUnreadable
from core.settings import Settings
from core.types import TIMEFRAME_NAMES
from desk import health
from desk.heard import heard
from desk.watchlist import looked_after
from storage.reader import StoreReader


def told(settings: Settings) -> dict[str, object]:
    """Both as one object; ``healthy`` and ``problems`` as at the health endpoint. Raises StoreError."""
    with StoreReader.open_reader(settings.db) as store:
        return {**_how_it_does(store, settings.db), **_what_is_there(store, settings)}


def _how_it_does(store: StoreReader, db: Path) -> dict[str, object]:
    """``collector``: running, stopped, silent (it ended without a word, or hangs) or unknown."""
    try:
        said = heard(store)
    except NoteUnreadable as error:
        return {"collector": "unknown", "healthy": False, "problems": [str(error)]}
    if said is None:
        return {"collector": "unknown", "healthy": False, "problems": [f"Nobody has collected into {db} yet."]}
    does = health.told(said.status, now_ms())
    if said.problem:  # what it said before that is of then
        does |= {"healthy": False, "problems": [f"The Pairsight that collects into {db} {said.problem}."]}
    collector = "running" if not said.problem else "silent" if said.status.running else "stopped"
    return {"collector": collector, "told_s_ago": round(said.quiet_s, 1), **does}


def _what_is_there(store: StoreReader, settings: Settings) -> dict[str, object]:
    newest = {symbol: trade for symbol in store.symbols() if (trade := store.last_trade(symbol)) is not None}
    return {
        "database": str(settings.db),
        "size_bytes": store.status().size_bytes,
        "watched": [entry.words for entry in looked_after(store, settings.watch)],
        "alerts_waiting": store.channels_waiting(),
        "open_trades": [
            f"{t.pair} {TIMEFRAME_NAMES[t.timeframe_s]} {t.preset.capitalize()}, {t.verdict}: {t.state}"
            for t in store.open_paper_trades()
        ],
        "symbols": {
            symbol: {
                "newest_trade_id": trade.trade_id,
                "newest_trade_ms": trade.ts_ms,
                "age_s": round(time.time() - trade.ts_ms / 1000, 1),
            }
            for symbol, trade in newest.items()
        },
        "rows": {
            f"{symbol} {f'{timeframe_s} s' if timeframe_s else 'trades'}": rows
            for (symbol, timeframe_s), rows in sorted(store.counts().items())
        },
        "gaps": dict(store.gap_counts()),
    }
