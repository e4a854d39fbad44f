"""A look's row: plain values, complete, the same to the bit whenever it is made."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, astuple, fields, replace
from math import isinf, isnan

import numpy as np
import pytest

from analytics.costs import CostSplit
from analytics.decision import Freshness, decide
from analytics.journal import row_of
from analytics.look import Look
from analytics.params import Params
from analytics.record import RecordSummary, record_of
from analytics.report import PairReport, analyse
from tests.analytics.pairs import candles, cointegrated, report_saying

PARAMS = Params(fit_bars=40, z_bars=10)


def look_of(report: PairReport, history: PairReport | None = None) -> Look:
    costs, record = CostSplit(10.0, 0.5, 0.1, "10 + 0.5 + 0.1"), record_of(history or report).summary()
    fresh = Freshness.as_of(report.newest_y_ms, report.newest_x_ms, timeframe_s=60)
    return Look(report, decide(report, freshness=fresh, costs=costs, record=record), costs, record)


def test_a_row_is_the_same_to_the_bit_from_the_last_candles_and_from_all() -> None:
    y, x = cointegrated(np.random.default_rng(9), 900, half_life=3.0)
    all_y, all_x = candles("YUSDT", y), candles("XUSDT", x)
    for end in range(700, 900, 23):
        whole = analyse(all_y.take(slice(0, end)), all_x.take(slice(0, end)), PARAMS)
        tail = slice(end - PARAMS.need_bars, end)
        part = analyse(all_y.take(tail), all_x.take(tail), PARAMS)
        assert repr(row_of(look_of(part, whole))) == repr(row_of(look_of(whole)))


def test_every_value_can_be_stored_and_the_json_read() -> None:
    undefined = report_saying(z=[np.nan], p=None, adf_p=None, corr=np.nan, z_roll=np.nan)
    for report in (report_saying(z=[0.4, 2.2]), undefined, report_saying(z=[0.1], have=5)):
        row = row_of(look_of(report))
        for name, value in asdict(row).items():
            assert type(value) in {str, int, float}, name
            assert not isinstance(value, float) or not isinf(value), name
        sqlite3.connect(":memory:").execute(f"SELECT {', '.join('?' for _ in fields(row))}", astuple(row))
        checks = json.loads(row.checks)
        assert {"key", "question", "value", "state", "flips", "deciding"} <= set(checks[0])
        assert json.loads(row.inputs)["params"]["fit_bars"] == 40


def test_a_fee_that_is_a_numpy_scalar_is_told_like_any_other() -> None:
    y, x = cointegrated(np.random.default_rng(9), 60, half_life=3.0)
    rows = [
        row_of(look_of(analyse(candles("YUSDT", y), candles("XUSDT", x), replace(PARAMS, fee_bps=fee))))
        for fee in (5.0, np.float64(5.0))
    ]
    assert repr(rows[0]) == repr(rows[1])


def test_the_row_says_what_the_look_said() -> None:
    report = report_saying(z=[0.4, 2.2], sd=0.0012)
    look = look_of(report)
    row = row_of(look)
    assert row.pair == "YUSDT/XUSDT"
    assert row.verdict == look.decision.verdict.value
    assert (row.z, row.beta, row.eg_pvalue) == (2.2, 0.8, 0.001)
    assert row.params == "evidence N=40 W=10 z=2/0/4 ols logs fee=5"
    assert row.rule == "evidence 2"
    assert (row.fees_bps, row.half_spreads_bps, row.funding_bps) == (10.0, 0.5, 0.1)
    assert row.cost_bps == pytest.approx(10.6)
    assert row.candle_ms == report.newest_ms


@pytest.mark.parametrize("price_units", [False, True])
def test_the_z_of_a_row_is_that_of_the_rules_own_fit_beside_its_trigger(price_units: bool) -> None:
    y, x = cointegrated(np.random.default_rng(9), 60, half_life=3.0)
    look = look_of(analyse(candles("YUSDT", y), candles("XUSDT", x), replace(PARAMS, price_units=price_units)))
    row = row_of(look)
    assert row.z == look.report.log_fits.z[-1]
    assert abs(row.entry_z - row.z) == pytest.approx(row.distance_z)
    assert row.spread == look.report.spread[-1]  # as shown


def test_a_break_even_is_told_only_of_a_cost_that_is_known() -> None:
    look = look_of(report_saying(z=[0.4, 2.2], sd=0.0012))
    paying = replace(look, record=RecordSummary(25, 20, kappa=0.9, kappa_se=0.05, lower_bound=0.8))
    assert row_of(paying).break_even_z == pytest.approx(10.6 / (0.8 * 12.0 / 1.8))
    assert isnan(row_of(replace(paying, costs=CostSplit(10.0, 0.5, None))).break_even_z)


def test_what_decides_a_look_is_in_its_key_and_notional_is_not() -> None:
    others = (
        Params(), Params(preset="classic"), Params(z_bars=61), Params(fee_bps=2.0), Params(method="tls"),
        Params(entry_z=2.5), Params(price_units=True), Params(fit_bars=999), Params(stop_z=5.0), Params(exit_z=0.5),
    )  # fmt: skip
    keys = {params.key for params in others}
    assert len(keys) == 10
    assert Params(notional=1.0).key == Params().key


def test_a_look_without_a_candle_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a candle"):
        row_of(look_of(report_saying(z=[0.0], have=0)))
