"""What comes from an exchange: streams, their numbering, REST, repair. Imports core and nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ingestion import binance
from ingestion.feed import Wire

# One line adds a venue; its frames in tests/data/<venue>.jsonl are then held to the contract of all.
VENUES: Final[Mapping[str, Wire]] = {"binance": binance}
