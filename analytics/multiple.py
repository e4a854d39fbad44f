"""Many tests at once: p-values that answer for how many of them were made."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from scipy.stats import false_discovery_control

from core.types import Floats

Method = Literal["by", "bh"]
METHODS: Final[tuple[Method, ...]] = ("by", "bh")


def adjusted(pvalues: Floats, method: Method = "by") -> Floats:
    """The smallest false discovery rate at which each test is still a discovery.

    Parameters
    ----------
    pvalues : (p,) float
        From 0 to 1; NaN where there was no test, and such a one does not count.
    method : "by" or "bh"
        "by" (Benjamini and Yekutieli 2001) holds however the tests depend on one another: pairs that share a leg do.
        "bh" (Benjamini and Hochberg 1995) needs tests that are independent or rise and fall together; it finds more,
        and is for a list that was fixed before anybody looked.

    Returns
    -------
    (p,) float
        >= the p-value; NaN where it is.

    >>> adjusted(np.array([0.01, np.nan, 0.5]), "bh").tolist()
    [0.02, nan, 0.5]
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, was {method!r}")
    out = np.full(pvalues.shape, np.nan)
    made = ~np.isnan(pvalues)
    out[made] = false_discovery_control(pvalues[made], method=method)
    return out
