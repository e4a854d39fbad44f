"""What comes from an exchange: streams, their numbering, REST, repair. Imports core and nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ingestion import binance
from ingestion.wire import Wire

# Each is held to one contract by its frames in tests/data/<venue>.jsonl. The desk's own is wired in desk/.
VENUES: Final[Mapping[str, Wire]] = {"binance": binance}
