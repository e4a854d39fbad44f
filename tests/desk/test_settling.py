"""Funding of trades on paper: seen as it is settled, else asked for, never taken for zero."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.costs import NEVER_H
from core.errors import BadRequest, Unreachable
from core.types import MarkPrice
from tests.analytics.looks import MINUTE_MS, START_MS, look
from tests.analytics.pairs import candles
from tests.desk.scoring import World

H8 = 8 * 3_600_000


def test_funding_is_charged_as_it_is_seen_to_be_settled() -> None:
    world = World()
    world.say(look(0, 2.5, 100.0, 50.0, "TRADABLE"))
    world.say(look(1, 2.0, 100.0, 50.0))
    world.record.turn()
    assert (world.one.hours_y, world.one.hours_x) == (8, 4)
    for settle_ms, symbols in ((START_MS + H8 // 2, ("XUSDT",)), (START_MS + H8, ("YUSDT", "XUSDT"))):
        for symbol in symbols:
            world.marks[symbol] = MarkPrice(symbol, settle_ms - 1_000, 100.0, 100.0, 0.0001, settle_ms)
        world.now_ms = settle_ms - 1_000
        world.record.turn()
        for symbol in symbols:
            world.marks[symbol] = MarkPrice(symbol, settle_ms + 500, 100.0, 100.0, 0.5, settle_ms + H8 // 2)
        world.now_ms = settle_ms + 20_000
        world.record.turn()
    # Y short 50 × 100 × 0.0001 = 0.50 received; X long 100 × 100 × 0.0001 = 1.00 paid, twice.
    assert world.one.funding == pytest.approx(-0.5 + 2.0)
    assert world.one.funding_unknown == 0
    assert len(world.shelf.settled) == 3


def test_what_was_charged_stays_while_no_exchange_time_is_known_after_a_restart() -> None:
    world = World()
    for row in (look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(1, 2.0, 100.0, 50.0)):
        world.say(row)
    world.record.turn()
    for ms, next_ms in ((START_MS + H8 - 1_000, START_MS + H8), (START_MS + H8 + 20_000, START_MS + 2 * H8)):
        world.marks["YUSDT"] = MarkPrice("YUSDT", ms, 100.0, 100.0, 0.0001, next_ms)
        world.now_ms = ms
        world.record.turn()
    before = world.one
    assert before.funding == pytest.approx(-0.5)
    assert before.funding_unknown == 2  # X at 04:00 and 08:00
    world.begin()
    world.now_ms = 0  # the first trade has not come yet
    world.record.turn()
    assert world.one is before


def test_a_settlement_slept_through_is_unknown_until_the_exchange_says_it() -> None:
    told: dict[str, list[tuple[int, float]]] = {}

    def ask(symbol: str, from_ms: int, to_ms: int) -> list[tuple[int, float]]:
        if symbol not in told:
            raise Unreachable("no answer")
        return told[symbol]

    world = World(ask=ask)
    world.shelf.bars = {
        s: candles(s, np.full(2, p), open_ms=START_MS + MINUTE_MS * np.array([239, 479]))
        for s, p in (("YUSDT", 100.0), ("XUSDT", 50.0))
    }
    world.say(look(0, 2.5, 100.0, 50.0, "TRADABLE"))
    world.record.turn()
    world.begin()
    for minute, z in ((1, 2.0), (480, -0.1), (481, 0.0)):
        world.say(look(minute, z, 100.0, 50.0), heard=False)
    world.record.turn()
    assert world.one.state == "closed"
    assert world.one.funding_unknown == 3  # Y at 08:00, X at 04:00 and 08:00
    told = {"YUSDT": [(START_MS + H8, 0.0001)], "XUSDT": [(START_MS + H8 // 2, 0.0002), (START_MS + H8, 0.0)]}
    world.record.turn()
    assert world.one.funding_unknown == 3  # asked a moment ago
    world.clock_s += 61.0
    world.record.turn()
    assert world.one.funding_unknown == 0
    assert world.one.funding == pytest.approx(-50 * 100 * 0.0001 + 100 * 50 * 0.0002)


def test_a_symbol_listed_no_more_keeps_nobody_elses_funding_from_being_asked() -> None:
    asked: list[str] = []

    def ask(symbol: str, from_ms: int, to_ms: int) -> list[tuple[int, float]]:
        asked.append(symbol)
        if symbol == "XUSDT":
            raise BadRequest("Invalid symbol.")
        return [(START_MS + H8, 0.0001)]

    world = World(ask=ask)
    world.shelf.bars = {"YUSDT": candles("YUSDT", np.full(1, 100.0), open_ms=START_MS + MINUTE_MS * np.array([479]))}
    world.say(look(0, 2.5, 100.0, 50.0, "TRADABLE"))
    world.record.turn()
    world.begin()
    for minute, z in ((1, 2.0), (480, -0.1), (481, 0.0)):
        world.say(look(minute, z, 100.0, 50.0), heard=False)
    world.record.turn()
    world.clock_s += 61.0
    world.record.turn()
    assert asked[:2] == ["XUSDT", "YUSDT"]
    assert world.one.funding_unknown == 2  # X's alone


def test_a_delivery_leg_is_known_to_be_funded_never_also_after_a_restart() -> None:
    world = World(ask=lambda symbol, from_ms, to_ms: [], hours={"YUSDT": NEVER_H, "XUSDT": NEVER_H})
    world.say(look(0, 2.5, 100.0, 50.0, "TRADABLE"))
    world.say(look(1, 2.0, 100.0, 50.0))
    world.record.turn()
    world.begin()
    world.now_ms = START_MS + 480 * MINUTE_MS
    for minute, z in ((480, -0.1), (481, 0.0)):
        world.say(look(minute, z, 100.0, 50.0))
    world.clock_s += 61.0
    world.record.turn()
    assert (world.one.state, world.one.funding, world.one.funding_unknown) == ("closed", 0.0, 0)


def test_hours_that_are_not_listed_yet_are_not_taken_for_eight() -> None:
    world = World(hours=None)
    for row in (look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(1, 2.0, 100.0, 50.0)):
        world.say(row)
    world.record.turn()
    world.now_ms = START_MS + H8 // 2 + 20_000  # X was settled meanwhile: nobody knows that it was, or was not
    world.record.turn()
    assert (world.one.hours_y, world.one.hours_x) == (0, 0)
    assert world.one.funding_unknown > 0
    world.hours = {"XUSDT": 4}
    world.record.turn()
    assert (world.one.hours_y, world.one.hours_x) == (8, 4)
    assert world.one.funding_unknown == 1  # X at 04:00


def test_of_a_trade_that_closed_before_hours_were_listed_funding_is_completed_too() -> None:
    world = World(hours=None)
    for row in (look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(1, 2.0, 100.0, 50.0), look(61, -0.1, 100.0, 50.0)):
        world.say(row)
    world.say(look(62, 0.0, 100.0, 50.0))
    world.record.turn()
    assert world.one.state == "closed"
    assert world.one.funding_unknown == 2  # each leg at 01:00, for all that is known
    world.begin()  # and by the next process
    world.hours = {"XUSDT": 4}
    world.record.turn()
    assert world.one.funding_unknown == 0


def test_where_hours_changed_the_exchanges_own_settlements_count() -> None:
    # Y is taken to settle every 8 h, and now does every 4; X every 4, and now does every 8.
    told = {"YUSDT": [(START_MS + H8 // 2, 0.0001), (START_MS + H8, 0.0002)], "XUSDT": [(START_MS + H8, 0.0003)]}
    world = World(ask=lambda symbol, from_ms, to_ms: told[symbol])
    world.shelf.bars = {
        s: candles(s, np.full(2, p), open_ms=START_MS + MINUTE_MS * np.array([239, 479]))
        for s, p in (("YUSDT", 100.0), ("XUSDT", 50.0))
    }
    for row in (look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(1, 2.0, 100.0, 50.0)):
        world.say(row)
    world.record.turn()
    assert world.one.state == "open"
    world.begin()
    world.now_ms = START_MS + H8 + 20_000
    for _ in range(2):
        world.record.turn()
        world.clock_s += 61.0
    # Y short 50: 100 × (0.0001 + 0.0002) × 50 = 1.50 received; X long 100: 50 × 0.0003 × 100 = 1.50 paid, once.
    assert world.one.funding == pytest.approx(-1.5 + 1.5)
    assert world.one.funding_unknown == 0
    assert world.shelf.settled["XUSDT", START_MS + H8 // 2].rate == 0.0
    assert len(world.shelf.settled) == 4
