"""Wire text of the streams, key for key as the exchange writes it, and the frames that carry it. No socket."""

from __future__ import annotations

from typing import Final

from simulator.aggregate import Aggregate
from simulator.records import Record

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """One whole unmasked WebSocket frame, as a server sends it.

    >>> frame(b"hi"), frame(b"x" * 200)[:4]
    (b'\\x81\\x02hi', b'\\x81~\\x00\\xc8')
    """
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65536:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big") + payload


def close_frame(code: int, reason: str) -> bytes:
    """A close frame; ``reason`` may be empty."""
    return frame(code.to_bytes(2, "big") + reason.encode(), CLOSE)


def wrapped(stream: str, data: bytes) -> bytes:
    """A payload in its combined-mode envelope."""
    return b'{"stream":"%b","data":%b}' % (stream.encode(), data)


def trade(r: Record) -> bytes:
    """The payload of ``<symbol>@trade``.

    >>> trade(Record("BTCUSDT", 3493102749, 1679851564486, 1679851564490, "27785.00", "0.014", "MARKET", True)).decode()
    '{"e":"trade","E":1679851564490,"T":1679851564486,"s":"BTCUSDT","t":3493102749,"p":"27785.00","q":"0.014",...}'
    """
    return (
        f'{{"e":"trade","E":{r.event_ms},"T":{r.trade_ms},"s":"{r.symbol}","t":{r.id},"p":"{r.price}","q":"{r.qty}",'
        f'"X":"{r.kind}","m":{"true" if r.buyer_is_maker else "false"},"st":1}}'
    ).encode()


def agg_trade(symbol: str, a: Aggregate, event_ms: int) -> bytes:
    """The payload of ``<symbol>@aggTrade``."""
    return (
        f'{{"e":"aggTrade","E":{event_ms},"a":{a.id},"s":"{symbol}","p":"{a.price}","q":"{a.qty}","nq":"{a.qty}",'
        f'"f":{a.first_id},"l":{a.last_id},"T":{a.trade_ms},"m":{"true" if a.buyer_is_maker else "false"},"st":1}}'
    ).encode()
