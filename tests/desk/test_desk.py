"""The desk as a whole, against the simulator over real sockets; no browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analytics.costs import NEVER_H
from analytics.decision import Verdict
from analytics.funding import announced, hours_between
from analytics.params import Params
from core.errors import PairsightError, StoreDenied, StoreError, UnknownSymbol
from core.settings import Settings
from desk.collector import Collector
from desk.desk import Desk
from desk.watch import Key
from simulator.limits import Limits
from simulator.market import MarketPlan
from simulator.running import SimulatedExchange
from simulator.universe import IDLE, LISTINGS

OURS = {"feed-trades", "feed-market", "repair", "engine", "store-writer"}


@pytest.fixture(scope="module")
def exchange() -> Iterator[SimulatedExchange]:
    with SimulatedExchange.making(MarketPlan(seed=3, rate=200.0), limits=Limits(weight_per_minute=100_000)) as exchange:
        yield exchange


@pytest.fixture
def settings(exchange: SimulatedExchange, tmp_path: Path) -> Settings:
    return Settings(
        ws_url=exchange.ws_url, rest_url=exchange.rest_url, db=tmp_path / "desk.db", symbols=("BTCUSDT", "ETHUSDT")
    )


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    desk = Desk(settings)
    desk.start()
    yield desk
    desk.close()


def wait_until(true: Callable[[], bool], desk: Desk | None = None, timeout_s: float = 180.0) -> None:
    """Poll until it holds; a desk has no event for everything a test may wait for."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"did not come true: {desk.status() if desk else ''}"
        time.sleep(0.05)


def running() -> set[str]:
    return {t.name for t in threading.enumerate()} & OURS


def test_history_is_there_in_seconds_and_a_verdict_with_it(desk: Desk) -> None:
    params = Params(timeframe_s=60)
    wait_until(lambda: desk.look("ETHUSDT", "BTCUSDT", params).report.have_bars >= params.need_bars)
    wait_until(lambda: desk.look("ETHUSDT", "BTCUSDT", params).decision.verdict is not Verdict.NO_DATA)
    look = desk.look("ETHUSDT", "BTCUSDT", params)
    assert look.decision.verdict in {Verdict.WAIT, Verdict.TRAP, Verdict.NOT_TRADABLE, Verdict.TRADABLE}
    opens = desk.candles("ETHUSDT", 60).open_ms
    assert (np.diff(opens) == 60_000).all()


def test_the_live_score_moves_with_the_trades_and_the_report_does_not(desk: Desk) -> None:
    params = Params(timeframe_s=60)
    wait_until(lambda: desk.live("ETHUSDT", "BTCUSDT", params) is not None)
    wait_until(lambda: not desk.status().warmup)
    scores, reports = set(), []

    def moved() -> bool:
        score = desk.live("ETHUSDT", "BTCUSDT", params)
        assert score is not None
        scores.add(score.z)
        reports.append(desk.look("ETHUSDT", "BTCUSDT", params).report)
        return len(scores) > 12

    wait_until(moved, desk)
    assert len({id(report) for report in reports}) <= 3  # a candle may have been confirmed or repaired meanwhile


def test_unknown_symbols_are_refused_with_a_sentence(desk: Desk) -> None:
    wait_until(lambda: bool(desk.catalogue()))
    with pytest.raises(UnknownSymbol, match="NOSUCHUSDT is not a contract"):
        desk.add_symbol("NOSUCHUSDT")
    not_trading = next(s for s, info in desk.catalogue().items() if info.status != "TRADING")
    with pytest.raises(UnknownSymbol, match="does not trade now"):
        desk.add_symbol(not_trading)
    with pytest.raises(UnknownSymbol, match="two symbols"):
        desk.look("BTCUSDT", "BTCUSDT", Params())


def test_symbols_of_the_settings_are_compared_with_the_exchange_s_list(settings: Settings) -> None:
    desk = Desk(replace(settings, symbols=("BTCUSDT", "FOOUSDT", "EOSUSDT")))
    desk.start()
    try:
        told = (
            "FOOUSDT is not a contract of this exchange. Choose one from the list."
            " EOSUSDT does not trade now: the exchange says SETTLING."
        )
        wait_until(lambda: desk.status().problem == told and desk.status().trades.state == "live", desk)
        assert desk.look("FOOUSDT", "BTCUSDT", Params()).decision.reason.startswith(
            "No data: FOOUSDT is not a contract"
        )
        assert not desk.status().simulator_offered
    finally:
        desk.close()


def test_a_delivery_contract_is_known_to_settle_no_funding(tmp_path: Path) -> None:
    btc = LISTINGS[0]
    quarter = replace(btc, instrument=next(i for i in IDLE if i.contract_type == "CURRENT_QUARTER"), price=84_000.0)
    plan, symbol = MarketPlan(seed=3, rate=100.0, listings=(btc, quarter)), quarter.instrument.symbol
    with SimulatedExchange.making(plan, limits=Limits(weight_per_minute=100_000)) as exchange:
        addresses = Settings(ws_url=exchange.ws_url, rest_url=exchange.rest_url, db=tmp_path / "desk.db")
        desk = Desk(replace(addresses, symbols=(symbol, "BTCUSDT")))
        desk.start()
        try:
            station = desk._station
            assert isinstance(station, Collector)
            wait_until(lambda: symbol in station.streams.marks and station.repairer.facts.funding_hours is not None)
            mark, hours = desk.marks()[symbol], station.repairer.facts.funding_hours
            assert (mark.funding_rate, mark.next_funding_ms) == (0.0, 0)
            told = announced(mark, hours_between(hours, symbol) or 0, mark.event_ms)
            assert told is not None
            assert (told.rate, told.interval_h) == (0.0, NEVER_H)
            assert station.settled(symbol, 0, mark.event_ms) == []
        finally:
            desk.close()


def test_symbols_come_and_go_while_it_runs(desk: Desk) -> None:
    wait_until(lambda: bool(desk.catalogue()))
    desk.add_symbol("solusdt")
    wait_until(lambda: any(s.symbol == "SOLUSDT" and s.last_id is not None for s in desk.status().trades.streams))
    desk.drop_symbol("SOLUSDT")
    assert "SOLUSDT" not in desk.status().symbols
    assert all(s.symbol != "SOLUSDT" for s in desk.status().trades.streams)


def test_stop_ends_the_feeds_and_start_goes_on_without_losing_what_came_between(desk: Desk) -> None:
    wait_until(lambda: desk.status().trades.records > 50)
    desk.stop()
    assert running() <= {"store-writer"}
    assert desk.look("ETHUSDT", "BTCUSDT", Params()).decision.verdict is Verdict.NO_DATA
    time.sleep(1.0)  # the market goes on meanwhile
    desk.start()
    wait_until(lambda: desk.status().gaps_repaired > 0 and desk.status().gaps_open == 0, desk)
    assert desk.status().gaps_lost == 0, desk.status().log
    ticks = desk.trades("BTCUSDT", 0, 1 << 60, 1_000_000)
    assert (np.diff(ticks.trade_id) <= 3).all()  # single ids may be records that are no trades


def test_who_follows_an_open_trade_streams_its_symbols_and_never_waits_for_the_end_of_the_desk(desk: Desk) -> None:
    wait_until(lambda: bool(desk.catalogue()))
    station = desk._station
    assert isinstance(station, Collector)
    follow = [threading.Thread(target=station._resume, args=(Key(s, "BTCUSDT", Params()),)) for s in ("SOLUSDT",) * 2]
    with station._lock:  # as a stop that has just begun holds it, and then waits for who follows
        follow[0].start()
        follow[0].join(60)
        assert not follow[0].is_alive()
    assert "SOLUSDT" not in desk.status().symbols
    follow[1].start()
    follow[1].join(60)
    assert "SOLUSDT" in desk.status().symbols


def test_close_ends_every_thread_and_writes_what_is_queued(settings: Settings) -> None:
    desk = Desk(settings)
    desk.start()
    desk.start()
    wait_until(lambda: desk.status().trades.records > 20)
    desk.close()
    assert running() == set()


def test_a_second_desk_on_the_same_database_reads_and_collects_nothing(desk: Desk, settings: Settings) -> None:
    params = Params(timeframe_s=60)
    wait_until(lambda: desk.look("ETHUSDT", "BTCUSDT", params).report.have_bars >= params.need_bars)
    second = Desk(settings)
    second.start()
    try:
        wait_until(lambda: second.status().running)
        status = second.status()
        assert status.store.state == "reading"
        assert "Another Pairsight collects" in status.problem
        mine, theirs = second.look("ETHUSDT", "BTCUSDT", params), desk.look("ETHUSDT", "BTCUSDT", params)
        if mine.report.newest_ms == theirs.report.newest_ms:
            np.testing.assert_array_equal(mine.report.z, theirs.report.z)
        wait_until(lambda: second.live("ETHUSDT", "BTCUSDT", params) is not None)
    finally:
        second.close()


def test_a_desk_that_may_only_read_never_has_the_database(settings: Settings) -> None:
    reading = replace(settings, role="read")
    with pytest.raises(StoreError, match="start a Pairsight that collects"):
        Desk(reading)
    Desk(settings).close()
    screen = Desk(reading)
    try:
        for _ in range(2):
            screen.start()
            status = screen.status()
            assert (status.store.state, status.may_collect, status.simulator_offered) == ("reading", False, False)
        with pytest.raises(PairsightError, match="PAIRSIGHT_ROLE=read"):
            screen.use_simulator()
        desk = Desk(settings)  # whenever it comes
        assert (desk.status().store.state, desk.status().may_collect) == ("writing", True)
        desk.start()
        wait_until(lambda: screen.status().running)
        assert "as PAIRSIGHT_ROLE=read tells it to" in screen.status().problem
        desk.close()
        assert not screen.status().running
    finally:
        screen.close()


def test_a_screen_of_a_user_who_may_not_collect_shows_what_is_stored_and_says_why(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    Desk(settings).close()
    with monkeypatch.context() as m:
        m.setattr("os.access", lambda name, mode: False)
        screen = Desk(settings)
    try:
        screen.start()
        status = screen.status()
        assert (status.store.state, status.may_collect, status.simulator_offered) == ("reading", False, False)
        assert "only shows what is stored" in status.store.reason
        assert f"{settings.db}-collector may not be written by this user" in status.store.reason
        with pytest.raises(PairsightError, match="may not be written by this user"):
            screen.use_simulator()
    finally:
        screen.close()


def test_who_may_neither_collect_nor_read_is_told_why_it_cannot_collect(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda name, mode: False)
    with pytest.raises(StoreDenied, match="may not be written by this user"):
        Desk(settings)


def test_simulated_trades_never_enter_a_database_of_the_exchange(settings: Settings) -> None:
    Desk(replace(settings, ws_url="wss://fstream.binance.com", autostart=False)).close()
    with pytest.raises(StoreError, match="holds trades of the exchange"):
        Desk(settings)


def test_a_switch_that_fails_leaves_no_simulator_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(Settings(db=tmp_path / "desk.db", autostart=False))
    ended: list[str] = []

    class Fake:
        ws_url, rest_url = "ws://127.0.0.1:1", "http://127.0.0.1:1"

        def start(self) -> None: ...
        def stop(self) -> None:
            ended.append("stopped")

    def full(settings: Settings) -> Collector:
        raise StoreError("no space left")

    monkeypatch.setattr("desk.desk.LocalExchange", Fake)
    with monkeypatch.context() as m:
        m.setattr(desk, "_open", full)
        with pytest.raises(StoreError):
            desk.use_simulator()
    assert ended == ["stopped"]
    assert desk.status().source == "LIVE"
    desk.close()
