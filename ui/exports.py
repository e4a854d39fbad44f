"""Files to take away: candles, analytics, journal as CSV; names with pair, timeframe and time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from analytics.report import PairReport
from core.journal import JournalRow
from core.types import TIMEFRAME_NAMES, Candles
from ui import formats

Cell = str | int | float | None


def file_name(what: str, pair: Sequence[str], timeframe_s: int, ms: float, ending: str = "csv") -> str:
    """A name that says what is inside.

    >>> file_name("candles", ("ETHUSDT", "BTCUSDT"), 60, 1721347022708)
    'pairsight_candles_ETHUSDT-BTCUSDT_1m_20240718T235702Z.csv'
    """
    safe = "-".join("".join(c for c in s if c.isalnum() or c == "_") for s in pair)
    return f"pairsight_{what}_{safe}_{TIMEFRAME_NAMES[timeframe_s]}_{formats.file_stamp(ms)}.{ending}"


def csv_text(columns: Mapping[str, Sequence[Cell]]) -> str:
    """Columns of equal length as CSV. Numbers in full, unknown ones empty; text cannot start a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(v) for v in row] for row in zip(*columns.values(), strict=True))
    return out.getvalue()


def candles_csv(legs: Iterable[Candles]) -> str:
    """Both legs' candles, one under the other."""
    parts: dict[str, list[Cell]] = {
        k: []
        for k in ("time_utc", "open_ms", "symbol", "open", "high", "low", "close", "volume", "trades", "provenance")
    }
    for c in legs:
        parts["time_utc"] += [formats.stamp(ms) for ms in c.open_ms.tolist()]
        parts["open_ms"] += c.open_ms.tolist()
        parts["symbol"] += [c.symbol] * len(c.open_ms)
        for name in ("open", "high", "low", "close", "volume"):
            parts[name] += getattr(c, name).tolist()
        parts["trades"] += c.trade_count.tolist()
        parts["provenance"] += c.provenance.tolist()
    return csv_text(parts)


def analytics_csv(report: PairReport) -> str:
    """Every row of the report, as it was known then."""
    columns: dict[str, Sequence[Cell]] = {
        "time_utc": [formats.stamp(ms) for ms in report.open_ms.tolist()],
        "open_ms": report.open_ms.tolist(),
        report.symbol_y: report.y.tolist(),
        report.symbol_x: report.x.tolist(),
    }
    for name in ("alpha", "beta", "beta_se", "resid_sd", "spread", "z", "z_mean", "z_sd", "z_roll", "corr"):
        columns[name] = getattr(report, name).tolist()
    return csv_text(columns)


def journal_csv(said: Sequence[JournalRow]) -> str:
    """What the looks said, every column of the journal."""
    columns: dict[str, Sequence[Cell]] = {"time_utc": [formats.stamp(row.candle_ms) for row in said]}
    for field in fields(JournalRow):
        columns[field.name] = [getattr(row, field.name) for row in said]
    return csv_text(columns)


def frame_csv(frame: pd.DataFrame) -> str:
    """A table as shown, as CSV."""
    return csv_text({str(name): _plain(frame[name]) for name in frame})


def _plain(column: pd.Series[Any]) -> list[Cell]:
    if pd.api.types.is_datetime64_any_dtype(column):
        return [moment.strftime("%Y-%m-%d %H:%M:%S") for moment in column]
    values: list[Cell] = column.tolist()
    return values


def _cell(value: Cell) -> Cell:
    if isinstance(value, str):
        return "'" + value if value[:1] in "=+-@\t\r" and value else value
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    return repr(value) if isinstance(value, float) else value
