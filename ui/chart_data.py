"""A report as the tables the chart draws, encoded once per report: a tick that changes nothing encodes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pyarrow as pa

from analytics.paper_entry import entered_by
from analytics.params import RELATED_P, Params
from analytics.report import PairReport
from core.journal import JournalRow
from core.types import Floats, Ints
from ui.reading import deciding_z, finite

LEAST_P = 1e-4  # the p-axis is logarithmic and ends here
CHECKPOINT_P = 0.01


@dataclass(frozen=True, slots=True)
class Mark:
    """A verdict that differs from the one before it."""

    candle_ms: int
    z: float
    word: str


def marks(said: Sequence[JournalRow], params: Params) -> tuple[Mark, ...]:
    """Where the journal changed its verdict. The first row read is no change."""
    changed = (now for before, now in pairwise(said) if before.verdict != now.verdict)
    placed = ((row, finite(entered_by(row, params))) for row in changed)
    return tuple(Mark(row.candle_ms, z, row.verdict) for row, z in placed if z is not None)


def tables(report: PairReport, said: tuple[Mark, ...], bars: int) -> dict[str, pa.Table]:
    """The newest ``bars`` rows as columns, by the names that ``ui.charts`` draws.

    Times are float milliseconds (a browser's number), spreads in bps for logs and in quote currency for prices. A
    missing candle breaks every line: one row of NaN stands in the hole.
    """
    shown = slice(max(0, len(report.open_ms) - bars), None)
    open_ms = report.open_ms[shown]
    holes = np.flatnonzero(np.diff(open_ms) > report.step_ms)
    first = float(open_ms[0]) if len(open_ms) else 0.0
    seen = [m for m in said if m.candle_ms >= first]
    return {
        "rows": _rows(report, shown, open_ms, holes),
        "levels": _levels(report),
        "gaps": _gaps(open_ms, holes, report.step_ms),
        "checkpoints": _checkpoints(report, first),
        "said": pa.table(
            {
                "t": pa.array([float(m.candle_ms) for m in seen], pa.float64()),
                "z": pa.array([m.z for m in seen], pa.float64()),
                "word": pa.array([m.word for m in seen], pa.string()),
            }
        ),
    }


def encode(table: pa.Table) -> bytes:
    """Arrow's own stream format, which the browser reads as it is."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


@lru_cache(maxsize=16)
def encoded(report: PairReport, said: tuple[Mark, ...], bars: int) -> Mapping[str, bytes]:
    """``tables`` as bytes, made once for one report."""
    return {name: encode(table) for name, table in tables(report, said, bars).items()}


def _rows(report: PairReport, shown: slice, open_ms: Ints, holes: Ints) -> pa.Table:
    p = report.params
    classic = p.preset == "classic"
    unit = 1.0 if p.price_units else 1e4
    mean = unit * (report.z_mean if classic else np.zeros(len(report.spread)))[shown]
    sd = unit * (report.z_sd if classic else report.resid_sd)[shown]
    columns = {
        "y_index": _index(report.y[shown]),
        "x_index": _index(report.x[shown]),
        "spread": unit * report.spread[shown],
        "mean": np.where(np.isfinite(sd), mean, np.nan),
        "band_low": mean - p.entry_z * sd,
        "band_high": mean + p.entry_z * sd,
        "z": deciding_z(report)[shown],
        "other_z": (report.log_fits.z if classic else report.z_roll)[shown],
        "corr": report.corr[shown],
        "p": np.maximum(report.eg_pvalue[shown], LEAST_P),
    }
    at = holes + 1
    t = np.insert(open_ms.astype(np.float64), at, open_ms[holes] + report.step_ms)
    return pa.table({"t": t, **{k: np.insert(v.astype(np.float64), at, np.nan) for k, v in columns.items()}})


def _index(close: Floats) -> Floats:
    """Closes as a percentage of the first one shown."""
    return 100 * close / close[0] if len(close) else close


def _levels(report: PairReport) -> pa.Table:
    p = report.params
    kinds = {"mean": (0.0,), "entry": (p.entry_z, -p.entry_z), "stop": (p.stop_z, -p.stop_z), "related": (RELATED_P,)}
    return pa.table(
        {
            "kind": [kind for kind, at in kinds.items() for _ in at],
            "level": [level for at in kinds.values() for level in at],
        }
    )


def _gaps(open_ms: Ints, holes: Ints, step_ms: int) -> pa.Table:
    since, until = open_ms[holes] + step_ms, open_ms[holes + 1] if len(holes) else holes
    words = [f"{n} candles" if n > 1 else "1 candle" for n in ((until - since) // step_ms).tolist()]
    return pa.table(
        {"t": since.astype(np.float64), "until": until.astype(np.float64), "word": pa.array(words, pa.string())}
    )


def _checkpoints(report: PairReport, first_ms: float) -> pa.Table:
    """The six p-values of the persistence check, each where its window ended."""
    ago = np.arange(len(report.persistence)) * (report.params.fit_bars // 20)
    at = len(report.open_ms) - 1 - ago
    known = (at >= 0) & np.isfinite(report.persistence)
    t, p = report.open_ms[at[known]].astype(np.float64), np.maximum(report.persistence[known], LEAST_P)
    keep = t >= first_ms
    words = ["below 0.01" if v < CHECKPOINT_P else "not below 0.01" for v in p[keep]]
    return pa.table({"t": t[keep], "p": p[keep], "word": pa.array(words, pa.string())})
