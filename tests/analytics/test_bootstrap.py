"""Blocks drawn again: whole runs, every row alike, and the interval a kept library gives."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap

from analytics.bootstrap import LEAST, LOSSES, block_rows, few_losses, group_interval, mean_interval
from tests.analytics.pairs import reverting


def test_rows_come_in_runs_of_the_mean_length_asked_for() -> None:
    rows = block_rows(np.random.default_rng(1), 1000, (200_000,), 8.0)
    breaks = (np.diff(rows) % 1000) != 1
    assert 200_000 / breaks.sum() == pytest.approx(8.0, rel=0.02)
    assert rows.min() == 0
    assert rows.max() == 999


def test_every_row_is_drawn_alike_also_the_first_and_the_last() -> None:
    rows = block_rows(np.random.default_rng(1), 10, (40_000, 10), 4.0)
    share = np.bincount(rows.ravel(), minlength=10) / rows.size
    np.testing.assert_allclose(share, 0.1, atol=2e-3)


def test_blocks_of_one_are_single_draws() -> None:
    rows = block_rows(np.random.default_rng(1), 1000, (100_000,), 1.0)
    assert ((np.diff(rows) % 1000) == 1).mean() == pytest.approx(1e-3, abs=5e-4)


@pytest.mark.parametrize(("rows", "block"), [(0, 2.0), (5, 0.5)])
def test_impossible_draws_are_refused(rows: int, block: float) -> None:
    with pytest.raises(ValueError, match="mean_block"):
        block_rows(np.random.default_rng(1), rows, (3,), block)


@pytest.mark.parametrize("n", [30, 300])
def test_the_interval_is_that_of_arch_within_its_own_noise(n: int) -> None:
    values = reverting(np.random.default_rng(4), n, half_life=3.0, sd=2.0) + 1.0
    got = mean_interval(values, np.random.default_rng(5))
    assert got is not None
    library = StationaryBootstrap(n ** (1 / 3), values, seed=np.random.default_rng(6))
    low, high = library.conf_int(np.mean, reps=2000, method="percentile")[:, 0]
    assert got.mean == values.mean()
    width = high - low
    assert got.low == pytest.approx(low, abs=0.08 * width)
    assert got.high == pytest.approx(high, abs=0.08 * width)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        told = mean_interval(rng.normal(1.0, 5.0, 40), rng)
        assert told is not None
        held += told.low <= 1.0 <= told.high
    assert 0.88 <= held / 300 <= 0.98


def test_too_few_values_give_no_interval_and_the_same_seed_the_same_one() -> None:
    values = np.arange(50.0)
    assert mean_interval(values[: LEAST - 1], np.random.default_rng(0)) is None
    one, again = (mean_interval(values, np.random.default_rng(3)) for _ in range(2))
    assert one == again


def test_groups_are_drawn_whole_and_their_values_are_averaged_not_their_means() -> None:
    sums, counts = np.array([10.0, -4.0] * 6), np.array([5.0, 1.0] * 6)
    told = group_interval(sums, counts, np.random.default_rng(0))
    assert told is not None
    assert told.mean == pytest.approx(1.0)  # 6 · 6 over 36, where the means' mean is −1
    assert -4.0 <= told.low < 1.0 < told.high <= 2.0
    assert group_interval(sums[: LEAST - 1], counts[: LEAST - 1], np.random.default_rng(0)) is None


def test_values_that_come_together_do_not_narrow_the_interval_of_their_groups() -> None:
    missed = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        counts = rng.integers(1, 20, 30).astype(np.float64)
        told = group_interval(rng.normal(0.0, 1.0, 30) * counts, counts, rng)  # one event a group
        assert told is not None
        missed += not told.low <= 0.0 <= told.high
    assert 0.01 <= missed / 300 <= 0.1


def test_losses_that_hardly_ever_came_are_named() -> None:
    assert few_losses(0) == "no loss seen yet: its size is unknown"
    assert few_losses(1) == "only 1 of them lost: how large a loss can be is hardly known"
    assert few_losses(LOSSES - 1).startswith("only 4 of them lost")
    assert few_losses(LOSSES) == ""
