"""The engine where something goes wrong: a store without room or that cannot write, repairs, pairs that fail."""

from __future__ import annotations

import threading

import pytest

from core.errors import NotEnoughData
from desk import engine as module
from desk import outbox
from desk.engine import Engine
from desk.owed import MEND_S
from desk.watch import Key
from tests.desk.market import FRESH, Market


@pytest.fixture
def market() -> Market:
    return Market()


def heard_by(market: Market) -> list[tuple[str, int]]:
    heard: list[tuple[str, int]] = []
    market.engine.tell(lambda key, row: heard.append((key.pair, row.candle_ms)))
    return heard


# A journal without room


def test_what_the_journal_has_no_room_for_waits_and_nobody_hears_of_it(
    market: Market, caplog: pytest.LogCaptureFixture
) -> None:
    keys, heard = market.watch(3), heard_by(market)
    market.engine.turn()
    market.full = True
    for _ in range(4):
        market.upto += 2
        market.engine.turn()
    assert len(market.rows) == len(heard) == 3
    assert market.engine.status().owed > 0
    assert [r.message for r in caplog.records] == [
        "the store has no room for looks: 6 wait, and no more are said",
        "the engine is behind: 6 looks owed for 3 pairs",
    ]
    market.full = False
    market.rounds_until_caught_up()
    for key in keys:
        assert market.said(key) == market.opens[199 : market.upto].tolist()
    assert heard == [(row.pair, row.candle_ms) for row in market.rows]


def test_what_waits_for_room_is_little_however_much_is_owed(market: Market) -> None:
    market.watch(10)
    market.engine.turn()
    market.full = True
    market.upto += 500
    for _ in range(5):
        market.engine.turn()
    assert market.engine.status().owed > 10 * 500 - module.LOT - module.TURN_LOOKS


# A store that cannot write


def test_nothing_is_said_while_what_was_confirmed_cannot_be_written(market: Market) -> None:
    (key,) = market.watch(1)
    market.engine.turn()
    market.settles = False
    market.upto += 3
    market.engine.turn()
    assert (len(market.rows), market.engine.status().owed) == (1, 3)
    assert market.engine.status().at_ms == int(market.now_s * 1000)
    market.settles = True
    market.rounds_until_caught_up()
    assert market.said(key) == market.opens[199:203].tolist()


def test_a_screen_waits_little_and_without_the_lock_and_is_drawn_anew_once_the_store_writes(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    (key,) = market.watch(1)
    market.engine.look(key, FRESH)
    locked: list[bool] = []

    def settle(timeout_s: float) -> bool:
        locked.append(market.engine._watches.of(key).lock.locked())
        market.waited.append(timeout_s)
        return market.settles

    monkeypatch.setattr(market, "settle", settle)
    market.settles, market.waited = False, []
    market.upto += 1
    queued, market.hidden = int(market.opens[200]), {"A": {int(market.opens[200])}}
    stale = market.engine.look(key, FRESH).report.newest_ms
    market.settles, market.hidden = True, {}
    assert stale is not None
    assert stale < queued
    assert market.engine.look(key, FRESH).report.newest_ms == queued
    market.engine.look(key, FRESH)
    assert market.waited == [module.SCREEN_SETTLE_S] * 2
    assert locked == [False, False]


# Pairs that fail


def test_a_pair_that_never_gets_a_look_is_named(market: Market, caplog: pytest.LogCaptureFixture) -> None:
    market.watch(2)  # A/B and A/C
    market.broken = {"C"}
    for _ in range(3):
        market.engine.turn()
    assert market.engine.status().failing == ("A/C 1s",)
    assert [r.message for r in caplog.records] == ["a look at A/C failed"]
    market.broken = set()
    market.engine.turn()
    assert market.engine.status().failing == ()


def test_a_pair_whose_data_are_at_fault_does_not_end_the_others_round(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = market.watch(3)
    real = Engine._say

    def say(self: Engine, key: Key, *args: object) -> None:
        if key == keys[2]:  # the first in turn
            raise NotEnoughData(needed=50, got=3)
        real(self, key, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "_say", say)
    market.engine.turn()
    assert sorted(row.pair for row in market.rows) == sorted(key.pair for key in keys[:2])
    assert market.engine.status().failing == (f"{keys[2].pair} 1s",)


def test_a_round_that_never_ends_is_as_old_as_the_start(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    held, free = threading.Event(), threading.Event()

    def settle(timeout_s: float) -> bool:
        held.set()
        return free.wait(10)

    monkeypatch.setattr(market, "settle", settle)
    market.watch(1)
    assert market.engine.status().at_ms == 0
    market.engine.start()
    assert held.wait(10)
    market.now_s += 100
    assert market.engine.status().at_ms == 1_000_000
    market.engine.start()  # it runs: nothing begins anew
    assert market.engine.status().at_ms == 1_000_000
    free.set()
    market.engine.stop()


# Repairs


def test_each_interval_under_repair_is_waited_for_as_long(market: Market) -> None:
    (key,) = market.watch(1)
    market.engine.turn()
    first, second = int(market.opens[200]), int(market.opens[205])
    market.hidden = {"A": {first}}
    market.upto += 2
    market.engine.turn()
    market.now_s += MEND_S - 0.5
    market.hidden = {"A": {second}}  # the first was repaired; this one is missing since a moment ago
    market.upto += 5
    market.engine.turn()
    assert market.said(key) == market.opens[199:205].tolist()
    market.now_s += 1.0
    market.engine.turn()
    assert market.said(key)[-1] < second
    market.now_s += MEND_S
    market.engine.turn()
    assert market.said(key)[-1] == int(market.opens[206])


def test_intervals_that_went_missing_together_are_waited_for_together(market: Market) -> None:
    (key,) = market.watch(1)
    market.engine.turn()
    market.hidden = {"A": {int(market.opens[n]) for n in range(210, 290, 10)}}
    market.upto += 100
    market.engine.turn()
    market.now_s += MEND_S + 0.1
    market.rounds_until_caught_up()
    assert market.said(key)[-1] == int(market.opens[299])


def test_a_repair_notes_every_look_said_since_with_or_without_room(market: Market) -> None:
    keys = market.watch(3)  # A/B, A/C, A/D
    market.engine.turn()
    market.upto = 230
    market.rounds_until_caught_up()
    market.full = True
    market.upto += 1
    market.engine.turn()  # said, and waits for room
    market.engine.repaired("B", 1, int(market.opens[220]))
    market.engine.repaired("B", 1, int(market.opens[210]))
    market.engine.repaired("B", 60, int(market.opens[0]))
    market.engine.turn()
    assert market.notes == []
    market.full = False
    market.engine.turn()
    market.engine.turn()
    assert market.notes == [(keys[0].pair, int(market.opens[210]), int(market.opens[230]))]


def test_a_journal_of_an_earlier_life_is_noted_too(market: Market) -> None:
    market.watch(1)
    market.engine.turn()
    again = Market()
    again.rows = market.rows[:]
    (key,) = again.watch(1)
    again.engine.repaired("A", 1, int(market.opens[150]))
    again.engine.turn()
    assert again.notes == [(key.pair, int(market.opens[150]), int(market.opens[199]))]


def test_a_long_stretch_is_noted_a_little_at_a_time_and_to_its_end_at_a_stop(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "NOTE_BARS", 30)
    (key,) = market.watch(1)
    market.engine.turn()
    market.upto = 300
    market.rounds_until_caught_up()
    market.engine.repaired("A", 1, int(market.opens[210]))
    market.engine.turn()
    first_ms, last_ms = int(market.opens[210]), int(market.opens[299])
    assert market.notes[0] == (key.pair, first_ms, int(market.opens[239]))
    assert market.notes[-1][2] < last_ms
    market.engine.start()
    market.engine.stop()
    assert market.notes[-1][2] == last_ms
    assert [a[2] + 1_000 for a in market.notes[:-1]] == [b[1] for b in market.notes[1:]]


# Records


def test_records_are_taken_again_though_looks_never_leave_the_time(market: Market) -> None:
    keys = market.watch(4)
    market.engine.turn()
    watches = [market.engine._watches.of(key) for key in keys]
    market.revision = 1  # late history, or a repair, of all of them
    market.now_s += module.RECORD_AGAIN_S
    began_s = market.now_s
    while any(watch.record_revision == 0 for watch in watches):
        market.engine.wake()  # candles come without a pause
        market.engine.turn()
        market.now_s += 0.5
        assert market.now_s - began_s < (len(keys) + 1) * module.RENEW_S
    assert market.now_s - began_s > (len(keys) - 2) * module.RENEW_S  # and no more than that
