"""Files: made when asked for, of the time that was chosen, and kept until something else is chosen."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from analytics.params import Params
from core.types import Candles, DeskStatus, Ticks
from tests.ui.fakes import FakeDesk
from tests.ui.seeded import END_MS
from tests.ui.stage import play, words
from ui import formats
from ui.controls import Controls
from ui.controls.files import FileChoice
from ui.panels import exports
from ui.shape import read

PAIR = ("ETHUSDT", "BTCUSDT")
HOUR_MS = 3_600_000
NOW = END_MS + 4_200


@dataclass
class Asked(FakeDesk):
    """Notes which times were asked for."""

    times: list[tuple[int | None, int | None]] = field(default_factory=list)

    def candles(
        self,
        symbol: str,
        timeframe_s: int,
        limit: int | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
    ) -> Candles:
        self.times.append((from_ms, to_ms))
        return super().candles(symbol, timeframe_s, limit, from_ms, to_ms)

    def trades(self, symbol: str, from_ms: int, to_ms: int, limit: int) -> Ticks:
        self.times.append((from_ms, to_ms))
        return super().trades(symbol, from_ms, to_ms, limit)


@dataclass
class Unheard(FakeDesk):
    """Stored candles, and no trade yet that tells the exchange's time."""

    def status(self) -> DeskStatus:
        status = super().status()
        return replace(status, trades=replace(status.trades, watermark_ms=0, streams=()))


def enabled(app: AppTest) -> set[str]:
    """The downloads that can be clicked."""
    buttons = [b.proto for b in app.get("download_button") if not isinstance(b, Block)]
    assert len(buttons) == 4
    return {b.label.split(",")[0] for b in buttons if not b.disabled}


def test_before_the_first_trade_files_end_with_what_is_stored() -> None:
    app = play(Unheard("wait"))
    assert f"to {formats.stamp(END_MS)} UTC" in words(app)
    assert enabled(app) == {"Candles", "Analytics", "Journal"}


def test_the_page_is_drawn_anew_once_the_exchange_is_heard() -> None:
    shapes = [read(desk, Controls("ETHUSDT", "BTCUSDT", Params(), ""), 1)[0] for desk in (Unheard(), FakeDesk())]
    assert shapes[0] != shapes[1]


def test_every_file_is_of_the_chosen_time_and_named_by_its_end() -> None:
    desk = Asked("tradable")
    made = exports.make(desk, PAIR, Params(), FileChoice("csv", span_s=3600), NOW)
    assert set(desk.times) == {(NOW - HOUR_MS, NOW)}
    assert {f.name for f in made.files} == {
        f"pairsight_{what}_ETHUSDT-BTCUSDT_1m_20240719T150004Z.csv"
        for what in ("candles", "analytics", "journal", "trades")
    }


def test_analytics_and_journal_hold_the_rows_of_that_time_and_no_others() -> None:
    made = exports.make(FakeDesk("tradable"), PAIR, Params(), FileChoice("csv", span_s=3600), NOW)
    files = {f.what: f for f in made.files}
    opens = [int(row["open_ms"]) for row in csv.DictReader(io.StringIO(files["analytics"].data.decode()))]
    assert opens[0] >= NOW - HOUR_MS
    assert opens[-1] == END_MS - 60_000
    assert files["analytics"].rows == len(opens) == 59
    looks = [int(row["candle_ms"]) for row in csv.DictReader(io.StringIO(files["journal"].data.decode()))]
    assert looks == sorted(looks)
    assert looks[0] >= NOW - HOUR_MS


def test_the_analytics_of_a_range_are_those_of_the_screen_to_the_bit() -> None:
    desk = FakeDesk("tradable")
    made = exports.make(desk, PAIR, Params(), FileChoice("parquet", span_s=3600), NOW)
    table = pq.read_table(pa.BufferReader(made.files[1].data))
    shown = desk.look(*PAIR, Params()).report
    assert table["z"].to_pylist() == shown.z[-59:].tolist()


def test_between_two_moments_is_between_them_whatever_the_clock_says() -> None:
    desk = Asked("wait")
    exports.make(desk, PAIR, Params(), FileChoice("csv", from_ms=END_MS - HOUR_MS, to_ms=END_MS), NOW)
    assert set(desk.times) == {(END_MS - HOUR_MS, END_MS)}


@pytest.mark.parametrize(("stored", "cut"), [(5, ()), (6, ("candles 5 a leg", "journal 5 looks", "trades 5 a leg"))])
def test_only_the_newest_is_said_where_rows_are_left_out_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, stored: int, cut: tuple[str, ...]
) -> None:
    class Stored(FakeDesk):
        def trades(self, symbol: str, from_ms: int, to_ms: int, limit: int) -> Ticks:
            ids, one = np.arange(stored), np.ones(stored)
            return Ticks(symbol, ids, ids, END_MS - stored + ids, one, one, one > 0).take(slice(-limit, None))

    for limit in ("CANDLES", "LOOKS", "TRADES"):
        monkeypatch.setattr(exports, limit, 5)
    choice = FileChoice("csv", from_ms=END_MS - stored * 60_000, to_ms=END_MS)
    made = exports.make(Stored("wait"), PAIR, Params(), choice, NOW)
    assert made.cut == cut
    assert {f.what: f.rows for f in made.files} == {"candles": 10, "analytics": stored, "journal": 5, "trades": 10}
    assert ("Only the newest: " in exports.note(made)) is bool(cut)


def test_a_time_that_runs_backwards_is_refused_with_a_sentence() -> None:
    assert FileChoice("csv", from_ms=2, to_ms=1).problem
    assert not FileChoice("csv", from_ms=1, to_ms=2).problem
    assert not FileChoice("csv", span_s=60).problem


def test_what_is_quickly_made_is_there_at_once_and_trades_when_asked_for() -> None:
    class Busy(FakeDesk):
        def trades(self, symbol: str, from_ms: int, to_ms: int, limit: int) -> Ticks:
            self.calls.append("trades")
            one = np.array([7], np.int64)
            return Ticks(symbol, one, one, np.array([END_MS]), np.array([1.0]), np.array([1.0]), np.array([True]))

    desk = Busy("wait")
    app = play(desk)
    assert enabled(app) == {"Candles", "Analytics", "Journal"}
    assert "trades" not in desk.calls
    assert "Rows: candles 2,800" in words(app)
    app.button(key="file_make").click().run()
    assert not app.exception
    assert enabled(app) == {"Candles", "Analytics", "Journal", "Trades"}
    app.toggle(key="paused").set_value(True).run()
    assert enabled(app) == {"Candles", "Analytics", "Journal", "Trades"}  # what was made stays
    assert desk.calls.count("trades") == 2


def test_what_takes_long_is_made_only_when_asked_for() -> None:
    app = play(FakeDesk("wait"), tf="1s")
    assert not enabled(app)
    assert "Nothing is made yet" in words(app)


@pytest.mark.parametrize(("key", "value"), [("file_span", "7 days"), ("y", "SOLUSDT")])
def test_another_choice_takes_the_files_of_the_last_one_away(key: str, value: str) -> None:
    app = play(FakeDesk("wait"))
    app.button(key="file_make").click().run()
    assert "Trades take longer" not in words(app)
    app.selectbox(key=key).select(value).run()
    assert "Trades take longer" in words(app) or not enabled(app)
