"""What a feed needs of a venue's wire format."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Protocol

from core.types import Batch, Trade
from ingestion.binance import StreamKind


class Wire(Protocol):
    """The module `ingestion.binance` is one."""

    def stream_name(self, symbol: str, kind: StreamKind) -> str: ...
    def stream_url(self, base: str, route: str, streams: Sequence[str] = ...) -> str: ...
    def subscribe(self, streams: Sequence[str], request_id: int) -> str: ...
    def unsubscribe(self, streams: Sequence[str], request_id: int) -> str: ...
    def parse_trade(self, frame: bytes | str) -> Trade | None: ...
    def parse(self, frames: Sequence[bytes], symbols: Container[str] | None = ..., latest_ms: int = ...) -> Batch: ...
