"""The WebSocket side, held against the protocol note line by line, through a real socket."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest
import requests
import websocket

from simulator.limits import Limits
from simulator.market import MarketPlan
from simulator.recording import recording_of
from simulator.records import Record
from simulator.running import SimulatedExchange
from tests.simulator.clients import WAIT_S, Client

T0 = 1_790_000_000_000
ALL_KINDS = "btcusdt@trade/btcusdt@aggTrade/btcusdt@markPrice@1s/btcusdt@kline_1m/btcusdt@bookTicker"


@pytest.fixture(scope="module")
def market() -> Iterator[SimulatedExchange]:
    plan = MarketPlan(rate=300.0, past_minutes=2)
    with SimulatedExchange.making(plan, speed=4.0, limits=Limits(streams=20)) as exchange:
        yield exchange


def kinds_received(client: Client, until: set[str]) -> set[str]:
    """Which event kinds arrive, reading until all of ``until`` have come and 200 messages have been seen."""
    seen: set[str] = set()
    for n in range(4000):
        message = client.read()
        seen.add(message.get("data", message)["e"])
        if seen >= until and n > 200:
            return seen
    raise AssertionError(f"only {seen} arrived")


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ("/public", {"trade", "bookTicker"}),
        ("", {"trade", "bookTicker"}),
        ("/market", {"aggTrade", "markPriceUpdate", "kline"}),
    ],
)
@pytest.mark.parametrize("mode", ["/ws/", "/stream?streams="])
def test_a_route_delivers_its_own_class_and_is_silent_about_the_rest(
    market: SimulatedExchange, route: str, expected: set[str], mode: str
) -> None:
    with Client(market.ws_url + route + mode + ALL_KINDS) as c:
        assert kinds_received(c, expected) == expected
        assert c.ask("LIST_SUBSCRIPTIONS")["result"] == ALL_KINDS.split("/")


def test_raw_payloads_are_bare_and_combined_ones_wrapped(market: SimulatedExchange) -> None:
    with Client(market.ws_url + "/public/ws/btcusdt@trade") as c:
        assert list(c.read()) == ["e", "E", "T", "s", "t", "p", "q", "X", "m", "st"]
    with Client(market.ws_url + "/public/stream?streams=btcusdt@trade") as c:
        message = c.read()
        assert list(message) == ["stream", "data"]
        assert message["stream"] == "btcusdt@trade"


def test_a_trade_has_the_documented_keys_and_json_types(market: SimulatedExchange) -> None:
    with Client(market.ws_url + "/public/ws/btcusdt@trade") as c:
        seen = c.read_many(300)
    for d in seen:
        assert {k: type(v).__name__ for k, v in d.items()} == {
            "e": "str", "E": "int", "T": "int", "s": "str", "t": "int",
            "p": "str", "q": "str", "X": "str", "m": "bool", "st": "int",
        }  # fmt: skip
        if d["X"] == "MARKET":
            assert len(d["p"].partition(".")[2]) == 2
            assert d["p"].endswith("0")  # the tick of 0.10
            assert len(d["q"].partition(".")[2]) == 3
    assert all(b["t"] == a["t"] + 1 for a, b in pairwise(seen))
    assert "NA" in {d["X"] for d in seen} or len(seen) < 2000


def test_an_aggregate_has_the_documented_keys_and_consecutive_ids(market: SimulatedExchange) -> None:
    with Client(market.ws_url + "/market/stream?streams=btcusdt@aggTrade") as c:
        seen = [message["data"] for message in c.read_many(200)]
    for d in seen:
        assert list(d) == ["e", "E", "a", "s", "p", "q", "nq", "f", "l", "T", "m", "st"]
        assert d["q"] == d["nq"]
        assert d["f"] <= d["l"]
        assert 0 <= d["E"] - d["T"] <= 200
    assert all(b["a"] == a["a"] + 1 and b["f"] > a["l"] and b["E"] >= a["E"] for a, b in pairwise(seen))
    assert any(d["l"] > d["f"] for d in seen)


def test_fills_of_one_price_and_side_within_100_ms_are_one_aggregate() -> None:
    def fill(number: int, at: int, price: str, sold: bool, kind: str = "MARKET") -> Record:
        qty = "0.001" if kind == "MARKET" else "0"
        return Record("BTCUSDT", number, T0 + at, T0 + at, price, qty, kind, sold)

    records = [
        fill(1, 0, "100.00", False),
        fill(2, 99, "100.00", False),
        fill(3, 100, "100.00", False),  # 100 ms after the first: the next aggregate
        fill(4, 101, "100.00", True),  # the other side
        fill(5, 102, "100.01", True),  # another price
        fill(6, 103, "0", True, "NA"),
        fill(7, 104, "100.01", True),
    ]
    with (
        SimulatedExchange.replaying(recording_of(records)) as exchange,
        Client(exchange.ws_url + "/market/ws/btcusdt@aggTrade") as c,
    ):
        seen = c.read_many(5)
    assert [(d["f"], d["l"], d["q"], d["m"]) for d in seen] == [
        (1, 2, "0.002", False),
        (3, 3, "0.001", False),
        (4, 4, "0.001", True),
        (5, 5, "0.001", True),
        (7, 7, "0.001", True),
    ]
    assert [d["E"] - T0 for d in seen] == [100, 101, 102, 103, 204]


def test_mark_price_and_kline_have_the_documented_keys(market: SimulatedExchange) -> None:
    with Client(market.ws_url + "/market/stream?streams=ethusdt@markPrice@1s/ethusdt@kline_1m") as c:
        by_kind: dict[str, Any] = {}
        while len(by_kind) < 2:
            data = c.read()["data"]
            by_kind[data["e"]] = data
    mark = by_kind["markPriceUpdate"]
    assert list(mark) == ["e", "E", "s", "p", "ap", "P", "i", "r", "T", "st"]
    assert len(mark["p"].partition(".")[2]) == 8
    assert mark["T"] % 3_600_000 == 0
    assert mark["T"] > mark["E"]
    bar = by_kind["kline"]["k"]
    assert list(bar) == ["t", "T", "s", "i", "f", "L", "o", "c", "h", "l", "v", "n", "x", "q", "V", "Q", "B"]
    assert (bar["i"], bar["x"], bar["T"] - bar["t"]) == ("1m", False, 59_999)


def test_a_kline_closes_once_after_its_minute(market: SimulatedExchange) -> None:
    with SimulatedExchange.making(MarketPlan(past_minutes=1), speed=60.0) as exchange:
        with Client(exchange.ws_url + "/market/ws/btcusdt@kline_1m") as c:
            closed = [d for d in c.read_many(400) if d["k"]["x"]]
        assert len(closed) >= 2
        assert all(b["k"]["t"] == a["k"]["t"] + 60_000 for a, b in pairwise(closed))
        assert all(d["E"] - d["k"]["T"] >= 2_000 for d in closed)
        answer = requests.get(
            f"{exchange.rest_url}/fapi/v1/klines",
            params={"symbol": "BTCUSDT", "interval": "1m", "startTime": closed[0]["k"]["t"], "limit": 1},
            timeout=WAIT_S,
        ).json()[0]
        k = closed[0]["k"]
        assert answer == [
            *(k[name] for name in ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q")),
            "0",
        ]


def test_array_streams_hold_every_contract_and_coin_margined_rows_too(market: SimulatedExchange) -> None:
    with Client(market.ws_url + "/market/stream?streams=!markPrice@arr@1s/!miniTicker@arr") as c:
        by_stream: dict[str, Any] = {}
        while len(by_stream) < 2:
            message = c.read()
            by_stream[message["stream"]] = message["data"]
    marks = {d["s"]: d["st"] for d in by_stream["!markPrice@arr@1s"]}
    assert marks["BTCUSDT"] == 1
    assert marks["BTCUSD_PERP"] == 2
    assert "币安人生USDT" in {d["s"] for d in by_stream["!miniTicker@arr"]}


def test_one_stream_holds_the_quotes_of_every_contract(market: SimulatedExchange) -> None:
    with Client(market.ws_url + "/public/ws/!bookTicker") as c:
        seen = c.read_many(12)
    assert {d["e"] for d in seen} == {"bookTicker"}
    assert {"BTCUSDT", "币安人生USDT"} <= {d["s"] for d in seen}


def test_names_are_case_sensitive_and_invented_ones_are_accepted_in_silence(market: SimulatedExchange) -> None:
    names = ["BTCUSDT@trade", "nosuch@trade", "btcusdt@nosuch", "ethusdt@trade"]
    with Client(market.ws_url + "/public/stream") as c:
        assert c.ask("SUBSCRIBE", names, 7) == {"result": None, "id": 7}
        assert c.ask("LIST_SUBSCRIPTIONS", number=8) == {"result": names, "id": 8}
        assert {c.read()["stream"] for _ in range(50)} == {"ethusdt@trade"}


def test_non_ascii_symbols_are_raw_utf8() -> None:
    with (
        SimulatedExchange.making(MarketPlan(rate=600.0, past_minutes=0), speed=30) as exchange,
        Client(exchange.ws_url + "/public/stream?streams=" + quote("币安人生usdt@trade")) as c,
    ):
        text = str(c.ws.recv())
    assert "币安人生usdt@trade" in text
    assert json.loads(text)["data"]["s"] == "币安人生USDT"


def test_subscribing_and_unsubscribing_change_what_arrives(market: SimulatedExchange) -> None:
    with Client(market.ws_url + "/public/stream") as c:
        assert c.ask("SUBSCRIBE", ["btcusdt@trade"], 1) == {"result": None, "id": 1}
        assert c.read()["stream"] == "btcusdt@trade"
        assert c.ask("SUBSCRIBE", ["ethusdt@trade"], 2) == {"result": None, "id": 2}
        assert c.ask("UNSUBSCRIBE", ["btcusdt@trade"], 3) == {"result": None, "id": 3}
        assert {c.read()["stream"] for _ in range(40)} == {"ethusdt@trade"}
        assert c.ask("LIST_SUBSCRIPTIONS", number=4) == {"result": ["ethusdt@trade"], "id": 4}


def test_the_combined_property_is_the_mode(market: SimulatedExchange) -> None:
    with Client(market.ws_url + "/public/ws/btcusdt@trade") as c:
        assert c.ask("GET_PROPERTY", ["combined"], 5) == {"result": False, "id": 5}
        assert c.ask("SET_PROPERTY", ["combined", True], 6) == {"result": None, "id": 6}
        assert "stream" in c.read()
    with Client(market.ws_url + "/public/stream") as c:
        assert c.ask("GET_PROPERTY", ["combined"], 5) == {"result": True, "id": 5}


@pytest.mark.parametrize(
    ("sent", "code", "beginning"),
    [
        ("{", 3, "Invalid JSON: "),
        ("[]", 2, "Invalid request: "),
        ('{"id":1}', 2, "Invalid request: missing field"),
        ('{"method":"NOSUCH","id":1}', 2, "Invalid request: unknown variant"),
        ('{"method":"SUBSCRIBE","params":["a@trade"],"id":-1}', 2, "Invalid request: request ID must be"),
        ('{"method":"SUBSCRIBE","params":["a@trade"],"id":"x"}', 2, "Invalid request: request ID must be"),
        ('{"method":"SUBSCRIBE","params":"a@trade","id":1}', 2, "Invalid request: "),
        ('{"method":"SUBSCRIBE","params":[1],"id":1}', 2, "Invalid request: "),
        ('{"method":"SUBSCRIBE","params":["\\ud800@trade"],"id":1}', 3, "Invalid JSON: "),  # no text can hold it
        ('{"method":"GET_PROPERTY","params":[1],"id":1}', 2, "Invalid request: property name"),
        ('{"method":"GET_PROPERTY","params":["nosuch"],"id":1}', 0, "Unknown property"),
        ('{"method":"SET_PROPERTY","params":["combined",1],"id":1}', 1, "Invalid value type: expected Boolean"),
    ],
)
def test_wrong_requests_are_answered_with_a_code(
    market: SimulatedExchange, sent: str, code: int, beginning: str
) -> None:
    with Client(market.ws_url + "/public/ws") as c:
        c.send(sent)
        reply = c.read()
        assert reply["code"] == code
        assert reply["msg"].startswith(beginning)


def test_one_stream_too_many_ends_the_connection(market: SimulatedExchange) -> None:
    with Client(market.ws_url + "/public/stream") as c:
        assert c.ask("SUBSCRIBE", [f"a{i}@trade" for i in range(20)])["result"] is None
        c.send({"method": "SUBSCRIBE", "params": ["onemore@trade"], "id": 9})
        assert c.read() == {"error": {"code": 4, "msg": "Too many subscriptions"}, "id": 9}
        assert c.close_code() == (1008, "Invalid request")
    with Client(market.ws_url + "/public/ws/" + "/".join(f"a{i}@trade" for i in range(21))) as c:
        assert c.close_code() == (1008, "Invalid request")


def test_the_documented_limit_is_1024_streams_and_200_names_at_once_are_fine() -> None:
    assert Limits().streams == 1024
    with SimulatedExchange.making(MarketPlan(past_minutes=1)) as exchange, Client(exchange.ws_url + "/public/ws") as c:
        assert c.ask("SUBSCRIBE", [f"a{i}@trade" for i in range(200)])["result"] is None
        c.ws.close()
        names = "/".join(f"name{i}usdt@trade" for i in range(1024))
        with Client(exchange.ws_url + "/public/stream?streams=" + names) as d:
            assert len(d.ask("LIST_SUBSCRIPTIONS")["result"]) == 1024


def test_the_private_route_is_there_and_carries_no_market_data(market: SimulatedExchange) -> None:
    with Client(market.ws_url + "/private/stream?streams=" + ALL_KINDS) as c:
        assert c.ask("LIST_SUBSCRIPTIONS")["result"] == ALL_KINDS.split("/")
        c.ws.settimeout(1.0)
        with pytest.raises(websocket.WebSocketTimeoutException):
            c.read()


def test_forty_messages_at_once_are_fifteen_answers_and_the_end(market: SimulatedExchange) -> None:
    with Client(market.ws_url + "/public/ws") as c:
        for number in range(40):
            c.send({"method": "LIST_SUBSCRIPTIONS", "id": number})
        assert [c.read()["id"] for _ in range(15)] == list(range(15))
        assert c.close_code() == (1008, "Too many requests")


def test_a_client_ping_is_answered(market: SimulatedExchange) -> None:
    with Client(market.ws_url + "/public/ws") as c:
        c.ws.ping(b"here")
        opcode, frame = c.ws.recv_data_frame(control_frame=True)
        assert (opcode, frame.data) == (websocket.ABNF.OPCODE_PONG, b"here")


@pytest.mark.parametrize("code", [1000, 3001])
def test_a_close_by_the_client_is_answered_with_its_code(market: SimulatedExchange, code: int) -> None:
    with Client(market.ws_url + "/public/ws/btcusdt@trade") as c:
        c.ws.send_close(code, b"")
        assert c.close_code() == (code, "")


def read_without_answering(client: Client) -> None:
    """Take bytes off the socket, below the layer that would answer a ping."""
    assert client.ws.sock is not None
    while client.ws.sock.recv(100):
        pass


def test_pings_carry_milliseconds_and_silence_after_them_ends_the_connection() -> None:
    limits = Limits(ping_every_s=0.1, pong_within_s=1.5)
    with SimulatedExchange.making(MarketPlan(past_minutes=1), limits=limits) as exchange:
        with Client(exchange.ws_url + "/public/ws") as c:
            opcode, frame = c.ws.recv_data_frame(control_frame=True)  # answers it
            assert opcode == websocket.ABNF.OPCODE_PING
            assert abs(int(frame.data) - time.time() * 1000) < 60_000
            for _ in range(20):  # longer than silence would be borne
                c.ws.recv_data_frame(control_frame=True)
        with Client(exchange.ws_url + "/public/ws") as mute, pytest.raises(ConnectionResetError):
            read_without_answering(mute)


def test_a_reader_that_falls_too_far_behind_is_dropped() -> None:
    limits = Limits(buffer_bytes=20_000)
    plan = MarketPlan(rate=5_000.0, past_minutes=0)
    with (
        SimulatedExchange.making(plan, speed=20.0, limits=limits) as exchange,
        Client(exchange.ws_url + "/public/ws/btcusdt@trade/ethusdt@trade", receive_bytes=4096) as c,
    ):
        c.read()
        until = time.monotonic() + WAIT_S
        while exchange.connections and time.monotonic() < until:  # unread messages fill the buffers in between
            time.sleep(0.02)
        assert exchange.connections == 0
        with pytest.raises((ConnectionResetError, websocket.WebSocketConnectionClosedException)):
            c.read_many(10**6)


def test_a_connection_has_a_lifetime() -> None:
    limits = Limits(lifetime_s=0.2)
    assert Limits().lifetime_s == 24 * 3600
    with (
        SimulatedExchange.making(MarketPlan(past_minutes=1), limits=limits) as exchange,
        Client(exchange.ws_url + "/public/ws") as c,
    ):
        assert c.close_code()[0] == 1001


def test_no_compression_is_agreed(market: SimulatedExchange) -> None:
    ws = websocket.create_connection(
        market.ws_url + "/public/ws", header={"Sec-WebSocket-Extensions": "permessage-deflate"}, timeout=WAIT_S
    )
    assert "sec-websocket-extensions" not in ws.headers
    ws.close(timeout=1)


def test_upgrades_are_labelled_and_a_plain_get_is_refused(market: SimulatedExchange) -> None:
    with Client(market.ws_url + "/market/ws") as c:
        assert c.ws.headers["x-pairsight-simulator"] == "market"
    answer = requests.get(market.rest_url + "/public/ws", timeout=WAIT_S)
    assert answer.status_code == 400
    assert answer.headers["X-Pairsight-Simulator"] == "market"
