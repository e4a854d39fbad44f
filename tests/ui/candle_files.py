"""Candle files as text, in both forms, of seeded prices: for tests here and in the browser."""

from __future__ import annotations

import numpy as np

from core.types import Ints

START_MS = 1_721_347_200_000  # 2024-07-19 00:00:00 UTC
KLINE_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)
PLAIN_HEADER = "open_time_ms,symbol,open,high,low,close,volume"


def prices(n: int, symbol: str = "BTCUSDT") -> list[tuple[str, str, str, str]]:
    """Open, high, low, close of a seeded walk; ETHUSDT follows BTCUSDT and returns to it."""
    rng = np.random.default_rng(11)
    walk = 64_000 * np.exp(np.cumsum(rng.normal(0, 1e-3, n)))
    if symbol != "BTCUSDT":
        noise = np.zeros(n)
        for i in range(1, n):
            noise[i] = 0.93 * noise[i - 1] + rng.normal(0, 6e-4)
        walk = 3_425 * np.exp(0.84 * np.log(walk / 64_000) + noise)
    opens = np.concatenate([walk[:1], walk[:-1]])
    return [
        (f"{o:.2f}", f"{max(o, c) + 1:.2f}", f"{min(o, c) - 1:.2f}", f"{c:.2f}")
        for o, c in zip(opens, walk, strict=True)
    ]


def opens(n: int, timeframe_s: int = 60) -> Ints:
    """Open times."""
    return START_MS + timeframe_s * 1000 * np.arange(n, dtype=np.int64)


def kline(symbol: str, n: int = 1_400, timeframe_s: int = 60, header: bool = True, per_ms: int = 1) -> bytes:
    """A Binance kline file; ``per_ms`` 1000: in microseconds."""
    lines = [KLINE_HEADER] if header else []
    ms = timeframe_s * 1000
    for t, p in zip(opens(n, timeframe_s).tolist(), prices(n, symbol), strict=True):
        lines.append(f"{t * per_ms},{','.join(p)},12.5,{(t + ms) * per_ms - 1},800000.0,345,6.1,400000.0,0")
    return ("\n".join(lines) + "\n").encode()


def plain(symbols: tuple[str, ...] = ("ETHUSDT", "BTCUSDT"), n: int = 1_400, timeframe_s: int = 60) -> bytes:
    """Both legs in one file of this project's form."""
    lines = [PLAIN_HEADER]
    for symbol in symbols:
        for t, p in zip(opens(n, timeframe_s).tolist(), prices(n, symbol), strict=True):
            lines.append(f"{t},{symbol},{','.join(p)},12.5")
    return ("\n".join(lines) + "\n").encode()
