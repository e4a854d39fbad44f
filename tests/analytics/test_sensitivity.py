"""Neighbours side by side: all of them, in order, counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.backtest import walk_forward
from analytics.params import Params
from analytics.performance import Summary
from analytics.sensitivity import Setting, Variant, neighbours, sensitivity, sensitivity_runs
from analytics.sharpe import YEAR_ROOT, SharpeRatio, deflated, expected_best, sharpe_ratio
from core.types import Candles
from tests.analytics.pairs import FEES_ONLY, candles, reverting, walk

PARAMS = Params(fit_bars=100, z_bars=20, preset="classic")


def legs(n: int = 4000) -> tuple[Candles, Candles]:
    rng = np.random.default_rng(3)
    x = walk(rng, n, sd=4e-3)
    return candles("YUSDT", np.exp(0.8 * x + reverting(rng, n, 2.0, 2e-3))), candles("XUSDT", np.exp(x))


def test_each_neighbour_changes_one_thing_and_the_own_setting_comes_first() -> None:
    found = neighbours(PARAMS)
    assert found[0] == Setting("", PARAMS)
    names = ("fit_bars", "z_bars", "entry_z", "exit_z", "stop_z")
    for setting in found[1:]:
        differing = [n for n in names if getattr(setting.params, n) != getattr(PARAMS, n)]
        assert len(differing) == 1, setting
        assert f"{getattr(setting.params, differing[0]):g}" in setting.changed
        same = {n: getattr(PARAMS, n) for n in names}
        assert replace(setting.params, **same) == PARAMS
    assert len({s.params for s in found}) == len(found) == 16


def test_settings_that_make_no_sense_are_left_out() -> None:
    changed = [s.changed for s in neighbours(Params(fit_bars=30, z_bars=30, entry_z=0.4, exit_z=0.2, stop_z=0.5))]
    assert "N = 15" not in changed
    assert "W = 60" not in changed
    assert "entry z = -0.1" not in changed
    assert "exit z = 0.45" not in changed
    assert "stop z = 0" not in changed


def test_every_variant_is_the_walk_of_its_own_setting() -> None:
    y, x = legs()
    costs = FEES_ONLY
    found = list(sensitivity_runs(y, x, PARAMS, costs))
    assert [v.setting for v in found] == list(neighbours(PARAMS))
    for variant in found[::3]:
        alone = walk_forward(y, x, variant.setting.params, costs).summary
        assert variant.summary == alone
    assert len({v.summary.trades for v in found}) > 5


def told(ratio: float | None, net: float) -> Variant:
    y, x = legs(300)
    some = walk_forward(y, x, PARAMS, FEES_ONLY).summary
    sharpe = None if ratio is None else SharpeRatio(ratio, 200, 0.0, 3.0)
    summary: Summary = replace(some, sharpe=sharpe, net=net)
    return Variant(Setting("", PARAMS), summary)


def test_all_are_kept_in_order_and_the_own_ratio_answers_for_their_number() -> None:
    variants = [told(0.1, 5.0), told(0.3, 9.0), told(-0.1, -2.0), told(None, 0.0)]
    s = sensitivity(iter(variants), tried_before=6)
    assert list(s.variants) == variants
    assert s.own is variants[0]
    assert s.winning == 2
    assert s.tried == 10
    own = variants[0].summary.sharpe
    assert own is not None
    assert s.deflated == pytest.approx(deflated(own, 0.04, 10))
    assert s.hurdle == pytest.approx(expected_best(0.04, 10) * YEAR_ROOT)


def test_near_copies_of_the_run_do_not_lower_what_luck_alone_would_show() -> None:
    alike = [told(ratio, 1.0) for ratio in (0.20, 0.201, 0.199, 0.2)]
    s = sensitivity(alike, tried_before=196)
    own = alike[0].summary.sharpe
    assert own is not None
    worthless = 1.0 / (own.observations - 1)  # variance of a ratio whose true value is 0
    assert s.hurdle == pytest.approx(expected_best(worthless, 200) * YEAR_ROOT)
    assert s.deflated == pytest.approx(deflated(own, worthless, 200))


def test_the_best_of_many_worthless_series_seldom_passes_beside_near_copies() -> None:
    rng, passed = np.random.default_rng(1), 0
    some = told(0.1, 1.0)
    for _ in range(100):
        series = rng.standard_normal((200, 180))
        best = series[(series.mean(axis=1) / series.std(axis=1, ddof=1)).argmax()]
        copies = np.sqrt(0.9) * best + np.sqrt(0.1) * rng.standard_normal((16, 180))
        runs = [replace(some, summary=replace(some.summary, sharpe=sharpe_ratio(r))) for r in (best, *copies)]
        found = sensitivity(runs, tried_before=200)
        assert found.deflated is not None
        passed += found.deflated >= 0.95
    assert passed <= 5  # 70 with the variance of the copies


def test_without_a_ratio_of_its_own_nothing_is_deflated() -> None:
    s = sensitivity([told(None, 0.0), told(0.1, 1.0), told(0.2, 1.0)])
    assert (s.deflated, s.hurdle) == (None, None)
    assert sensitivity([told(0.1, 1.0)]).deflated is None


def test_no_variant_and_a_negative_count_are_refused() -> None:
    with pytest.raises(ValueError, match="the run's own"):
        sensitivity([])
    with pytest.raises(ValueError, match="tried_before"):
        sensitivity([told(0.1, 1.0)], tried_before=-1)
