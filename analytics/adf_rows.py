"""The Classic preset's test at many rows of a history: plain ADF of each row's own fitted spread."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from analytics.report import PairReport
from analytics.stationarity import adf
from core.errors import DataError
from core.types import Floats, Ints


def adf_rows(report: PairReport, rows: Ints) -> Floats:
    """P-values of ``adf`` on the residuals of the shown fit that ends at each row.

    Parameters
    ----------
    report : PairReport
    rows : (m,) int

    Returns
    -------
    (m,) float
        NaN where the fit or the test is undefined.
    """
    p, out = report.params, np.full(len(rows), np.nan)
    y, x = (report.y, report.x) if p.price_units else (np.log(report.y), np.log(report.x))
    for k, row in enumerate(rows.tolist()):
        if not np.isnan(report.beta[row]):
            w = slice(row - p.fit_bars + 1, row + 1)
            with suppress(DataError):
                out[k] = adf(report.spread[row] + (y[w] - y[row]) - report.beta[row] * (x[w] - x[row])).pvalue
    return out
