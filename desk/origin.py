"""Whose trades a database holds: the exchange's or something else's, never both."""

from __future__ import annotations

import json
from typing import Final

from core.clock import now_ms
from core.errors import StoreError
from core.settings import Settings
from core.types import Source
from storage.sqlite import TradeStore

NOTE: Final = "origin"


def claim(settings: Settings, store: TradeStore) -> None:
    """Write down where this database's trades come from. Raises StoreError where they come from elsewhere."""
    origin = "the exchange" if settings.is_exchange else "a simulator or another server"
    known = store.note(NOTE)
    if known is None:
        store.put_note(NOTE, json.dumps(origin), now_ms())
    elif json.loads(known[0]) != origin:
        raise StoreError(
            f"{settings.db} holds trades of {json.loads(known[0])}, and {settings.ws_url} is {origin}:"
            " name another file by PAIRSIGHT_DB"
        )


def source_of(settings: Settings, said: str) -> Source:
    """What a server is called on screen, by its address and by what it says of itself."""
    if said == "replay":
        return "REPLAY"
    return "LIVE" if settings.is_exchange and not said else "SIMULATED"
