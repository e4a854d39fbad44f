"""Binance USDⓈ-M futures wire format: stream names, addresses, control frames, frames to values. No socket, no clock.

A run of frames is decoded at once and comes out as columns per symbol (`parse`); `parse_trade` reads a single frame.
REST answers are read in `binance_rest.py`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Sequence
from typing import Final, Literal
from urllib.parse import quote

from core.errors import BadFrame
from core.types import Batch, Reply, Trade
from ingestion import binance_frames as wire
from ingestion.binance_columns import bars, columns, marks

StreamKind = Literal["trade", "aggTrade", "markPrice", "kline_1m"]

ROUTES: Final[dict[StreamKind, str]] = {
    "trade": "/public", "aggTrade": "/market", "markPrice": "/market", "kline_1m": "/market",
}  # fmt: skip
UNROUTED: Final = ""  # the retired address: still delivers what /public carries
SUFFIXES: Final[dict[StreamKind, str]] = {
    "trade": "trade", "aggTrade": "aggTrade", "markPrice": "markPrice@1s", "kline_1m": "kline_1m",
}  # fmt: skip

_LOWER: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


# Names, addresses, control frames


def stream_name(symbol: str, kind: StreamKind) -> str:
    """The stream of one symbol. Only ASCII letters are lowered, as the venue does; upper case is silent there.

    >>> stream_name("BTCUSDT", "trade"), stream_name("币安人生USDT", "markPrice")
    ('btcusdt@trade', '币安人生usdt@markPrice@1s')
    """
    return f"{symbol.translate(_LOWER)}@{SUFFIXES[kind]}"


def stream_url(base: str, route: str, streams: Sequence[str] = ()) -> str:
    """The combined-stream address of a route (`ROUTES`, or `UNROUTED`); streams may also be added once connected.

    >>> stream_url("wss://fstream.binance.com", "/public", ["btcusdt@trade", "ethusdt@trade"])
    'wss://fstream.binance.com/public/stream?streams=btcusdt@trade/ethusdt@trade'
    >>> stream_url("wss://fstream.binance.com", "/market")
    'wss://fstream.binance.com/market/stream'
    """
    names = "/".join(quote(name, safe="@!") for name in streams)
    return f"{base}{route}/stream" + (f"?streams={names}" if names else "")


def subscribe(streams: Sequence[str], request_id: int) -> str:
    """The control frame that adds streams.

    >>> subscribe(["btcusdt@trade"], 1)
    '{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}'
    """
    return _control("SUBSCRIBE", request_id, streams)


def unsubscribe(streams: Sequence[str], request_id: int) -> str:
    """The control frame that drops streams."""
    return _control("UNSUBSCRIBE", request_id, streams)


def _control(method: str, request_id: int, streams: Sequence[str]) -> str:
    frame = {"method": method, "params": list(streams), "id": request_id}
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=False)


# Frames to values


def parse_trade(frame: bytes | str) -> Trade | None:
    """Read one frame, combined or raw, for example::

        {"stream":"btcusdt@trade","data":{"e":"trade","E":1721347022956,"T":1721347022956,"s":"BTCUSDT",
         "t":5182005737,"p":"63943.90","q":"0.003","X":"MARKET","m":true}}

    Returns None for a frame that is well formed and no execution. Raises `BadFrame` for one that cannot be read.
    """
    data = frame.encode() if isinstance(frame, str) else frame
    batch = parse([data])
    if batch.rejected.get("malformed") or batch.rejected.get("bad_time"):
        raise BadFrame(f"cannot be read: {data[:120]!r}")
    for records in batch.records:
        ticks = records.trades()
        if len(ticks):
            return ticks.row(0)
    return None


def parse(frames: Sequence[bytes], symbols: Container[str] | None = None, latest_ms: int = 2**53) -> Batch:
    """Read a run of frames, in order of arrival.

    Parameters
    ----------
    frames : sequence of bytes
        Messages as received; combined and raw ones may be mixed.
    symbols : container of str, optional
        What was asked for; records of any other symbol are foreign. None: every symbol is ours.
    latest_ms : int
        No event can be later than this (`ingestion.clock`). One absurd date would otherwise confirm every candle.

    Returns
    -------
    Batch
        ``rejected`` counts by reason. Frames: ``malformed`` (not JSON, wrong types, too large), ``foreign`` (well
        formed, not ours: other events, other symbols, COIN-M rows). Records kept for continuity and never priced:
        ``not_market:<X>``, ``bad_price``, ``bad_quantity``. Records treated as never received, so that their id shows
        as a gap and is repaired: ``bad_time``, ``bad_id``. Marks and bars that cannot be believed: ``bad_mark``,
        ``bad_bar``.

    Notes
    -----
    Never raises for anything a server could send.
    """
    rejected: Counter[str] = Counter()
    trades: dict[str, list[wire.Trade]] = {}
    aggregates: dict[str, list[wire.Aggregate]] = {}
    mark_rows: list[wire.Mark] = []
    kline_rows: dict[str, list[wire.Kline]] = {}
    replies: list[Reply] = []
    closing = False
    for row in wire.decode(frames):
        if type(row) is wire.Trade:
            try:
                trades[row.s].append(row)
            except KeyError:
                trades[row.s] = [row]
        elif type(row) is wire.Aggregate:
            aggregates.setdefault(row.s, []).append(row)
        elif type(row) is wire.Kline:
            kline_rows.setdefault(row.s, []).append(row)
        elif isinstance(row, (wire.Mark, list)):
            mark_rows += row if isinstance(row, list) else [row]
        elif isinstance(row, Reply):
            replies.append(row)
        elif isinstance(row, str):
            rejected[row] += 1
        else:
            closing = True
    records = []
    groups: list[tuple[str, list[wire.Trade] | list[wire.Aggregate]]] = [*trades.items(), *aggregates.items()]
    for symbol, rows in groups:
        if rows[0].st == wire.COIN_M or (symbols is not None and symbol not in symbols):
            rejected["foreign"] += len(rows)
        elif len(found := columns(symbol, rows, latest_ms, rejected)):
            records.append(found)
    return Batch(
        records=tuple(records),
        marks=tuple(marks(mark_rows, symbols, latest_ms, rejected)),
        bars=tuple(bars(kline_rows, symbols, latest_ms, rejected)),
        replies=tuple(replies),
        watermark_ms=max((int(found.event_ms.max()) for found in records), default=0),
        frames=len(frames),
        rejected=dict(rejected),
        closing=closing,
    )
