"""The vectorised verdicts say of every row what decide() says when it stands there."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from analytics import verdict_rows as module
from analytics.costs import CostSplit, round_trip
from analytics.decision import Freshness, Verdict, decide
from analytics.params import Params, Preset
from analytics.record import clean_rows, record_of
from analytics.report import PairReport, analyse
from analytics.ticket import deciding_z, legs_of
from analytics.verdict_rows import NOT_JUDGED, VerdictRows, record_rows, verdict_rows
from tests.analytics.pairs import candles, reverting, walk

HALF_Y_BPS, HALF_X_BPS = 0.4, 0.9


def history(preset: Preset, n: int = 5000, price_units: bool = False, method: str = "ols") -> PairReport:
    """A pair that is related for its first three fifths, with stale closes and one incomplete interval."""
    rng = np.random.default_rng(21)
    log_x = walk(rng, n, sd=4e-3)
    spread = reverting(rng, n, 2.0, 1.2e-3)
    spread[3 * n // 5 :] += np.cumsum(rng.normal(0, 1.2e-3, n - 3 * n // 5))
    y, x = np.exp(0.8 * log_x + spread), np.exp(log_x)
    for i in np.flatnonzero(rng.random(n) < 0.07):
        if i:
            y[i], x[i] = y[i - 1], x[i - 1]
    params = Params(fit_bars=80, z_bars=20, preset=preset, price_units=price_units, method=method, fee_bps=1.0)
    legs = candles("YUSDT", y), candles("XUSDT", x)
    kept = np.arange(n) != n // 2  # no candle there: its trades are missing
    return analyse(legs[0].take(kept), legs[1].take(kept), params, legs[0].open_ms[~kept])


def cut(report: PairReport, row: int) -> PairReport:
    """What was known at a row, with nothing after it in the world."""
    end, at = row + 1, report.open_ms
    holes = np.setdiff1d(np.arange(at[0], at[row], report.step_ms), at)
    y, x = (candles(s, v[:end], open_ms=at[:end]) for s, v in (("YUSDT", report.y), ("XUSDT", report.x)))
    return analyse(y, x, report.params, holes)


def cost_of(seen: PairReport, hold_s: float | None) -> CostSplit | None:
    """The desk's own arithmetic on the report's own ticket."""
    legs = legs_of(seen, deciding_z(seen))
    if legs is None:
        return None
    fee = seen.params.fee_bps
    known = round_trip(legs, fee_y_bps=fee, fee_x_bps=fee, half_y_bps=HALF_Y_BPS, half_x_bps=HALF_X_BPS)
    return replace(known, funding_bps=0.0 if hold_s is None else hold_s / 1e3)  # any cost that the record moves


def verdict_at(report: PairReport, row: int) -> Verdict:
    seen = cut(report, row)
    record = record_of(seen).summary()
    fresh = Freshness.as_of(seen.newest_y_ms, seen.newest_x_ms, timeframe_s=60)
    return decide(seen, freshness=fresh, costs=cost_of(seen, record.mean_hold_s), record=record).verdict


def judged(report: PairReport, first_row: int = 0) -> VerdictRows:
    return verdict_rows(report, lambda row, hold_s: cost_of(cut(report, row), hold_s), first_row=first_row)


@pytest.mark.parametrize("preset", ["evidence", "classic"])
@pytest.mark.parametrize(("price_units", "method"), [(False, "ols"), (True, "ols"), (False, "huber")])
def test_every_row_has_the_verdict_of_decide_on_the_cut_data(preset: Preset, price_units: bool, method: str) -> None:
    report = history(preset, price_units=price_units, method=method)
    rows = judged(report)
    rng = np.random.default_rng(0)
    chosen = {0, 98, 99, report.have_bars - 1}
    for verdict in Verdict:
        of_it = np.flatnonzero(rows.rows_of(verdict))
        chosen |= set(rng.permutation(of_it)[:25].tolist())
    said = Counter(rows.at(row) for row in chosen)
    assert min(said[v] for v in Verdict if v is not Verdict.NO_DATA) >= 5, said
    for row in chosen:
        assert rows.at(row) is verdict_at(report, row), row


def test_where_only_the_cost_is_open_all_of_it_decides() -> None:
    report = history("evidence")
    free = CostSplit(0.0, 0.0, 0.0)
    open_to_it = np.flatnonzero(verdict_rows(report, lambda _row, _hold_s: free).entry)
    record = record_rows(report, clean_rows(report))
    fits, rng = report.log_fits, np.random.default_rng(6)
    splits: dict[int, CostSplit] = {}
    for row in open_to_it.tolist():  # totals a little to either side of what is promised there, of three parts
        pays = record.lower[row] * abs(fits.spread[row]) / (1.0 + fits.beta[row]) * 1e4
        fees, halves = pays * rng.uniform(-0.5, 1.0, 2)
        splits[row] = CostSplit(fees, halves, pays * rng.choice([0.999, 1.001]) - fees - halves)
    rows = verdict_rows(report, lambda row, _hold_s: splits[row])
    assert len(open_to_it) > 20
    assert 0.2 < rows.entry[open_to_it].mean() < 0.8
    for row, split in splits.items():
        seen = cut(report, row)
        fresh = Freshness.as_of(seen.newest_y_ms, timeframe_s=60)
        said = decide(seen, freshness=fresh, costs=split, record=record_of(seen).summary())
        assert rows.at(row) is said.verdict, row


def test_where_more_is_received_than_paid_a_record_of_losses_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    report = history("evidence")
    record = record_rows(report, clean_rows(report))
    open_to_it = np.flatnonzero(verdict_rows(report, lambda _row, _hold_s: CostSplit(0.0, 0.0, 0.0)).entry)
    worse = float(np.median(record.lower[open_to_it]))  # as if all had returned that much less: half of them lose
    monkeypatch.setattr(module, "record_rows", lambda *_: replace(record, lower=record.lower - worse))
    received = CostSplit(2.0, 0.5, -50.0)
    rows = verdict_rows(report, lambda _row, _hold_s: received)
    assert rows.entry[open_to_it].tolist() == (record.lower[open_to_it] > worse).tolist()
    for row in open_to_it.tolist():
        seen = cut(report, row)
        summary = record_of(seen).summary()
        assert summary.lower_bound is not None
        fresh = Freshness.as_of(seen.newest_y_ms, timeframe_s=60)
        less = replace(summary, lower_bound=summary.lower_bound - worse)
        assert rows.at(row) is decide(seen, freshness=fresh, costs=received, record=less).verdict, row


def test_nineteen_excursions_are_too_few_and_twenty_enough() -> None:
    report = history("evidence")
    record = record_rows(report, clean_rows(report))
    assert np.isnan(record.lower[record.count == 19]).all()
    assert not np.isnan(record.lower[record.count == 20]).any()
    at = int(np.flatnonzero(record.count == 20)[0])
    assert not record_of(cut(report, at - 1)).summary().mature
    assert record_of(cut(report, at)).summary().mature


def test_a_cost_that_is_not_known_is_never_tradable() -> None:
    report = history("evidence")
    unknown = verdict_rows(report, lambda _row, _hold_s: CostSplit(2.0, 0.5, None))
    assert not unknown.rows_of(Verdict.TRADABLE).any()
    assert not verdict_rows(report, lambda _row, _hold_s: None).rows_of(Verdict.TRADABLE).any()
    at = np.flatnonzero(judged(report).entry)
    assert len(at)
    assert {unknown.at(int(row)) for row in at} == {Verdict.WAIT}


@pytest.mark.parametrize("span_days", [1, 30])
def test_the_record_of_each_row_is_the_one_known_there_to_the_bit(
    span_days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.record.RECORD_DAYS", {60: span_days})  # a third of the history, and more than all
    report = history("evidence")
    rows = record_rows(report, clean_rows(report))
    assert (np.diff(rows.count) < 0).any() == (span_days == 1)
    other = np.flatnonzero(np.diff(rows.count))[::7]  # the last row before an excursion counts, or no longer does
    for row in sorted({*range(100, report.have_bars, 331), *other.tolist(), *(other + 1).tolist()}):
        s = record_of(cut(report, row)).summary()
        assert s.excursions == rows.count[row]
        if s.excursions:
            assert (s.kappa, s.mean_hold_s) == (rows.kappa[row], rows.hold_s[row])
        if s.mature:
            assert s.lower_bound == rows.lower[row]
        else:
            assert np.isnan(rows.lower[row])


@pytest.mark.parametrize("preset", ["evidence", "classic"])
def test_the_past_does_not_change_when_the_future_is_cut(preset: Preset) -> None:
    report = history(preset, 2000)
    whole = judged(report)
    for end in (300, 555, 1100, 1999):
        part = judged(cut(report, end - 1))
        assert (part.code == whole.code[:end]).all()
        assert (part.entry == whole.entry[:end]).all()


def test_rows_of_the_history_before_are_not_judged_and_change_no_verdict_after() -> None:
    report = history("evidence")
    whole, late = judged(report), judged(report, first_row=2000)
    assert (late.code[:2000] == NOT_JUDGED).all()
    assert late.at(1999) is None
    assert not late.entry[:2000].any()
    assert (late.code[2000:] == whole.code[2000:]).all()


def test_evidence_enters_wherever_it_is_tradable() -> None:
    rows = judged(history("evidence"))
    assert (rows.entry == rows.rows_of(Verdict.TRADABLE)).all()


def test_classic_enters_once_per_excursion_of_its_own_z() -> None:
    report = history("classic")
    rows = judged(report)
    at = np.flatnonzero(rows.entry)
    assert len(at) > 5
    assert rows.rows_of(Verdict.TRADABLE)[at].all()
    assert rows.rows_of(Verdict.TRADABLE).sum() > len(at)
    for one, other in pairwise(at):
        between = report.z_roll[one : other + 1]
        assert (np.abs(between[1:]) < 1).any() or (between[1:] * between[:-1] < 0).any()


def test_leaving_the_clean_data_check_out_lets_stale_rows_through() -> None:
    report = history("classic")
    spoiled = replace(report, stale_rows=np.full(report.have_bars, 0.5))
    kept = verdict_rows(spoiled, lambda _row, _hold_s: None)
    without = verdict_rows(spoiled, lambda _row, _hold_s: None, clean_decides=False)
    assert not kept.rows_of(Verdict.TRADABLE).any()
    assert without.rows_of(Verdict.TRADABLE).any()
