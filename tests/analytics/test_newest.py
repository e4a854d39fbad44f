"""What a look at the newest candle needs is enough for it: the same row to the bit as from everything."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.costs import CostSplit
from analytics.decision import Freshness, decide
from analytics.hedge import METHODS
from analytics.journal import row_of
from analytics.look import Look
from analytics.params import Params
from analytics.record import advance, record_of
from analytics.report import PairCandles, PairReport, analyse, analyse_newest
from core.journal import JournalRow
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


def row(report: PairReport, history: PairReport) -> JournalRow:
    record = record_of(history).summary()
    fresh = Freshness.as_of(report.newest_y_ms, report.newest_x_ms, timeframe_s=60)
    return row_of(Look(report, decide(report, freshness=fresh, costs=COSTS, record=record), COSTS, record))


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
    assert same(row(analyse(y, x, params, holes, detail="newest"), whole), row(whole, whole))


def same(one: object, other: object) -> bool:
    """To the bit, NaN equal to NaN."""
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")  # type: ignore[arg-type]
    if is_dataclass(one):
        return type(one) is type(other) and all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return one == other or (isinstance(one, float) and isinstance(other, float) and isnan(one) and isnan(other))


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.tuples(st.integers(0, 120), st.sampled_from([0.0, 0.05, 0.4]), st.sampled_from([8, 0])), min_size=1),
    st.booleans(),
)
def test_pairs_looked_at_together_are_looked_at_as_if_alone(
    seed: int, wanted: list[tuple[int, float, int]], price_units: bool
) -> None:
    rng = np.random.default_rng(seed)
    pairs: list[PairCandles] = []
    for at, (n, thin, ticks) in enumerate(wanted):
        y, x = (
            recorded(seed + at, n, thin, ticks) if n else (candles("YUSDT", np.ones(1)), candles("XUSDT", np.empty(0)))
        )
        if at % 3 == 2:  # a leg that another pair has too
            y = pairs[-1].y
        params = replace(PARAMS, price_units=price_units, method=sorted(METHODS)[at % len(METHODS)], fee_bps=float(at))
        holes = rng.choice(START_MS + np.arange(200) * 60_000, at % 4, replace=False) if at % 2 else None
        pairs.append(PairCandles(y, x, params, holes))
    together = analyse_newest(pairs)
    assert len(together) == len(pairs)
    for pair, report in zip(pairs, together, strict=True):
        assert same(report, analyse(*pair, detail="newest"))


def test_pairs_with_other_windows_are_not_looked_at_together() -> None:
    y, x = recorded(1, 60, 0.0, 8)
    assert analyse_newest([]) == []
    with pytest.raises(ValueError, match="the same for all"):
        analyse_newest([PairCandles(y, x, PARAMS), PairCandles(y, x, replace(PARAMS, z_bars=11))])


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
