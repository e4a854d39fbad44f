"""The Data page: health, gaps, minutes, log."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from core.engine import EngineStatus
from core.types import Candles, DeskStatus, FeedStatus, Gap, StreamStatus
from tests.ui.fakes import FakeDesk
from tests.ui.seeded import END_MS
from tests.ui.stage import markup, play, words
from ui.minutes import table
from ui.panels import gaps, health


def bars(*ages_s: float | None) -> tuple[StreamStatus, ...]:
    """Streams of closed bars, so old."""
    return tuple(StreamStatus(f"S{i}USDT", None, END_MS, age, 0.1, "kline_1m") for i, age in enumerate(ages_s))


def test_every_streamed_symbol_has_its_row_and_a_silent_one_is_called_silent() -> None:
    app = play(FakeDesk("no_data"), "data")
    assert not app.exception
    states = dict(re.findall(r'data-key="stream_([A-Z]+)" data-state="(\w+)"', markup(app)))
    assert states == {"BTCUSDT": "passed", "ETHUSDT": "failed", "BNBUSDT": "passed", "SOLUSDT": "passed"}


def test_gaps_are_listed_with_their_state_and_missing_ids() -> None:
    text = words(play(FakeDesk("wait"), "data"))
    assert "repaired" in text
    assert "lost" in text
    assert re.search(r"\b41\b", text)


def test_records_that_are_no_trades_are_counted_by_reason() -> None:
    assert "not taken: not a trade 189" in words(play(FakeDesk("wait"), "data"))


def test_looks_that_fall_behind_are_called_that() -> None:
    desk = FakeDesk("wait")
    seen = desk.status()
    desk.status = lambda: replace(seen, engine=EngineStatus(200, 412, True, 1.7, END_MS))  # type: ignore[method-assign]
    text = words(play(desk, "data"))
    assert "412 owed" in text
    assert "200 pairs watched, the newest round took 1.70 s" in text
    assert "the machine is too slow" in text


def test_pairs_whose_looks_fail_are_named() -> None:
    desk = FakeDesk("wait")
    engine = EngineStatus(3, 0, False, 0.1, END_MS, ("ETHUSDT/BTCUSDT 1m",))
    seen = replace(desk.status(), engine=engine)
    desk.status = lambda: seen  # type: ignore[method-assign]
    assert "No look can be made at ETHUSDT/BTCUSDT 1m; the log says why." in words(play(desk, "data"))


def test_a_desk_without_anything_is_drawn_too() -> None:
    for scenario in ("unreachable", "stopped", "empty"):
        app = play(FakeDesk(scenario), "data")
        assert not app.exception
        assert not app.dataframe
        assert "No minute of ETHUSDT has been confirmed yet." in words(app)


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

    page = markup(play(Patient("no_data"), "data"))
    states = dict(re.findall(r'data-key="stream_([A-Z]+)" data-state="(\w+)"', page))
    assert set(states.values()) == {"passed"}


@pytest.mark.parametrize(
    ("feed", "state", "says"),
    [
        (FeedStatus(), "unknown", "closed"),
        (FeedStatus("live", streams=bars(3.0, 41.0)), "passed", "Scanner, 2 symbols"),
        (FeedStatus("live", streams=bars(3.0, 200.0)), "failed", "1 silent"),
        (FeedStatus("live", streams=bars(3.0, None)), "passed", "1 not heard yet"),
        (FeedStatus("waiting", "The line went down.", streams=bars(3.0)), "failed", "The line went down."),
    ],
)
def test_the_scanners_stream_has_its_row_too(feed: FeedStatus, state: str, says: str) -> None:
    class Scanning(FakeDesk):
        def status(self) -> DeskStatus:
            return replace(super().status(), universe=feed)

    app = play(Scanning("wait"), "data")
    assert f'data-key="stream_universe" data-state="{state}"' in markup(app)
    assert says in words(app)


def test_closes_have_the_decimals_of_the_symbols_price_step() -> None:
    app = play(FakeDesk("wait"), "data")
    assert '"format": "%.2f"' in app.dataframe[0].proto.columns.split('"close"')[1].split("}")[0]


def test_what_the_list_of_gaps_leaves_out_is_counted_and_none_that_is_open() -> None:
    repaired = [Gap("ETHUSDT", i, i + 9, END_MS + i, END_MS + i, "repaired") for i in range(60)]
    html = gaps.markup([Gap("ETHUSDT", 1, 3, END_MS - 9, END_MS - 9, "open"), *repaired])
    assert re.findall(r'data-key="gap" data-value="\d+" data-state="(\w+)"', html) == ["open", *["repaired"] * 49]
    assert "The newest 50 of 61, open ones first." in html
    assert "gaps_cut" not in gaps.markup(repaired[:50])


def test_history_of_what_was_never_heard_is_not_called_complete() -> None:
    status = FakeDesk("unreachable").status()
    assert "complete" not in health.streams(status)
    assert "complete" in health.streams(FakeDesk("wait").status())


@pytest.mark.parametrize(("age_s", "state"), [(2.0, "passed"), (60.0, "failed"), (None, "failed")])
def test_an_open_line_that_brings_nothing_is_no_health(age_s: float | None, state: str) -> None:
    feed = FeedStatus("live", streams=bars(age_s), last_frame_age_s=age_s)
    status = replace(FakeDesk("wait").status(), trades=feed, market=replace(feed, streams=()))
    cards = dict(re.findall(r'data-key="card_(trades|market)" data-state="(\w+)"', health.facts(status)))
    assert cards == {"trades": state, "market": state}
