"""What a look at the newest candle needs is enough for it: the same row to the bit as from everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.costs import CostSplit
from analytics.decision import Freshness, decide
from analytics.hedge import METHODS
from analytics.journal import journal_row
from analytics.look import Look
from analytics.params import Params
from analytics.record import advance, record_of
from analytics.report import PairReport, analyse
from core.types import Candles
from tests.analytics.pairs import START_MS, candles, cointegrated

PARAMS = Params(fit_bars=40, z_bars=10)
COSTS = CostSplit(10.0, 0.5, 0.1, "10 + 0.5 + 0.1")


def recorded(seed: int, n: int, thin: float, ticks: int) -> tuple[Candles, Candles]:
    """A pair whose legs both lack candles, and whose closes repeat where the tick is coarse."""
    rng = np.random.default_rng(seed)
    y, x = cointegrated(rng, n, half_life=4.0)
    opens = START_MS + np.arange(n) * 60_000
    legs = []
    for symbol, price in (("YUSDT", y), ("XUSDT", x)):
        there = rng.random(n) >= thin
        there[-1] = True
        legs.append(candles(symbol, np.round(price[there], ticks), open_ms=opens[there]))
    return legs[0], legs[1]


def row(report: PairReport, history: PairReport) -> dict[str, object]:
    record = record_of(history).summary()
    fresh = Freshness.as_of(report.newest_y_ms, report.newest_x_ms, timeframe_s=60)
    return dict(journal_row(Look(report, decide(report, freshness=fresh, costs=COSTS, record=record), COSTS, record)))


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 400),
    st.sampled_from([0.0, 0.05, 0.4]),
    st.sampled_from([8, 0]),
    st.sampled_from(["evidence", "classic"]),
    st.booleans(),
    st.sampled_from(sorted(METHODS)),
)
def test_the_row_of_a_look_is_the_same_to_the_bit(
    seed: int, n: int, thin: float, ticks: int, preset: str, price_units: bool, method: str
) -> None:
    params = replace(PARAMS, preset=preset, price_units=price_units, method=method)  # type: ignore[arg-type]
    y, x = recorded(seed, n, thin, ticks)
    holes = np.random.default_rng(seed).choice(START_MS + np.arange(n) * 60_000, size=n // 60, replace=False)
    whole = analyse(y, x, params, holes)
    assert row(analyse(y, x, params, holes, detail="newest"), whole) == row(whole, whole)


@pytest.mark.parametrize("seed", range(5))
def test_a_record_that_advances_by_such_looks_is_the_record_of_the_whole_history(seed: int) -> None:
    y, x = recorded(seed, 400, 0.05, 8)
    opens = np.intersect1d(y.open_ms, x.open_ms)
    first = int(opens[300]) + 60_000
    record = record_of(analyse(y.take(y.open_ms < first), x.take(x.open_ms < first), PARAMS))
    for open_ms in opens[301:].tolist():
        now_y, now_x = y.take(y.open_ms <= open_ms), x.take(x.open_ms <= open_ms)
        record = advance(record, analyse(now_y, now_x, PARAMS, detail="newest"))
        assert record.newest_ms == open_ms
    told, whole = record.summary(), record_of(analyse(y, x, PARAMS)).summary()
    assert (told.excursions, told.first_ms, told.newest_ms) == (whole.excursions, whole.first_ms, whole.newest_ms)
    assert told.kappa == pytest.approx(whole.kappa, rel=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.sampled_from([0.0, 0.05, 0.4]), st.sampled_from([8, 0]))
def test_a_record_needs_no_more_than_fits_and_cleanliness(seed: int, n: int, thin: float, ticks: int) -> None:
    y, x = recorded(seed, n, thin, ticks)
    holes = START_MS + np.arange(0, n, 90) * 60_000
    assert record_of(analyse(y, x, PARAMS, holes, detail="history")) == record_of(analyse(y, x, PARAMS, holes))
