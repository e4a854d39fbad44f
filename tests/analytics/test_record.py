"""A record counts what a trade at the next close would really have returned, once its time has passed."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.excursions import entries
from analytics.params import NEEDED, Params
from analytics.record import NOTHING, Excursion, Record, advance, clean_rows, past_excursions, record_of, span_ms
from analytics.report import PairReport, analyse
from core.types import Bools, Floats, Ints
from tests.analytics.pairs import candles, cointegrated, reverting, unrelated

PARAMS = Params(fit_bars=40, z_bars=10)
HOURLY = Params(timeframe_s=3600, fit_bars=40, z_bars=10)
SPAN_BARS = span_ms(HOURLY) // 3_600_000


def report_of(seed: int, n: int, params: Params = PARAMS, stale: bool = False) -> PairReport:
    rng = np.random.default_rng(seed)
    y, x = cointegrated(rng, n, half_life=3.0) if seed % 2 else unrelated(rng, n)
    if stale:
        y = np.where(rng.random(n) < 0.12, np.roll(y, 1), y)
    return analyse(candles("YUSDT", y, params.timeframe_s), candles("XUSDT", x, params.timeframe_s), params)


def part(report: PairReport, rows: slice) -> PairReport:
    y, x = (
        candles(s, v[rows], report.params.timeframe_s, report.open_ms[rows])
        for s, v in (("YUSDT", report.y), ("XUSDT", report.x))
    )
    return analyse(y, x, report.params, detail="history")


def cut(report: PairReport, rows: int) -> PairReport:
    return part(report, slice(0, rows))


def excursions_of(report: PairReport, clean: Bools | None = None) -> list[Excursion]:
    fits, clean = report.log_fits, clean_rows(report) if clean is None else clean
    return past_excursions(report.open_ms, report.y, report.x, fits.z, fits.spread, fits.beta, clean, report.params)[0]


def by_hand(
    open_ms: Ints, y: Floats, x: Floats, z: Floats, spread: Floats, beta: Floats, clean: Bools, p: Params
) -> list[tuple[int, int, float, float]]:
    """The definition, one candle at a time: look, way out, edge shown, gross returned."""
    found, free_from = [], 0
    opens = entries(z, p.entry_z, p.stop_z, p.lookback)
    for e in range(len(z)):
        if not opens[e] or not clean[e] or not beta[e] > 0.1 or e < free_from:
            continue
        sign = 1.0 if z[e] > 0 else -1.0
        k = e + 1
        while k < len(z) and k < e + p.fit_bars and not z[k] * sign <= p.exit_z:
            k += 1
        if k >= len(z):
            break
        free_from = k
        if k + 1 >= len(z) or not clean[k]:
            continue
        shown = abs(spread[e]) / (1 + abs(beta[e])) * 1e4
        y_leg, x_leg = y[k + 1] / y[e + 1] - 1, x[k + 1] / x[e + 1] - 1
        found.append((e, k, shown, -sign * (y_leg - beta[e] * x_leg) / (1 + abs(beta[e])) * 1e4))
    return found


def flat_series(n: int) -> dict[str, np.ndarray]:
    return {
        "open_ms": np.arange(n) * 60_000,
        "y": np.full(n, 100.0),
        "x": np.full(n, 50.0),
        "z": np.zeros(n),
        "spread": np.zeros(n),
        "beta": np.full(n, 1.0),
        "clean": np.ones(n, np.bool_),
    }


def test_one_excursion_to_the_basis_point() -> None:
    s = flat_series(60)
    s["z"][10:14] = [2.5, 2.2, 1.5, 0.5]  # the look at row 10; z crosses 0 at row 14
    s["z"][14:] = -0.1
    s["spread"][10] = 0.0040
    s["beta"][10] = 0.6
    s["y"][11], s["x"][11] = 101.0, 50.0  # in at the close of row 11 …
    s["y"][15], s["x"][15] = 100.0, 50.5  # … out at the close of row 15
    found, leaving, current = past_excursions(**s, params=PARAMS)
    assert leaving is None
    assert current is None
    (one,) = found
    assert (one.row, one.look_ms, one.exit_row, one.side, one.hold_bars) == (10, 600_000, 14, 1, 4)
    assert one.shown_bps == pytest.approx(40.0 / 1.6)
    # Y was sold at 101 and bought back at 100; 0.6 of X was bought at 50 and sold at 50.50
    assert one.gross_bps == pytest.approx((1.0 / 101.0 + 0.6 * 0.01) / 1.6 * 1e4)


def test_the_time_limit_ends_what_does_not_come_back() -> None:
    s = flat_series(120)
    s["z"][10:] = -2.5
    s["spread"][10:] = -0.001
    found, _, _ = past_excursions(**s, params=PARAMS)
    assert [(e.row, e.exit_row, e.side) for e in found] == [(10, 50, -1)]


def test_excursions_do_not_overlap_and_unclean_or_unhedgeable_ones_do_not_count() -> None:
    s = flat_series(120)
    s["z"][10], s["z"][11:13], s["z"][13] = 2.5, 0.5, 2.5  # the second while the first has not crossed 0
    s["z"][14:20] = -0.5
    s["z"][20], s["z"][22], s["z"][24] = 2.5, -2.5, 2.5
    s["spread"] = s["z"] * 0.001
    s["beta"][20] = 0.1
    s["clean"][22] = False
    found, _, _ = past_excursions(**s, params=PARAMS)
    assert [(e.row, e.exit_row) for e in found] == [(10, 14), (24, 25)]
    s["clean"][14] = False  # the first one's way out
    found, _, _ = past_excursions(**s, params=PARAMS)
    assert [e.row for e in found] == [24]


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(45, 900))
def test_the_batch_equals_the_definition(seed: int, n: int) -> None:
    report = report_of(seed, n)
    clean = np.random.default_rng(seed).random(n) < 0.97
    fits = report.log_fits
    args = (report.open_ms, report.y, report.x, fits.z, fits.spread, fits.beta, clean, report.params)
    found, _, _ = past_excursions(*args)
    expected = by_hand(*args)
    assert [(e.row, e.exit_row) for e in found] == [(e, k) for e, k, _, _ in expected]
    np.testing.assert_allclose([e.shown_bps for e in found], [shown for _, _, shown, _ in expected], rtol=1e-12)
    np.testing.assert_allclose([e.gross_bps for e in found], [g for _, _, _, g in expected], rtol=1e-9, atol=1e-9)


@settings(max_examples=25)
@given(
    st.integers(0, 10**6),
    st.one_of(
        st.tuples(st.just(PARAMS), st.integers(60, 700)),
        st.tuples(st.just(HOURLY), st.integers(SPAN_BARS + 60, SPAN_BARS + 700)),
    ),
    st.booleans(),
    st.data(),
)
def test_candles_added_one_by_one_give_the_batch(
    seed: int, of: tuple[Params, int], stale: bool, data: st.DataObject
) -> None:
    params, n = of
    whole = report_of(seed, n, params, stale=stale)
    batch = record_of(whole)
    start = data.draw(st.integers(max(0, n - 700), n))
    grown = record_of(cut(whole, start))
    assert grown == record_of(cut(whole, start))
    for f in fields(Record):
        a, b = getattr(advance(grown, whole), f.name), getattr(batch, f.name)
        if f.name != "current":  # a price not yet known is NaN, which equals nothing
            assert a == b, f.name
    assert repr(advance(grown, whole).current) == repr(batch.current)
    assert advance(batch, whole) is batch


def test_a_single_candle_is_added_from_a_report_of_few_rows() -> None:
    params = PARAMS
    whole = report_of(3, 700)
    record = record_of(cut(whole, 650))
    for end in range(651, 701):
        tail = slice(end - params.need_bars - 1, end)
        y = candles("YUSDT", whole.y[tail], open_ms=whole.open_ms[tail])
        x = candles("XUSDT", whole.x[tail], open_ms=whole.open_ms[tail])
        record = advance(record, analyse(y, x, params))
    assert repr(record) == repr(record_of(whole))


def test_a_hole_in_the_history_is_refused() -> None:
    record, later = record_of(report_of(3, 300)), report_of(3, 400)
    gap = replace(later, open_ms=later.open_ms + 86_400_000)
    with pytest.raises(ValueError, match="must hold the candle that the record ends with"):
        advance(record, gap)
    tail = slice(290, 400)  # holds the record's last candle, but knows too little of what came before
    y, x = (candles(s, c[tail], open_ms=later.open_ms[tail]) for s, c in (("Y", later.y), ("X", later.x)))
    with pytest.raises(ValueError, match="must hold 49 candles before the first new one"):
        advance(record, analyse(y, x, PARAMS))


def test_the_sums_are_those_of_the_rule() -> None:
    report = report_of(5, 4000)
    record = record_of(report)
    mature = [e for e in excursions_of(report) if e.row + PARAMS.fit_bars + 1 < report.have_bars]
    g, shown = np.array([e.gross_bps for e in mature]), np.array([e.shown_bps for e in mature])
    kappa, n = g.sum() / shown.sum(), len(mature)
    se = np.sqrt(n / (n - 1) * ((g - kappa * shown) ** 2).sum()) / shown.sum()
    s = record.summary()
    assert s.excursions == n > 20
    assert s.mature
    assert s.kappa == pytest.approx(kappa, rel=1e-12)
    assert s.kappa_se == pytest.approx(se, rel=1e-12)
    assert s.lower_bound == pytest.approx(kappa - 2.33 * se, rel=1e-12)
    assert s.days_to_go == 0.0
    assert s.mean_hold_s == pytest.approx(np.mean([e.hold_bars for e in mature]) * 60.0)


def test_a_quick_winner_waits_for_its_time_limit() -> None:
    report = report_of(5, 2000)
    e = next(e for e in excursions_of(report) if e.exit_row < e.row + 10)
    before = record_of(cut(report, e.row + PARAMS.fit_bars + 1)).counted
    assert [f.row for f in record_of(cut(report, e.row + PARAMS.fit_bars + 2)).counted] == [
        *(f.row for f in before),
        e.row,
    ]


def test_an_excursion_counts_until_its_look_is_older_than_the_span() -> None:
    report = report_of(5, SPAN_BARS + 400, HOURLY)
    e = excursions_of(report)[2]
    still, no_longer = (record_of(cut(report, e.row + SPAN_BARS + rows)) for rows in (1, 2))
    assert still.newest_ms == e.look_ms + span_ms(HOURLY)
    assert still.counted[0] == e
    assert no_longer.counted == still.counted[1:]
    assert no_longer.summary().excursions == still.summary().excursions - 1


@pytest.mark.parametrize("seed", [3, 4, 8])
def test_a_record_kept_for_long_says_what_one_taken_anew_says(seed: int) -> None:
    """The pair's character changes, so that what has left the span would be heard."""
    rng = np.random.default_rng(seed)
    n, params = 9_000, Params(timeframe_s=3600)
    x = np.cumsum(rng.normal(0, 5e-3, n))
    fast, slow = reverting(rng, 5_000, 10.0, 1e-2), reverting(rng, n - 5_000, 70.0, 7e-3)
    y = 0.9 * x + np.concatenate((fast, slow))
    whole = analyse(candles("YUSDT", np.exp(y), 3600), candles("XUSDT", np.exp(x), 3600), params, detail="history")
    bars = SPAN_BARS + params.need_bars + params.fit_bars
    kept, anew = record_of(cut(whole, bars)), record_of(part(whole, slice(n - bars, n)))
    assert len(excursions_of(whole)) > 1.5 * anew.summary().excursions > 1.5 * NEEDED
    assert advance(kept, whole).summary() == anew.summary() == record_of(whole).summary()
    assert anew.summary().first_ms == int(whole.open_ms[-1]) - span_ms(params)


def test_a_thin_record_says_how_long_it_still_takes() -> None:
    report = report_of(5, 400)
    s = record_of(report).summary()
    assert 1 < s.excursions < 20
    days = (report.open_ms[-1] - report.open_ms[39] - 41 * 60_000) / 86_400_000
    assert s.days_to_go == pytest.approx((20 - s.excursions) * days / s.excursions)
    span = span_ms(PARAMS)
    half = Record(PARAMS, first_ms=0, newest_ms=span // 2, told=replace(NOTHING, excursions=12))
    assert half.summary().days_to_go == pytest.approx(8 * 15 / 12, rel=1e-2)
    full = replace(half, newest_ms=2 * span).summary()  # at this pace as many leave as come
    assert (full.days_to_go, full.first_ms) == (None, span)
    empty = Record(PARAMS).summary()
    assert (empty.excursions, empty.kappa, empty.days_to_go) == (0, None, None)


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(100, 600), st.data())
def test_what_is_closed_does_not_change_when_the_future_comes(seed: int, n: int, data: st.DataObject) -> None:
    whole = report_of(seed, n)
    end = data.draw(st.integers(50, n))
    fits, clean = whole.log_fits, np.ones(n, np.bool_)

    def closed(rows: int) -> list[object]:
        r = slice(0, rows)
        args = (whole.open_ms[r], whole.y[r], whole.x[r], fits.z[r], fits.spread[r], fits.beta[r], clean[r], PARAMS)
        return list(past_excursions(*args)[0])

    early, late = closed(end), closed(n)
    assert late[: len(early)] == early
