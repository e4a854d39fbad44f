"""A silent stream goes through every remedy, and those that flow are never harmed by it."""

import contextlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from queue import Empty
from typing import Any

import pytest

from core.errors import LineDown, LineRefused
from core.types import FeedStatus
from ingestion import binance
from ingestion.times import THE_EXCHANGE
from ingestion.transport import Connect, Line, connect
from tests.ingestion.frames import trade
from tests.ingestion.stages import Stage, ids
from tests.ingestion.wire_server import Peer, WireServer, frame


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
