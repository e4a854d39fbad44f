"""A history of settlements, and what of it was known when."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.costs import Funding, settlements
from analytics.funding import FRESH_MS, FundingRates, announced
from core.clock import HOUR_MS
from core.types import MarkPrice

EIGHT_H = 8 * HOUR_MS


def rates() -> FundingRates:
    return FundingRates(np.array([EIGHT_H, 2 * EIGHT_H, 3 * EIGHT_H]), np.array([1e-4, -2e-4, 3e-4]))


def changed_hours() -> FundingRates:
    """Every 8 hours, from the fourth settlement on every 4."""
    at = [EIGHT_H * i for i in range(1, 5)] + [4 * EIGHT_H + 4 * HOUR_MS * i for i in range(1, 7)]
    return FundingRates(np.array(at), np.arange(1.0, 11.0) * 1e-4)


def test_a_look_knows_the_last_settled_rate_and_the_next_time_but_not_the_next_rate() -> None:
    assert rates().known_at(EIGHT_H) == Funding(1e-4, 8.0, 2 * EIGHT_H)
    assert rates().known_at(3 * EIGHT_H - 1) == Funding(-2e-4, 8.0, 3 * EIGHT_H)


def test_the_hours_between_settlements_are_those_that_were_seen_by_then() -> None:
    told = changed_hours()
    assert told.known_at(4 * EIGHT_H + 1) == Funding(4e-4, 8.0, 5 * EIGHT_H)
    assert told.known_at(4 * EIGHT_H + 4 * HOUR_MS) == Funding(5e-4, 4.0, 5 * EIGHT_H)


@given(st.integers(EIGHT_H, 8 * EIGHT_H), st.integers(0, EIGHT_H))
def test_what_is_known_does_not_change_when_the_future_is_cut(at_ms: int, more_ms: int) -> None:
    whole = changed_hours()
    seen = whole.settle_ms <= at_ms + more_ms
    part = FundingRates(whole.settle_ms[seen], whole.rate[seen])
    if seen.any():  # without any nothing would ever be settled: an assumption of its own
        assert part.known_at(at_ms) == whole.known_at(at_ms)


def test_before_the_first_settlement_nothing_is_known() -> None:
    assert rates().known_at(EIGHT_H - 1) is None


def test_after_the_last_settlement_the_times_go_on() -> None:
    assert rates().known_at(5 * EIGHT_H + 1) == Funding(3e-4, 8.0, 6 * EIGHT_H)


def test_none_is_an_assumption_of_zero_and_not_a_lack_of_knowledge() -> None:
    told = FundingRates.none().known_at(HOUR_MS)
    assert told is not None
    assert told.rate == 0.0
    assert FundingRates.none().between(0, 10**15) == slice(0, 0)


def test_a_flat_rate_is_known_from_its_start() -> None:
    flat = FundingRates.flat(1e-4, from_ms=EIGHT_H + 5, to_ms=4 * EIGHT_H)
    assert flat.settle_ms.tolist() == [EIGHT_H, 2 * EIGHT_H, 3 * EIGHT_H, 4 * EIGHT_H]
    assert flat.known_at(EIGHT_H + 5) == Funding(1e-4, 8.0, 2 * EIGHT_H)


@pytest.mark.parametrize(
    ("after", "upto"), [(0, EIGHT_H - 1), (0, EIGHT_H), (EIGHT_H, EIGHT_H), (EIGHT_H, 3 * EIGHT_H)]
)
def test_what_is_paid_is_what_the_cost_of_a_round_trip_counts(after: int, upto: int) -> None:
    which = rates().between(after, upto)
    counted = settlements(Funding(0.0, 8.0, EIGHT_H if after < EIGHT_H else 2 * EIGHT_H), after, (upto - after) / 1000)
    assert which.stop - which.start == counted


@pytest.mark.parametrize(
    ("settle_ms", "rate", "hours", "word"),
    [
        ([1, 2], [0.1], 8.0, "one rate"),
        ([2, 2], [0.1, 0.1], 8.0, "increase"),
        ([1], [float("nan")], 8.0, "finite"),
        ([1], [0.1], 0.0, "interval_h"),
    ],
)
def test_what_is_no_history_is_refused_by_name(
    settle_ms: list[int], rate: list[float], hours: float, word: str
) -> None:
    with pytest.raises(ValueError, match=word):
        FundingRates(np.array(settle_ms), np.array(rate), hours)


@pytest.mark.parametrize("hours", [1, 4, 8])
def test_an_announcement_holds_for_its_own_period_and_a_fresh_one_for_the_next(hours: int) -> None:
    step_ms = hours * HOUR_MS
    next_ms = 10 * step_ms
    fresh = MarkPrice("A", next_ms - FRESH_MS, 1.0, 1.0, 1e-4, next_ms)
    stale = MarkPrice("A", next_ms - FRESH_MS - 1, 1.0, 1.0, 1e-4, next_ms)

    def ahead(mark: MarkPrice, at_ms: int) -> int | None:
        found = announced(mark, hours, at_ms)
        return None if found is None else found.next_ms

    for mark in (fresh, stale):
        assert ahead(mark, next_ms - step_ms - 1) is None
        assert ahead(mark, next_ms - step_ms) == next_ms
        assert ahead(mark, next_ms - 1) == next_ms
    assert ahead(fresh, next_ms) == ahead(fresh, next_ms + step_ms - 1) == next_ms + step_ms
    assert ahead(fresh, next_ms + step_ms) is None
    assert ahead(stale, next_ms) is None
    assert ahead(MarkPrice("A", 0, 1.0, 1.0, 1e-4, 0), 0) is None  # nothing is settled: a contract with a delivery
