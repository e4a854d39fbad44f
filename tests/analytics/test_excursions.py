"""One entry per excursion, whether rows come at once or one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from analytics.excursions import Arming, entries, stage

zs = st.lists(st.sampled_from([0.0, 0.4, 0.99, 1.0, 1.5, 1.99, 2.0, 2.5, 3.99, 4.0, 5.0, np.nan]), max_size=80)
signs = st.lists(st.sampled_from([1.0, 1.0, 1.0, -1.0]), min_size=80, max_size=80)


def entry_rows(z: list[float], lookback: int = 100) -> list[int]:
    return np.flatnonzero(entries(np.array(z), 2.0, 4.0, lookback)).tolist()


@pytest.mark.parametrize(
    ("z", "rows"),
    [
        ([0.5, 2.1, 2.5, 3.0], [1]),  # the first row inside is the entry, later ones are not
        ([0.5, 2.1, 1.2, 2.2], [1]),  # back to 1.2 is not the end of it
        ([0.5, 2.1, 0.9, 2.2], [1, 3]),  # below 1: armed again
        ([0.5, 2.1, -2.3, -2.4], [1, 2]),  # a change of sign ends one and begins another
        ([0.5, 4.2, 3.9], [2]),  # a jump beyond 4 is no entry and leaves it open
        ([0.5, 2.1, 4.2, 3.9], [1]),
        ([2.5, 2.6], []),  # its beginning was not seen
        ([1.5, 2.5], []),
        ([-1.5, 2.5], [1]),
        ([0.5, np.nan, 2.1], [2]),  # an unknown row changes nothing
        ([0.5, 2.0, 4.0], [1]),  # 2 is inside, 4 is not
        ([-0.5, -2.1, -0.2, 2.1], [1, 3]),
        ([], []),
    ],
)
def test_by_hand(z: list[float], rows: list[int]) -> None:
    assert entry_rows(z) == rows


def test_an_arming_further_back_than_the_lookback_is_not_known() -> None:
    z = [0.5, 1.5, 1.5, 1.5, 2.5]
    assert entry_rows(z, lookback=4) == [4]
    assert entry_rows(z, lookback=3) == []


@given(zs, signs)
def test_the_newest_rows_stage_is_that_of_the_entries(sizes: list[float], sign: list[float]) -> None:
    z = np.array([*sizes, 2.5]) * [*sign[: len(sizes)], 1.0]
    opens = np.flatnonzero(entries(z, 2.0, 4.0, lookback=len(z)))
    found = stage(z, 2.0, 4.0)
    assert (found == "entry") == (len(z) - 1 in opens)
    assert found in {"entry", "past", "unseen"}
    if found == "past":
        assert len(opens)
    inner = stage(np.append(z, 1.5), 2.0, 4.0)
    assert inner == {"entry": "past"}.get(found, found)


@given(zs, signs, st.integers(1, 30), st.integers(0, 80))
def test_neither_the_future_nor_an_older_past_changes_a_row(
    sizes: list[float], sign: list[float], lookback: int, cut: int
) -> None:
    z = np.array(sizes) * sign[: len(sizes)]
    whole = entries(z, 2.0, 4.0, lookback)
    assert_array_equal(whole[:cut], entries(z[:cut], 2.0, 4.0, lookback))
    if not np.isnan(z).any():  # a row's answer needs its last lookback + 1 rows, all of them known
        for i in range(lookback, len(z)):
            assert whole[i] == entries(z[i - lookback : i + 1], 2.0, 4.0, lookback)[-1]


@given(zs, signs, st.integers(1, 30))
def test_one_by_one_equals_all_at_once(sizes: list[float], sign: list[float], lookback: int) -> None:
    z = np.array(sizes) * sign[: len(sizes)]
    arming, opens = Arming(), []
    for row, value in enumerate(z):
        arming, opened = arming.step(row, float(value), 2.0, 4.0, lookback)
        opens.append(opened)
    assert opens == entries(z, 2.0, 4.0, lookback).tolist()
    assert arming == Arming.after(z, 2.0, 4.0)
