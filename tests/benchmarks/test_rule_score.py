"""The error rates' own arithmetic, and markets that are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.stationarity import half_life
from benchmarks.machine import table
from benchmarks.rule_markets import BREAK_AT, DAY, MARKETS, Market, breaking, reverting, stale
from benchmarks.rule_score import ratio


def test_a_ratio_of_independent_cases_has_the_binomial_error() -> None:
    rng = np.random.default_rng(1)
    hits = rng.random(2000) < 0.2
    r = ratio({i: (float(h), 1.0) for i, h in enumerate(hits)})
    assert r.value == hits.mean()
    assert r.se == pytest.approx(np.sqrt(r.value * (1 - r.value) / 2000), rel=1e-3)


def test_cases_that_come_together_count_as_one() -> None:
    spread_out = ratio({i: (float(i % 2), 1.0) for i in range(100)})
    together = ratio({i: (10.0 * (i % 2), 10.0) for i in range(10)})
    assert together.value == spread_out.value == 0.5
    assert together.se > 3 * spread_out.se


def test_none_seen_is_printed_with_its_limit_and_nothing_to_see_with_a_dash() -> None:
    assert ratio({"a": (0.0, 300.0)}).text(1000, 1) == "0 (< 10.0)"
    assert ratio({"a": (0.0, 0.0)}).text() == "–"
    assert ratio({"a": (1.0, 2.0), "b": (0.0, 2.0)}).text(100, 1) == "25.0 ± 25.0"


@pytest.mark.parametrize("market", MARKETS, ids=lambda m: m.name)
def test_a_market_is_the_same_for_the_same_seed(market: Market) -> None:
    one, again = (market.draw(np.random.default_rng(3), 2, 300) for _ in range(2))
    for a, b in zip(one, again, strict=True):
        assert a.shape == (2, 300)
        assert np.isfinite(a).all()
        assert (a == b).all()


def test_real_pairs_revert_as_told_and_broken_ones_stop() -> None:
    y, x = reverting(20)(np.random.default_rng(5), 1, 20 * DAY)
    spread = (y - 0.8 * x)[0]
    assert half_life(spread).low < 20 < half_life(spread).high
    assert spread.std() == pytest.approx(20e-4, rel=0.1)
    y, x = breaking(10, BREAK_AT)(np.random.default_rng(5), 1, 9 * DAY)
    spread = (y - 0.8 * x)[0]
    assert half_life(spread[: 6 * DAY]).high < 15
    assert half_life(spread[6 * DAY :]).bars > 100


def test_a_stale_leg_keeps_its_share_of_closes() -> None:
    y, _ = stale(0.5)(np.random.default_rng(5), 1, 10_000)
    assert np.mean(np.diff(y[0]) == 0) == pytest.approx(0.5, abs=0.02)


def test_a_table_is_markdown() -> None:
    assert table(["a", "b"], [["1", "22"]]) == "| a | b  |\n|---|----|\n| 1 | 22 |"
