"""A scan tests every pair by one fixed rule, answers for how many it tested, and names what it left out."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from statsmodels.stats.multitest import multipletests
from statsmodels.tsa.stattools import coint

from analytics.params import MAX_STALE, MIN_BETA
from analytics.scanner import FALSE_RATE, Scan, scan, why
from core.types import Floats
from tests.analytics.pairs import reverting

NAMES = [f"S{k:02}USDT" for k in range(60)]
MEASURED = (
    "y", "x", "stat", "pvalue", "beta", "z", "half_life_bars", "corr", "stale_share", "sd_bps", "break_even_z",
)  # fmt: skip


def market(seed: int, m: int, n: int, tied: int = 0) -> Floats:
    """Closes of walks with a common factor; the first ``tied`` pairs of neighbours are really related."""
    rng = np.random.default_rng(seed)
    logs = np.cumsum(1e-3 * (0.8 * rng.normal(size=n) + 0.6 * rng.normal(size=(m, n))), axis=1)
    for k in range(0, 2 * tied, 2):
        logs[k + 1] = rng.uniform(0.5, 1.5) * logs[k] + reverting(rng, n, 8.0, 1e-3)
    return np.exp(logs + rng.uniform(-5.0, 10.0, size=(m, 1)))


def by_pair(result: Scan) -> dict[str, tuple[float, ...]]:
    """Each row's numbers under its name."""
    columns = [getattr(result, name) for name in (*MEASURED[2:], "adjusted")]
    return {result.pair(k): tuple(float(c[k]) for c in columns) for k in range(len(result))}


def row(result: Scan, pair: str) -> int:
    return [result.pair(k) for k in range(len(result))].index(pair)


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> pd.DataFrame:
    path = shared_data / "candles_5m_usdm_55sym_20230704_20230802.csv.gz"
    table = pd.read_csv(path, usecols=["open_time_ms", "symbol", "close"])
    return table.pivot_table(index="symbol", columns="open_time_ms", values="close")


@pytest.mark.recording
@pytest.mark.parametrize("bars", [200, 500, 1000])
def test_five_hundred_recorded_pairs_equal_statsmodels(recorded: pd.DataFrame, bars: int) -> None:
    rng = np.random.default_rng(bars)
    closes, names = recorded.to_numpy(), list(recorded.index)
    for end in rng.integers(bars, closes.shape[1], 4):
        window = closes[:, end - bars : end]
        result = scan(window, names, both_directions=True)
        assert not result.left_out
        for k in rng.choice(len(result), 500 // 4, replace=False):
            y, x = (np.log(window[names.index(result.symbols[leg[k]])]) for leg in (result.y, result.x))
            stat, pvalue, _ = coint(y, x, trend="c", maxlag=2, autolag=None)
            assert_allclose([result.stat[k], result.pvalue[k]], [stat, pvalue], rtol=0, atol=1e-8)


def test_columns_are_of_one_length_and_in_the_units_they_say() -> None:
    closes = market(1, 12, 400, tied=2)
    s = scan(closes, NAMES[:12], cost_bps=12.0)
    for name in (*MEASURED, "adjusted", "tested"):
        assert getattr(s, name).shape == (66,)
    for k in range(len(s)):
        y, x = np.log(closes[s.y[k]]), np.log(closes[s.x[k]])
        beta, alpha = np.polyfit(x - x[-1], y, 1)
        e = y - alpha - beta * (x - x[-1])
        sd = np.sqrt(e @ e / 398)
        assert_allclose(
            [s.beta[k], s.z[k], s.sd_bps[k], s.break_even_z[k]],
            [beta, e[-1] / sd, sd * 1e4 / (1 + abs(beta)), 12.0 / (sd * 1e4 / (1 + abs(beta)))],
            rtol=1e-7,
        )
    assert_allclose(s.correlations(), np.corrcoef(np.diff(np.log(closes), axis=1)), rtol=1e-9)


def test_only_the_newest_bars_are_fitted() -> None:
    closes = market(2, 6, 250)
    longer, shorter = scan(closes, NAMES[:6], 200), scan(closes[:, -200:], NAMES[:6])
    for name in ("stat", "beta", "z", "corr"):
        assert_array_equal(getattr(longer, name), getattr(shorter, name))


def test_x_is_the_name_that_comes_first_unless_liquidity_says_otherwise() -> None:
    closes = market(3, 3, 100)
    names = ["CUSDT", "AUSDT", "BUSDT"]
    assert set(by_pair(scan(closes, names))) == {"BUSDT/AUSDT", "CUSDT/AUSDT", "CUSDT/BUSDT"}
    liquid = scan(closes, names, liquidity=np.array([9.0, np.nan, 4.0]))
    assert set(by_pair(liquid)) == {"AUSDT/BUSDT", "AUSDT/CUSDT", "BUSDT/CUSDT"}
    told = scan(closes, names, liquidity=[9.0, np.nan, 4.0])  # type: ignore[arg-type]
    assert told.symbols.tolist() == liquid.symbols.tolist()
    equal = scan(closes, names, liquidity=np.array([1.0, 1.0, 1.0]))
    assert set(by_pair(equal)) == set(by_pair(scan(closes, names)))


def test_both_directions_are_tests_of_their_own_and_all_are_answered_for() -> None:
    closes = market(4, 8, 600, tied=1)
    one, both = scan(closes, NAMES[:8]), scan(closes, NAMES[:8], both_directions=True)
    assert (one.pairs_tested, both.pairs_tested) == (28, 56)
    for pair, numbers in by_pair(one).items():
        assert_allclose(by_pair(both)[pair][:-1], numbers[:-1], rtol=1e-7)
    rate = multipletests(both.pvalue, method="fdr_by")[1]
    assert_allclose(both.adjusted, rate, rtol=1e-9)
    assert {"S00USDT/S01USDT", "S01USDT/S00USDT"} <= {both.pair(k) for k in both.candidates}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.permutations(range(9)), st.booleans())
def test_the_order_of_the_symbols_changes_no_number(seed: int, order: list[int], both: bool) -> None:
    closes = market(seed, 9, 60, tied=2)
    names = NAMES[:9]
    base = scan(closes, names, both_directions=both)
    moved = scan(closes[order], [names[k] for k in order], both_directions=both)
    assert [base.pair(k) for k in base.candidates] == [moved.pair(k) for k in moved.candidates]
    expected = by_pair(base)
    assert by_pair(moved).keys() == expected.keys()
    for pair, numbers in by_pair(moved).items():
        assert_allclose(numbers, expected[pair], rtol=1e-7, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.floats(1e-6, 1e6), min_size=7, max_size=7))
def test_the_unit_of_a_price_changes_no_number(seed: int, scales: list[float]) -> None:
    closes = market(seed, 7, 60, tied=1)
    base = by_pair(scan(closes, NAMES[:7]))
    for pair, numbers in by_pair(scan(closes * np.array(scales)[:, None], NAMES[:7])).items():
        assert_allclose(numbers, base[pair], rtol=1e-6, atol=1e-9)


def test_related_pairs_are_found_and_unrelated_ones_are_not() -> None:
    s = scan(market(6, 40, 1000, tied=5), NAMES[:40])
    assert {s.pair(k) for k in s.candidates} >= {f"{NAMES[k + 1]}/{NAMES[k]}" for k in range(0, 10, 2)}
    assert s.found <= 6
    assert (s.adjusted[s.candidates] <= 0.05).all()
    assert s.pairs_tested == 780
    assert s.expected_by_chance == pytest.approx(39.0)
    assert s.below_nominal == np.count_nonzero(s.pvalue < 0.05)
    assert sum(scan(market(100 + seed, 20, 500), NAMES[:20]).found for seed in range(20)) == 0


def test_stretched_candidates_come_first_then_the_strongest() -> None:
    for seed in range(40):
        s = scan(market(seed, 30, 600, tied=12), NAMES[:30], cost_bps=4.0)
        size, c = np.abs(s.z), s.candidates
        now = (size[c] >= np.maximum(2.0, s.break_even_z[c])) & (size[c] < 4.0)
        if now.any() and not now.all():
            assert_array_equal(now, np.sort(now)[::-1])
            for group in (c[now], c[~now]):
                assert (np.diff(s.stat[group]) >= 0).all()
            return
    pytest.fail("no seed had candidates of both kinds")


def test_series_that_cannot_be_tested_are_left_out_by_name() -> None:
    closes = market(7, 10, 250)
    names = ["GOOD", "FLAT", "FEWTICKS", "TWIN", "ZERO", "ENDLESS", "NEW", "HALTED", "HOLES", "FINE"]
    closes[1] = 7.1
    closes[2] = 1.0 + 0.1 * (np.arange(250) % 9)
    closes[3] = closes[0]
    closes[4, 9] = 0.0
    closes[5, 9] = np.inf
    closes[6, :60] = np.nan
    closes[7, -2:] = np.nan
    closes[8, ::8] = np.nan
    s = scan(closes, names, 200)
    assert {out.symbol: out.reason for out in s.left_out} == {
        "FLAT": "flat: one and the same close over 200 candles",
        "FEWTICKS": "near-constant: 9 different closes in 200 candles",
        "TWIN": "the same closes as GOOD",
        "ZERO": "holds a price that is not a positive number",
        "ENDLESS": "holds a price that is not a positive number",
        "NEW": "too short: 190 of 250 intervals have a candle, 225 are needed",
        "HALTED": "no candle in the newest 2 intervals",
        "HOLES": "too short: 218 of 250 intervals have a candle, 225 are needed",
    }
    assert s.symbols.tolist() == ["FINE", "GOOD"]
    assert by_pair(s).keys() == {"GOOD/FINE"}


@pytest.mark.parametrize("left", [0, 1])
def test_a_market_with_nothing_to_pair_has_no_row(left: int) -> None:
    closes = market(1, 3, 50)
    closes[left:] = 3.0
    s = scan(closes, NAMES[:3])
    assert (len(s), s.found, s.pairs_tested, len(s.left_out)) == (0, 0, 0, 3 - left)
    assert len(scan(np.empty((0, 50)), [])) == 0
    assert [out.reason[:9] for out in scan(np.empty((2, 0)), NAMES[:2], 30).left_out] == ["too short"] * 2


def test_a_pair_with_gaps_has_its_own_common_candles() -> None:
    closes = market(8, 6, 250, tied=1)
    whole = scan(closes, NAMES[:6], 200)
    gappy = closes.copy()
    gappy[1, 100:110] = np.nan
    gappy[4, 200:205] = np.nan
    s = scan(gappy, NAMES[:6], 200)
    assert s.pairs_tested == 15
    common = ~np.isnan(gappy[1] + gappy[4])
    y, x = (np.log(gappy[k, common])[-200:] for k in (4, 1))
    stat, pvalue, _ = coint(y, x, trend="c", maxlag=2, autolag=None)
    k = row(s, "S04USDT/S01USDT")
    assert_allclose([s.stat[k], s.pvalue[k]], [stat, pvalue], atol=1e-8)
    assert s.stale_share[k] == pytest.approx(10 / 249)
    untouched = [name for name in by_pair(s) if "S01" not in name and "S04" not in name]
    for name in untouched:
        assert_allclose(by_pair(s)[name][:-1], by_pair(whole)[name][:-1], rtol=1e-9)
    both = scan(gappy, NAMES[:6], 200, both_directions=True)
    assert both.pairs_tested == 30
    assert_allclose(by_pair(both)["S04USDT/S01USDT"][:-1], by_pair(s)["S04USDT/S01USDT"][:-1], rtol=1e-9)


def test_stale_prices_are_shown_but_neither_tested_nor_candidates() -> None:
    closes = market(6, 6, 500, tied=2)
    for k in range(1, 500):
        if k % 5 == 0:
            closes[1, k] = closes[1, k - 1]
    s = scan(closes, NAMES[:6])
    stale = (s.x == 1) | (s.y == 1)
    assert_array_equal(s.tested, ~stale)
    assert_allclose(s.stale_share[stale], 99 / 499)
    assert np.isnan(s.adjusted[stale]).all()
    assert np.isfinite(s.pvalue[stale]).all()
    assert s.pairs_tested == 10
    assert [s.pair(k) for k in s.candidates] == ["S03USDT/S02USDT"]
    assert (s.stale_share[s.tested] <= MAX_STALE).all()


def test_pairs_that_move_as_one_or_on_one_side_are_never_candidates() -> None:
    closes = market(9, 6, 600, tied=1)
    closes[2] = 3.0 * closes[3] ** 2
    closes[5] = 1.0 / closes[1]
    s = scan(closes, NAMES[:6])
    one = row(s, "S03USDT/S02USDT")
    assert (s.stat[one], s.pvalue[one]) == (-np.inf, 0.0)
    assert not s.tested[one]
    assert np.isnan([s.adjusted[one], s.z[one], s.half_life_bars[one], s.break_even_z[one]]).all()
    against = row(s, "S05USDT/S00USDT")
    assert s.adjusted[against] <= FALSE_RATE
    assert s.beta[against] < MIN_BETA
    assert [s.pair(k) for k in s.candidates] == ["S01USDT/S00USDT"]


def test_every_row_says_in_words_why_it_is_a_candidate_or_not() -> None:
    closes = market(9, 8, 750, tied=1)
    closes[2] = 3.0 * closes[3] ** 2
    closes[5] = 1.0 / closes[1]
    closes[6, 1::7] = closes[6, :-1:7]
    s = scan(closes, NAMES[:8], 600)
    said = {s.pair(k): why(s, k) for k in range(len(s))}
    assert "move as one" in said["S03USDT/S02USDT"]
    assert "no neutral position exists" in said["S05USDT/S00USDT"]
    assert said["S06USDT/S00USDT"] == "Not tested: 14% of a leg's intervals have no new price, 10% at most."
    assert said["S04USDT/S00USDT"].startswith("Not supported by the data: t = ")
    found = said["S01USDT/S00USDT"]
    k = row(s, "S01USDT/S00USDT")
    assert found.startswith(f"What is left of S01USDT after {s.beta[k]:.2f} × S00USDT keeps coming back: t = ")
    assert f"after {s.pairs_tested:,} tests" in found
    assert f"It stands at z = {s.z[k]:+.2f}" in found

    gappy = market(9, 3, 100)
    gappy[0, 1:11] = np.nan
    gappy[1, 11:21] = np.nan
    short = scan(gappy, NAMES[:3], 90)
    assert why(short, row(short, "S01USDT/S00USDT")).startswith("No answer: fewer than 90 common candles")


@pytest.mark.parametrize(
    ("cost_bps", "entry_z", "stop_z", "words"),
    [
        (1e-3, 1e-6, 90.0, "past the 0.0 that pays the cost if all of it comes back."),
        (1e-3, 80.0, 90.0, "not stretched; from |z| = 0.0 on all of a stretch would pay its cost."),
        (1e-3, 1e-7, 1e-6, "past the stop at 1e-06."),
        (1e6, 2.0, 4.0, "past the stop at 4."),
    ],
)
def test_a_candidate_says_where_it_stands(cost_bps: float, entry_z: float, stop_z: float, words: str) -> None:
    s = scan(market(9, 4, 600, tied=1), NAMES[:4], cost_bps=cost_bps, entry_z=entry_z, stop_z=stop_z)
    assert why(s, int(s.candidates[0])).endswith(words)


def test_memory_follows_the_result_not_the_products() -> None:
    closes, names = market(1, 500, 60), [f"S{k:03}" for k in range(500)]
    tracemalloc.start()
    try:
        s = scan(closes, names)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    held = sum(getattr(s, name).nbytes for name in (*MEASURED, "adjusted", "tested", "candidates"))
    # Columns are copied once or twice on their way; all matrices of the test at full size would be 60 columns more.
    assert peak < 3 * held + closes.nbytes * 10 + 20e6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"closes": np.ones(50)}, "one row for each of 3 symbols"),
        ({"symbols": ["A", "B"]}, "one row for each of 2 symbols"),
        ({"symbols": ["A", "B", "A"]}, "unique"),
        ({"liquidity": np.ones(2)}, "liquidity must have one value for each of 3"),
        ({"bars": 29}, "bars must be >= 30, was 29"),
        ({"cost_bps": -1.0}, "cost_bps must be >= 0"),
        ({"entry_z": 4.0}, "below stop_z"),
    ],
)
def test_arguments_out_of_range_are_named(change: dict[str, object], message: str) -> None:
    given: dict[str, object] = {"closes": market(1, 3, 50), "symbols": ["A", "B", "C"], **change}
    with pytest.raises(ValueError, match=message):
        scan(**given)  # type: ignore[arg-type]
