"""Candles from trades in one pass equal those built one trade at a time, in every field."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.resample import resample
from core.types import Ticks

trade = st.tuples(
    st.integers(-1500, 1500),  # step in time, backwards too
    st.integers(1, 5),  # ids an aggregate stands for
    st.integers(1, 10**7),  # price in cents
    st.integers(1, 10**11),  # quantity in 1e-8
)


def ticks_of(trades: list[tuple[int, int, int, int]]) -> Ticks:
    step, ids, price, qty = (np.array(column, np.int64) for column in zip(*trades, strict=True))
    last = np.cumsum(ids)
    return Ticks(
        "BTCUSDT", last, last - ids + 1, 1_700_000_000_000 + np.cumsum(step), price / 100, qty / 1e8, price % 2 == 0
    )


@given(st.lists(trade, min_size=1, max_size=60), st.sampled_from([1, 5]))
def test_every_field_equals_a_candle_built_by_hand(trades: list[tuple[int, int, int, int]], timeframe_s: int) -> None:
    ticks = ticks_of(trades)
    got = resample(ticks, timeframe_s)
    step = timeframe_s * 1000
    buckets: dict[int, list[int]] = {}
    for i in range(len(ticks)):
        buckets.setdefault(int(ticks.ts_ms[i]) // step * step, []).append(i)
    assert got.open_ms.tolist() == sorted(buckets)
    for j, open_ms in enumerate(got.open_ms.tolist()):
        rows = buckets[open_ms]
        prices = [float(ticks.price[i]) for i in rows]
        exact = sum((Fraction(trades[i][3], 10**8) for i in rows), Fraction(0))
        assert got.open[j] == prices[0]
        assert got.close[j] == prices[-1]
        assert got.high[j] == max(prices)
        assert got.low[j] == min(prices)
        assert got.volume[j] == float(exact)
        assert got.trade_count[j] == sum(trades[i][1] for i in rows)
    assert set(got.provenance.tolist()) == {"trades"}


def test_volume_is_exact_where_units_leave_int64() -> None:
    i = np.arange(1, 4)
    qty = np.array([80e9, 80e9, 0.1])
    ticks = Ticks("1000SATSUSDT", i, i, i * 100, np.ones(3), qty, i > 1)
    assert resample(ticks, 1).volume.tolist() == [160_000_000_000.1]


def test_a_trade_that_steps_back_lands_in_its_own_interval() -> None:
    i = np.arange(1, 5)
    ticks = Ticks("A", i, i, np.array([999, 1001, 998, 1002]), np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4), i > 1)
    got = resample(ticks, 1)
    assert got.close.tolist() == [3.0, 4.0]
    assert got.open.tolist() == [1.0, 2.0]


def test_no_trades_no_candles() -> None:
    assert len(resample(Ticks.empty("A"), 60)) == 0


@pytest.mark.parametrize("timeframe_s", [0, -60, 1.5, float("nan")])
def test_an_interval_is_a_whole_number_of_seconds(timeframe_s: float) -> None:
    with pytest.raises(ValueError, match=f"timeframe_s must be a whole number >= 1, was {timeframe_s}"):
        resample(Ticks.empty("A"), timeframe_s)  # type: ignore[arg-type]


@pytest.mark.parametrize("ids", [[2, 1, 3], [1, 1, 2]])
def test_trades_that_are_not_ordered_by_id_are_refused(ids: list[int]) -> None:
    i, ones = np.array(ids), np.ones(3)
    with pytest.raises(ValueError, match="trade ids of A must increase"):
        resample(Ticks("A", i, i, i * 100, ones, ones, i > 1), 1)


@pytest.mark.parametrize(("price", "qty"), [(np.nan, 1.0), (np.inf, 1.0), (1.0, np.nan)])
def test_a_price_or_a_quantity_that_is_no_number_is_refused(price: float, qty: float) -> None:
    i = np.arange(1, 3)
    with pytest.raises(ValueError, match="prices and quantities of A must be finite"):
        resample(Ticks("A", i, i, i, np.array([1.0, price]), np.array([qty, 1.0]), i > 1), 1)
