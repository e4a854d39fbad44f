"""Every fault happens as scheduled, to whom it concerns, and never to the truth that REST tells."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket

from core.errors import SettingsError
from simulator.clock import AS_FAST_AS_POSSIBLE
from simulator.faults import KINDS, Fault, fault, faults, read_faults
from simulator.limits import Limits
from simulator.recording import Recording, recording_of
from simulator.records import Record
from simulator.running import SimulatedExchange
from tests.simulator.clients import WAIT_S, Client, get, rows

T0 = 1_790_000_040_000
TRADES = "/public/stream?streams=btcusdt@trade/ethusdt@trade"


def recording(count: int = 600, every_ms: int = 20) -> Recording:
    """Two symbols in turn; every price of a symbol differs from its last, so every fill is an aggregate of its own."""
    return recording_of(
        Record(
            symbol := ("BTCUSDT", "ETHUSDT")[n % 2],
            1000 + n // 2,
            T0 + n * every_ms,
            T0 + n * every_ms + 1,
            f"{(100 if symbol == 'BTCUSDT' else 50) + n // 2 % 2}.00",
            "0.001",
            "MARKET",
            n % 3 == 0,
        )
        for n in range(count)
    )


def replay(*schedule: dict[str, Any], speed: float = 40.0, **kept: Any) -> SimulatedExchange:
    return SimulatedExchange.replaying(
        kept.pop("recording", recording()), speed=speed, faults=faults(list(schedule)), limits=Limits(settle_s=0.05)
    )


def ids(messages: Sequence[Any], symbol: str = "BTCUSDT") -> list[int]:
    return [m["data"]["t"] for m in messages if m["data"]["s"] == symbol]


def read_to_the_end(exchange: SimulatedExchange, client: Client) -> list[Any]:
    """All that arrives until the recording is over; the reply to a last question marks the end."""
    assert exchange.finished.wait(WAIT_S)
    client.send({"method": "LIST_SUBSCRIPTIONS", "id": 99})
    got: list[Any] = []
    while True:
        message = client.read()
        if message.get("id") == 99:
            return got
        got.append(message)


def reset_or_end(client: Client) -> str:
    """How the connection ended, read below the WebSocket layer."""
    sock = client.ws.sock
    assert isinstance(sock, socket.socket)
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        return "reset"
    return "fin"


@pytest.mark.parametrize("how", ["reset", "fin"])
def test_a_drop_ends_the_connection_without_a_close_frame_and_the_trades_go_on(how: str) -> None:
    with replay({"after_records": 100, "do": "drop", "how": how}) as exchange, Client(exchange.ws_url + TRADES) as c:
        assert reset_or_end(c) == how
        with Client(exchange.ws_url + TRADES) as again:
            assert ids([again.read()])[:1] != [1000]
            assert exchange.finished.wait(WAIT_S)
        assert [r.id for r in exchange.truth("BTCUSDT")] == list(range(1000, 1300))
        missed = rows(exchange.rest_url, "aggTrades", symbol="BTCUSDT", limit=1000)
        assert [a["l"] for a in missed] == list(range(1000, 1300))


def test_a_fault_after_n_records_comes_exactly_there() -> None:
    with replay({"after_records": 101, "do": "close"}) as exchange, Client(exchange.ws_url + TRADES) as c:
        assert len(ids(c.read_many(101))) == 51
        assert c.close_code() == (1008, "Invalid request")


def test_the_market_route_is_spared_by_default() -> None:
    with (
        replay() as exchange,
        Client(exchange.ws_url + "/public/ws") as public,
        Client(exchange.ws_url + "/ws") as unrouted,
        Client(exchange.ws_url + "/market/ws") as market,
    ):
        exchange.inject("close", route="routed", reason="one")
        assert public.close_code() == (1008, "one")
        exchange.inject("close")
        assert unrouted.close_code() == (1008, "Invalid request")
        assert market.ask("LIST_SUBSCRIPTIONS")["result"] == []
        exchange.inject("cut", route="market")
        assert market.close_code()[0] == 1001


@pytest.mark.parametrize("do", ["stall", "midframe"])
def test_a_stalled_socket_stays_open_and_answers_nothing(do: str) -> None:
    with replay({"after_records": 50, "do": do}) as exchange, Client(exchange.ws_url + TRADES) as c:
        c.read_many(50)
        assert exchange.finished.wait(WAIT_S)
        c.ws.ping(b"anyone")
        c.ws.settimeout(0.3)
        if do == "midframe":
            assert c.ws.sock is not None
            first = c.ws.sock.recv(65536)
            assert first[0] == 0x81
            assert len(first) < int.from_bytes(first[2:4], "big") if first[1] == 126 else first[1]
        with pytest.raises(websocket.WebSocketTimeoutException):
            c.ws.recv()
        assert exchange.connections == 1


@pytest.mark.parametrize(("how", "opcode"), [("json", 1), ("utf8", 1), ("types", 1), ("empty", 1), ("binary", 2)])
def test_garbage_frames_come_between_whole_ones(how: str, opcode: int) -> None:
    schedule = {"after_records": 10, "do": "garbage", "how": how, "count": 2}
    with replay(schedule) as exchange, Client(exchange.ws_url + TRADES) as c:
        c.read_many(10)
        for _ in range(2):
            frame: Any = c.ws.frame_buffer.recv_frame()
            assert frame.opcode == opcode
            if how == "json":
                with pytest.raises(json.JSONDecodeError):
                    json.loads(frame.data)
            elif how == "utf8":
                with pytest.raises(UnicodeDecodeError):
                    frame.data.decode()
            elif how == "types":
                assert json.loads(frame.data)["data"]["p"] == []
        assert c.read()["data"]["t"] == 1005


def test_an_oversized_frame_has_the_size_that_was_asked_for() -> None:
    schedule = {"after_records": 10, "do": "oversized", "bytes": 3_000_000}
    with replay(schedule) as exchange, Client(exchange.ws_url + TRADES) as c:
        c.read_many(10)
        assert len(c.ws.recv()) == 3_000_000
        assert c.read()["data"]["t"] == 1005


def test_a_silent_symbol_is_known_to_rest_only() -> None:
    schedule = {"after_records": 20, "do": "silent", "symbol": "ETHUSDT"}
    with replay(schedule) as exchange, Client(exchange.ws_url + TRADES) as c:
        got = read_to_the_end(exchange, c)
        assert ids(got, "BTCUSDT") == list(range(1000, 1300))
        assert ids(got, "ETHUSDT") == list(range(1000, 1010))
        assert rows(exchange.rest_url, "trades", symbol="ETHUSDT", limit=1)[0]["id"] == 1299


@pytest.mark.parametrize(("heals", "resubscribe", "reconnect"), [
    ("time", False, False), ("resubscribe", True, True), ("reconnect", False, True),
])  # fmt: skip
def test_what_heals_a_silent_symbol_is_a_matter_of_choice(heals: str, resubscribe: bool, reconnect: bool) -> None:
    long = recording(count=200_000, every_ms=1)
    with (
        replay(speed=2.0, recording=long) as exchange,
        Client(exchange.ws_url + "/public/stream?streams=btcusdt@trade/ethusdt@trade") as c,
    ):
        c.read_many(10)
        exchange.inject("silent", symbol="ETHUSDT", heals=heals)
        c.ask("UNSUBSCRIBE", ["ethusdt@trade"])
        c.ask("SUBSCRIBE", ["ethusdt@trade"])
        assert bool(ids(c.read_many(200), "ETHUSDT")) == resubscribe
        with Client(exchange.ws_url + TRADES) as new:
            assert bool(ids(new.read_many(200), "ETHUSDT")) == reconnect


def test_another_route_may_still_carry_a_silent_symbol() -> None:
    with (
        replay(speed=2.0, recording=recording(200_000, 1)) as exchange,
        Client(exchange.ws_url + "/market/stream?streams=ethusdt@aggTrade") as market,
        Client(exchange.ws_url + "/stream?streams=ethusdt@trade") as unrouted,
        Client(exchange.ws_url + TRADES) as public,
    ):
        exchange.inject("silent", symbol="ETHUSDT", route="routed")
        marker = public.ask("LIST_SUBSCRIPTIONS")
        assert marker["id"] == 1
        assert not ids(public.read_many(100), "ETHUSDT")
        assert unrouted.read_many(20)
        assert market.read_many(20)


def test_na_records_take_ids_of_the_chain() -> None:
    schedule = {"after_records": 100, "do": "na_burst", "symbol": "BTCUSDT", "count": 7}
    with replay(schedule) as exchange, Client(exchange.ws_url + TRADES) as c:
        got = [m["data"] for m in read_to_the_end(exchange, c) if m["data"]["s"] == "BTCUSDT"]
        assert [d["t"] for d in got] == list(range(1000, 1307))
        burst = [d for d in got if d["X"] == "NA"]
        assert [(d["t"], d["p"], d["q"]) for d in burst] == [(1050 + n, "0", "0") for n in range(7)]
        assert [r.id for r in exchange.truth("BTCUSDT")] == [d["t"] for d in got]
        assert all(a["l"] not in range(1050, 1057) for a in rows(exchange.rest_url, "aggTrades", symbol="BTCUSDT"))


@pytest.mark.parametrize("distance", [0, 5])
def test_duplicates_come_twice_and_exist_once(distance: int) -> None:
    schedule = {"after_records": 100, "do": "duplicate", "count": 20, "distance": distance}
    with replay(schedule, speed=AS_FAST_AS_POSSIBLE) as exchange, Client(exchange.ws_url + TRADES) as c:
        got = [(m["data"]["s"], m["data"]["t"]) for m in read_to_the_end(exchange, c)]
        assert len(got) == 620
        assert len(set(got)) == 600
        again = [n for n, key in enumerate(got) if key in got[:n]]
        assert {got.index(got[n]) for n in again} == {got.index(key) for key in dict.fromkeys(got[n] for n in again)}
        assert min(again) == 100 + 1 + distance
        assert len(exchange.truth("BTCUSDT")) == 300


def test_reordered_records_are_all_there_a_short_way_off() -> None:
    schedule = {"after_records": 100, "do": "reorder", "count": 4, "distance": 4}
    with replay(schedule) as exchange, Client(exchange.ws_url + TRADES) as c:
        got = ids(read_to_the_end(exchange, c))
    assert sorted(got) == list(range(1000, 1300))
    steps_back = [n for n, (a, b) in enumerate(pairwise(got)) if b < a]
    assert len(steps_back) == 4
    assert 49 <= min(steps_back) <= max(steps_back) <= 60


def test_late_records_say_so_and_stay_in_order() -> None:
    schedule = {"after_records": 100, "do": "late", "by_ms": 700, "for_s": 0.1, "symbol": "ETHUSDT"}
    with replay(schedule, speed=20.0) as exchange, Client(exchange.ws_url + TRADES) as c:
        got = [m["data"] for m in read_to_the_end(exchange, c)]
    eth = [d for d in got if d["s"] == "ETHUSDT"]
    assert [d["t"] for d in eth] == list(range(1000, 1300))
    assert max(d["E"] - d["T"] for d in eth) == 701
    assert all(b["E"] >= a["E"] for a, b in pairwise(eth))
    assert all(d["E"] - d["T"] == 1 for d in got if d["s"] == "BTCUSDT")
    assert eth[-1]["E"] - eth[-1]["T"] == 1


@pytest.mark.parametrize("status", [451, 403, 429, 418, 503])
def test_upgrades_are_refused_for_a_while(status: int) -> None:
    with replay() as exchange:
        exchange.inject("refuse", status=status, for_s=1.0)
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            Client(exchange.ws_url + TRADES)
        assert refused.value.status_code == status
        assert rows(exchange.rest_url, "ping") == {}
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            try:
                Client(exchange.ws_url + TRADES).__exit__(None, None, None)
                return
            except websocket.WebSocketBadStatusException:
                time.sleep(0.05)
        raise AssertionError("still refused")


@pytest.mark.parametrize(
    ("status", "code"), [(429, -1003), (418, -1003), (451, 0), (403, None), (500, -1000), (503, -1008), (502, None)]
)
def test_rest_refuses_in_the_words_of_the_exchange(status: int, code: int | None) -> None:
    with replay() as exchange:
        exchange.inject("rest_status", status=status, count=1, retry_after_s=7, path="klines")
        assert rows(exchange.rest_url, "ping") == {}
        answer = get(exchange.rest_url, "klines", symbol="BTCUSDT", interval="1m")
        assert answer.status_code == status
        assert answer.headers["Retry-After"] == "7"
        if code is not None:
            assert answer.json()["code"] == code
        if status == 451:
            assert "restricted location" in answer.json()["msg"]
        assert rows(exchange.rest_url, "klines", symbol="BTCUSDT", interval="1m") == []


def test_rest_may_be_slow_or_not_answer_at_all() -> None:
    with replay() as exchange:
        exchange.inject("rest_slow", delay_s=0.3, for_s=60, path="ping")
        with pytest.raises(requests.ReadTimeout):
            requests.get(exchange.rest_url + "/fapi/v1/ping", timeout=0.1)
        assert rows(exchange.rest_url, "time")
        assert rows(exchange.rest_url, "ping") == {}
        exchange.inject("rest_hang", for_s=1.0, path="time")
        with pytest.raises(requests.ConnectionError):
            get(exchange.rest_url, "time")
        assert rows(exchange.rest_url, "time")


def test_the_clock_may_be_off() -> None:
    with replay() as exchange:
        true = rows(exchange.rest_url, "time")["serverTime"]
        exchange.inject("clock_off", by_ms=-240_000)
        assert rows(exchange.rest_url, "time")["serverTime"] == true - 240_000


def test_faults_can_be_sent_while_it_runs_and_the_truth_be_asked() -> None:
    with replay() as exchange, Client(exchange.ws_url + TRADES) as c:
        c.read_many(20)
        posted = requests.post(
            exchange.rest_url + "/simulator/faults", json={"do": "close", "code": 4000}, timeout=WAIT_S
        )
        assert posted.json() == {"accepted": 1}
        assert c.close_code() == (4000, "Invalid request")
        wrong = requests.post(exchange.rest_url + "/simulator/faults", json={"do": "clsoe"}, timeout=WAIT_S)
        assert (wrong.status_code, "do must be one of" in wrong.json()["error"]) == (400, True)
        truth = requests.get(exchange.rest_url + "/simulator/truth?symbol=btcusdt", timeout=WAIT_S).json()
        assert truth[0] == [1000, T0, "100.00", "0.001", "MARKET", True]
        status = requests.get(exchange.rest_url + "/simulator/status", timeout=WAIT_S).json()
        assert status["mode"] == "replay"
        assert status["faults_fired"] == 1


@pytest.mark.parametrize("trigger", ["at_s", "at_sim_s"])
def test_faults_wait_for_their_time(trigger: str) -> None:
    schedule = {trigger: 0.5 if trigger == "at_s" else 5.0, "do": "close"}
    with replay(schedule, speed=10.0) as exchange, Client(exchange.ws_url + TRADES) as c:
        seen = [c.read()["data"]["T"] - T0 for _ in range(150)]
        assert c.close_code()[0] == 1008
        assert max(seen) < 12_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "faults.json"


def test_a_schedule_is_read_from_a_file(file: Path) -> None:
    file.write_text('[{"at_s": 5, "do": "drop"}, {"do": "silent", "symbol": "ETHUSDT"}]', encoding="utf-8")
    first, second = read_faults(file)
    assert first == Fault("drop", at_s=5, how="reset")
    assert (second.kind, second.heals, second.at_once) == ("trade", "time", True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[", "cannot be read"),
        ("3", "must be a JSON array"),
        ("[3]", "entry 1 must be a JSON object"),
        ('[{"do": "drop"}, {"do": "explode"}]', "entry 2: do must be one of drop"),
        ('[{"do": "drop", "symbol": "X"}]', "entry 1 (drop) has no field 'symbol'"),
        ('[{"do": "silent"}]', "entry 1 (silent) needs symbol"),
        ('[{"do": "drop", "at_s": "soon"}]', "at_s must be a number, was 'soon'"),
        ('[{"do": "drop", "at_s": -1}]', "at_s must not be negative"),
        ('[{"do": "drop", "at_s": 1, "after_records": 1}]', "takes one of at_s, at_sim_s, after_records"),
        ('[{"do": "duplicate", "count": 1.5}]', "count must be a whole number"),
        ('[{"do": "refuse", "status": 200}]', "status must be one of 400"),
        ('[{"do": "drop", "route": "private"}]', "route must be one of public"),
    ],
)
def test_a_wrong_schedule_is_refused_by_entry(file: Path, text: str, says: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"faults\.json") as refused:
        read_faults(file)
    assert says in str(refused.value)


@pytest.mark.parametrize("do", KINDS)
def test_every_kind_of_fault_works_by_its_defaults(do: str) -> None:
    fields = {name: "ETHUSDT" for name in ("symbol",) if name in KINDS[do]}
    checked = fault({"do": do, **fields})
    with replay() as exchange, Client(exchange.ws_url + TRADES) as c:
        c.read_many(4)
        exchange.inject(do, **fields)
        assert checked.at_once
        assert exchange.finished.wait(WAIT_S)
        assert len(exchange.truth("BTCUSDT")) == 300
