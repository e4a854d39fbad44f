"""Many tests at once: p-values that answer for how many of them were made."""

from __future__ import annotations

import numpy as np
from scipy.stats import false_discovery_control

from core.types import Floats


def adjusted(pvalues: Floats) -> Floats:
    """The smallest false discovery rate at which each test is still a discovery.

    Parameters
    ----------
    pvalues : (p,) float
        From 0 to 1; NaN where there was no test, and such a one does not count.

    Returns
    -------
    (p,) float
        >= the p-value; NaN where it is.

    Notes
    -----
    Benjamini and Yekutieli (2001): it holds however the tests depend on one another, and pairs that share a leg do.

    >>> adjusted(np.array([0.01, np.nan, 0.5])).tolist()
    [0.03, nan, 0.75]
    """
    pvalues = np.asarray(pvalues, np.float64)
    out = np.full(pvalues.shape, np.nan)
    made = ~np.isnan(pvalues)
    out[made] = false_discovery_control(pvalues[made], method="by")
    return out
