"""Frames as the exchange writes them, for tests."""

from __future__ import annotations

import json

import numpy as np

from core.types import Records, TradeKind

AT_MS = 1_785_780_046_071


def trade(symbol: str = "BTCUSDT", trade_id: int = 1, **other: object) -> bytes:
    """A trade in a combined frame; ``other`` replaces or adds keys, None removes one."""
    data = {"e": "trade", "E": AT_MS + 1, "T": AT_MS, "s": symbol, "t": trade_id, "p": "63943.90", "q": "0.003",
            "X": "MARKET", "m": True, "st": 1}  # fmt: skip
    return combined(f"{symbol.lower()}@trade", data, other)


def aggregate(symbol: str = "BTCUSDT", number: int = 1, first: int = 1, last: int = 1, **other: object) -> bytes:
    """An aggregate in a combined frame."""
    data = {"e": "aggTrade", "E": AT_MS + 150, "a": number, "s": symbol, "p": "83091.70", "q": "0.022", "nq": "0.022",
            "f": first, "l": last, "T": AT_MS, "m": False, "st": 1}  # fmt: skip
    return combined(f"{symbol.lower()}@aggTrade", data, other)


def mark(symbol: str = "BTCUSDT", **other: object) -> bytes:
    """A mark price in a combined frame."""
    data = {"e": "markPriceUpdate", "E": AT_MS, "s": symbol, "p": "83084.30000000", "ap": "83084.30000000",
            "P": "83195.15881449", "i": "83123.65891304", "r": "0.00000078",
            "T": 1_791_388_800_000, "st": 1}  # fmt: skip
    return combined(f"{symbol.lower()}@markPrice@1s", data, other)


def kline(symbol: str = "BTCUSDT", open_ms: int = AT_MS // 60_000 * 60_000, **other: object) -> bytes:
    """A closed minute in a combined frame; ``other`` replaces or adds keys of its bar, or E and st."""
    bar = {"t": open_ms, "T": open_ms + 59_999, "s": symbol, "i": "1m", "f": 100, "L": 141, "o": "83000.10",
           "c": "83084.30", "h": "83091.70", "l": "82990.00", "v": "12.345", "n": 42, "x": True,
           "q": "1025000.10", "V": "6.0", "Q": "498000.2", "B": "0"}  # fmt: skip
    data = {"e": "kline", "E": open_ms + 62_000, "s": symbol, "k": bar, "st": 1}
    head = {name: value for name, value in other.items() if name in data}
    data["k"] = bar | {name: value for name, value in other.items() if name not in data}
    return combined(f"{symbol.lower()}@kline_1m", data, head)


def combined(stream: str, data: dict[str, object], other: dict[str, object]) -> bytes:
    """The combined form."""
    payload = {key: value for key, value in (data | other).items() if value is not None}
    return json.dumps({"stream": stream, "data": payload}, separators=(",", ":"), ensure_ascii=False).encode()


def raw(frame: bytes) -> bytes:
    """The same event as a raw connection would send it."""
    return json.dumps(json.loads(frame)["data"], separators=(",", ":"), ensure_ascii=False).encode()


def records(ids: list[int], kind: TradeKind = "trade", ts_ms: list[int] | None = None) -> Records:
    """Plain records with these ids; trade time is the id, in ms, unless given."""
    column = np.array(ids, np.int64)
    times = column if ts_ms is None else np.array(ts_ms, np.int64)
    n = len(ids)
    return Records(
        "BTCUSDT", column, column, column, times, times, np.ones(n), np.ones(n),
        np.zeros(n, np.bool_), np.ones(n, np.bool_), kind,
    )  # fmt: skip
