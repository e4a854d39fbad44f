"""A replayed recording arrives whole, in order and in its own words, at any speed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulator import rest
from simulator.clock import AS_FAST_AS_POSSIBLE, ExchangeClock
from simulator.exchange import Exchange
from simulator.limits import Limits
from simulator.recording import read_recording, recording_of
from simulator.records import Record
from simulator.replay import Replay
from simulator.running import SimulatedExchange
from tests.simulator.clients import Client, get, rows

T0 = 1_790_000_040_000  # a whole minute
TICKS = "ticks_usdm_btcusdt_ethusdt_20240718T2357_20240719T0005.csv.gz"
RECORDINGS = {
    TICKS: 24_356,
    "ws_trade_messages_usdm_20240718T2357_20240719T0005.ndjson.gz": 24_356,
    "ws_mixed_messages_usdm_20240719T0001_30s.ndjson.gz": 1_451,
    "ticks_2025-12-15T08-50-11.076Z.ndjson.gz": 19_280,
    "ticks_usdm_btcusdt_ethusdt_20251216T1036_20251216T1436_dirty_bursts.csv.gz": 17_475,
}
BOTH = "/public/stream?streams=btcusdt@trade/ethusdt@trade"


def as_record(message: Any) -> Record:
    d = message["data"]
    assert message["stream"] == d["s"].lower() + "@trade"
    assert list(d) == ["e", "E", "T", "s", "t", "p", "q", "X", "m", "st"]
    return Record(d["s"], d["t"], d["T"], d["E"], d["p"], d["q"], d["X"], d["m"])


@pytest.mark.recording
@pytest.mark.parametrize("name", RECORDINGS)
def test_a_subscribed_client_receives_every_record_in_the_order_of_the_file(shared_data: Path, name: str) -> None:
    recording = read_recording(shared_data / name)
    wanted = recording.records
    assert len(wanted) == RECORDINGS[name]
    with (
        SimulatedExchange.replaying(recording, speed=AS_FAST_AS_POSSIBLE) as exchange,
        Client(exchange.ws_url + BOTH) as c,
    ):
        assert tuple(as_record(message) for message in c.read_many(len(wanted))) == wanted
        assert exchange.finished.wait(20)


@pytest.mark.recording
def test_the_clock_of_a_replay_runs_at_its_speed_from_the_first_trade_subscription(shared_data: Path) -> None:
    recording = read_recording(shared_data / TICKS)
    wanted = recording.records
    start = wanted[0].event_ms - 1
    with SimulatedExchange.replaying(recording, speed=400, limits=Limits(settle_s=0.05)) as exchange:
        assert rows(exchange.rest_url, "time")["serverTime"] == start
        assert rows(exchange.rest_url, "klines", symbol="BTCUSDT", interval="1m") == []
        with Client(exchange.ws_url + "/market/stream?streams=btcusdt@markPrice"):
            assert rows(exchange.rest_url, "time")["serverTime"] == start
        with Client(exchange.ws_url + BOTH) as c:
            assert tuple(as_record(message) for message in c.read_many(len(wanted))) == wanted
            assert exchange.finished.wait(20)
            end = rows(exchange.rest_url, "time")["serverTime"]
            assert end == wanted[-1].event_ms + 200  # time stands still when nothing more can happen
            assert c.ask("LIST_SUBSCRIPTIONS")["result"] == ["btcusdt@trade", "ethusdt@trade"]  # the socket stays open
        assert rows(exchange.rest_url, "time")["serverTime"] == end


@pytest.mark.recording
def test_rest_never_knows_more_than_the_socket_has_sent(shared_data: Path) -> None:
    recording = read_recording(shared_data / TICKS)
    limits = Limits(settle_s=0.0)
    with (
        SimulatedExchange.replaying(recording, speed=50, limits=limits) as exchange,
        Client(exchange.ws_url + BOTH) as c,
    ):
        seen = 0
        for _ in range(40):
            for message in c.read_many(25):
                seen = max(seen, message["data"]["E"])
            answered = rows(exchange.rest_url, "trades", symbol="BTCUSDT", limit=1)
            now = rows(exchange.rest_url, "time")["serverTime"]
            bars = rows(exchange.rest_url, "klines", symbol="BTCUSDT", interval="1m")
            assert not answered or answered[-1]["time"] <= now
            assert not bars or bars[-1][0] <= rows(exchange.rest_url, "time")["serverTime"]
            assert seen <= now


@pytest.mark.recording
def test_non_trades_of_a_recording_carry_ids_and_no_price(shared_data: Path) -> None:
    recording = read_recording(shared_data / "ticks_2025-12-15T08-50-11.076Z.ndjson.gz")
    not_trades = [r for r in recording.records if r.kind == "NA"]
    assert len(not_trades) == 98
    assert {(r.price, r.qty) for r in not_trades} == {("0", "0")}
    for symbol in ("BTCUSDT", "ETHUSDT"):
        ids = [r.id for r in recording.records if r.symbol == symbol]
        assert ids == list(range(ids[0], ids[0] + len(ids)))


@pytest.mark.recording
def test_other_messages_of_a_mixed_recording_are_sent_as_recorded(shared_data: Path) -> None:
    recording = read_recording(shared_data / "ws_mixed_messages_usdm_20240719T0001_30s.ndjson.gz")
    streams = "btcusdt@bookTicker/ethusdt@depth@0ms/btcusdt@trade"
    with (
        SimulatedExchange.replaying(recording, speed=AS_FAST_AS_POSSIBLE) as exchange,
        Client(f"{exchange.ws_url}/public/stream?streams={streams}") as c,
    ):
        got = c.read_many(4393 + 566 + 724)
    first = next(message for message in got if message["stream"] == "btcusdt@bookTicker")
    assert json.dumps(first["data"], separators=(",", ":")) == (
        '{"e":"bookTicker","u":4984040511914,"s":"BTCUSDT","b":"63979.90","B":"17.439","a":"63980.00","A":"0.277",'
        '"T":1721347261521,"E":1721347261522}'
    )


@pytest.mark.recording
def test_klines_of_a_finished_replay_equal_a_count_by_hand(shared_data: Path) -> None:
    recording = read_recording(shared_data / TICKS)
    with SimulatedExchange.replaying(recording, speed=AS_FAST_AS_POSSIBLE) as exchange, Client(exchange.ws_url + BOTH):
        assert exchange.finished.wait(20)
        bars = rows(exchange.rest_url, "klines", symbol="ethusdt", interval="1m")
    by_minute: dict[int, list[Record]] = {}
    for r in recording.records:
        if r.symbol == "ETHUSDT":
            by_minute.setdefault(r.trade_ms // 60_000 * 60_000, []).append(r)
    assert [bar[0] for bar in bars] == sorted(by_minute)
    for bar in bars:
        trades = by_minute[bar[0]]
        prices = [float(r.price) for r in trades]
        assert (bar[1], bar[4]) == (trades[0].price, trades[-1].price)
        assert (float(bar[2]), float(bar[3])) == (max(prices), min(prices))
        assert round(float(bar[5]) * 1000) == sum(round(float(r.qty) * 1000) for r in trades)
        assert (bar[6], bar[8]) == (bar[0] + 59_999, len(trades))
        bought = sum(round(float(r.qty) * 1000) for r in trades if not r.buyer_is_maker)
        assert round(float(bar[9]) * 1000) == bought


@pytest.mark.recording
def test_everything_is_labelled_as_a_replay(shared_data: Path) -> None:
    with SimulatedExchange.replaying(shared_data / TICKS) as exchange:
        assert get(exchange.rest_url, "time").headers["X-Pairsight-Simulator"] == "replay"
        assert get(exchange.rest_url, "nothing").headers["X-Pairsight-Simulator"] == "replay"
        with Client(exchange.ws_url + "/public/ws") as c:
            assert c.ws.headers["x-pairsight-simulator"] == "replay"


def test_what_the_machine_has_no_time_for_yet_has_not_happened() -> None:
    records = [Record("BTCUSDT", n, T0 + n * 1000, T0 + n * 1000, "100", "1", "MARKET", True) for n in range(1, 181)]
    wall = [0.0]
    source = Replay(recording_of(records))
    exchange = Exchange(source, ExchangeClock(source.start_ms, monotonic=lambda: wall[0]))
    exchange.clock.start()
    wall[0] = 150.0
    assert exchange.step(limit=30)
    assert (exchange.clock.now_ms() - exchange.now_ms) // 1000 == 120
    assert rest.time(exchange, {}) == {"serverTime": T0 + 30_000}
    bars: Any = rest.klines(exchange, {"symbol": "BTCUSDT", "interval": "1m"})
    assert [(bar[0], bar[8]) for bar in bars] == [(T0, 30)]  # the open one, as far as it has come
    while exchange.step(limit=30):
        pass
    assert exchange.now_ms == exchange.clock.now_ms()


def test_one_record_with_a_wild_date_does_not_hold_up_those_behind_it() -> None:
    wild = T0 + 400 * 86_400_000
    records = [
        Record("BTCUSDT", n, at, at, "100", "1", "MARKET", True)
        for n, at in enumerate([T0, T0 + 10, wild, T0 + 30, T0 + 20, T0 + 40], 1)
    ]
    source = Replay(recording_of(records))
    assert [len(source.take(T0 + ms, 100)) for ms in (0, 10, 20, 30, 40)] == [1, 1, 1, 2, 1]
    assert (source.reached_ms, source.end_ms) == (T0 + 40, T0 + 40)
    with (
        SimulatedExchange.replaying(recording_of(records), speed=AS_FAST_AS_POSSIBLE) as exchange,
        Client(exchange.ws_url + "/public/ws/btcusdt@trade") as c,
    ):
        assert [d["E"] for d in c.read_many(6)] == [r.event_ms for r in records]
        assert exchange.finished.wait(20)
        assert rows(exchange.rest_url, "time")["serverTime"] < T0 + 1_000
        assert len(rows(exchange.rest_url, "klines", symbol="BTCUSDT", interval="1m")) == 1
