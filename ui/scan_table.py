"""A scan as a table: one row a pair, ranked, with the reason for each."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd

from analytics.scanner import Scan, stretched, why
from core.types import Ints
from ui.controls.market import Pair, Shown

MOST_ROWS: Final = 1_000
COLUMNS: Final = (
    "watched", "y", "x", "z", "break_even_z", "half_life_bars", "adjusted", "pvalue", "stat", "beta", "corr", "sd_bps",
    "stale_share", "reason",
)  # fmt: skip


@lru_cache(maxsize=16)
def frame(scan: Scan, shown: Shown, watched: Collection[Pair]) -> pd.DataFrame:
    """The rows asked for, best first, at most ``MOST_ROWS``. Nobody may change it.

    Candidates in the scan's own order; other pairs follow by their statistic. A watched pair that the scan holds the
    other way round is shown as the scan holds it.
    """
    k = rows(scan, shown, watched)[:MOST_ROWS]
    y, x = scan.symbols[scan.y[k]], scan.symbols[scan.x[k]]
    marked = {*watched, *((b, a) for a, b in watched)}
    return pd.DataFrame(
        {
            "watched": ["★" if pair in marked else "" for pair in zip(y.tolist(), x.tolist(), strict=True)],
            "y": y.tolist(),
            "x": x.tolist(),
            **{name: getattr(scan, name)[k] for name in COLUMNS[3:-1]},
            "reason": [why(scan, row) for row in k.tolist()],
        },
        columns=list(COLUMNS),
    )


def rows(scan: Scan, shown: Shown, watched: Collection[Pair]) -> Ints:
    """The scan's rows that are asked for, best first."""
    if shown.rows == "candidates":
        k = scan.candidates
    else:
        others = np.setdiff1d(np.flatnonzero(np.isfinite(scan.stat)), scan.candidates)
        k = np.concatenate((scan.candidates, others[np.argsort(scan.stat[others], kind="stable")]))
    y, x = scan.symbols[scan.y[k]], scan.symbols[scan.x[k]]
    keep = np.ones(len(k), np.bool_)
    if shown.rows == "watched":
        wanted = {frozenset(pair) for pair in watched}
        keep &= np.array([frozenset(p) in wanted for p in zip(y.tolist(), x.tolist(), strict=True)], np.bool_)
    if shown.text:
        keep &= (np.char.find(y, shown.text) >= 0) | (np.char.find(x, shown.text) >= 0)
    if shown.stretched:
        keep &= stretched(scan, k)
    found: Ints = k[keep]
    return found
