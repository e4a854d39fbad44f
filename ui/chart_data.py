"""A report as the tables the chart draws, encoded once per report: a tick that changes nothing encodes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from analytics.look import Said
from analytics.report import PairReport
from core.types import Floats, Ints
from ui.reading import deciding_z


def tables(report: PairReport, said: Sequence[Said], bars: int) -> dict[str, pa.Table]:
    """The newest ``bars`` rows as columns. A candle that is missing breaks every line: a row of NaN stands there.

    Times are float milliseconds (a browser's number), spreads in bps for logs and in quote currency for prices.
    """
    shown = slice(max(0, len(report.open_ms) - bars), None)
    open_ms = report.open_ms[shown]
    step = report.params.timeframe_s * 1000
    scale = 1.0 if report.params.price_units else 1e4
    classic = report.params.preset == "classic"
    mean = (report.z_mean if classic else np.zeros_like(report.spread))[shown] * scale
    sd = (report.z_sd if classic else report.resid_sd)[shown] * scale
    y, x = report.y[shown], report.x[shown]
    columns = {
        "y_index": 100 * y / y[0] if len(y) else y,
        "x_index": 100 * x / x[0] if len(x) else x,
        "spread": report.spread[shown] * scale,
        "mean": np.where(np.isfinite(sd), mean, np.nan),
        "band_low": mean - report.params.entry_z * sd,
        "band_high": mean + report.params.entry_z * sd,
        "z": deciding_z(report)[shown],
        "other_z": (report.z if classic else report.z_roll)[shown],
        "corr": report.corr[shown],
    }
    holes = missing_after(open_ms, step)
    at = holes + 1
    t = np.insert(open_ms.astype(np.float64), at, open_ms[holes] + step)
    rows = {"t": t, **{name: np.insert(v.astype(np.float64), at, np.nan) for name, v in columns.items()}}
    p = report.params
    levels = {
        "kind": ["mean", "entry", "entry", "stop", "stop"],
        "level": [0.0, p.entry_z, -p.entry_z, p.stop_z, -p.stop_z],
    }
    gaps: dict[str, Any] = {
        "t": (open_ms[holes] + step).astype(np.float64),
        "until": open_ms[holes + 1].astype(np.float64) if len(holes) else np.empty(0),
        "word": [f"{int((open_ms[i + 1] - open_ms[i]) // step - 1)} candles" for i in holes],
    }
    first = int(open_ms[0]) if len(open_ms) else 0
    changed = [
        s for before, s in zip([None, *said], said, strict=False) if before is None or before.verdict != s.verdict
    ]
    marks = [s for s in changed if s.candle_ms >= first and s.z is not None]
    words: dict[str, Any] = {
        "t": np.array([float(s.candle_ms) for s in marks]),
        "z": np.array([float(s.z or 0.0) for s in marks]),
        "word": pa.array([s.verdict.value for s in marks], pa.string()),
    }
    gaps["word"] = pa.array(gaps["word"], pa.string())
    return {name: pa.table(c) for name, c in (("rows", rows), ("levels", levels), ("gaps", gaps), ("said", words))}


def missing_after(open_ms: Ints, step_ms: int) -> Ints:
    """Positions after which at least one candle is missing."""
    return np.flatnonzero(np.diff(open_ms) > step_ms)


def checkpoints(persistence: Floats) -> pa.Table:
    """The six p-values, newest first as j = 0…5; unknown ones left out."""
    known = np.flatnonzero(np.isfinite(persistence))
    return pa.table({"ago": known.astype(np.float64), "p": persistence[known]})


def encode(table: pa.Table) -> bytes:
    """Arrow's own stream format, which the browser reads as it is."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


@lru_cache(maxsize=16)
def encoded(report: PairReport, said: tuple[Said, ...], bars: int) -> Mapping[str, bytes]:
    """``tables`` as bytes, made once for one report."""
    return {name: encode(table) for name, table in tables(report, said, bars).items()}
