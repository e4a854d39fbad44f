"""Trades to store: seeded ones, and those of the real recording."""

import csv
import gzip
from functools import cache
from pathlib import Path

import numpy as np

from core.types import Ticks

RECORDING = "ticks_usdm_btcusdt_ethusdt_20240718T2357_20240719T0005.csv.gz"


@cache
def recording(folder: Path) -> dict[str, Ticks]:
    """Every trade of the recording, by symbol, in order of id."""
    with gzip.open(folder / RECORDING, "rt", encoding="utf-8", newline="") as text:
        every = list(csv.DictReader(text))
    out = {}
    for symbol in sorted({row["symbol"] for row in every}):
        mine = sorted((row for row in every if row["symbol"] == symbol), key=lambda row: int(row["trade_id"]))
        ids = np.array([int(row["trade_id"]) for row in mine])
        out[symbol] = Ticks(
            symbol,
            ids,
            ids,
            np.array([int(row["trade_time_ms"]) for row in mine]),
            np.array([float(row["price"]) for row in mine]),
            np.array([float(row["quantity"]) for row in mine]),
            np.array([row["buyer_is_maker"] == "true" for row in mine]),
        )
    return out


def seeded(n: int, *, symbol: str = "BTCUSDT", first: int = 1000, start_ms: int = 1_700_000_000_000) -> Ticks:
    """Single trades with rising ids and times, some 20 ms apart; the same for the same arguments."""
    rng = np.random.default_rng([n, first])
    ids = np.arange(first, first + n)
    return Ticks(
        symbol,
        ids,
        ids,
        start_ms + np.cumsum(rng.integers(0, 40, n)),
        np.round(64_000 + np.cumsum(rng.normal(0, 1, n)), 1),
        np.round(rng.exponential(0.1, n) + 0.001, 3),
        rng.random(n) < 0.5,
    )
