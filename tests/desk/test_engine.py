"""The engine alone, over a market kept in memory: every candle of every watched pair is said, once and in order."""

from __future__ import annotations

import logging
import threading

import pytest

from analytics.record import clean_rows, past_excursions, record_of
from core.errors import StoreError
from core.journal import JournalRow
from desk import engine as module
from desk.owed import CATCH_UP, MEND_S
from desk.watch import Key
from tests.desk.market import FRESH, PARAMS, SYMBOLS, Market


@pytest.fixture
def market() -> Market:
    return Market()


def test_each_candle_of_each_pair_is_said_once_and_in_order(market: Market) -> None:
    keys = market.watch(10)
    for more in (1, 1, 3, 0, 60, 1):
        market.upto += more
        market.engine.turn()
    market.rounds_until_caught_up()
    for key in keys:
        assert market.said(key) == market.opens[200 : market.upto].tolist()


def test_listeners_hear_every_look_once_in_the_order_of_the_journal(market: Market) -> None:
    heard: list[tuple[str, int]] = []
    market.engine.tell(lambda key, row: heard.append((key.pair, row.candle_ms)))
    market.watch(6)
    for _ in range(3):
        market.engine.turn()
        market.upto += 2
    market.rounds_until_caught_up()
    assert heard == [(row.pair, row.candle_ms) for row in market.rows]
    assert len(heard) == len(set(heard))


def test_a_start_after_a_stop_that_gave_up_waiting_goes_on_saying_looks(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    (key,) = market.watch(1)
    market.engine.turn()
    held, free, said = threading.Event(), threading.Event(), threading.Event()

    def settle(timeout_s: float) -> bool:  # a disk that takes its time
        held.set()
        return free.wait(10)

    monkeypatch.setattr(market, "settle", settle)
    market.engine.start()
    assert held.wait(10)
    market.engine.stop(timeout_s=0.01)
    market.engine.start()
    market.engine.tell(lambda key, row: said.set())
    free.set()
    market.upto += 1
    market.engine.wake()
    assert said.wait(10)
    market.engine.stop()
    assert market.said(key) == market.opens[199 : market.upto].tolist()


def test_a_listener_that_fails_costs_nobody_a_look(market: Market, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    def fails(key: Key, row: JournalRow) -> None:
        raise ValueError("a mistake")

    market.engine.tell(fails)
    market.engine.tell(lambda key, row: heard.append(key.pair))
    keys = market.watch(3)
    market.engine.turn()
    assert sorted(heard) == sorted(key.pair for key in keys)
    assert len(market.rows) == 3
    assert "a listener failed" in caplog.text


def test_the_pair_on_screen_comes_first_and_again_as_soon_as_it_has_a_new_candle(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOT", 1)
    keys = market.watch(6)
    market.engine.turn()
    market.engine.look(keys[2], FRESH)
    market.upto += 1

    def one_more(key: Key, row: JournalRow) -> None:
        if key == keys[5] and row.candle_ms == market.opens[200]:  # the first of the others
            market.upto += 1
            market.engine.wake()

    market.engine.tell(one_more)
    market.rows.clear()
    market.engine.turn()
    order = [(row.pair, row.candle_ms - int(market.opens[200])) for row in market.rows[:3]]
    assert order == [(keys[2].pair, 0), (keys[5].pair, 0), (keys[2].pair, 1_000)]


def test_one_pairs_trouble_is_told_once_and_silences_no_other(market: Market, caplog: pytest.LogCaptureFixture) -> None:
    keys = market.watch(2)  # A/B and A/C
    market.engine.turn()
    market.broken = {"C"}
    for _ in range(4):
        market.upto += 1
        market.engine.turn()
    assert market.said(keys[0]) == market.opens[199:204].tolist()
    assert market.said(keys[1]) == market.opens[199:200].tolist()
    assert [r.message for r in caplog.records if r.levelno >= logging.ERROR] == ["a look at A/C failed"]
    market.broken = set()
    market.rounds_until_caught_up()
    assert market.said(keys[1]) == market.opens[199:204].tolist()


def test_what_was_said_before_the_store_failed_is_in_the_journal(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOGETHER", 1)
    market.watch(2)
    market.unreadable = {"B"}  # of A/B, the second in turn
    with pytest.raises(StoreError):
        market.engine.turn()
    assert [row.pair for row in market.rows] == ["A/C"]


def test_a_look_waits_for_an_interval_before_it_that_is_being_repaired(market: Market) -> None:
    (key,) = market.watch(1)
    market.engine.turn()
    market.hidden = {"B": {int(market.opens[202])}}
    market.upto += 6
    market.engine.turn()
    assert market.said(key) == market.opens[199:202].tolist()
    market.hidden = {}
    market.engine.turn()
    assert market.said(key) == market.opens[199:206].tolist()


def test_it_does_not_wait_for_ever(market: Market) -> None:
    (key,) = market.watch(1)
    market.engine.turn()
    market.hidden = {"A": {int(market.opens[200])}}
    market.upto += 2
    market.engine.turn()
    assert len(market.said(key)) == 1
    market.now_s += MEND_S + 0.1
    market.engine.turn()
    assert market.said(key) == [int(market.opens[199]), int(market.opens[201])]


def test_a_long_pause_is_made_up_for_and_a_very_long_one_begins_anew(
    market: Market, caplog: pytest.LogCaptureFixture
) -> None:
    (key,) = market.watch(1)
    market.engine.turn()
    market.upto += 1_000  # far more candles than a look reads
    market.rounds_until_caught_up()
    assert market.said(key) == market.opens[199:1200].tolist()
    market.upto = len(market.opens)
    market.rounds_until_caught_up()
    assert market.said(key)[1000:] == market.opens[1199:3000].tolist()
    other = Market(seconds=200 + CATCH_UP + 1)
    (key,) = other.watch(1)
    other.engine.turn()
    other.upto = len(other.opens)
    other.rounds_until_caught_up()
    assert other.said(key) == [int(other.opens[199]), int(other.opens[-1])]
    assert "the journal goes on from the newest" in caplog.text


def test_falling_behind_and_catching_up_are_said(market: Market, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    market.watch(2)
    market.engine.turn()
    assert not market.engine.status().behind
    market.upto += 100
    market.engine.turn()
    status = market.engine.status()
    assert (status.behind, status.watched, status.owed) == (True, 2, 2 * (100 - module.TURN_LOOKS))
    market.rounds_until_caught_up()
    assert not market.engine.status().behind
    said = [record.message for record in caplog.records if "the engine" in record.message]
    assert said == ["the engine is behind: 160 looks owed for 2 pairs", "the engine has caught up"]


def test_pairs_share_what_they_read_when_they_catch_up_too(market: Market) -> None:
    market.watch(10)
    market.engine.turn()
    market.reads, market.upto = 0, market.upto + 7
    market.engine.turn()
    assert len(market.rows) == 80
    assert market.reads == 7 * len(SYMBOLS)


def test_candles_of_one_leg_alone_are_no_looks_owed(market: Market) -> None:
    (key,) = market.watch(1)
    market.engine.turn()
    # Neither is to be repaired: they did not trade.
    market.absent = {"B": set(market.opens[200:205].tolist()), "A": set(market.opens[205:210].tolist())}
    market.upto += 10
    market.engine.turn()
    assert (market.engine.status().owed, market.engine.status().behind) == (0, False)
    market.upto = 211
    market.engine.turn()
    assert market.said(key) == [int(market.opens[199]), int(market.opens[210])]


def test_a_record_taken_while_the_legs_had_no_candle_in_common_grows_with_the_first_one(market: Market) -> None:
    market.upto = 2
    market.absent = {"A": {int(market.opens[0])}, "B": {int(market.opens[1])}}
    (key,) = market.watch(1)
    market.engine.turn()  # each leg has a candle, and there is nothing to look at yet
    for market.upto in range(3, 250):
        market.engine.turn()
    record = market.engine.look(key, FRESH).record
    whole = record_of(market.engine.report_to(key, 250, None)).summary()
    assert whole.excursions > 0
    assert record == whole


def test_a_desk_kept_running_and_one_restarted_say_the_same_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics.record.FINE_RECORD_BARS", 200)
    kept = Market()
    kept.upto = 300
    (key,) = kept.watch(1)
    kept.engine.turn()
    kept.upto = 800
    kept.rounds_until_caught_up()
    again = Market()
    again.rows, again.upto = kept.rows[:], kept.upto
    (key,) = again.watch(1)
    for market in (kept, again):
        market.upto += 1
        market.engine.turn()
    assert kept.said(key) == again.said(key)
    assert len(kept.said(key)) == 502
    all_of_it = kept.engine.report_to(key, 801, None)
    fits, clean = all_of_it.log_fits, clean_rows(all_of_it)
    args = (all_of_it.open_ms, all_of_it.y, all_of_it.x, fits.z, fits.spread, fits.beta, clean, PARAMS)
    record, anew = kept.engine.look(key, FRESH).record, again.engine.look(key, FRESH).record
    assert record is not None
    assert 0 < record.excursions < len(past_excursions(*args)[0]) / 2
    assert record == anew == record_of(all_of_it).summary()


def test_a_journal_goes_on_where_another_process_left_it(market: Market) -> None:
    (key,) = market.watch(1)
    market.engine.turn()
    again = Market()
    again.rows, again.upto = market.rows[:], 230
    (key,) = again.watch(1)
    again.rounds_until_caught_up()
    assert again.said(key) == market.opens[199:230].tolist()
