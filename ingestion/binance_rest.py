"""What the exchange's REST answers, as values. Bytes in, values out; no request, no clock.

Every function raises `BadFrame` for a body that cannot be read (a proxy's login page, a cut answer).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import Meta, Struct

from core.errors import BadFrame
from core.types import Candles, MarkPrice, Records, SymbolInfo, Ticks
from ingestion.binance_frames import UNREADABLE, Ms

INTERVALS: Final[Mapping[int, str]] = {60: "1m", 300: "5m", 900: "15m", 3600: "1h"}
SETTLING_MS: Final = 3_000  # a bar's last trades reach the kline service up to about two seconds late

T = TypeVar("T")
Id = Annotated[int, Meta(ge=0, lt=2**53)]  # a symbol's first one may be 0; on the stream it would begin nothing


class _Filter(Struct, gc=False):
    filterType: str  # noqa: N815 (the wire's own name)
    tickSize: float = 0.0  # noqa: N815
    stepSize: float = 0.0  # noqa: N815
    minQty: float = 0.0  # noqa: N815
    maxQty: float = 0.0  # noqa: N815
    notional: float = 0.0


class _Symbol(Struct, gc=False):
    symbol: str
    status: str
    baseAsset: str  # noqa: N815
    quoteAsset: str  # noqa: N815
    filters: list[_Filter]
    contractType: str | None = ""  # noqa: N815
    onboardDate: int | None = 0  # noqa: N815


class _ExchangeInfo(Struct, gc=False):
    symbols: list[msgspec.Raw]


class _Kline(Struct, gc=False, array_like=True):
    open_ms: Ms
    open: float
    high: float
    low: float
    close: float
    volume: float
    close_ms: Ms
    quote_volume: float
    trades: Annotated[int, Meta(ge=0, lt=2**53)]


class _AggTrade(Struct, gc=False):
    a: Id
    p: float
    q: float
    f: Id
    l: Id  # noqa: E741
    T: Ms
    m: bool


class _RestTrade(Struct, gc=False):
    id: Id
    price: float
    qty: float
    time: Ms
    isBuyerMaker: bool  # noqa: N815


class _Premium(Struct, gc=False):
    symbol: str
    markPrice: float  # noqa: N815
    indexPrice: float  # noqa: N815
    nextFundingTime: int  # noqa: N815
    time: int
    lastFundingRate: float | Literal[""] = ""  # noqa: N815 (empty for contracts without funding)


class _Funding(Struct, gc=False):
    symbol: str
    fundingIntervalHours: int | None = 8  # noqa: N815


class _Settled(Struct, gc=False):
    fundingTime: Ms  # noqa: N815
    fundingRate: float  # noqa: N815


class _Ticker(Struct, gc=False):
    symbol: str
    count: int
    quoteVolume: float  # noqa: N815


class _Time(Struct, gc=False):
    serverTime: Ms  # noqa: N815


class _Failure(Struct, gc=False):
    code: int
    msg: str = ""


@dataclass(frozen=True, slots=True)
class Ticker:
    """A symbol's last 24 hours."""

    symbol: str
    trades: int
    quote_volume: float


def server_ms(body: bytes) -> int:
    """``time``: the exchange's clock."""
    return _read(body, _Time).serverTime


def failure(body: bytes) -> tuple[int, str] | None:
    """The exchange's own code and words of an error answer; None when the body is not one."""
    try:
        read = msgspec.json.decode(body, type=_Failure)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return read.code, read.msg


def symbols(body: bytes) -> dict[str, SymbolInfo]:
    """``exchangeInfo``. A contract that cannot be read, or lacks one of the filters it is sized by, is left out."""
    found = {}
    for row in _readable(_read(body, _ExchangeInfo).symbols, _Symbol):
        filters = {one.filterType: one for one in row.filters}
        price, lot, notional = (filters.get(name) for name in ("PRICE_FILTER", "LOT_SIZE", "MIN_NOTIONAL"))
        if price is None or lot is None or notional is None:
            continue
        found[row.symbol] = SymbolInfo(
            symbol=row.symbol,
            status=row.status,
            contract_type=row.contractType or "",
            base=row.baseAsset,
            quote=row.quoteAsset,
            tick_size=price.tickSize,
            step_size=lot.stepSize,
            min_qty=lot.minQty,
            # Takers' orders have a smaller one, and takers is what costs and record assume; 0 is none.
            max_qty=min(
                (one.maxQty for one in (lot, filters.get("MARKET_LOT_SIZE")) if one and one.maxQty), default=0.0
            ),
            min_notional=notional.notional,
            onboard_ms=row.onboardDate or 0,
        )
    return found


def candles(symbol: str, timeframe_s: int, body: bytes, now_ms: int) -> Candles:
    """``klines`` as candles: closed bars with trades only, oldest first.

    Parameters
    ----------
    now_ms : int
        The exchange's clock when the answer was made. A bar counts as closed `SETTLING_MS` after its end; the open bar
        is left out, and a bar without trades is no candle.
    """
    rows = _read(body, list[_Kline])
    step_ms = timeframe_s * 1000
    kept = [
        row
        for row in rows
        if row.trades > 0 and row.open_ms % step_ms == 0 and row.open_ms + step_ms + SETTLING_MS <= now_ms
    ]
    columns = np.array([(r.open, r.high, r.low, r.close, r.volume) for r in kept]).reshape(len(kept), 5)
    open_ms = np.array([r.open_ms for r in kept], np.int64)
    if not (np.isfinite(columns).all() and (columns > 0).all() and (np.diff(open_ms) > 0).all()):
        raise BadFrame(f"klines of {symbol} hold bars that cannot be: not finite, not positive, or out of order")
    return Candles(
        symbol=symbol,
        timeframe_s=timeframe_s,
        open_ms=open_ms,
        open=columns[:, 0],
        high=columns[:, 1],
        low=columns[:, 2],
        close=columns[:, 3],
        volume=columns[:, 4],
        trade_count=np.array([r.trades for r in kept], np.int64),
        provenance=np.full(len(kept), "kline", "U8"),
    )


def aggregates(symbol: str, body: bytes) -> Records:
    """``aggTrades`` as records of kind aggTrade, by id, each once; rows of no quantity are not priced."""
    rows = sorted({row.a: row for row in _read(body, list[_AggTrade])}.values(), key=lambda row: row.a)
    price = np.array([row.p for row in rows], np.float64)
    qty = np.array([row.q for row in rows], np.float64)
    ts_ms = np.array([row.T for row in rows], np.int64)
    return Records(
        symbol=symbol,
        record_id=np.array([row.a for row in rows], np.int64),
        trade_id=np.array([row.l for row in rows], np.int64),
        first_id=np.array([row.f for row in rows], np.int64),
        ts_ms=ts_ms,
        event_ms=ts_ms,
        price=price,
        qty=qty,
        buyer_is_maker=np.array([row.m for row in rows], np.bool_),
        priced=_positive(price) & _positive(qty),
        kind="aggTrade",
    )


def trades(symbol: str, body: bytes) -> Ticks:
    """``trades``: single executions, by id, each once."""
    rows = sorted({row.id: row for row in _read(body, list[_RestTrade])}.values(), key=lambda row: row.id)
    ids = np.array([row.id for row in rows], np.int64)
    ticks = Ticks(
        symbol=symbol,
        trade_id=ids,
        first_id=ids,
        ts_ms=np.array([row.time for row in rows], np.int64),
        price=np.array([row.price for row in rows], np.float64),
        qty=np.array([row.qty for row in rows], np.float64),
        buyer_is_maker=np.array([row.isBuyerMaker for row in rows], np.bool_),
    )
    return ticks.take(_positive(ticks.price) & _positive(ticks.qty))


def marks(body: bytes) -> list[MarkPrice]:
    """``premiumIndex`` of all symbols."""
    return [
        MarkPrice(
            symbol=row.symbol,
            event_ms=row.time,
            mark=row.markPrice,
            index=row.indexPrice,
            funding_rate=row.lastFundingRate or 0.0,
            next_funding_ms=row.nextFundingTime,
        )
        for row in _rows(body, _Premium)
    ]


def funding_hours(body: bytes) -> dict[str, int]:
    """``fundingInfo``: hours between settlements, for the symbols it lists; any other settles every 8 h.

    0: it lists the symbol and says no hours that can be.
    """
    return {row.symbol: max(row.fundingIntervalHours or 0, 0) for row in _rows(body, _Funding)}


def settled(body: bytes) -> list[tuple[int, float]]:
    """``fundingRate``: past settlements as (time, rate as a fraction), oldest first.

    They are printed some milliseconds late: times are those of the minute.
    """
    return [(row.fundingTime // 60_000 * 60_000, row.fundingRate) for row in _read(body, list[_Settled])]


def tickers(body: bytes) -> list[Ticker]:
    """``ticker/24hr`` of all symbols."""
    return [Ticker(row.symbol, row.count, row.quoteVolume) for row in _rows(body, _Ticker)]


def _rows(body: bytes, of: type[T]) -> list[T]:
    return _readable(_read(body, list[msgspec.Raw]), of)


def _readable(raws: Sequence[msgspec.Raw], of: type[T]) -> list[T]:
    """The rows that can be read: one odd contract must not hide hundreds. None at all is another matter."""
    decoder, rows = msgspec.json.Decoder(of, strict=False), []
    odd = None
    for raw in raws:
        try:
            rows.append(decoder.decode(raw))
        except UNREADABLE as error:
            odd = error
    if odd is not None and not rows:
        raise BadFrame(f"the exchange's answer cannot be read ({odd})")
    return rows


def _read(body: bytes, of: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=of, strict=False)
    except UNREADABLE as error:
        raise BadFrame(f"the exchange's answer cannot be read ({error}): {body[:80]!r}") from error


def _positive(values: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    good: np.ndarray[Any, np.dtype[np.bool_]] = np.isfinite(values) & (values > 0)
    return good
