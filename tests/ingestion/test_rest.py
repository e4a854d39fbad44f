"""REST: asked within the budget, refusals obeyed, and every failure a sentence."""

import gc
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from core.errors import BadRequest, Blocked, RateLimited, RestError, Unreachable
from ingestion.rest import TRIES, Rest

MINUTE_MS = 60_000
START_MS = 1_791_382_980_000  # a full minute
TIME = {"serverTime": START_MS}


@dataclass
class Answer:
    body: Any = field(default_factory=lambda: TIME)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hold: threading.Event | None = None  # answered only once this is set


class Exchange:
    """Gives its answers in order, the last one for ever, and keeps what was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [Answer()]
        self.asked: Queue[tuple[str, dict[str, str]]] = Queue()
        lock = threading.Lock()
        exchange = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                exchange.asked.put((url.path, {key: values[0] for key, values in parse_qs(url.query).items()}))
                with lock:
                    answer = exchange.answers.pop(0) if len(exchange.answers) > 1 else exchange.answers[0]
                if answer.hold is not None:
                    answer.hold.wait(10)
                body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in (answer.headers | {"Content-Length": str(len(body))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None: ...

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None: ...  # a client that left

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.base = f"http://127.0.0.1:{self._server.server_port}"

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Now:
    """Our clock, set by hand, and seconds that pass whatever it says."""

    def __init__(self) -> None:
        self.ms = START_MS
        self.s = 0.0

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    running = Exchange()
    yield running
    running.end()


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def rest(exchange: Exchange, now: Now) -> Iterator[Rest]:
    rest = Rest(
        exchange.base,
        now_ms=now,
        now_s=lambda: now.s,
        waits=lambda: iter([0.01] * 9),
        timeouts_s=(1.0, 0.5),
        patience_s=0.3,
    )
    yield rest
    rest.close()


def test_the_offset_of_the_clock_is_measured_by_the_middle_of_the_round_trip(exchange: Exchange) -> None:
    exchange.answers = [Answer({"serverTime": 5_000})]
    rest = Rest(exchange.base, now_ms=lambda: 1_000 if exchange.asked.empty() else 1_040)
    assert rest.offset_ms is None
    assert rest.server_time_ms() == 5_000
    assert rest.offset_ms == 5_000 - 1_020
    rest.close()


def test_every_method_asks_the_path_it_should(exchange: Exchange, rest: Rest) -> None:
    asks: list[tuple[Callable[[], object], Any, str, dict[str, str]]] = [
        (rest.server_time_ms, TIME, "time", {}),
        (rest.exchange_info, {"symbols": []}, "exchangeInfo", {}),
        (lambda: rest.agg_trades("BTCUSDT", from_id=7, limit=5), [], "aggTrades",
         {"symbol": "BTCUSDT", "fromId": "7", "limit": "5"}),
        (lambda: rest.agg_trades("BTCUSDT", start_ms=1, end_ms=2), [], "aggTrades",
         {"symbol": "BTCUSDT", "startTime": "1", "endTime": "2", "limit": "1000"}),
        (lambda: rest.trades("BTCUSDT"), [], "trades", {"symbol": "BTCUSDT", "limit": "1000"}),
        (rest.premium_index, [], "premiumIndex", {}),
        (rest.funding_hours, [], "fundingInfo", {}),
        (rest.ticker_24h, [], "ticker/24hr", {}),
        (lambda: rest.klines("币安人生USDT", 900, start_ms=5, limit=99), [], "klines",
         {"symbol": "币安人生USDT", "interval": "15m", "startTime": "5", "limit": "99"}),
    ]  # fmt: skip
    for ask, body, path, params in asks:
        exchange.answers = [Answer(body)]
        ask()
        assert exchange.asked.get(timeout=1) == (f"/fapi/v1/{path}", params)


def test_a_bar_counts_as_closed_by_the_exchanges_clock_not_ours(exchange: Exchange, rest: Rest) -> None:
    row = [START_MS, "1", "2", "0.5", "1.5", "10", START_MS + 59_999, "15", 4, "5", "7", "0"]
    exchange.answers = [Answer({"serverTime": START_MS + 59_000}), Answer([row])]
    assert len(rest.klines("BTCUSDT", 60)) == 0
    exchange.answers = [Answer({"serverTime": START_MS + 63_100}), Answer([row])]
    rest.server_time_ms()
    assert rest.klines("BTCUSDT", 60).close.tolist() == [1.5]


def test_a_simulator_is_known_by_its_mark_and_its_clock_is_asked_each_time(exchange: Exchange, rest: Rest) -> None:
    marked = {"X-Pairsight-Simulator": "replay"}
    exchange.answers = [Answer(TIME, headers=marked), Answer([], headers=marked)]
    rest.klines("BTCUSDT", 60)
    assert rest.simulated == "replay"
    exchange.answers = [Answer(TIME, headers=marked), Answer([], headers=marked)]
    rest.klines("BTCUSDT", 60)
    assert [exchange.asked.get(timeout=1)[0].rsplit("/")[-1] for _ in range(4)] == ["time", "klines"] * 2


# When nothing comes


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_failing_server_is_asked_again_and_then_answers(exchange: Exchange, rest: Rest, status: int) -> None:
    exchange.answers = [Answer({}, status), Answer({}, status), Answer()]
    assert rest.server_time_ms() == START_MS
    assert exchange.asked.qsize() == 3


def test_a_server_that_goes_on_failing_is_given_up_with_its_words(exchange: Exchange, rest: Rest) -> None:
    exchange.answers = [Answer({"code": -1001, "msg": "Internal error"}, 503)]
    with pytest.raises(Unreachable, match="HTTP 503: Internal error"):
        rest.server_time_ms()
    assert exchange.asked.qsize() == TRIES


def test_no_answer_in_time_is_unreachable(exchange: Exchange, rest: Rest) -> None:
    never = threading.Event()
    exchange.answers = [Answer(hold=never)]
    with pytest.raises(Unreachable, match="in time"):
        rest.server_time_ms()
    never.set()


def test_nobody_there_is_unreachable(now: Now) -> None:
    rest = Rest("http://127.0.0.1:9", now_ms=now, waits=lambda: iter([0.0] * 9))
    with pytest.raises(Unreachable, match="cannot be reached"):
        rest.server_time_ms()
    rest.close()


@pytest.mark.parametrize("body", [b"<html>Please log in</html>", b"", b"{}", b"[" * 10_000, b'{"serverTime":"soon"}'])
def test_something_else_than_the_exchange_is_unreachable(exchange: Exchange, rest: Rest, body: bytes) -> None:
    exchange.answers = [Answer(body)]
    with pytest.raises(Unreachable, match="Something else"):
        rest.server_time_ms()


# Refusals


def test_a_request_the_exchange_will_not_answer_is_not_repeated(exchange: Exchange, rest: Rest) -> None:
    exchange.answers = [Answer({"code": -1121, "msg": "Invalid symbol."}, 400)]
    with pytest.raises(BadRequest, match=r"Invalid symbol.*-1121"):
        rest.trades("NOPE")
    assert exchange.asked.qsize() == 1


def test_a_refusal_by_something_else_than_the_exchange_names_its_status(exchange: Exchange, rest: Rest) -> None:
    exchange.answers = [Answer(b"<html>not found</html>", 404)]
    with pytest.raises(BadRequest, match=r"^127\.0\.0\.1:\d+ refused .* \(HTTP 404\)\.$"):
        rest.trades("BTCUSDT")


@pytest.mark.parametrize(("status", "banned"), [(429, False), (418, True)])
def test_after_a_rate_limit_nothing_is_asked_until_it_ends(
    exchange: Exchange, rest: Rest, now: Now, status: int, banned: bool
) -> None:
    exchange.answers = [Answer({"code": -1003, "msg": "Too many"}, status, {"Retry-After": "30"}), Answer()]
    with pytest.raises(RateLimited) as caught:
        rest.server_time_ms()
    assert caught.value.retry_after_s == 30.0
    assert ("banned" in str(caught.value)) is banned
    now.s += 29.0
    with pytest.raises(RateLimited):
        rest.server_time_ms()
    assert exchange.asked.qsize() == 1
    now.s += 1.001
    assert rest.server_time_ms() == START_MS


@pytest.mark.parametrize("set_by_ms", [-3_600_000, 3_600_000])
def test_a_clock_that_is_set_neither_ends_a_ban_nor_prolongs_it(
    exchange: Exchange, rest: Rest, now: Now, set_by_ms: int
) -> None:
    exchange.answers = [Answer({"code": -1003, "msg": "Too many"}, 418, {"Retry-After": "30"}), Answer()]
    with pytest.raises(RateLimited):
        rest.server_time_ms()
    now.ms += set_by_ms
    with pytest.raises(RateLimited, match="another 30 s"):
        rest.server_time_ms()
    now.s += 30.001
    assert rest.server_time_ms() == START_MS


def test_a_ban_without_a_header_is_read_from_its_words(exchange: Exchange, rest: Rest, now: Now) -> None:
    words = f"Way too many requests; IP banned until {now.ms + 125_000}."
    exchange.answers = [Answer({"code": -1003, "msg": words}, 418)]
    with pytest.raises(RateLimited) as caught:
        rest.server_time_ms()
    assert caught.value.retry_after_s == 125.0


def test_a_blocked_location_is_final(exchange: Exchange, rest: Rest) -> None:
    exchange.answers = [Answer({"code": 0, "msg": "Service unavailable from a restricted location"}, 451), Answer()]
    for _ in range(2):
        with pytest.raises(Blocked, match="does not serve this location") as caught:
            rest.server_time_ms()
        assert caught.value.status == 451
    assert exchange.asked.qsize() == 1


def test_a_firewall_is_left_alone_for_a_minute(exchange: Exchange, rest: Rest, now: Now) -> None:
    exchange.answers = [Answer(b"<html>", 403), Answer()]
    with pytest.raises(Blocked):
        rest.server_time_ms()
    with pytest.raises(RateLimited):
        rest.server_time_ms()
    now.s += 60.001
    assert rest.server_time_ms() == START_MS


# Budget


def test_the_weight_the_exchange_counts_stops_background_work_first(exchange: Exchange, rest: Rest, now: Now) -> None:
    exchange.answers = [Answer(TIME, headers={"X-MBX-USED-WEIGHT-1M": "1500"}), Answer([])]
    rest.server_time_ms()
    with pytest.raises(RateLimited):
        rest.premium_index()
    assert len(rest.trades("BTCUSDT")) == 0, "a gap does not wait"
    now.ms += MINUTE_MS
    assert rest.premium_index() == []


def test_even_what_cannot_wait_leaves_the_exchange_some_room(exchange: Exchange, rest: Rest) -> None:
    exchange.answers = [Answer([])]
    for _ in range(int(0.9 * 2_400 / 20)):
        rest.agg_trades("BTCUSDT", from_id=1)
    with pytest.raises(RateLimited):
        rest.agg_trades("BTCUSDT", from_id=1)


def test_many_threads_share_one_budget(exchange: Exchange, rest: Rest) -> None:
    exchange.answers = [Answer([])]
    refused: Queue[RestError] = Queue()

    def work() -> None:
        for _ in range(20):
            try:
                rest.get("/fapi/v1/aggTrades", weight=20)
            except RateLimited as error:
                refused.put(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert exchange.asked.qsize() == 0.6 * 2_400 / 20
    assert refused.qsize() == 160 - exchange.asked.qsize()


def test_a_thread_that_has_ended_leaves_no_connection_behind(exchange: Exchange, rest: Rest) -> None:
    def sessions() -> int:
        gc.collect()
        return sum(isinstance(thing, requests.Session) for thing in gc.get_objects())

    before = sessions()
    for _ in range(5):
        thread = threading.Thread(target=rest.server_time_ms)
        thread.start()
        thread.join()
    assert sessions() == before


def test_a_server_that_asks_for_no_wait_at_all_is_given_a_moment(exchange: Exchange, rest: Rest) -> None:
    exchange.answers = [Answer({"code": -1003, "msg": "Too many"}, 429, {"Retry-After": "0"})]
    with pytest.raises(RateLimited) as caught:
        rest.server_time_ms()
    assert caught.value.retry_after_s == 1.0


def test_close_wakes_whoever_waits(exchange: Exchange, now: Now) -> None:
    rest = Rest(exchange.base, now_ms=now, patience_s=60.0)
    exchange.answers = [Answer({}, 429, {"Retry-After": "50"})]
    with pytest.raises(RateLimited):
        rest.server_time_ms()
    closer = threading.Timer(0.05, rest.close)
    closer.start()
    with pytest.raises(Unreachable, match="Stopped"):
        rest.server_time_ms()
    closer.join()


def test_funding_settlements_come_page_by_page_at_whole_minutes(
    exchange: Exchange, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.rest.SETTLED_MOST", 2)
    hour = 3_600_000

    def page(*settled: tuple[int, str]) -> Answer:
        return Answer([{"symbol": "BTCUSDT", "fundingTime": at, "fundingRate": rate} for at, rate in settled])

    exchange.answers = [page((hour + 7, "0.00010000"), (9 * hour + 2, "-0.00002000")), page((17 * hour, "0.00000001"))]
    found = rest.funding_settled("BTCUSDT", 0, 24 * hour)
    assert found == [(hour, 1e-4), (9 * hour, -2e-5), (17 * hour, 1e-8)]
    first, second = (exchange.asked.get(timeout=5) for _ in range(2))
    assert first == (
        "/fapi/v1/fundingRate", {"symbol": "BTCUSDT", "startTime": "0", "endTime": str(24 * hour), "limit": "2"}
    )  # fmt: skip
    assert second[1]["startTime"] == str(9 * hour + MINUTE_MS)
