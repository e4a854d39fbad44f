"""Parameters are checked once, and the complaint names the one that is wrong."""

from __future__ import annotations

import pytest

from analytics.params import FIT_BARS, Params
from core.types import TIMEFRAMES_S


def test_every_timeframe_has_the_rules_window_and_needs_a_quarter_more() -> None:
    assert set(FIT_BARS) == set(TIMEFRAMES_S)
    assert [Params(timeframe_s=t).need_bars for t in (60, 300, 3600)] == [1250, 625, 250]
    assert Params(timeframe_s=300).lookback == 125


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"timeframe_s": 7}, "timeframe_s must be one of"),
        ({"preset": "hope"}, "preset must be 'evidence' or 'classic', was 'hope'"),
        ({"fit_bars": 29}, "fit_bars must be from 30 to 20000, was 29"),
        ({"fit_bars": 100.5}, "fit_bars must be a whole number, was 100.5"),
        ({"z_bars": 60.0}, "z_bars must be a whole number, was 60.0"),
        ({"timeframe_s": 60.0}, "timeframe_s must be a whole number, was 60.0"),
        ({"z_bars": 1}, "z_bars must be from 2 to fit_bars"),
        ({"z_bars": 1001}, "z_bars must be from 2 to fit_bars"),
        ({"entry_z": 4.0}, "entry_z must be above 0 and below stop_z"),
        ({"entry_z": 0.0}, "entry_z must be above 0"),
        ({"entry_z": float("nan")}, "entry_z must be above 0"),
        ({"stop_z": float("inf")}, "stop_z must be finite, was inf"),
        ({"stop_z": float("nan")}, "stop_z must be finite, was nan"),
        ({"exit_z": float("nan")}, "exit_z must be from 0"),
        ({"exit_z": 2.0}, "exit_z must be from 0 to below entry_z"),
        ({"notional": 0.0}, "notional must be > 0"),
        ({"notional": float("nan")}, "notional must be > 0"),
        ({"notional": float("inf")}, "notional must be > 0 and finite, was inf"),
        ({"fee_bps": float("nan")}, "fee_bps must be from -100 to 1000, was nan"),
    ],
)
def test_a_wrong_parameter_is_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Params(**wrong)  # type: ignore[arg-type]
