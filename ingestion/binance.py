"""Binance USDⓈ-M futures wire format: stream names, addresses, control frames, frames to values. No socket, no clock.

A run of frames is decoded at once and comes out as columns per symbol (`parse`); `parse_trade` reads a single frame.
REST answers are read in `binance_rest.py`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from typing import Annotated, Final, Literal
from urllib.parse import quote

import msgspec
import numpy as np
from msgspec import Meta, Struct

from core.errors import BadFrame
from core.exact import MAX_BATCH_UNITS
from core.types import Batch, Floats, MarkPrice, Records, Reply, Trade, TradeKind

StreamKind = Literal["trade", "aggTrade", "markPrice"]

ROUTES: Final[dict[StreamKind, str]] = {"trade": "/public", "aggTrade": "/market", "markPrice": "/market"}
UNROUTED: Final = ""  # the retired address: still delivers what /public carries
SUFFIXES: Final[dict[StreamKind, str]] = {"trade": "trade", "aggTrade": "aggTrade", "markPrice": "markPrice@1s"}

MAX_FRAME_BYTES: Final = 1 << 20  # a trade takes 170 bytes; the widest array stream stays below this
MAX_PRICE: Final = 1e12
TRADE_BEFORE_PUSH_MS: Final = 600_000  # a trade older than this when pushed has no believable time
TRADE_AFTER_PUSH_MS: Final = 1_000
NOT_MARKET: Final = frozenset({"NA", "INSURANCE_FUND", "ADL"})  # other words share one counter, so that it stays small

_LOWER: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")

_Id = Annotated[int, Meta(gt=0, le=2**63 - 1)]
_Ms = Annotated[int, Meta(gt=0, lt=2**53)]


class _Trade(Struct, gc=False, tag_field="e", tag="trade"):
    E: _Ms
    T: _Ms
    s: str
    t: _Id
    p: float
    q: float
    m: bool
    X: str = "MARKET"
    st: int = 1


class _Aggregate(Struct, gc=False, tag_field="e", tag="aggTrade"):
    E: _Ms
    T: _Ms
    s: str
    a: _Id
    f: _Id
    l: _Id  # noqa: E741 (the wire's own name)
    p: float
    q: float
    m: bool
    st: int = 1


class _Mark(Struct, gc=False, tag_field="e", tag="markPriceUpdate"):
    E: _Ms
    s: str
    p: float
    i: float
    T: int
    r: str = ""  # empty for contracts without funding
    st: int = 1


class _Shutdown(Struct, gc=False, tag_field="e", tag="serverShutdown"):
    E: int = 0


_Event = _Trade | _Aggregate | _Mark | _Shutdown


class _Error(Struct, gc=False):
    code: int = 0
    msg: str = ""


class _Combined(Struct, gc=False):
    """``{"stream": ..., "data": ...}``, or an answer to a control frame, which carries neither."""

    data: _Event | list[_Mark] | None = None
    id: int | None = None
    result: object = msgspec.UNSET
    error: _Error | None = None
    code: int | None = None
    msg: str = ""


# strict=False reads "63959.9" as the float it stands for.
_COMBINED: Final = msgspec.json.Decoder(_Combined, strict=False)
_RAW: Final = msgspec.json.Decoder(_Event, strict=False)
_RAW_ARRAY: Final = msgspec.json.Decoder(list[_Mark], strict=False)
_ANY: Final = msgspec.json.Decoder()
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)
_OURS: Final = frozenset({"trade", "aggTrade", "markPriceUpdate", "serverShutdown"})


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


def list_subscriptions(request_id: int) -> str:
    """The control frame that asks what is subscribed; the answer proves nothing about delivery."""
    return _control("LIST_SUBSCRIPTIONS", request_id)


def _control(method: str, request_id: int, streams: Sequence[str] | None = None) -> str:
    frame: dict[str, object] = {"method": method}
    if streams is not None:
        frame["params"] = list(streams)
    return json.dumps(frame | {"id": request_id}, separators=(",", ":"), ensure_ascii=False)


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
            return Trade(
                symbol=ticks.symbol,
                trade_id=int(ticks.trade_id[0]),
                first_id=int(ticks.first_id[0]),
                ts_ms=int(ticks.ts_ms[0]),
                price=float(ticks.price[0]),
                qty=float(ticks.qty[0]),
                buyer_is_maker=bool(ticks.buyer_is_maker[0]),
            )
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
        as a gap and is repaired: ``bad_time``, ``bad_id``.

    Notes
    -----
    Never raises for anything a server could send. The frames are decoded as one text; only when that fails, frame by
    frame.
    """
    rejected: Counter[str] = Counter()
    found = _Found()
    raw = bool(frames) and frames[0].startswith(b'{"e"')
    try:
        if max(map(len, frames), default=0) > MAX_FRAME_BYTES:
            raise ValueError("too large to be decoded with the rest")
        text = b"\n".join(frames)
        rows: Sequence[object] = _RAW.decode_lines(text) if raw else _COMBINED.decode_lines(text)
        if len(rows) != len(frames):  # one frame held several values, or several frames held one
            raise ValueError("frames and values do not pair")
    except _UNREADABLE:
        rows = [_one(frame) for frame in frames]
    for row, frame in zip(rows, frames, strict=True):
        event = row.data if type(row) is _Combined else row
        if type(event) is _Trade or type(event) is _Aggregate:
            found.add(event)
        elif event is None and (reply := _reply(row)) is not None:
            found.replies.append(reply)
        else:
            found.other(event if event is not None else _one(frame), rejected)
    return found.batch(len(frames), symbols, latest_ms, rejected)


class _Found:
    """What one run of frames held, before it becomes columns."""

    def __init__(self) -> None:
        self.trades: dict[str, list[_Trade]] = {}
        self.aggregates: dict[str, list[_Aggregate]] = {}
        self.marks: list[_Mark] = []
        self.replies: list[Reply] = []
        self.closing = False

    def add(self, event: _Trade | _Aggregate) -> None:
        groups: dict[str, list[_Trade]] | dict[str, list[_Aggregate]]
        groups = self.trades if type(event) is _Trade else self.aggregates
        try:
            groups[event.s].append(event)  # type: ignore[arg-type]
        except KeyError:
            groups[event.s] = [event]  # type: ignore[list-item]

    def other(self, event: object, rejected: Counter[str]) -> None:
        if isinstance(event, _Combined):
            reply = _reply(event)
            if reply is not None:
                self.replies.append(reply)
                return
            event = event.data
        if isinstance(event, _Trade | _Aggregate):
            self.add(event)
        elif isinstance(event, _Mark):
            self.marks.append(event)
        elif isinstance(event, list):
            self.marks.extend(event)
        elif isinstance(event, _Shutdown):
            self.closing = True
        else:
            rejected[event if isinstance(event, str) else "foreign"] += 1

    def batch(self, frames: int, symbols: Container[str] | None, latest_ms: int, rejected: Counter[str]) -> Batch:
        records = []
        groups: Iterable[tuple[str, list[_Trade] | list[_Aggregate]]]
        groups = [*self.trades.items(), *self.aggregates.items()]
        for symbol, rows in groups:
            if rows[0].st == 2 or (symbols is not None and symbol not in symbols):
                rejected["foreign"] += len(rows)
                continue
            found = _columns(symbol, rows, latest_ms, rejected)
            if len(found):
                records.append(found)
        return Batch(
            records=tuple(records),
            marks=tuple(_marks(self.marks, symbols, latest_ms, rejected)),
            replies=tuple(self.replies),
            watermark_ms=max((int(r.event_ms.max()) for r in records), default=0),
            frames=frames,
            rejected=dict(rejected),
            closing=self.closing,
        )


def _one(frame: bytes) -> object:
    """One frame on its own: a decoded value, or the word under which it is rejected."""
    if len(frame) > MAX_FRAME_BYTES:
        return "malformed"
    for decoder in (_COMBINED, _RAW, _RAW_ARRAY):
        try:
            value: object = decoder.decode(frame)
        except _UNREADABLE:
            continue
        if not isinstance(value, _Combined) or value.data is not None or _reply(value) is not None:
            return value
    try:
        value = _ANY.decode(frame)
    except _UNREADABLE:
        return "malformed"
    payload = value.get("data", value) if isinstance(value, dict) else value
    if isinstance(payload, list) and payload:
        payload = payload[0]
    event = payload.get("e") if isinstance(payload, dict) else None
    return "malformed" if isinstance(event, str) and event in _OURS else "foreign"


def _reply(row: object) -> Reply | None:
    if type(row) is not _Combined:
        return None
    if row.error is not None:
        return Reply(row.id, None, f"{row.error.msg} (code {row.error.code})")
    if row.code is not None:
        return Reply(row.id, None, f"{row.msg} (code {row.code})")
    if row.result is not msgspec.UNSET:
        return Reply(row.id, row.result)
    return None


def _columns(symbol: str, rows: list[_Trade] | list[_Aggregate], latest_ms: int, rejected: Counter[str]) -> Records:
    """Rows of one kind and symbol as columns; what cannot be believed is dropped, what is no execution is marked."""
    n = len(rows)
    ts_ms = np.fromiter([row.T for row in rows], np.int64, n)
    event_ms = np.fromiter([row.E for row in rows], np.int64, n)
    price = np.fromiter([row.p for row in rows], np.float64, n)
    qty = np.fromiter([row.q for row in rows], np.float64, n)
    maker = np.fromiter([row.m for row in rows], np.bool_, n)
    priced = np.ones(n, np.bool_)
    kind: TradeKind = "trade"
    if isinstance(rows[0], _Trade):
        words = [row.X for row in rows]
        if words.count("MARKET") != n:
            priced = np.fromiter([word == "MARKET" for word in words], np.bool_, n)
            for word in words:
                if word != "MARKET":
                    rejected[f"not_market:{word if word in NOT_MARKET else 'other'}"] += 1
        record_id = trade_id = first_id = np.fromiter([row.t for row in rows], np.int64, n)
    else:
        kind = "aggTrade"
        record_id = np.fromiter([row.a for row in rows], np.int64, n)
        first_id = np.fromiter([row.f for row in rows], np.int64, n)
        trade_id = np.fromiter([row.l for row in rows], np.int64, n)
    _refuse(priced, price, MAX_PRICE, "bad_price", rejected)
    _refuse(priced, qty, MAX_BATCH_UNITS, "bad_quantity", rejected)
    records = Records(symbol, record_id, trade_id, first_id, ts_ms, event_ms, price, qty, maker, priced, kind)
    lag = event_ms - ts_ms
    if (
        int(event_ms.max()) > latest_ms
        or int(lag.max()) > TRADE_BEFORE_PUSH_MS
        or int(lag.min()) < -TRADE_AFTER_PUSH_MS
    ):
        good = (event_ms <= latest_ms) & (lag <= TRADE_BEFORE_PUSH_MS) & (lag >= -TRADE_AFTER_PUSH_MS)
        rejected["bad_time"] += n - int(good.sum())
        records = records.take(good)
    if kind == "aggTrade" and (wrong := records.first_id > records.trade_id).any():
        rejected["bad_id"] += int(wrong.sum())
        records = records.take(~wrong)
    return records


def _refuse(priced: np.ndarray[tuple[int], np.dtype[np.bool_]], values: Floats, most: float, reason: str,
            rejected: Counter[str]) -> None:  # fmt: skip
    good = (values > 0) & (values <= most)  # False for NaN and infinity too
    if not good.all():
        if refused := int((priced & ~good).sum()):
            rejected[reason] += refused
        priced &= good


def _marks(
    rows: list[_Mark], symbols: Container[str] | None, latest_ms: int, rejected: Counter[str]
) -> list[MarkPrice]:
    marks = []
    for row in rows:
        if row.st == 2 or (symbols is not None and row.s not in symbols):
            rejected["foreign"] += 1
            continue
        try:
            rate = float(row.r) if row.r else 0.0
        except ValueError:
            rate = np.nan
        if not (0 < row.p <= MAX_PRICE and 0 <= row.i <= MAX_PRICE and abs(rate) < 1 and latest_ms >= row.E):
            rejected["bad_mark"] += 1
            continue
        marks.append(MarkPrice(row.s, row.E, row.p, row.i, rate, row.T))
    return marks
