"""Files to take away: candles, analytics, journal, trades; CSV or Parquet; names with pair, timeframe and time."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analytics.report import PairReport
from core.journal import JournalRow
from core.types import TIMEFRAME_NAMES, Candles, Ticks
from ui import formats

Kind = Literal["csv", "parquet"]
Cell = str | int | float | bool | None
Table = Mapping[str, Sequence[Cell]]  # columns of equal length

ROWS = (
    "alpha", "beta", "beta_se", "resid_sd", "spread", "z", "z_mean", "z_sd", "z_roll", "corr", "eg_stat", "eg_pvalue",
    "stale_rows", "incomplete_rows",
)  # fmt: skip


def file_name(what: str, pair: Sequence[str], timeframe_s: int, ms: float, ending: str = "csv") -> str:
    """A name that says what is inside.

    >>> file_name("candles", ("ETHUSDT", "BTCUSDT"), 60, 1721347022708)
    'pairsight_candles_ETHUSDT-BTCUSDT_1m_20240718T235702Z.csv'
    """
    safe = "-".join("".join(c for c in s if c.isalnum() or c == "_") for s in pair)
    return f"pairsight_{what}_{safe}_{TIMEFRAME_NAMES[timeframe_s]}_{formats.file_stamp(ms)}.{ending}"


def encode(table: Table, kind: Kind) -> bytes:
    """The file's bytes. CSV is UTF-8 with a line feed a row."""
    if kind == "csv":
        return csv_text(table).encode()
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({name: pa.array(list(column)) for name, column in table.items()}), sink)
    return bytes(sink.getvalue().to_pybytes())


def csv_text(table: Table) -> str:
    """Columns as CSV. Numbers in full, unknown ones empty; no text can start a formula in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_cell(name) for name in table)
    writer.writerows([_cell(v) for v in row] for row in zip(*table.values(), strict=True))
    return out.getvalue()


def candles_table(legs: Iterable[Candles]) -> Table:
    """Both legs' candles, one under the other."""
    parts = [
        {
            "time_utc": _stamps(c.open_ms.tolist()),
            "open_ms": c.open_ms.tolist(),
            "symbol": [c.symbol] * len(c.open_ms),
            "open": c.open.tolist(),
            "high": c.high.tolist(),
            "low": c.low.tolist(),
            "close": c.close.tolist(),
            "volume": c.volume.tolist(),
            "trades": c.trade_count.tolist(),
            "provenance": c.provenance.tolist(),
        }
        for c in legs
    ]
    return _stacked(parts)


def trades_table(legs: Iterable[Ticks]) -> Table:
    """Both legs' trades, one under the other."""
    parts = [
        {
            "time_utc": _stamps(t.ts_ms.tolist()),
            "ts_ms": t.ts_ms.tolist(),
            "symbol": [t.symbol] * len(t),
            "trade_id": t.trade_id.tolist(),
            "first_id": t.first_id.tolist(),
            "price": t.price.tolist(),
            "qty": t.qty.tolist(),
            "buyer_is_maker": t.buyer_is_maker.tolist(),
        }
        for t in legs
    ]
    return _stacked(parts)


def analytics_table(report: PairReport) -> Table:
    """Every row of the report, as it was known then."""
    columns: dict[str, Sequence[Cell]] = {
        "time_utc": _stamps(report.open_ms.tolist()),
        "open_ms": report.open_ms.tolist(),
        f"close_{report.symbol_y}": report.y.tolist(),
        f"close_{report.symbol_x}": report.x.tolist(),
    }
    return columns | {name: getattr(report, name).tolist() for name in ROWS}


def journal_table(said: Sequence[JournalRow]) -> Table:
    """What the looks said, every column of the journal."""
    columns: dict[str, Sequence[Cell]] = {"time_utc": _stamps([row.candle_ms for row in said])}
    return columns | {f.name: [getattr(row, f.name) for row in said] for f in fields(JournalRow)}


def frame_table(frame: pd.DataFrame) -> Table:
    """A table as shown."""
    return {str(name): _plain(frame[name]) for name in frame}


def _stacked(parts: Sequence[Mapping[str, list[Any]]]) -> Table:
    return {name: [cell for part in parts for cell in part[name]] for name in parts[0]} if parts else {}


def _stamps(times_ms: Iterable[int]) -> list[str]:
    return [formats.stamp(ms) for ms in times_ms]


def _plain(column: pd.Series[Any]) -> list[Cell]:
    if pd.api.types.is_datetime64_any_dtype(column):
        return [moment.strftime("%Y-%m-%d %H:%M:%S") for moment in column]
    values: list[Cell] = column.tolist()
    return values


def _cell(value: Cell) -> Cell:
    if isinstance(value, str):
        return "'" + value if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    return value
