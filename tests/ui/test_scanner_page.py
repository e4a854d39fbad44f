"""The Scanner page: what it says of a scan, which rows it shows, and what a choice does."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from analytics.market import MarketRule, MarketView
from analytics.scan_order import cluster_order
from core.types import WatchedPair
from tests.ui import market_of_forty
from tests.ui.fakes import FakeDesk
from tests.ui.stage import markup, play, shown, words
from ui import exports, scan_charts
from ui.controls.market import Shown
from ui.panels.scan_list import reason
from ui.scan_table import MOST_ROWS, frame, rows

ALL = Shown("all", "", False)
SCAN = market_of_forty.scanned(MarketRule())


def page(desk: FakeDesk | None = None, **query: str) -> AppTest:
    app = play(desk or FakeDesk(), "scanner", **query)
    assert not app.exception
    return app


# What it says


def test_pairs_tested_expected_by_chance_and_found_are_said_in_words() -> None:
    app = page()
    assert shown(app, "tested") == f"{SCAN.pairs_tested:,}" == "703"
    assert shown(app, "chance") == "35 below p = 0.05"
    assert shown(app, "found") == "4 candidates"
    assert "of 38 symbols, 1,000 minutes each" in words(app)
    assert "75 were found" in words(app)


def test_a_candidate_is_said_to_be_no_verdict_with_the_measured_error_rates() -> None:
    text = words(page())
    assert "A candidate is not a verdict." in text
    assert "1 % of scans name a false candidate" in text
    assert "3–5 % where volatility comes in strong clusters" in text


def test_a_market_that_another_tab_chose_is_said_to_be_that() -> None:
    assert 'data-key="elsewhere"' not in markup(page())
    desk = FakeDesk()
    other = MarketRule(most=50, fit_bars=500)
    desk.market = lambda rule: replace(market_of_forty.view(rule), rule=other)  # type: ignore[method-assign]
    text = words(page(desk))
    assert "Shown is that one: 50 symbols, N = 500, cost 10.0 bps. Change a setting to take over." in text


def test_every_symbol_left_out_is_named_with_its_reason() -> None:
    app = page()
    assert markup(app).count('data-key="left_out"') == 3
    text = words(app)
    for symbol, why in (("FRESHUSDT", "too young"), ("SNXUSDT", "flat"), ("COMPUSDT", "too short")):
        assert symbol in text
        assert why in text


def test_while_history_loads_the_page_says_how_far_it_is_and_how_long_it_takes() -> None:
    app = page(FakeDesk("warming"))
    assert shown(app, "history") == "0.350"
    assert "about 41 s left" in words(app)
    assert "as soon as two symbols have their minutes" in words(app)
    assert len(app.dataframe) == 0


@pytest.mark.parametrize(
    ("scenario", "says"),
    [("unreachable", "cannot be reached: without its list"), ("stopped", "as soon as the feed runs")],
)
def test_a_market_that_is_not_there_is_a_sentence(scenario: str, says: str) -> None:
    app = page(FakeDesk(scenario))  # type: ignore[arg-type]
    assert says in words(app)


# Rows


def test_candidates_stand_in_the_order_of_the_scan_the_stretched_first() -> None:
    table = page().dataframe[0].value
    assert (table["y"] + "/" + table["x"]).tolist() == [SCAN.pair(row) for row in SCAN.candidates.tolist()]
    assert table["y"][0] == "LINKUSDT"
    assert abs(table["z"][0]) >= 2.0
    assert table["reason"][0].startswith("What is left of LINKUSDT after 0.88 × XRPUSDT keeps coming back")


def test_all_pairs_follow_the_candidates_by_their_statistic_and_are_bounded() -> None:
    found = rows(SCAN, ALL, ())
    assert len(found) == np.isfinite(SCAN.stat).sum()
    np.testing.assert_array_equal(found[:4], SCAN.candidates)
    assert (np.diff(SCAN.stat[found[4:]]) >= 0).all()
    assert len(frame(SCAN, ALL, ())) == min(MOST_ROWS, len(found))


def test_rows_are_filtered_by_a_part_of_a_symbol_and_by_their_stretch() -> None:
    table = frame(SCAN, Shown("all", "ETH", False), ())
    assert len(table) == 37
    assert (table["y"].str.contains("ETH") | table["x"].str.contains("ETH")).all()
    stretched = frame(SCAN, Shown("candidates", "", True), ())
    assert stretched["y"].tolist() == ["LINKUSDT"]
    assert frame(SCAN, Shown("all", "NOSUCH", False), ()).empty


def test_the_watch_list_shows_its_pairs_whichever_way_round_the_scan_holds_them() -> None:
    desk = FakeDesk(watched=[WatchedPair("BTCUSDT", "ETHUSDT"), WatchedPair("GONEUSDT", "BTCUSDT", 300)])
    table = page(desk, rows="Watch-list").dataframe[0].value
    assert (table["y"] + "/" + table["x"]).tolist() == ["ETHUSDT/BTCUSDT"]
    assert table["watched"].tolist() == ["★"]
    assert reason(SCAN, ("GONEUSDT", "BTCUSDT")) == "GONEUSDT is not in this scan."
    assert reason(SCAN, ("BTCUSDT", "ETHUSDT")).startswith("What is left of ETHUSDT")


def test_an_empty_table_is_a_sentence() -> None:
    assert "Nothing on the watch-list" in words(page(rows="Watch-list"))


# Choices


def test_a_pair_is_watched_at_the_sidebars_timeframe_and_preset_and_taken_off_at_all_of_them() -> None:
    desk = FakeDesk(watched=[WatchedPair("ETHUSDT", "BTCUSDT")])
    app = page(desk, tf="5m", preset="Classic")
    app.selectbox(key="scan_pair").select("LINKUSDT / XRPUSDT").run()
    assert app.button(key="scan_watch").help == "At 5m by Classic, as chosen in the sidebar."
    app.button(key="scan_watch").click().run()
    assert desk.watched == [WatchedPair("ETHUSDT", "BTCUSDT"), WatchedPair("LINKUSDT", "XRPUSDT", 300, "classic")]
    desk.watch_pair(WatchedPair("LINKUSDT", "XRPUSDT"), True)
    assert app.button(key="scan_watch").label == "Take off the watch-list"
    app.button(key="scan_watch").click().run()
    assert desk.watched == [WatchedPair("ETHUSDT", "BTCUSDT")]


def test_opening_a_pair_leaves_for_its_decision_at_one_minute() -> None:
    app = page(tf="5m")
    app.selectbox(key="scan_pair").select("ETHUSDT / BTCUSDT")
    app.button(key="scan_open").click().run()
    assert (app.session_state["y"], app.session_state["x"], app.session_state["tf"]) == ("ETHUSDT", "BTCUSDT", "1m")
    assert shown(app, "verdict")  # the Decision page stands


def test_thresholds_fees_and_windows_are_the_sidebars_and_symbols_the_pages() -> None:
    asked: list[MarketRule] = []

    class Listening(FakeDesk):
        def market(self, rule: MarketRule) -> MarketView:
            asked.append(rule)
            return super().market(rule)

    play(Listening(), "scanner", n="400", entry="2.5", fee="2", most="50", day_volume="10 M", both="true")
    assert asked[-1] == MarketRule(
        most=50, min_day_volume=1e7, both_directions=True, fit_bars=400, cost_bps=4.0, entry_z=2.5
    )
    play(Listening(), "scanner", tf="5m", n="400")
    assert asked[-1].fit_bars == 1_000  # the scan's candles are minutes: another timeframe's window is not theirs


def test_the_file_holds_the_rows_on_screen() -> None:
    table = frame(SCAN, ALL, ())
    text = exports.encode(pa.Table.from_pandas(table, preserve_index=False), "csv")
    read = pd.read_csv(io.BytesIO(text))
    assert read["y"].tolist() == table["y"].tolist()
    np.testing.assert_allclose(read["z"], table["z"], rtol=1e-12)


# Maps


def test_the_heatmap_stands_in_clustering_order_with_every_known_correlation() -> None:
    cells = scan_charts.cells(SCAN).to_pydict()
    corr = SCAN.correlations()
    order = cluster_order(corr)
    names = [str(name).removesuffix("USDT") for name in SCAN.symbols[order]]
    assert list(dict.fromkeys(cells["a"])) == names
    at = {name: k for k, name in enumerate(names)}
    matrix = np.full((len(names), len(names)), np.nan)
    for a, b, r in zip(cells["a"], cells["b"], cells["r"], strict=True):
        matrix[at[b], at[a]] = r
    np.testing.assert_allclose(matrix, corr[order][:, order])


def test_the_scatter_shows_tested_pairs_and_marks_the_candidates() -> None:
    points = scan_charts.points(SCAN).to_pandas()
    assert len(points) == SCAN.pairs_tested
    assert set(points["pair"][points["candidate"]]) == {SCAN.pair(row) for row in SCAN.candidates.tolist()}
    assert (np.diff(points["strength"]) <= 0).all()
    names = {data["name"] for data in _data(scan_charts.scatter_spec())}
    assert names <= set(scan_charts.data(SCAN))


def _data(spec: object) -> list[dict[str, str]]:
    """Every named data set a spec asks for."""
    if isinstance(spec, list):
        return [found for one in spec for found in _data(one)]
    if not isinstance(spec, dict):
        return []
    here = [spec["data"]] if isinstance(spec.get("data"), dict) and "name" in spec["data"] else []
    return here + [found for one in spec.values() for found in _data(one)]
