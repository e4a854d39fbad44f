"""The evidence figure as a value, and the data it is given."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analytics.decision import Verdict
from analytics.params import Params
from tests.ui.seeded import END_MS, Market, report, said
from ui.chart_data import LEAST_P, encode, encoded, marks, tables
from ui.charts import HEIGHTS, evidence_spec
from ui.theme import GOOD

SPEC: dict[str, Any] = evidence_spec("ETHUSDT", "BTCUSDT", "bps of price", "z of the fit", "rolling z")
MINUTE = 60_000


def layers() -> list[dict[str, Any]]:
    return [layer for panel in SPEC["vconcat"] for layer in panel["layer"]]


def test_the_figure_names_its_data_and_holds_none() -> None:
    assert {layer["data"]["name"] for layer in layers()} == {"rows", "levels", "gaps", "checkpoints", "said"}
    assert "datasets" not in SPEC
    assert '"values"' not in json.dumps(SPEC)


def test_every_field_that_is_drawn_is_in_its_data() -> None:
    given = {n: set(t.column_names) for n, t in tables(report("ETHUSDT", "BTCUSDT", Params()), (), 400).items()}
    for layer in layers():
        made = {step["as"] for step in layer.get("transform", ()) if "as" in step}
        for channel, how in layer["encoding"].items():
            for one in how if isinstance(how, list) else [how]:
                if "field" in one:
                    assert one["field"] in given[layer["data"]["name"]] | made, (channel, one)


def test_thresholds_are_data_not_constants() -> None:
    rules = [x for x in layers() if x["mark"]["type"] == "rule" and x["data"]["name"] == "levels"]
    assert len(rules) == 4
    assert all(rule["encoding"]["y"]["field"] == "level" for rule in rules)


def test_one_zoom_and_one_crosshair_span_every_panel() -> None:
    named = {layer["name"] for layer in layers() if "name" in layer}
    assert {p["name"] for p in SPEC["params"]} == {"zoom", "hover"}
    for param in SPEC["params"]:
        assert set(param["views"]) == named
    assert len(named) == len(HEIGHTS)
    assert SPEC["resolve"]["scale"]["x"] == "shared"


def test_time_is_utc_in_every_panel() -> None:
    times = [layer["encoding"]["x"] for layer in layers() if "x" in layer["encoding"]]
    assert all(t["scale"]["type"] == "utc" for t in times)


def test_a_hole_in_the_candles_breaks_the_lines_and_is_drawn() -> None:
    r = report("ETHUSDT", "BTCUSDT", Params())
    made = tables(r, (), 400)
    t, y = made["rows"]["t"].to_numpy(), made["rows"]["y_index"].to_numpy()
    broken = np.flatnonzero(np.isnan(y))
    hole_from, hole_until = made["gaps"]["t"][0].as_py(), made["gaps"]["until"][0].as_py()
    assert t[broken].tolist() == [hole_from]
    assert (hole_until - hole_from) / MINUTE == 18
    assert made["gaps"]["word"].to_pylist() == ["18 candles"]
    assert (np.diff(t) > 0).all()


def test_the_last_row_drawn_is_the_reports_last_row() -> None:
    r = report("ETHUSDT", "BTCUSDT", Params())
    rows = tables(r, (), 120)["rows"]
    assert rows["t"][-1].as_py() == END_MS - MINUTE
    assert rows["z"][-1].as_py() == r.z[-1]
    assert rows["spread"][-1].as_py() == pytest.approx(1e4 * r.spread[-1])
    assert rows["band_high"][-1].as_py() == pytest.approx(2e4 * r.resid_sd[-1])
    assert rows["y_index"][0].as_py() == 100


def test_classic_draws_the_rolling_mean_and_bands() -> None:
    r = report("ETHUSDT", "BTCUSDT", Params(preset="classic"))
    rows = tables(r, (), 120)["rows"]
    assert rows["mean"][-1].as_py() == pytest.approx(1e4 * r.z_mean[-1])
    assert rows["z"][-1].as_py() == r.z_roll[-1]


def test_prices_are_drawn_in_quote_currency() -> None:
    r = report("ETHUSDT", "BTCUSDT", Params(price_units=True))
    assert tables(r, (), 120)["rows"]["spread"][-1].as_py() == pytest.approx(r.spread[-1])


def test_the_six_checkpoints_stand_where_their_windows_ended() -> None:
    r = report("ETHUSDT", "BTCUSDT", Params())
    made = tables(r, (), 1000)["checkpoints"]
    assert made["t"].to_pylist() == [float(r.open_ms[-1 - 50 * j]) for j in range(6)]
    assert made["p"].to_pylist() == [max(p, LEAST_P) for p in r.persistence]


def test_a_mark_stands_where_the_verdict_changed() -> None:
    rows = said("tradable", "ETHUSDT", "BTCUSDT", Params())
    changed = marks(rows, Params())
    assert [m.word for m in changed] == ["TRADABLE"]
    assert changed[0].candle_ms == rows[-3].candle_ms


def test_only_a_turn_to_tradable_is_green_and_every_verdict_has_a_mark() -> None:
    (drawn,) = (layer["encoding"] for layer in layers() if layer["data"]["name"] == "said")
    colours = dict(zip(drawn["color"]["scale"]["domain"], drawn["color"]["scale"]["range"], strict=True))
    assert {word for word, colour in colours.items() if colour == GOOD} == {"TRADABLE"}
    assert set(colours) == set(drawn["shape"]["scale"]["domain"]) == {v.value for v in Verdict}


@pytest.mark.parametrize("rows", [0, 330])
def test_short_histories_are_drawn_too(rows: int) -> None:
    made = tables(report("ETHUSDT", "BTCUSDT", Params(), Market(rows=rows)), (), 400)
    assert (made["rows"].num_rows > 0) == (rows > 0)
    assert made["checkpoints"].num_rows == 0


def test_the_same_report_is_encoded_once() -> None:
    r = report("ETHUSDT", "BTCUSDT", Params())
    assert encoded(r, (), 400) is encoded(r, (), 400)


def test_what_the_browser_reads_is_the_table() -> None:
    table = tables(report("ETHUSDT", "BTCUSDT", Params()), (), 50)["rows"]
    assert pa.ipc.open_stream(encode(table)).read_all().equals(table)
