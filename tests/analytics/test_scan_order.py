"""Symbols that move together stand together."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from analytics.scan_order import cluster_order
from core.types import Floats


def blocks(seed: int = 0, groups: int = 3, each: int = 5) -> tuple[Floats, np.ndarray]:
    """A correlation matrix of shuffled groups, and each symbol's group."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(groups), each))
    returns = rng.normal(size=(groups, 400))[group] + 0.5 * rng.normal(size=(groups * each, 400))
    return np.corrcoef(returns), group


@pytest.mark.parametrize("seed", range(5))
def test_groups_stand_side_by_side(seed: int) -> None:
    corr, group = blocks(seed)
    order = cluster_order(corr)
    assert_array_equal(np.sort(order), np.arange(len(corr)))
    assert np.count_nonzero(np.diff(group[order])) == 2


def test_the_order_of_the_symbols_does_not_decide_the_picture() -> None:
    corr, _ = blocks()
    shuffled = np.random.default_rng(1).permutation(len(corr))
    one = cluster_order(corr)
    other = shuffled[cluster_order(corr[shuffled][:, shuffled])]
    assert one.tolist() in (other.tolist(), other[::-1].tolist())


def test_an_unknown_correlation_counts_as_none() -> None:
    corr, _ = blocks()
    holes, zeros = corr.copy(), corr.copy()
    holes[0, 3:] = holes[3:, 0] = np.nan
    zeros[0, 3:] = zeros[3:, 0] = 0.0
    assert_array_equal(cluster_order(holes), cluster_order(zeros))


@pytest.mark.parametrize("m", [0, 1, 2])
def test_two_symbols_or_fewer_have_nothing_to_order(m: int) -> None:
    assert_array_equal(cluster_order(np.eye(m)), np.arange(m))


def test_a_matrix_that_is_not_square_is_refused() -> None:
    with pytest.raises(ValueError, match="square"):
        cluster_order(np.ones((2, 3)))
