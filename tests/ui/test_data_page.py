"""The Data page: health, gaps, minutes, log."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from core.types import Candles, DeskStatus
from tests.ui.fakes import END_MS, FakeDesk
from tests.ui.stage import markup, play, words
from ui.minutes import table


def test_every_streamed_symbol_has_its_row_and_a_silent_one_is_called_silent() -> None:
    app = play(FakeDesk("no_data"), "data")
    assert not app.exception
    states = dict(re.findall(r'data-key="stream_(\w+)" data-state="(\w+)"', markup(app)))
    assert states == {"BTCUSDT": "passed", "ETHUSDT": "failed", "BNBUSDT": "passed", "SOLUSDT": "passed"}


def test_gaps_are_listed_with_their_state_and_missing_ids() -> None:
    text = words(play(FakeDesk("wait"), "data"))
    assert "repaired" in text
    assert "lost" in text
    assert re.search(r"\b41\b", text)


def test_records_that_are_no_trades_are_counted_by_reason() -> None:
    assert "not a trade: 189" in words(play(FakeDesk("wait"), "data"))


def test_a_desk_without_anything_is_drawn_too() -> None:
    for scenario in ("unreachable", "stopped", "empty"):
        app = play(FakeDesk(scenario), "data")
        assert not app.exception
        assert len(app.dataframe[0].value) == 0


def test_the_minutes_are_newest_first_and_returns_are_per_minute() -> None:
    minute = 60_000
    at = np.array([END_MS - 4 * minute, END_MS - 3 * minute, END_MS - minute])
    close = np.array([100.0, 101.0, 102.0])
    ones = np.ones(3, np.int64)
    candles = Candles("ETHUSDT", 60, at, close, close, close, close, close, ones, np.array(["trades"] * 3))
    frame = table(candles)
    assert frame["close"].tolist() == [102.0, 101.0, 100.0]
    assert np.isnan(frame["return_bps"][0])  # a minute is missing before it
    assert frame["return_bps"][1] == 1e4 * np.log(1.01)
    assert np.isnan(frame["return_bps"][2])  # what came before the first is not known


def test_a_stream_is_called_silent_after_the_time_of_the_settings() -> None:
    class Patient(FakeDesk):
        def status(self) -> DeskStatus:
            return replace(super().status(), stale_after_s=60.0)

    states = dict(re.findall(r'data-key="stream_(\w+)" data-state="(\w+)"', markup(play(Patient("no_data"), "data"))))
    assert set(states.values()) == {"passed"}
