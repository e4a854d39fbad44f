"""The feed over real sockets: batches arrive, it comes back by itself, and it ends when told."""

import json
import logging
import struct
import threading
from collections.abc import Callable
from typing import Any

import pytest

from core.errors import SettingsError
from core.types import Batch
from ingestion import binance
from ingestion.feed import Feed
from ingestion.transport import connect
from tests.ingestion.frames import mark, trade
from tests.ingestion.stages import Stage, ids
from tests.ingestion.wire_server import WireServer, frame

BLOCKED = "HTTP/1.1 451 Unavailable For Legal Reasons\r\nContent-Length: 0\r\n\r\n"
BUSY = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def stage(stage_for: Callable[..., Stage]) -> Stage:
    built = stage_for(WireServer(headers="X-Pairsight-Simulator: market\r\n"))
    built.feed.subscribe(["BTCUSDT", "ETHUSDT"], "trade")
    return built


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
