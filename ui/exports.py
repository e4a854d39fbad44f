"""Files to take away: candles, analytics, journal, trades; CSV or Parquet; names with pair, timeframe and time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from analytics.report import PairReport
from core.alerts import Alert
from core.journal import JournalRow
from core.types import TIMEFRAME_NAMES, Candles, Ints, Ticks
from ui import formats

Kind = Literal["csv", "parquet"]
FORMULA: Final = r"^([=+\-@\t\r])"  # what a spreadsheet would run

CANDLE_COLUMNS: Final = ("open", "high", "low", "close", "volume", "trade_count", "provenance")
TRADE_COLUMNS: Final = ("trade_id", "first_id", "price", "qty", "buyer_is_maker")
REPORT_COLUMNS: Final = (
    "alpha", "beta", "beta_se", "resid_sd", "spread", "z", "z_mean", "z_sd", "z_roll", "corr", "eg_stat", "eg_pvalue",
    "stale_rows", "incomplete_rows",
)  # fmt: skip


MIME: Final[dict[Kind, str]] = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


@dataclass(frozen=True, slots=True)
class File:
    """One file, made: its bytes and what they hold. Without rows there are no bytes."""

    what: str
    name: str
    mime: str
    data: bytes
    rows: int


@dataclass(frozen=True, slots=True)
class Made:
    """The files of one time range, half open."""

    files: tuple[File, ...]
    from_ms: int
    to_ms: int
    cut: tuple[str, ...] = ()  # what holds its newest rows only, and how many; empty: everything of that time is there


def file(what: str, pair: Sequence[str], timeframe_s: int, ms: float, table: pa.Table, kind: Kind) -> File:
    """A table as a file."""
    data = encode(table, kind) if table.num_rows else b""
    return File(what, file_name(what, pair, timeframe_s, ms, kind), MIME[kind], data, table.num_rows)


def file_name(what: str, pair: Sequence[str], timeframe_s: int, ms: float, ending: str = "csv") -> str:
    """A name that says what is inside.

    >>> file_name("candles", ("ETHUSDT", "BTCUSDT"), 60, 1721347022708)
    'pairsight_candles_ETHUSDT-BTCUSDT_1m_20240718T235702Z.csv'
    """
    safe = "-".join("".join(c for c in s if c.isalnum() or c == "_") for s in pair)
    return f"pairsight_{what}_{safe}_{TIMEFRAME_NAMES[timeframe_s]}_{formats.file_stamp(ms)}.{ending}"


def encode(table: pa.Table, kind: Kind) -> bytes:
    """The file's bytes.

    CSV: numbers in full, unknown ones empty, and no text that a spreadsheet would take for a formula.
    """
    sink = pa.BufferOutputStream()
    if kind == "csv":
        pa_csv.write_csv(_harmless(table), sink)
    else:
        pq.write_table(table, sink)
    return bytes(sink.getvalue().to_pybytes())


def candles_table(legs: Iterable[Candles]) -> pa.Table:
    """Both legs' candles, one under the other."""
    return pa.concat_tables(
        pa.table(
            {
                "time_utc": _moments(c.open_ms),
                "open_ms": c.open_ms,
                "symbol": pa.array([c.symbol] * len(c.open_ms), pa.string()),
                **{name: _column(getattr(c, name)) for name in CANDLE_COLUMNS},
            }
        )
        for c in legs
    )


def trades_table(legs: Iterable[Ticks]) -> pa.Table:
    """Both legs' trades, one under the other."""
    return pa.concat_tables(
        pa.table(
            {
                "time_utc": _moments(t.ts_ms),
                "ts_ms": t.ts_ms,
                "symbol": pa.array([t.symbol] * len(t), pa.string()),
                **{name: _column(getattr(t, name)) for name in TRADE_COLUMNS},
            }
        )
        for t in legs
    )


def analytics_table(report: PairReport, from_ms: int = 0) -> pa.Table:
    """Every row of the report from a moment on, as it was known then."""
    whole = pa.table(
        {
            "time_utc": _moments(report.open_ms),
            "open_ms": report.open_ms,
            f"close_{report.symbol_y}": report.y,
            f"close_{report.symbol_x}": report.x,
            **{name: _column(getattr(report, name)) for name in REPORT_COLUMNS},
        }
    )
    return whole.slice(int(np.searchsorted(report.open_ms, from_ms)))


def journal_table(said: Sequence[JournalRow]) -> pa.Table:
    """What the looks said, every column of the journal."""
    columns = {f.name: _column(np.array([getattr(row, f.name) for row in said])) for f in fields(JournalRow)}
    return pa.table({"time_utc": _moments(np.array([row.candle_ms for row in said], np.int64)), **columns})


def alerts_table(told: Sequence[Alert]) -> pa.Table:
    """What was told, oldest first."""
    rows = told[::-1]
    columns = {f.name: _column(np.array([getattr(alert, f.name) for alert in rows])) for f in fields(Alert)}
    return pa.table({"time_utc": _moments(np.array([alert.time_ms for alert in rows], np.int64)), **columns})


def _moments(ms: Ints) -> pa.Array:
    """UTC by the column's name; without a zone, so that no zone database is asked for."""
    return pa.array(ms, pa.timestamp("ms"))


def _column(values: np.ndarray) -> pa.Array:
    """NaN is unknown, not a number that is written."""
    if values.dtype.kind == "U":
        return pa.array(values.tolist(), pa.string())
    return pa.array(values, from_pandas=True)


def _harmless(table: pa.Table) -> pa.Table:
    for i, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            table = table.set_column(i, field, pc.replace_substring_regex(table[i], FORMULA, r"'\1"))
    return table.rename_columns(["'" + n if n[:1] in {"=", "+", "-", "@"} else n for n in table.column_names])
