"""A year of minutes is drawn from two thousand rows, and its peaks are among them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analytics.fills import Execution
from analytics.params import Params
from analytics.trial import TrialAsk
from tests.ui.seeded import walked
from ui import walk_charts
from ui.walk_charts import thin

ASK = TrialAsk("ETHUSDT", "BTCUSDT", Params(), redraws=2)


@given(arrays(np.float64, st.integers(0, 400), elements=st.floats(-1e6, 1e6)), st.integers(3, 90))
def test_thinned_rows_are_in_order_few_and_keep_the_extremes_and_both_ends(values: np.ndarray, most: int) -> None:
    rows = thin(values, most)
    assert (np.diff(rows) > 0).all()
    assert len(rows) <= max(most + 1, 4) or len(rows) == len(values) <= most
    if len(values):
        assert (rows[0], rows[-1]) == (0, len(values) - 1)
        assert values[rows].max() == values.max()
        assert values[rows].min() == values.min()


def test_unknown_values_are_never_an_extreme() -> None:
    values = np.full(1000, np.nan)
    values[500], values[501] = 3.0, -3.0
    assert {500, 501} <= set(thin(values, 30).tolist())


def test_a_year_of_minutes_is_thinned() -> None:
    won = np.cumsum(np.random.default_rng(0).normal(size=525_600))
    rows = thin(won)
    assert len(rows) <= walk_charts.MOST_ROWS + 1
    assert won[rows].min() == won.min()


def test_the_tables_hold_the_run() -> None:
    run = walked(ASK).run
    assert run is not None
    tables = walk_charts.tables(run)
    assert tables["won"]["won"][-1].as_py() == pytest.approx(run.summary.net)
    assert min(tables["below"]["below"].to_pylist()) == pytest.approx(-run.summary.drawdown_bps)
    marks = tables["trades"].to_pylist()
    assert len(marks) == 2 * len(run.trades)
    first = run.trades[0]
    assert marks[0]["t"] == first.look_ms + 60_000  # at the end of the candle, when it was known
    assert marks[0]["kind"] == ("sold" if first.side > 0 else "bought")
    assert {m["kind"] for m in marks} <= {"sold", "bought", "left"}


def test_without_a_stop_no_stop_is_drawn() -> None:
    with_stop, without = (walked(replace(ASK, execution=Execution(stop=stop), redraws=0)).run for stop in (True, False))
    assert with_stop is not None
    assert without is not None
    assert "stop" in walk_charts.tables(with_stop)["levels"]["kind"].to_pylist()
    assert "stop" not in walk_charts.tables(without)["levels"]["kind"].to_pylist()


def test_the_specs_name_the_tables_they_draw() -> None:
    run = walked(ASK).run
    assert run is not None
    text = json.dumps(walk_charts.walk_spec())
    assert all(f'"name": "{name}"' in text for name in walk_charts.tables(run))
    assert '"runs"' in json.dumps(walk_charts.luck_spec())


def test_the_true_run_stands_among_the_redrawn_ones() -> None:
    done = walked(ASK)
    table = walk_charts.luck_table(done)
    assert table["real"].to_pylist() == [False, False, True]
    assert done.run is not None
    assert table["net"][-1].as_py() == done.run.summary.net
