"""The repair thread's work, part by part: what fails waits, and costs the other parts nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import pytest

from analytics.costs import NEVER_H
from analytics.funding import hours_between
from core.errors import BadRequest, RateLimited, Unreachable
from core.types import Candles, Gap, MarkPrice, SymbolInfo, Ticks, Trade, TradeKind
from desk.holes import touched
from desk.repairer import CATALOGUE_EVERY_S, Repairer
from ingestion.binance_rest import Ticker
from tests.desk.scanned import NOW_MS, info, ticker

RETRY_S = 5.0


@dataclass
class FakeRest:
    """An exchange that notes what it is asked, and refuses what it is told to refuse."""

    simulated: str = ""
    asked: list[str] = field(default_factory=list)
    fails: dict[str, Exception] = field(default_factory=dict)
    budget: int = 1_000
    during: Callable[[str], None] = lambda name: None

    def _answer(self, name: str) -> None:
        self.asked.append(name)
        self.during(name)
        if name in self.fails:
            raise self.fails[name]

    def exchange_info(self) -> dict[str, SymbolInfo]:
        self._answer("list")
        return {"AUSDT": info("AUSDT")}

    def funding_hours(self) -> dict[str, int]:
        self._answer("funding")
        return {"AUSDT": 4}

    def premium_index(self) -> list[MarkPrice]:
        self._answer("marks")
        return [MarkPrice("AUSDT", NOW_MS, 10.0, 10.0, 0.0001, NOW_MS)]

    def ticker_24h(self) -> list[Ticker]:
        self._answer("tickers")
        return [ticker("AUSDT", 1.0)]

    def agg_trades(self, symbol: str, **bounds: object) -> object:
        self._answer(f"gap of {symbol}")
        raise BadRequest("not kept")

    def trades(self, symbol: str, limit: int = 0) -> object:
        self._answer(f"gap of {symbol}")
        raise BadRequest("not kept")

    def klines(self, symbol: str, timeframe_s: int, **bounds: object) -> Candles:
        self._answer(f"bars of {symbol}")
        return Candles.empty(symbol, timeframe_s)

    def server_time_ms(self) -> int:
        self._answer("clock")
        return NOW_MS

    def exchange_ms(self) -> int:
        return NOW_MS

    def clock_ms(self) -> int:
        return NOW_MS

    def wait_s(self, weight: int) -> float:
        return 0.0 if weight <= self.budget else 20.0


@dataclass
class FakeStore:
    """A store with gaps and without trades."""

    open_gaps: list[Gap] = field(default_factory=list)
    settled: list[tuple[str, str]] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    read: list[str] = field(default_factory=list)
    flushes: int = 0
    following: Trade | None = None  # the only trade it has, long after any gap

    def note(self, name: str) -> None:
        return None

    def put_note(self, name: str, body: str, at_ms: int) -> None: ...
    def put(self, ticks: Ticks) -> None: ...
    def put_gap(self, gap: Gap) -> None: ...
    def put_candles(self, candles: Candles) -> None: ...
    def replace_candles(self, candles: Candles) -> None: ...

    def flush(self, timeout_s: float = 1.0) -> bool:
        self.flushes += 1
        return True

    def set_gap_state(self, gap: Gap, state: str) -> None:
        self.settled.append((gap.symbol, state))
        self.open_gaps = [known for known in self.open_gaps if known != gap]

    def gaps(self, symbol: str | None = None, state: str | None = None, **span: int) -> list[Gap]:
        return [gap for gap in self.open_gaps if symbol in (None, gap.symbol)]

    def trades(self, symbol: str, **bounds: object) -> Ticks:
        self.read.append(symbol)
        if symbol in self.unreadable:
            raise ValueError("a row that cannot be read")
        return Ticks.empty(symbol)

    def next_trade(self, symbol: str, after_id: int) -> Trade | None:
        return self.following

    def candles(self, symbol: str, timeframe_s: int, **span: object) -> Candles:
        return Candles.empty(symbol, timeframe_s)


class Bay:
    """A repairer and everything around it; the clock stands still until it is moved."""

    def __init__(self, gaps: Iterable[Gap] = (), kind: TradeKind | None = "trade") -> None:
        self.rest = FakeRest()
        self.store = FakeStore(list(gaps))
        self.clock_s = 0.0
        self.spared = 0
        self.repairer = Repairer(
            self.rest,  # type: ignore[arg-type]
            self.store,  # type: ignore[arg-type]
            watermark_ms=lambda: NOW_MS,
            passed_ms=lambda symbol: NOW_MS,
            kind=lambda symbol: kind,
            on_change=lambda symbol, timeframe_s: None,
            on_repaired=lambda symbol, timeframe_s, first_ms: None,
            grace_ms=500,
            retry_s=RETRY_S,
            spare=self._spare,
            monotonic=lambda: self.clock_s,
        )

    def run(self, seconds: float) -> None:
        """Turns as the thread makes them."""
        for _ in range(int(seconds * 4)):
            self.repairer.turn()
            self.clock_s += 0.25

    def _spare(self, stopped: Callable[[], bool]) -> None:
        self.spared += 1


def gap_of(symbol: str, before_id: int | None = 20) -> Gap:
    return Gap(symbol, 10, before_id, NOW_MS - 600_000, NOW_MS - 590_000, id=ord(symbol[0]))


def test_a_seam_that_fails_waits_and_stops_neither_other_seams_nor_repair(caplog: pytest.LogCaptureFixture) -> None:
    bay = Bay([gap_of("CUSDT")])
    bay.store.unreadable = {"AUSDT"}
    bay.repairer.started("AUSDT", NOW_MS)
    bay.repairer.started("BUSDT", NOW_MS)
    with caplog.at_level(logging.ERROR):
        bay.run(4 * RETRY_S)
    assert 2 <= len(caplog.records) <= 4
    assert "BUSDT" in bay.store.read
    assert bay.store.settled == [("CUSDT", "lost")]
    assert "inside Pairsight" in bay.repairer.facts.problem
    bay.store.unreadable = set()
    bay.run(2 * RETRY_S)
    assert bay.repairer.facts.problem == ""


def test_a_gap_the_exchange_does_not_answer_for_starves_neither_candles_nor_history() -> None:
    bay = Bay()
    bay.repairer.want("BUSDT", 60, 10)
    bay.store.open_gaps = [gap_of("AUSDT")]
    bay.rest.fails["gap of AUSDT"] = Unreachable("The exchange is not available (HTTP 503).")
    bay.run(1.0)
    assert "bars of BUSDT" in bay.rest.asked
    assert bay.spared > 0
    assert bay.repairer.facts.problem == "The exchange is not available (HTTP 503)."
    assert bay.rest.asked.count("gap of AUSDT") == 1


def test_after_a_refusal_nothing_more_is_asked_until_it_is_over() -> None:
    bay = Bay([gap_of("AUSDT")])
    bay.repairer.want("BUSDT", 60, 10)
    bay.rest.fails["gap of AUSDT"] = RateLimited("The exchange asks for fewer requests.", 30.0)
    bay.run(29.0)
    assert bay.rest.asked == ["clock", "list", "gap of AUSDT"]
    bay.rest.fails.clear()
    bay.run(2.0)
    assert "bars of BUSDT" in bay.rest.asked
    assert bay.repairer.facts.problem == ""


@pytest.mark.parametrize("fails", ["funding", "marks", "tickers"])
def test_what_was_known_of_funding_stands_until_the_new_has_come(fails: str) -> None:
    bay = Bay()
    bay.run(1.0)
    before = bay.repairer.facts
    assert (before.funding_hours, before.day_trades) == ({"AUSDT": 4}, {"AUSDT": 1_000.0})
    assert set(before.marks) == {"AUSDT"}
    meanwhile = []
    bay.rest.during = lambda name: meanwhile.append(bay.repairer.facts)
    bay.rest.fails[fails] = Unreachable("No answer.")
    bay.clock_s = CATALOGUE_EVERY_S + 1
    bay.run(1.0)
    for facts in (*meanwhile, bay.repairer.facts):
        assert (facts.funding_hours, facts.marks) == (before.funding_hours, before.marks)
        assert facts.day_trades == before.day_trades
    assert bay.repairer.facts.problem == "No answer."


def test_a_contract_that_is_delivered_has_no_settlement_by_the_exchange_s_list_not_by_its_name() -> None:
    bay = Bay()
    listed = {
        s: replace(info(s), contract_type=kind) for s, kind in (("B_261225", "NEXT_QUARTER"), ("C_1", "PERPETUAL"))
    }
    bay.rest.exchange_info = lambda: listed  # type: ignore[method-assign]
    bay.run(1.0)
    hours = bay.repairer.facts.funding_hours
    assert [hours_between(hours, s) for s in ("AUSDT", "B_261225", "C_1")] == [4, NEVER_H, 8]


def test_a_server_without_one_of_the_facts_leaves_that_one_unknown() -> None:
    bay = Bay()
    bay.rest.fails["funding"] = BadRequest("No such path.")
    bay.run(20.0)
    assert bay.repairer.facts.funding_hours is None
    assert set(bay.repairer.facts.marks) == {"AUSDT"}
    assert bay.rest.asked.count("funding") == 1


def test_gaps_come_before_what_is_good_to_know_and_that_waits_for_the_budget() -> None:
    bay = Bay([gap_of("AUSDT")])
    bay.rest.budget = 5
    bay.run(1.0)
    asked = bay.rest.asked
    assert asked.index("gap of AUSDT") < asked.index("funding")
    assert "marks" not in asked  # it would have slept for the next minute
    bay.rest.budget = 1_000
    bay.run(1.0)
    assert asked[-2:] == ["marks", "tickers"]


def test_holes_under_an_open_gap_are_not_read_through_again_until_it_is_settled() -> None:
    gap = gap_of("AUSDT")
    bay = Bay([gap])
    bay.rest.fails["gap of AUSDT"] = Unreachable("No answer.")
    bay.repairer.holes(touched(gap))
    bay.run(240.0)
    assert bay.store.flushes < 240
    assert bay.repairer.unknown_ms("AUSDT", 1) != []
    bay.rest.fails.clear()
    bay.run(10.0)
    assert bay.store.settled == [("AUSDT", "lost")]
    assert bay.repairer.unknown_ms("AUSDT", 1) == []


@pytest.mark.parametrize(("kind", "settled"), [("trade", []), (None, [("AUSDT", "lost")])])
def test_a_gap_without_an_end_is_lost_only_where_nobody_streams_the_symbol(
    kind: TradeKind | None, settled: list[tuple[str, str]]
) -> None:
    gap = gap_of("AUSDT", before_id=None)
    bay = Bay([gap], kind)
    bay.repairer.holes(touched(gap))
    bay.run(30.0)
    assert bay.store.settled == settled
    assert (bay.repairer.unknown_ms("AUSDT", 1) == []) == bool(settled)


def test_a_gap_without_an_end_ends_at_the_next_stored_trade_however_late_that_came() -> None:
    bay = Bay([gap_of("AUSDT", before_id=None)])
    bay.store.following = Trade("AUSDT", 90_000, 90_000, NOW_MS + 30 * 86_400_000, 1.0, 1.0, False)
    bay.run(2.0)
    assert bay.store.settled == [("AUSDT", "lost")]  # too long to be fetched
    assert "gap of AUSDT" not in bay.rest.asked
