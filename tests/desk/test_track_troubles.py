"""One trade whose market is gone, one look that cannot be scored: told, counted, and nobody else's business."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

from analytics.paper_account import account
from analytics.report import PairReport
from core.errors import DegenerateData, StoreError
from core.journal import JournalRow
from core.paper import PaperBook
from desk.watch import Key
from tests.analytics.looks import MINUTE_MS, PARAMS, START_MS, look
from tests.analytics.pairs import candles
from tests.desk.scoring import KEY, World

DAY_MS = 86_400_000
OPEN = (look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(1, 2.2, 101.0, 50.1), look(2, 2.9, 104.0, 50.0))


def quiet(world: World, hours: float, exchange_ms: int = 0) -> None:
    """Time passes, and no candle comes."""
    world.record.turn()
    world.clock_s += hours * 3_600
    world.now_ms += exchange_ms or int(hours * 3_600_000)
    world.record.turn()


def opened() -> World:
    world = World()
    for row in OPEN:
        world.say(row)
    world.record.turn()
    assert world.one.state == "open"
    return world


def test_a_trade_whose_symbol_is_listed_no_more_is_closed_at_its_last_price_and_counted() -> None:
    world = opened()
    world.listed = {"XUSDT": True}
    quiet(world, 0.9)
    assert world.one.state == "open"  # its candles may still come
    quiet(world, 0.2)
    assert (world.one.state, world.one.reason, world.one.out_fill) == ("closed", "no market", "candle")
    assert (world.one.out_y, world.one.out_x, world.one.out_ms) == (104.0, 50.0, START_MS + 3 * MINUTE_MS)
    money = account(world.one)
    assert money is not None
    # −50 × 3.00 − 100 × 0.10 = −160; 5 bps of 10,060 + 10,200; 1 bp of the same.
    assert money.net == pytest.approx(-160.0 - 10.13 - 2.026)


def test_a_symbol_that_trades_on_is_waited_for_until_its_limit_and_two_days_more() -> None:
    world = opened()
    quiet(world, 47.0)  # the limit is 40 candles
    assert world.one.state == "open"
    quiet(world, 2.0)
    assert (world.one.state, world.one.reason) == ("closed", "no market")


def test_after_a_long_absence_candles_have_time_to_come_before_a_market_is_called_gone() -> None:
    world = opened()
    world.now_ms += 5 * DAY_MS
    world.begin()
    quiet(world, 0.5)
    assert world.one.state == "open"
    for row in (look(3, -0.1, 99.0, 50.0), look(4, 0.1, 98.0, 50.0)):
        world.say(row, heard=False)
    world.begin()
    world.record.turn()
    assert (world.one.reason, world.one.out_y) == ("zero", 98.0)


def test_while_nothing_is_known_of_the_exchange_no_market_is_gone() -> None:
    world = opened()
    world.listed = None
    quiet(world, 5.0)
    assert world.one.state == "open"
    world.now_ms = 0
    quiet(world, 5.0, exchange_ms=1)
    assert world.one.state == "open"


def test_an_entry_without_a_market_was_never_filled() -> None:
    world = World()
    world.say(OPEN[0])
    world.listed = {}
    quiet(world, 1.1)
    assert (world.one.reason, world.one.dropped) == ("unfilled", True)


def test_a_look_that_cannot_be_scored_costs_nobody_elses_score_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def other(row: JournalRow) -> JournalRow:
        return replace(row, pair="AUSDT/BUSDT")

    world = World()
    poison = replace(OPEN[0], checks="[{}]", verdict="TRADABLE")
    with caplog.at_level(logging.ERROR):
        for row in (poison, other(OPEN[0]), replace(poison, candle_ms=OPEN[1].candle_ms), other(OPEN[1])):
            world.say(row)
            world.record.turn()
    assert world.one.pair == "AUSDT/BUSDT"
    assert world.one.state == "open"
    assert world.record.problem() == f"Looks at YUSDT/XUSDT 1m ({PARAMS.key}) cannot be scored: KeyError, see the log."
    assert len(caplog.records) == 1
    world.say(replace(OPEN[2], verdict="WAIT"))
    world.record.turn()
    assert world.record.problem() == ""


def test_of_two_books_of_a_pair_and_timeframe_the_one_that_fails_is_named_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    classic = replace(PARAMS, preset="classic")
    world = World(watches=[KEY, replace(KEY, params=classic)])
    for n, row in enumerate(OPEN):
        world.say(replace(row, checks="[{}]", verdict="TRADABLE"))
        fine = replace(look(n, 0.5, 100.0, 50.0), params=classic.key)
        world.shelf.looks.append(fine)
        world.record.hear(replace(KEY, params=classic), fine)
        world.record.turn()
        assert (
            world.record.problem() == f"Looks at YUSDT/XUSDT 1m ({PARAMS.key}) cannot be scored: KeyError, see the log."
        )
    assert len(caplog.records) == 1


def test_a_pair_that_is_not_watched_any_more_is_no_trouble_any_more() -> None:
    world = World()
    world.say(replace(OPEN[0], checks="[{}]", verdict="TRADABLE"))
    world.record.turn()
    assert world.record.problem() != ""
    world.watches = []
    world.record.turn()
    assert world.record.problem() == ""


def test_candles_that_cannot_be_analysed_are_nobody_elses_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def degenerate(*_: object) -> PairReport:
        raise DegenerateData("All prices are the same.")

    world = opened()
    opens = START_MS + MINUTE_MS * np.arange(2_000)
    for symbol in ("YUSDT", "XUSDT"):
        world.shelf.bars[symbol] = candles(symbol, np.full(2_000, 100.0), open_ms=opens)
    monkeypatch.setattr(world, "report_to", degenerate)
    world.begin()
    world.say(look(1_900, 1.0, 99.0, 50.0), heard=False)  # what came between is analysed
    world.say(replace(OPEN[0], pair="AUSDT/BUSDT"))
    world.record.turn()
    assert (
        world.record.problem() == f"Looks at YUSDT/XUSDT 1m ({PARAMS.key}) cannot be scored: All prices are the same."
    )
    assert "AUSDT/BUSDT" in {t.pair for t in world.shelf.trades.values()}


def test_a_memory_that_cannot_be_read_begins_anew_and_stops_nobody() -> None:
    world = opened()
    world.shelf.books["other"] = PaperBook("AUSDT/BUSDT", 60, PARAMS.key, START_MS, "{")
    world.watches.append(Key("AUSDT", "BUSDT", PARAMS))
    world.begin()
    world.say(look(3, -0.1, 99.0, 50.0))
    world.record.turn()
    assert world.one.state == "leaving"
    assert "AUSDT/BUSDT 1m" in world.record.problem()
    world.clock_s += 60.0
    world.record.turn()
    world.begin()  # what could not be read was written anew
    world.record.turn()
    assert world.record.problem() == ""


def test_a_trade_of_unreadable_parameters_stops_nobody() -> None:
    world = opened()
    bad = replace(world.one, pair="AUSDT/BUSDT", inputs="{")
    world.shelf.trades[bad.key] = bad
    world.shelf.books["other"] = PaperBook("AUSDT/BUSDT", 60, bad.params, START_MS, '{"seen":0,"used":0,"z":null}')
    world.begin()
    world.now_ms += 10 * MINUTE_MS
    world.record.turn()
    assert [key.pair for key in world.wanted] == ["YUSDT/XUSDT"]
    assert f"Trades of AUSDT/BUSDT 1m ({PARAMS.key}) cannot be looked after" in world.record.problem()


def test_a_store_that_cannot_be_read_is_told_until_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    def locked() -> list[PaperBook]:
        raise StoreError("The database is locked.")

    with monkeypatch.context() as patch:
        patch.setattr(world.shelf, "paper_books", locked)
        world.record.round()
        assert world.record.problem() == "The track record has to wait: The database is locked."
    world.record.round()
    assert world.record.problem() == ""
