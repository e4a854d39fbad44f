"""A window's sum is a function of the window's rows alone, to the bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from analytics.windows import Blocks, RunningSums, _prefix, flat_rows, window_moments
from core.types import Floats, Ints

seeds = st.integers(0, 2**32 - 1)


def history(seed: int, n: int, holes: float) -> tuple[Floats, Ints]:
    """Two series on a price level, at strictly increasing slots of which a share is missing."""
    rng = np.random.default_rng(seed)
    slots = 28_333_334 + np.cumsum(rng.geometric(1.0 - holes, n))
    return 11.0 + np.cumsum(rng.normal(0, 1e-3, (2, n)), axis=1), slots


@given(seeds, st.integers(2, 30), st.integers(0, 60), st.sampled_from([0.0, 0.3, 0.95]))
def test_moments_equal_those_of_the_window_taken_by_itself(seed: int, bars: int, more: int, holes: float) -> None:
    values, slots = history(seed, bars + more, holes)
    last = np.arange(bars - 1, bars + more)
    m = window_moments(values, Blocks.anchored(slots, bars), bars, last)
    for j, i in enumerate(last):
        w = values[:, i - bars + 1 : i + 1]
        d = w - w.mean(axis=1, keepdims=True)
        assert_allclose(m.offset[:, j], w.mean(axis=1) - values[:, i], rtol=0, atol=1e-13)
        expected = [(d[0] * d[0]).sum(), (d[0] * d[1]).sum(), (d[1] * d[1]).sum()]
        assert_allclose(m.products[:, j], expected, rtol=1e-9, atol=1e-18)


@given(seeds, st.integers(2, 30), st.integers(1, 60), st.sampled_from([0.0, 0.3, 0.95]), st.data())
def test_where_the_history_begins_or_ends_changes_no_bit(
    seed: int, bars: int, more: int, holes: float, data: st.DataObject
) -> None:
    n = bars + more
    values, slots = history(seed, n, holes)
    begin = data.draw(st.integers(0, more))
    end = data.draw(st.integers(begin + bars, n))
    whole = window_moments(values, Blocks.anchored(slots, bars), bars, np.arange(bars - 1, n))
    part = window_moments(
        values[:, begin:end], Blocks.anchored(slots[begin:end], bars), bars, np.arange(bars - 1, end - begin)
    )
    rows = slice(begin, end - bars + 1)
    assert_array_equal(whole.products[:, rows], part.products)
    assert_array_equal(whole.offset[:, rows], part.offset)


@given(seeds, st.integers(5, 40), st.integers(0, 60), st.sampled_from([0.0, 0.95]))
def test_sums_over_shorter_runs_equal_the_plain_sum(seed: int, bars: int, more: int, holes: float) -> None:
    values, slots = history(seed, bars + more, holes)
    last = np.arange(bars - 1, bars + more)
    first = last - (bars - 1)
    got = RunningSums.of(values, Blocks.anchored(slots, bars - 2)).over(first + 1, last - 1)
    expected = np.stack([values[:, a + 1 : b].sum(axis=1) for a, b in zip(first, last, strict=True)], axis=1)
    assert_allclose(got, expected, rtol=1e-13)


def test_a_price_level_costs_no_digits() -> None:
    rng = np.random.default_rng(1)
    small = rng.normal(0.0, 0.01, (1, 500))
    high = small + 64_000.0
    high = high - 64_000.0 + 64_000.0  # the same rounding of the level for both
    last = np.arange(99, 500)
    blocks = Blocks.anchored(np.arange(500), 100)
    at_level = window_moments(high, blocks, 100, last).products
    direct = np.array([[((w := high[0, i - 99 : i + 1]) - w.mean()).var() * 100 for i in last]])
    assert_allclose(at_level, direct, rtol=1e-9)


def test_flat_is_compared_not_computed() -> None:
    values = np.full(20, 64_000.1)  # its computed standard deviation is 1.5e-11, not 0
    assert flat_rows(values, 20).tolist() == [False] * 19 + [True]
    values[3] = np.nextafter(64_000.1, 1e9)
    assert not flat_rows(values, 20).any()


@given(seeds, st.integers(2, 30), st.integers(1, 200), st.sampled_from([0.0, 0.3, 0.95]))
def test_however_a_block_is_summed_each_row_is_added_to_the_sum_before_it(
    seed: int, shortest: int, n: int, holes: float
) -> None:
    values, slots = history(seed, n, holes)
    blocks = Blocks.anchored(slots, shortest)
    sums = np.empty_like(values)
    for first, last in zip(blocks.first.tolist(), blocks.last.tolist(), strict=True):
        for series in range(len(values)):
            total = values[series, first]
            sums[series, first] = total
            for i in range(first + 1, last + 1):
                total = total + values[series, i]
                sums[series, i] = total
    assert_array_equal(_prefix(values, blocks), sums)
