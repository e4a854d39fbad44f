"""The feed over real sockets: batches arrive, it comes back by itself, and it ends when told."""

import contextlib
import itertools
import json
import logging
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from queue import Empty, Queue
from typing import Any

import pytest

from core.errors import LineDown, LineRefused, SettingsError
from core.types import Batch, FeedStatus
from ingestion import binance
from ingestion.feed import Feed
from ingestion.times import THE_EXCHANGE
from ingestion.transport import Connect, Line, connect
from tests.ingestion.frames import mark, trade
from tests.ingestion.wire_server import Peer, WireServer, frame

BLOCKED = "HTTP/1.1 451 Unavailable For Legal Reasons\r\nContent-Length: 0\r\n\r\n"
BUSY = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Heard:
    """What the feed told, each thing on a queue of its own, so that a test waits for it and for nothing else."""

    ids: Queue[int] = field(default_factory=Queue)
    batches: Queue[Batch] = field(default_factory=Queue)
    ups: Queue[None] = field(default_factory=Queue)
    downs: Queue[str] = field(default_factory=Queue)

    def batch(self, batch: Batch) -> None:
        self.batches.put(batch)
        for records in batch.records:
            for record_id in records.record_id.tolist():
                self.ids.put(record_id)


@dataclass
class Stage:
    server: WireServer
    feed: Feed
    heard: Heard

    def peer(self) -> Peer:
        return self.server.peer()


@pytest.fixture
def stage_for() -> Iterator[Callable[..., Stage]]:
    """Builds a feed against a server; ends both."""
    stages: list[Stage] = []

    def build(server: WireServer, **options: Any) -> Stage:
        heard = Heard()
        server.__enter__()
        feed = Feed(
            "feed-trades",
            wire=binance,
            base=server.url,
            route="/public",
            connect=options.pop("connect", connect),
            on_batch=heard.batch,
            on_line_up=lambda: heard.ups.put(None),
            on_line_down=heard.downs.put,
            waits=lambda: itertools.repeat(0.01),
            **options,
        )
        stages.append(Stage(server, feed, heard))
        return stages[-1]

    yield build
    for stage in stages:
        assert stage.feed.stop()
        stage.server.__exit__(None, None, None)


@pytest.fixture
def stage(stage_for: Callable[..., Stage]) -> Stage:
    built = stage_for(WireServer(headers="X-Pairsight-Simulator: market\r\n"))
    built.feed.subscribe(["BTCUSDT", "ETHUSDT"], "trade")
    return built


def ids(heard: Heard, count: int) -> list[int]:
    return [heard.ids.get(timeout=5) for _ in range(count)]


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "feed-trades"]


def test_what_the_exchange_says_arrives_as_batches(stage: Stage) -> None:
    stage.feed.start()
    peer = stage.peer()
    assert peer.path == "/public/stream?streams=btcusdt@trade/ethusdt@trade"
    peer.say(b"".join(frame(trade(trade_id=number)) for number in range(1, 6)))
    assert ids(stage.heard, 5) == [1, 2, 3, 4, 5]
    status = stage.feed.status()
    assert (status.state, status.records, status.simulated, status.reconnects) == ("live", 5, "market", 0)
    assert status.streams[0].last_id == 5
    assert status.streams[1].age_s is None


def test_it_comes_back_after_a_cut_and_says_so(stage: Stage) -> None:
    stage.feed.start()
    for number in (1, 2, 3):
        peer = stage.peer()
        peer.say(frame(trade(trade_id=number)))
        assert ids(stage.heard, 1) == [number]
        peer.cut()
        assert "lost" in stage.heard.downs.get(timeout=5)
    stage.peer()
    for _ in range(4):
        stage.heard.ups.get(timeout=5)
    assert stage.feed.status().reconnects == 3


def test_a_close_frame_is_passed_on_in_words(stage: Stage) -> None:
    stage.feed.start()
    stage.peer().say(frame(struct.pack("!H", 1008) + b"Too many requests", opcode=8))
    assert "1008 Too many requests" in stage.heard.downs.get(timeout=5)


def test_garbage_and_foreign_frames_do_not_stop_it_and_are_counted(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.feed.start()
    with caplog.at_level(logging.WARNING):
        stage.peer().say(b"".join(map(frame, [b"\xff\x00", b"{", b"{}", trade("XRPUSDT"), trade(trade_id=9)])))
        assert ids(stage.heard, 1) == [9]
    assert stage.feed.status().rejected == {"malformed": 2, "foreign": 2}
    assert len([record for record in caplog.records if "refused" in record.message]) == 1


def test_a_location_that_is_not_served_ends_it_with_a_reason(stage_for: Callable[..., Stage]) -> None:
    stage = stage_for(WireServer(answers=iter([BLOCKED])))
    stage.feed.start()
    assert "does not serve this location" in stage.heard.downs.get(timeout=5)
    status = stage.feed.status()
    assert (status.state, status.next_try_in_s) == ("blocked", None)
    assert "451" in status.reason
    assert stage.server.nobody()


def test_the_trader_may_try_again_after_a_block(stage_for: Callable[..., Stage]) -> None:
    stage = stage_for(WireServer(answers=iter([BLOCKED])))
    stage.feed.subscribe(["BTCUSDT"], "trade")
    stage.feed.start()
    stage.heard.downs.get(timeout=5)
    assert stage.feed.stop()
    stage.feed.start()
    stage.peer().say(frame(trade(trade_id=1)))
    assert ids(stage.heard, 1) == [1]


def test_an_overloaded_server_is_asked_again(stage_for: Callable[..., Stage]) -> None:
    stage = stage_for(WireServer(answers=iter([BUSY, BUSY])))
    stage.feed.start()
    assert "not available" in stage.heard.downs.get(timeout=5)
    stage.peer()
    stage.heard.ups.get(timeout=5)


@pytest.mark.parametrize("status", [403, 418, 429])
def test_a_refusal_that_asks_for_patience_gets_it(stage_for: Callable[..., Stage], status: int) -> None:
    answer = f"HTTP/1.1 {status} No\r\nRetry-After: 90\r\nContent-Length: 0\r\n\r\n"
    stage = stage_for(WireServer(answers=iter([answer])))
    stage.feed.start()
    stage.heard.downs.get(timeout=5)
    found = stage.feed.status()
    assert found.state == "waiting"
    assert found.next_try_in_s is not None
    assert 80 < found.next_try_in_s <= 90


def test_streams_are_added_and_dropped_while_it_runs_and_survive_a_reconnect(stage: Stage) -> None:
    stage.feed.start()
    peer = stage.peer()
    stage.feed.subscribe(["币安人生USDT"], "trade")
    stage.feed.unsubscribe(["ETHUSDT"], "trade")
    asked = {}
    for _ in range(2):
        _, payload = peer.heard()
        request = json.loads(payload)
        asked[request["method"]] = request["params"]
        peer.say(frame(json.dumps({"result": None, "id": request["id"]}).encode()))
    assert asked == {"SUBSCRIBE": ["币安人生usdt@trade"], "UNSUBSCRIBE": ["ethusdt@trade"]}
    peer.say(frame(trade("ETHUSDT", 7)) + frame(trade("币安人生USDT", 8)))
    assert ids(stage.heard, 1) == [8]
    peer.cut()
    assert stage.peer().path.endswith("?streams=btcusdt@trade/%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9Fusdt@trade")


def test_more_streams_than_a_connection_carries_are_refused_as_a_whole(stage: Stage) -> None:
    with pytest.raises(SettingsError, match="at most 1000 streams"):
        stage.feed.subscribe([f"S{number}USDT" for number in range(999)], "trade")
    assert [stream.symbol for stream in stage.feed.status().streams] == ["BTCUSDT", "ETHUSDT"]


def test_start_may_be_called_twice_and_stop_ends_the_thread(stage: Stage) -> None:
    stage.feed.start()
    stage.feed.start()
    stage.peer()
    assert threads() == ["feed-trades"]
    assert stage.feed.stop()
    assert stage.feed.stop()
    assert threads() == []
    assert stage.feed.status().state == "stopped"
    assert stage.server.nobody()


def test_stop_wakes_a_feed_that_waits_for_its_next_try(stage_for: Callable[..., Stage]) -> None:
    stage = stage_for(WireServer(answers=iter(["HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n"])))
    stage.feed.start()
    stage.heard.downs.get(timeout=5)
    assert stage.feed.stop(timeout_s=2.0)


def test_stopped_and_started_again_it_delivers_again(stage: Stage) -> None:
    for number in (1, 2):
        stage.feed.start()
        stage.peer().say(frame(trade(trade_id=number)))
        assert ids(stage.heard, 1) == [number]
        assert stage.feed.stop()


def test_a_thread_that_hangs_while_connecting_is_told_of_and_cannot_disturb_its_successor() -> None:
    inside, go_on = threading.Event(), threading.Event()

    def hang(url: str) -> Any:
        inside.set()
        go_on.wait(10)
        return connect(url)

    with WireServer() as server:
        feed = Feed("feed-hang", wire=binance, base=server.url, route="/public", connect=hang, on_batch=lambda b: None)
        feed.start()
        assert inside.wait(5)
        assert not feed.stop(timeout_s=0.05)
        old = next(thread for thread in threading.enumerate() if thread.name == "feed-hang")
        go_on.set()
        old.join(5)
        assert not old.is_alive()
        assert feed.status().state == "stopped"


def test_an_error_in_a_sink_is_logged_and_the_feed_goes_on(
    stage_for: Callable[..., Stage], caplog: pytest.LogCaptureFixture
) -> None:
    stage = stage_for(WireServer())
    stage.feed.subscribe(["BTCUSDT"], "trade")
    real, broken = stage.feed._on_batch, [True]

    def sink(batch: Batch) -> None:
        if broken:
            broken.pop()
            raise RuntimeError("a sink's own mistake")
        real(batch)

    stage.feed._on_batch = sink
    stage.feed.start()
    stage.peer().say(frame(trade(trade_id=1)))
    assert "inside Pairsight" in stage.heard.downs.get(timeout=5)
    stage.peer().say(frame(trade(trade_id=2)))
    assert ids(stage.heard, 1) == [2]
    assert "a sink's own mistake" in caplog.text


def test_marks_come_with_their_own_stream(stage_for: Callable[..., Stage]) -> None:
    stage = stage_for(WireServer())
    stage.feed.subscribe(["BTCUSDT"], "markPrice")
    stage.feed.start()
    stage.peer().say(frame(mark()))
    assert stage.heard.batches.get(timeout=5).marks[0].symbol == "BTCUSDT"
    assert stage.feed.status().streams[0].kind == "markPrice"


def test_the_servers_notice_brings_a_new_connection_before_the_end(stage: Stage) -> None:
    stage.feed.start()
    old = stage.peer()
    old.say(frame(trade(trade_id=1)) + frame(b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}'))
    new = stage.peer()
    new.say(frame(trade(trade_id=1)) + frame(trade(trade_id=2)))
    assert ids(stage.heard, 3) == [1, 1, 2]
    assert old.heard()[0] == 8  # closed by us, politely, after the new one has delivered
    assert stage.feed.status().reconnects == 0
    assert stage.heard.downs.empty()


# Silent streams, with the time moved by hand


class Shifted:
    """The real clock, moved ahead by the test."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s


class OneSidedMarket:
    """Every connection delivers ETHUSDT only, whatever is asked for, the one without a route what it is told to; every
    request is confirmed."""

    def __init__(self, server: WireServer, elsewhere: str = "") -> None:
        self._server = server
        self._elsewhere = elsewhere
        self._stop = threading.Event()
        self._numbers = itertools.count(1)
        self.paths: list[str] = []
        self.peers: list[Peer] = []
        self.requests: list[str] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def end(self) -> None:
        self._stop.set()
        for peer in self.peers:
            peer.cut()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                peer = self._server.peer(timeout_s=0.05)
            except Empty:
                continue
            self.paths.append(peer.path)
            self.peers.append(peer)
            for work in (self._talk, self._answer):
                self._threads.append(threading.Thread(target=work, args=(peer,)))
                self._threads[-1].start()

    def _talk(self, peer: Peer) -> None:
        with contextlib.suppress(OSError):
            while not self._stop.wait(0.005):
                symbol = self._elsewhere if peer.path.startswith("/stream") else "ETHUSDT"
                if symbol:
                    peer.say(frame(trade(symbol, next(self._numbers))))

    def _answer(self, peer: Peer) -> None:
        with contextlib.suppress(OSError, EOFError):
            while not self._stop.is_set():
                opcode, payload = peer.heard()
                if opcode == 1:
                    request = json.loads(payload)
                    self.requests.append(request["method"])
                    peer.say(frame(json.dumps({"result": None, "id": request["id"]}).encode()))


@dataclass
class Silence:
    """A feed of a symbol that flows and one that its own address does not deliver."""

    stage: Stage
    market: OneSidedMarket
    clock: Shifted
    told: list[tuple[object, ...]]

    def until(self, true: Callable[[], bool]) -> None:
        """Let minutes pass, while the other symbol goes on."""
        for _ in range(400):
            if true():
                return
            self.a_second()
        raise AssertionError(self.told)

    def a_second(self) -> None:
        """Let one pass, in which trades arrive; those that wait to be read are of the seconds before."""
        while not self.stage.heard.ids.empty():
            ids(self.stage.heard, 1)
        ids(self.stage.heard, 3)
        self.clock.ahead_s += 1.0

    def given_up(self) -> bool:
        return ("given up", ["BTCUSDT"], "trade") in self.told


@pytest.fixture
def silence_of(stage_for: Callable[..., Stage]) -> Iterator[Callable[..., Silence]]:
    markets: list[OneSidedMarket] = []

    def build(server: WireServer, elsewhere: str = "", **options: Any) -> Silence:
        clock, told = Shifted(), list[tuple[object, ...]]()
        stage = stage_for(
            server,
            now_s=clock,
            on_silent=lambda symbols: told.append(("silent", symbols)),
            on_given_up=lambda symbols, kind: told.append(("given up", symbols, kind)),
            other_route=binance.UNROUTED,
            **options,
        )
        markets.append(OneSidedMarket(stage.server, elsewhere))
        stage.feed.subscribe(["BTCUSDT", "ETHUSDT"], "trade")
        stage.feed.expect("trade", {"BTCUSDT": 50 * 86_400, "ETHUSDT": 50 * 86_400})
        stage.feed.start()
        return Silence(stage, markets[-1], clock, told)

    yield build
    for market in markets:
        market.end()


BOTH, ONE = "/public/stream?streams=btcusdt@trade/ethusdt@trade", "/stream?streams=btcusdt@trade"


def test_a_silent_symbol_goes_through_every_remedy_while_the_others_go_on(
    silence_of: Callable[..., Silence],
) -> None:
    silence = silence_of(WireServer())
    silence.until(silence.given_up)
    assert silence.told == [("silent", ["BTCUSDT"]), ("given up", ["BTCUSDT"], "trade")]
    assert silence.market.requests == ["UNSUBSCRIBE", "SUBSCRIBE"]
    assert silence.market.paths == [BOTH, BOTH, ONE]
    status: FeedStatus = silence.stage.feed.status()
    assert (status.state, status.reconnects) == ("live", 0)
    assert silence.stage.heard.downs.empty(), "the other symbol never lost its connection"


def gone(url: str) -> Line:
    if "/public/" not in url:
        raise LineRefused("The exchange knows no such stream address (HTTP 404).", 404)
    return connect(url)


def hanging(url: str) -> Line:
    if "/public/" not in url:
        threading.Event().wait(0.5)  # hours by the clock of the test
        raise LineDown("did not answer within 10 s.")
    return connect(url)


@pytest.mark.parametrize("dial", [gone, hanging])
def test_where_the_other_address_is_gone_a_silent_symbol_is_given_up_and_the_rest_flows(
    silence_of: Callable[..., Silence], dial: Connect
) -> None:
    silence = silence_of(WireServer(), connect=dial)
    silence.until(silence.given_up)
    silence.stage.feed.unsubscribe(["BTCUSDT"], "trade")
    silence.market.peers[-1].cut()
    silence.stage.heard.downs.get(timeout=5)
    silence.until(lambda: silence.stage.feed.status().state == "live")
    assert {path.split("?")[0] for path in silence.market.paths} == {"/public/stream"}
    assert silence.stage.feed.status().reconnects == 1


def test_what_only_the_other_address_delivers_comes_by_it_and_the_rest_as_before(
    silence_of: Callable[..., Silence],
) -> None:
    silence = silence_of(WireServer(), "BTCUSDT")
    feed = silence.stage.feed

    def both() -> bool:
        return all(stream.age_s is not None and stream.age_s < 10.0 for stream in feed.status().streams)

    silence.until(both)
    for _ in range(60):  # and it stays so
        silence.a_second()
    assert both()
    assert not silence.given_up()
    assert silence.market.paths == [BOTH, BOTH, ONE]
    assert feed.status().url.endswith(BOTH)
    assert feed.stop()
    feed.start()
    silence.until(lambda: len(silence.market.paths) > 3)
    assert silence.market.paths[3] == BOTH, "each start begins at the address of old"


def test_when_the_other_address_ends_what_it_brought_goes_through_every_remedy_again(
    silence_of: Callable[..., Silence],
) -> None:
    silence = silence_of(WireServer(), "BTCUSDT")
    silence.until(lambda: silence.stage.feed.status().streams[0].age_s is not None)
    silence.market.peers[-1].cut()
    silence.until(lambda: silence.market.paths.count(ONE) == 2)
    assert silence.told == [("silent", ["BTCUSDT"])] * 2
    assert silence.stage.heard.downs.empty()


def test_a_complaint_without_a_number_does_not_end_the_connection(stage_for: Callable[..., Stage]) -> None:
    clock = Shifted()
    stage = stage_for(WireServer(), now_s=clock)
    stage.feed.subscribe(["BTCUSDT"], "trade")
    stage.feed.start()
    peer = stage.peer()
    stage.feed.subscribe(["ETHUSDT"], "trade")
    assert b"SUBSCRIBE" in peer.heard()[1]
    peer.say(frame(b'{"code":2,"msg":"Invalid request: too many parameters"}') + frame(trade(trade_id=1)))
    assert ids(stage.heard, 1) == [1]
    clock.ahead_s += 15.0  # longer than an answer may take
    peer.say(frame(trade(trade_id=2)))
    assert ids(stage.heard, 1) == [2]
    with pytest.raises(Empty):
        stage.heard.downs.get(timeout=0.3)


def test_while_the_exchange_forbids_it_no_line_is_asked_for_whatever_it_is_for(stage_for: Callable[..., Stage]) -> None:
    banned = "HTTP/1.1 418 No\r\nRetry-After: 600\r\nContent-Length: 0\r\n\r\n"
    hasty = replace(THE_EXCHANGE, renew_after_s=0.1, renew_again_s=0.05)
    stage = stage_for(WireServer(answers=iter([None, banned])), times=hasty)
    stage.feed.subscribe(["BTCUSDT"], "trade")
    stage.feed.start()
    peer = stage.peer()
    for number in range(10):  # the renewal and, by those times, many more
        peer.say(frame(trade(trade_id=number + 1)))
        ids(stage.heard, 1)
        threading.Event().wait(0.05)
    peer.cut()
    stage.heard.downs.get(timeout=5)
    assert (stage.feed.status().next_try_in_s or 0.0) > 500
    assert stage.server.nobody()
