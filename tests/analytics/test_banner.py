"""Words that claim no more than the figures do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.backtest import Frictions, WalkForward, walk_forward
from analytics.banner import Banner, banner
from analytics.bootstrap import Interval
from analytics.fills import Execution
from analytics.funding import FundingRates
from analytics.null import NullRun, Outcome
from analytics.params import Params
from analytics.sensitivity import Sensitivity, Setting, Variant
from tests.analytics.pairs import FEES_ONLY, candles, cointegrated, reverting, unrelated, walk

PARAMS = Params(fit_bars=60, z_bars=20, fee_bps=1.0)


def a_run(n: int = 2500, params: Params = PARAMS) -> WalkForward:
    rng = np.random.default_rng(3)
    x = walk(rng, n, sd=4e-3)
    y = 0.8 * x + reverting(rng, n, 2.0, 2e-3)
    return walk_forward(candles("YUSDT", np.exp(y)), candles("XUSDT", np.exp(x)), params, FEES_ONLY)


def told(run: WalkForward, low: float, high: float, **changes: object) -> WalkForward:
    mean = (low + high) / 2
    given = {"trades": 120, "lost": 40, "net_bps": mean, "interval": Interval(mean, low, high), **changes}
    return replace(run, summary=replace(run.summary, **given))  # type: ignore[arg-type]


def null(as_good: int, runs: int = 39) -> NullRun:
    real = Outcome(10, 5.0, 0.5)
    return NullRun(real, tuple(Outcome(1, 6.0 if i < as_good else -1.0, 1.0) for i in range(runs)))


def tried(run: WalkForward, deflated: float | None) -> Sensitivity:
    return Sensitivity((Variant(Setting("", PARAMS), run.summary),), 16, deflated, 1.0)


def test_nothing_tested_says_what_is_needed() -> None:
    said = banner(a_run(50))
    assert said.tone == "untested"
    assert "50 candles of the 75 needed" in said.text


def test_no_trades_says_what_the_looks_said_and_nothing_of_the_pair() -> None:
    y, x = unrelated(np.random.default_rng(1), 3000)
    run = walk_forward(candles("YUSDT", y), candles("XUSDT", x), Params(fit_bars=60, z_bars=20), FEES_ONLY)
    said = banner(run)
    assert said.tone == "no trades"
    assert "NOT TRADABLE" in said.text
    assert "past excursions" in said.text
    assert "nothing for or against" in said.text


def test_unclean_data_are_named_as_the_reason() -> None:
    y, x = cointegrated(np.random.default_rng(1), 600)
    y[1::2] = y[::2]
    said = banner(walk_forward(candles("YUSDT", y), candles("XUSDT", x), PARAMS, FEES_ONLY))
    assert "The data were clean at 0% of them." in said.text


def test_few_trades_are_not_judged() -> None:
    said = banner(told(a_run(), 5.0, 9.0, trades=19))
    assert (said.tone, said.headline) == ("thin", "Too few trades to tell.")
    assert banner(told(a_run(), 1.0, 2.0, trades=1)).text.startswith("1 trade in")


@pytest.mark.parametrize(
    ("low", "high", "tone"), [(-5.0, -1.0, "against"), (-5.0, 3.0, "open"), (0.0, 3.0, "open"), (0.5, 3.0, "for")]
)
def test_the_interval_decides(low: float, high: float, tone: str) -> None:
    run = told(a_run(), low, high)
    said = banner(run, null(0), tried(run, 0.99))
    assert said.tone == tone
    assert f"95 % interval {low:+.1f} to {high:+.1f}" in said.text


def test_a_win_that_luck_has_too_is_open() -> None:
    run = told(a_run(), 0.5, 3.0)
    assert banner(run, null(0), tried(run, 0.99)).tone == "for"
    lucky = banner(run, null(4))
    assert lucky.tone == "open"
    assert "12% of 40 runs" in lucky.text


def test_a_win_that_the_number_of_tries_explains_is_open() -> None:
    run = told(a_run(), 0.5, 3.0)
    said = banner(run, null(0), tried(run, 0.6))
    assert said.tone == "open"
    assert "After 16 settings" in said.text
    assert "60%" in said.text


def test_a_win_whose_tries_cannot_be_allowed_for_is_open() -> None:
    run = told(a_run(), 0.5, 3.0)
    said = banner(run, null(0), tried(run, None))
    assert said.tone == "open"
    assert "Too few days to allow for 16 settings." in said.text


@pytest.mark.parametrize(
    ("trades", "lost", "doubt"),
    [
        (29, 10, "Only 29 trades; 30 are the least to be for it."),
        (30, 0, "No loss seen yet: its size is unknown."),
        (40, 4, "Only 4 of them lost: how large a loss can be is hardly known."),
        (30, 5, ""),
    ],
)
def test_a_win_of_few_trades_or_hardly_any_loss_is_open(trades: int, lost: int, doubt: str) -> None:
    run = told(a_run(), 0.5, 3.0, trades=trades, lost=lost)
    said = banner(run, null(0), tried(run, 0.99))
    assert said.tone == ("open" if doubt else "for")
    assert doubt in said.text


def test_a_win_is_no_support_before_it_stands_beside_luck_and_other_settings() -> None:
    run = told(a_run(), 0.5, 3.0)
    alone, lucky_not, last = banner(run), banner(run, null(0)), banner(run, null(0), tried(run, 0.99))
    assert [said.tone for said in (alone, lucky_not, last)] == ["open", "open", "for"]
    assert "Not compared with luck and other settings." in alone.text
    assert "Not compared with other settings." in lucky_not.text
    assert "Not compared" not in last.text


def test_the_price_of_worse_fills_and_the_share_of_costs_are_said() -> None:
    run = told(a_run(), 1.0, 2.0, given_up=12.0 * 120, cost_share=0.62)
    assert "Filling at the worse moment took 12.0." in banner(run).text
    assert "Filling each leg at its worst took 12.0." in banner(replace(run, execution=Execution("worst"))).text
    assert "Costs took 62% of the gross." in banner(run).text
    assert "Costs took more than all of the gross." in banner(told(a_run(), 1.0, 2.0, cost_share=None)).text


def test_what_was_assumed_stands_below() -> None:
    run = a_run()
    assert banner(run).assumed == (
        "Assumed: fills at the next candle's open or close, whichever was worse for both legs together; fee 1 bps a"
        " fill; half price-spreads 0 and 0 bps; funding left out; stop at |z| = 4."
    )
    rates = FundingRates.flat(1e-4, 0, 10**12)
    other = replace(run, frictions=Frictions(0.5, 1.5, rates, rates), execution=Execution("close", stop=False))
    assert banner(other).assumed.endswith(
        "next candle's close; fee 1 bps a fill; half price-spreads 0.5 and 1.5 bps; funding charged; no stop."
    )


def test_no_run_is_ever_called_profitable() -> None:
    runs = [a_run(50), a_run(), *(told(a_run(), low, low + 1.0) for low in (-5.0, -0.5, 4.0))]
    for run in runs:
        for other in (None, null(0), null(20)):
            said: Banner = banner(run, other)
            words = f"{said.headline} {said.text} {said.assumed}".lower()
            assert not any(word in words for word in ("profit", "guarantee", "trending", "safe"))
