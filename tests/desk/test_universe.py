"""The market that is scanned: which symbols, their minutes, one scan a minute; nothing while nobody asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analytics.market import MarketRule
from core.errors import Unreachable
from core.settings import Settings
from core.types import WatchedPair
from desk.closes import STEP_MS, Closes
from desk.desk import Desk
from desk.scan import liquid
from desk.universe import UNSEEN_S, choose
from desk.warmup import PAGE_WEIGHT
from simulator.limits import Limits
from simulator.market import MarketPlan
from simulator.running import SimulatedExchange
from simulator.universe import listings
from tests.desk.scanned import NOW_MS, RULE, Stage, candles, info, ticker

# Which symbols


def test_the_market_is_what_trades_now_in_usdt_by_volume() -> None:
    catalogue = {
        one.symbol: one
        for one in (
            info("AUSDT"), info("BUSDT"), info("CUSDT"), info("DUSDT"), info("XAUUSDT", kind="TRADIFI_PERPETUAL"),
            info("EUSDC", quote="USDC"), info("FUSDT", status="SETTLING"), info("GUSDT_261225", kind="CURRENT_QUARTER"),
        )
    }  # fmt: skip
    tickers = [ticker(s, v) for v, s in enumerate(["CUSDT", "AUSDT", "DUSDT", "BUSDT", *catalogue, "UNLISTEDUSDT"])]
    tickers = [t for n, t in enumerate(tickers) if n < 4 or t.symbol not in {"AUSDT", "BUSDT", "CUSDT", "DUSDT"}]
    found = choose(catalogue, tickers, RULE, NOW_MS)
    assert found.symbols == ("BUSDT", "DUSDT", "AUSDT")
    assert found.day_volume == {"BUSDT": 3, "DUSDT": 2, "AUSDT": 1}
    assert choose(catalogue, tickers, replace(RULE, min_day_volume=2), NOW_MS).symbols == ("BUSDT", "DUSDT")
    assert choose(catalogue, tickers, replace(RULE, closing_markets=True), NOW_MS).symbols[0] == "XAUUSDT"


def test_a_symbol_listed_for_less_than_the_window_is_left_out_by_name_and_the_next_takes_its_place() -> None:
    catalogue = {
        one.symbol: one for one in (info("NEWUSDT", age=49), info("AUSDT", age=50), info("BUSDT"), info("CUSDT"))
    }
    tickers = [ticker(s, v) for v, s in enumerate(["CUSDT", "BUSDT", "AUSDT", "NEWUSDT"])]
    found = choose(catalogue, tickers, RULE, NOW_MS)
    assert found.symbols == ("AUSDT", "BUSDT", "CUSDT")
    assert [(one.symbol, "49 minutes, 50" in one.reason) for one in found.left_out] == [("NEWUSDT", True)]


def test_a_symbol_that_turns_over_too_little_in_its_median_minute_is_left_out_by_name() -> None:
    closes = Closes(bars=4)
    closes.keep(["AUSDT", "BUSDT"])
    closes.add(candles("AUSDT", range(4), 10.0, volume=5.0))
    closes.add(candles("BUSDT", [3], 10.0, volume=5_000.0))
    window = closes.window()
    assert window is not None
    kept, thin = liquid(window, 50.0, loading=())
    assert kept.tolist() == [True, False]
    assert [(one.symbol, one.reason[:9]) for one in thin] == [("BUSDT", "too thin:")]
    kept, waiting = liquid(window, 50.0, loading={"AUSDT", "BUSDT"})
    assert kept.tolist() == [True, False]  # minutes still to come can only add to what A turned over
    assert [(one.symbol, one.reason) for one in waiting] == [("BUSDT", "history still loading")]


# Their minutes on one axis


def test_minutes_stand_under_each_other_and_a_missing_one_is_unknown() -> None:
    closes = Closes(bars=4)
    assert closes.keep(["AUSDT", "BUSDT"]) == ["AUSDT", "BUSDT"]
    closes.add(candles("AUSDT", [0, 1, 2, 3], np.array([1.0, 2.0, 3.0, 4.0])))
    closes.add(candles("BUSDT", [1, 3], np.array([5.0, 6.0])))
    closes.add(candles("ELSEUSDT", [9]))
    window = closes.window()
    assert window is not None
    np.testing.assert_array_equal(window.closes, [[1, 2, 3, 4], [np.nan, 5, np.nan, 6]])
    np.testing.assert_array_equal(window.turnover, [[2, 4, 6, 8], [0, 10, 0, 12]])
    assert window.newest_ms == NOW_MS + 3 * STEP_MS


def test_a_minute_counts_once_most_have_it_and_the_window_moves_on() -> None:
    closes = Closes(bars=3)
    closes.keep(["AUSDT", "BUSDT", "CUSDT"])
    for symbol in ("AUSDT", "BUSDT", "CUSDT"):
        closes.add(candles(symbol, range(3)))
    closes.add(candles("AUSDT", [3]))
    before = closes.window()
    closes.add(candles("BUSDT", [3]))
    after = closes.window()
    assert before is not None
    assert after is not None
    assert before.newest_ms == NOW_MS + 2 * STEP_MS
    assert after.newest_ms == NOW_MS + 3 * STEP_MS
    assert np.isnan(after.closes).sum() == 1


def test_older_pages_and_minutes_beyond_the_window_find_their_place_or_none() -> None:
    closes = Closes(bars=3)
    closes.keep(["AUSDT"])
    closes.add(candles("AUSDT", [2]))
    closes.add(candles("AUSDT", [-50, 0, 1]))
    closes.add(candles("AUSDT", [500]))
    closes.add(candles("AUSDT", [499, 498]))
    window = closes.window()
    assert window is not None
    assert not np.isnan(window.closes).any()
    assert window.newest_ms == NOW_MS + 500 * STEP_MS


def test_a_symbol_that_stays_keeps_what_is_known_of_it() -> None:
    closes = Closes(bars=2)
    closes.keep(["AUSDT", "BUSDT"])
    closes.add(candles("BUSDT", [0, 1], 7.0))
    assert closes.keep(["CUSDT", "BUSDT"]) == ["CUSDT"]
    window = closes.window()
    assert window is not None
    np.testing.assert_array_equal(window.closes, [[np.nan, np.nan], [7, 7]])


# From the stream and from REST, by hand


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.universe.stop()


def test_nothing_is_asked_of_the_exchange_until_somebody_wants_a_scan(stage: Stage) -> None:
    stage.turn()
    assert stage.rest.asked == []
    assert not stage.stream.running
    assert stage.universe.view().stage == "off"


def test_history_is_fetched_once_and_then_the_stream_is_enough(stage: Stage) -> None:
    stage.universe.want(RULE)
    assert stage.universe.view().stage == "choosing"
    stage.turn()
    assert stage.stream.names == {"AUSDT", "BUSDT", "CUSDT"}
    assert [asked for asked in stage.rest.asked if "USDT" in asked] == ["AUSDT 50", "BUSDT 50", "CUSDT 50"]
    assert (stage.universe.view().stage, stage.universe.view().loaded) == ("live", 1.0)
    for symbol in stage.stream.names:
        stage.push(symbol, -1)  # the first bar: what lies before it is looked at once more
    stage.turn()
    stage.rest.asked.clear()
    for minute in (0, 1, 2):
        for symbol in sorted(stage.stream.names):
            stage.push(symbol, minute)
    stage.turn()
    assert [asked for asked in stage.rest.asked if "USDT" in asked] == []
    assert stage.store.held["AUSDT"][NOW_MS + 2 * STEP_MS] == 102.0


def test_a_minute_that_the_stream_left_out_is_fetched(stage: Stage) -> None:
    stage.universe.want(RULE)
    stage.turn()
    stage.push("AUSDT", -1)
    stage.turn()
    del stage.store.held["AUSDT"][NOW_MS - 3 * STEP_MS]
    stage.rest.asked.clear()
    stage.push("AUSDT", 2)
    stage.turn()
    assert "AUSDT 1" in stage.rest.asked
    assert NOW_MS - 3 * STEP_MS in stage.store.held["AUSDT"]


def test_a_minute_without_a_trade_is_no_candle_and_is_not_asked_for_again(stage: Stage) -> None:
    stage.universe.want(RULE)
    stage.turn()
    stage.push("AUSDT", -1)
    stage.turn()
    stage.rest.asked.clear()
    stage.push("AUSDT", 0, traded=False)
    stage.push("AUSDT", 1)
    stage.turn()
    assert stage.rest.asked == []
    assert NOW_MS not in stage.store.held["AUSDT"]


def test_what_is_stored_already_is_scanned_without_asking(stage: Stage) -> None:
    for symbol in ("AUSDT", "BUSDT", "CUSDT"):
        stage.store.put_candles(
            candles(symbol, range(-51, 0), 100 + np.random.default_rng(ord(symbol[0])).normal(0, 1, 51))
        )
    stage.universe.want(RULE)
    stage.turn()
    assert [asked for asked in stage.rest.asked if "USDT" in asked] == []
    wait_until(lambda: stage.universe.view().scan is not None)
    scan = stage.universe.view().scan
    assert scan is not None
    assert scan.symbols.tolist() == ["AUSDT", "BUSDT", "CUSDT"]  # by volume
    assert scan.pairs_tested == 3


def test_another_choice_of_symbols_is_chosen_again_and_the_same_one_is_not(stage: Stage) -> None:
    stage.universe.want(RULE)
    stage.turn()
    stage.clock_s = 1.0
    stage.universe.want(replace(RULE, both_directions=True))
    stage.turn()
    assert stage.rest.asked.count("ticker") == 1
    stage.clock_s = 2.0
    stage.universe.want(replace(RULE, most=2))
    stage.turn()
    assert stage.rest.asked.count("ticker") == 2
    assert stage.stream.names == {"AUSDT", "BUSDT"}


def test_the_history_of_a_symbol_that_is_scanned_no_longer_is_not_fetched_any_more(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.rest, "wait_s", lambda weight: float(weight == PAGE_WEIGHT))  # none for history yet
    stage.universe.want(RULE)
    stage.turn()
    stage.clock_s = 1.0
    stage.universe.want(replace(RULE, most=2))
    stage.turn()
    monkeypatch.undo()
    stage.turn()
    assert [asked for asked in stage.rest.asked if "USDT" in asked] == ["AUSDT 50", "BUSDT 50"]


def test_of_two_tabs_the_one_that_changed_its_mind_last_has_its_way_until_it_is_closed(stage: Stage) -> None:
    other = replace(RULE, most=2)
    for second in range(20):
        stage.clock_s = float(second)
        stage.universe.want(RULE)
        if 3 <= second <= 9:
            stage.universe.want(other)
        stage.turn()
        assert stage.universe.view().rule == (other if 3 <= second <= 14 else RULE)
    assert stage.rest.asked.count("ticker") == 3


def test_an_exchange_that_does_not_answer_is_a_sentence_and_is_asked_again(stage: Stage) -> None:
    stage.universe.want(RULE)
    stage.rest.refuses = True
    with pytest.raises(Unreachable):
        stage.turn()
    assert stage.universe.view().problem == "The exchange did not answer in time."
    stage.rest.refuses = False
    stage.turn()
    assert (stage.universe.view().problem, stage.universe.view().stage) == ("", "live")


def test_no_symbol_is_called_thin_before_its_history_is_there(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def reasons(minute: int) -> dict[str, str]:
        before = stage.universe.view().number
        for symbol in sorted(stage.stream.names):
            stage.push(symbol, minute)
        wait_until(lambda: stage.universe.view().number > before)
        return {one.symbol: one.reason for one in stage.universe.view().left_out}

    monkeypatch.setattr(stage.rest, "wait_s", lambda weight: float(weight == PAGE_WEIGHT))  # none for history yet
    stage.universe.want(replace(RULE, min_minute_volume=50.0))
    stage.turn()
    assert reasons(0) == dict.fromkeys(("AUSDT", "BUSDT", "CUSDT"), "history still loading")
    monkeypatch.undo()
    stage.turn()
    assert reasons(1) == {}
    stage.clock_s = 1.0
    stage.universe.want(replace(RULE, min_minute_volume=1e6))
    assert [reason[:9] for reason in reasons(2).values()] == ["too thin:"] * 3


def test_a_choice_on_its_way_while_the_desk_stops_brings_nothing_to_life_until_the_next_start(stage: Stage) -> None:
    stage.universe.want(RULE)
    stage.rest.meanwhile = stage.universe.stop
    stage.turn()
    assert not stage.stream.running
    assert "scanner" not in {thread.name for thread in threading.enumerate()}
    stage.rest.meanwhile = lambda: None
    stage.turn()
    assert stage.stream.running
    assert stage.universe.view().stage == "live"


def test_a_scan_is_live_only_with_its_symbols_chosen_and_its_stream_live(stage: Stage) -> None:
    stage.universe.want(RULE)
    stage.turn()
    stage.stream.state = "waiting"
    assert stage.universe.view().stage == "loading"
    stage.stream.state = "live"
    assert stage.universe.view().stage == "live"
    stage.clock_s = UNSEEN_S + 1
    stage.turn()
    stage.universe.want(RULE)
    assert stage.universe.view().stage == "choosing"
    stage.turn()
    assert stage.universe.view().stage == "live"
    stage.clock_s += 1
    stage.universe.want(replace(RULE, most=2))
    assert stage.universe.view().stage == "choosing"


def test_the_volumes_are_not_waited_for_where_the_budget_has_no_room(stage: Stage) -> None:
    stage.universe.want(RULE)
    stage.rest.waits_s = 20.0
    stage.turn()
    assert stage.rest.asked == []
    stage.rest.waits_s = 0.0
    stage.turn()
    assert "ticker" in stage.rest.asked


def test_a_market_nobody_looks_at_is_let_go_and_comes_back_with_the_next_look(stage: Stage) -> None:
    stage.universe.want(RULE)
    stage.turn()
    stage.clock_s = UNSEEN_S + 1
    stage.turn()
    assert not stage.stream.running
    assert stage.universe.view().stage == "off"
    stage.universe.want(RULE)
    stage.turn()
    assert stage.stream.running
    assert stage.universe.view().stage == "live"


# The watch-list


def test_the_watch_list_survives_a_restart(tmp_path: Path) -> None:
    settings = Settings(ws_url="ws://127.0.0.1:9", rest_url="http://127.0.0.1:9", db=tmp_path / "w.db")
    desk = Desk(settings)
    desk.watch_pair(WatchedPair("ETHUSDT", "BTCUSDT"), True)
    desk.watch_pair(WatchedPair("币安人生USDT", "BTCUSDT"), True)
    desk.watch_pair(WatchedPair("ETHUSDT", "BTCUSDT"), True)
    desk.watch_pair(WatchedPair("SOLUSDT", "BTCUSDT"), True)
    desk.watch_pair(WatchedPair("SOLUSDT", "BTCUSDT"), False)
    desk.close()
    again = Desk(settings)
    assert again.market(RULE).pairs == (("ETHUSDT", "BTCUSDT"), ("币安人生USDT", "BTCUSDT"))
    looker = Desk(settings)
    assert looker.market(RULE).pairs == again.market(RULE).pairs
    assert "Another Pairsight" in looker.market(RULE).problem
    looker.close()
    again.close()


# The whole desk, over real sockets, thirty times as fast as time

SPEED = 30
COUNT = 30


def wait_until(true: Callable[[], bool], timeout_s: float = 180.0) -> None:
    """Poll until it holds: a desk has no event for everything a test may wait for."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "did not come true"
        time.sleep(0.05)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    plan = MarketPlan(seed=3, rate=60.0, listings=listings(COUNT))
    limits = Limits(weight_per_minute=100_000)
    with SimulatedExchange.making(plan, start_ms=NOW_MS, speed=SPEED, limits=limits) as exchange:
        desk = Desk(
            Settings(
                ws_url=exchange.ws_url, rest_url=exchange.rest_url, db=tmp_path / "u.db", symbols=("BTCUSDT", "ETHUSDT")
            )
        )
        desk.start()
        yield desk
        desk.close()


def test_a_whole_market_is_scanned_minute_by_minute_and_every_minute_is_stored(desk: Desk) -> None:
    rule = MarketRule(fit_bars=100)
    wait_until(lambda: (view := desk.market(rule)).scan is not None and view.loaded == 1.0)
    first = desk.market(rule)
    assert len(first.symbols) == COUNT
    wait_until(lambda: (desk.market(rule).candle_ms or 0) >= (first.candle_ms or 0) + 5 * STEP_MS)
    view = desk.market(rule)
    assert view.scan is not None
    assert len(view.scan.symbols) + len(view.scan.left_out) == COUNT
    assert view.number > first.number
    assert view.problem == ""
    end_ms = (view.candle_ms or 0) + STEP_MS
    for symbol in view.symbols[:10]:  # busy enough to trade in each minute
        stored = desk.candles(symbol, 60, to_ms=end_ms)
        assert (np.diff(stored.open_ms) == STEP_MS).all(), symbol
        assert len(stored) >= rule.need_bars
    by_trades = desk.candles("BTCUSDT", 60, from_ms=first.candle_ms, to_ms=end_ms).provenance
    assert "trades" in by_trades  # what the trades made is not replaced by the exchange's bar
    assert set(desk.candles(view.symbols[-1], 60, to_ms=end_ms).provenance) == {"kline"}
    desk.stop()
    assert not {t.name for t in threading.enumerate()} & {"feed-universe", "scanner"}
