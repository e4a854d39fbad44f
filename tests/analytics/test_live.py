"""A stored look scores the newest prices just as its report does."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan

import pytest

from analytics.decision import Freshness, decide
from analytics.journal import row_of
from analytics.live import score_live, score_row
from analytics.look import Look
from analytics.params import Params
from core.errors import NotEnoughData
from core.journal import JournalRow
from tests.ui.seeded import report


def said(params: Params) -> JournalRow:
    look = report("ETHUSDT", "BTCUSDT", params)
    return row_of(Look(look, decide(look, freshness=Freshness(look.newest_ms))))


def test_a_stored_look_scores_as_its_report_does() -> None:
    params = Params()
    found = report("ETHUSDT", "BTCUSDT", params)
    y, x = float(found.y[-1]) * 1.004, float(found.x[-1])
    score, again = score_live(found, y, x, 7), score_row(said(params), y, x, 7)
    assert (again.z, again.z_roll, again.spread) == pytest.approx((score.z, score.z_roll, score.spread), rel=1e-12)
    assert (again.ts_ms, again.price_y) == (7, y)


def test_without_a_fit_there_is_no_score_and_a_flat_window_has_no_rolling_one() -> None:
    row = said(Params())
    with pytest.raises(NotEnoughData):
        score_row(replace(row, resid_sd=nan), 1.0, 1.0, 0)
    assert isnan(score_row(replace(row, z_sd=0.0), 3_400.0, 64_000.0, 0).z_roll)
