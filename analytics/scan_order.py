"""An order of symbols in which those that move together stand together: the heatmap's rows and columns."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from core.types import Floats, Ints


def cluster_order(corr: Floats) -> Ints:
    """Order symbols by average-linkage clusters of their correlation.

    Parameters
    ----------
    corr : (m, m) float
        Symmetric, from −1 to 1, of log returns. The diagonal does not matter; NaN counts as no correlation.

    Returns
    -------
    (m,) int
        A permutation: ``corr[order][:, order]`` has its blocks along the diagonal. The leaves of each branch are
        turned so that neighbours are as close as the tree allows. Takes milliseconds for 100 symbols, about a second
        for 800.

    Notes
    -----
    Distance sqrt(2(1 − r)), that of the standardised returns themselves (Mantegna 1999); optimal leaf order by
    Bar-Joseph, Gifford and Jaakkola (2001).

    >>> cluster_order(np.array([[1.0, 0.1, 0.9], [0.1, 1.0, 0.2], [0.9, 0.2, 1.0]])).tolist()
    [0, 2, 1]
    """
    if corr.ndim != 2 or corr.shape[0] != corr.shape[1]:
        raise ValueError(f"corr must be square, was {corr.shape}")
    if len(corr) < 3:
        return np.arange(len(corr))
    r = np.where(np.isnan(corr), 0.0, np.clip(corr, -1.0, 1.0))
    distance = np.sqrt(2.0 * (1.0 - r))
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    order = np.asarray(leaves_list(tree), np.int64)
    return order if order[0] < order[-1] else order[::-1].copy()  # a tree has no left and right of its own
