"""Files: exact numbers, honest names, nothing a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analytics.params import Params
from core.types import Candles, Ticks
from tests.ui.fakes import FakeDesk
from tests.ui.seeded import END_MS, report, said
from ui import exports


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_text_that_could_start_a_formula_is_escaped_and_negative_numbers_are_not() -> None:
    table = pa.table({"=name": ["=1+1", "+1", "-1", "@x", "\tx", 'a,"b"', "1=1"], "n": [-1.5, 2, -3, None, 0, 1, 1]})
    rows = list(csv.reader(io.StringIO(exports.encode(table, "csv").decode())))
    assert [r[0] for r in rows] == ["'=name", "'=1+1", "'+1", "'-1", "'@x", "'\tx", 'a,"b"', "1=1"]
    assert [r[1] for r in rows] == ["n", "-1.5", "2", "-3", "", "0", "1", "1"]


def test_analytics_come_back_from_the_file_to_the_bit() -> None:
    r = report("ETHUSDT", "BTCUSDT", Params())
    rows = read(exports.encode(exports.analytics_table(r), "csv").decode())
    assert len(rows) == len(r.open_ms)
    assert rows[-1]["time_utc"] == "2024-07-19 14:59:00.000"
    for name in ("beta", "spread", "z", "z_roll", "corr"):
        column = np.array([float(row[name]) if row[name] else np.nan for row in rows])
        np.testing.assert_array_equal(column, getattr(r, name))


def test_candles_of_both_legs_are_in_one_file_with_their_provenance() -> None:
    legs = [FakeDesk().candles(s, 60) for s in ("ETHUSDT", "BTCUSDT")]
    rows = read(exports.encode(exports.candles_table(legs), "csv").decode())
    assert [r["symbol"] for r in rows] == ["ETHUSDT"] * 120 + ["BTCUSDT"] * 120
    assert [float(r["close"]) for r in rows[:120]] == legs[0].close.tolist()
    assert {r["provenance"] for r in rows} == {"trades", "kline"}


def test_no_candles_make_a_file_with_a_header() -> None:
    text = exports.encode(exports.candles_table([Candles.empty("ETHUSDT", 60)]), "csv").decode()
    assert text.replace('"', "") == "time_utc,open_ms,symbol,open,high,low,close,volume,trade_count,provenance\n"


def test_trades_keep_their_ids() -> None:
    one = np.array([7], np.int64)
    ticks = Ticks("ETHUSDT", one, one, np.array([END_MS]), np.array([3425.01]), np.array([0.002]), np.array([True]))
    (row,) = read(exports.encode(exports.trades_table([ticks]), "csv").decode())
    assert (row["trade_id"], row["price"], row["buyer_is_maker"]) == ("7", "3425.01", "true")


def test_the_journal_is_written_with_every_column() -> None:
    rows = said("wait", "ETHUSDT", "BTCUSDT", Params())
    table = exports.journal_table(rows)
    assert table["verdict"].to_pylist() == [r.verdict for r in rows]
    assert {"eg_pvalue", "kappa_low", "cost_bps", "checks", "note"} <= set(table.column_names)


def test_parquet_holds_the_same_table() -> None:
    table = exports.analytics_table(report("ETHUSDT", "BTCUSDT", Params()))
    back = pq.read_table(pa.BufferReader(exports.encode(table, "parquet")))
    assert back.equals(table)


def test_a_file_name_holds_nothing_a_file_system_minds() -> None:
    assert exports.file_name("candles", ("../A", "B:C"), 60, END_MS) == "pairsight_candles_A-BC_1m_20240719T150000Z.csv"
