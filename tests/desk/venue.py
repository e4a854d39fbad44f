"""The simulated exchange with its faults, but without a socket, a thread or waiting: time passes where somebody waits.

The desk's own feed runs on lines of this venue and asks its REST; every other part is the one that trades with money.
A run of eight minutes takes a second or two and is the same each time, since nothing happens between two steps.
"""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from itertools import count
from random import Random
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from core.errors import LineDown, LineRefused
from desk.surroundings import Surroundings
from ingestion.backoff import delays
from ingestion.rest import Rest
from ingestion.times import THE_EXCHANGE, FeedTimes
from ingestion.transport import MAX_MESSAGE_BYTES
from simulator import rest as endpoints
from simulator.clock import ExchangeClock
from simulator.control import Subscriptions, answer
from simulator.encode import CLOSE, frame
from simulator.exchange import Exchange
from simulator.faults import Fault
from simulator.mischief import Mischief
from simulator.parameters import Refusal
from simulator.recording import Recording
from simulator.records import Record
from simulator.replay import Replay
from simulator.streams import is_trade_stream

STEP_S: Final = 0.02
ROUND_TRIP_S: Final = 0.03
TURN_S: Final = 0.25
_NUMBERS: Final = count(1)


class Time:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.s = 1_000.0

    def __call__(self) -> float:
        return self.s


class Peer:
    """The exchange's end of a connection."""

    def __init__(self, route: str, streams: list[str]) -> None:
        self.number, self.route = next(_NUMBERS), route
        self.subscriptions = Subscriptions(combined=True)
        self.subscriptions.add(streams)
        self.stalled = False
        self.ended: LineDown | None = None  # what the client hears once it has read what came before
        self.sent = b""
        self._out: list[bytes] = []

    @property
    def combined(self) -> bool:
        return True

    def send(self, data: bytes) -> None:
        self._out.append(data)

    def flush(self) -> None:
        if self._out:
            data = b"".join(self._out)
            self._out.clear()
            self.write(data)

    def write(self, data: bytes) -> None:
        if not self.stalled and self.ended is None:
            self.sent += data

    def close(self, code: int, reason: str) -> None:
        self.flush()
        if self.ended is None and not self.stalled:
            self.ended = LineDown(f"The exchange closed the connection: {code} {reason}")

    def drop(self, reset: bool = True) -> None:
        if self.ended is None and not self.stalled:
            self.ended = LineDown("The connection was lost.")
            if reset:
                self.sent = b""  # what was on its way goes with the connection


class VenueLine:
    """The client's end: a `Line`."""

    def __init__(self, venue: Venue, peer: Peer) -> None:
        self._venue, self._peer = venue, peer
        self._buffer = b""
        self._closed = False
        self.headers: Mapping[str, str] = {"x-pairsight-simulator": "replay"}
        self.received = 0

    @property
    def mid_frame(self) -> bool:
        return bool(self._buffer)

    def own(self) -> None: ...

    def read(self, timeout_s: float) -> list[bytes]:
        if self._closed:
            raise LineDown("The connection was closed here.")
        until = self._venue.time.s + timeout_s
        while not self._peer.sent:
            if self._peer.ended is not None:
                raise self._peer.ended
            if self._venue.time.s >= until or self._closed:
                return []
            self._venue.pass_time(min(STEP_S, until - self._venue.time.s))
        chunk, self._peer.sent = self._peer.sent, b""
        self.received += len(chunk)
        self._venue.time.s += 1e-4  # reading takes time, too
        messages, self._buffer = _cut(self._buffer + chunk)
        return messages

    def send(self, text: str) -> None:
        self._still_open()
        if self._peer.stalled or self._peer.ended is not None:
            return
        reply = answer(text, self._peer.subscriptions)
        self._peer.write(frame(reply.text.encode()))
        self._venue.hub.remove(self._peer, reply.removed)
        self._venue.listen(self._peer, list(reply.added))

    def ping(self) -> None:
        self._still_open()
        if not self._peer.stalled and self._peer.ended is None:
            self.received += 2

    def close(self) -> None:
        self._closed = True
        self._venue.leave(self._peer)

    def _still_open(self) -> None:
        if self._closed:
            raise LineDown("The connection was closed here.")


def _cut(data: bytes) -> tuple[list[bytes], bytes]:
    """Whole messages, and the rest."""
    messages, at = [], 0
    while len(data) - at >= 2:
        size, start = data[at + 1], at + 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size, start = int.from_bytes(data[at + 2 : at + 2 + width], "big"), at + 2 + width
        if size > MAX_MESSAGE_BYTES:
            raise LineDown("The server sent a message too large to be one of the exchange's.")
        if start + size > len(data):
            break
        if data[at] & 0x0F != CLOSE:
            messages.append(data[start : start + size])
        at = start + size
    return messages, data[at:]


class Venue:
    """The world around a collector. ``others`` is called four times a second: what other threads would do."""

    def __init__(self, recording: Recording, schedule: list[Fault]) -> None:
        self.time = Time()
        replay = Replay(recording)
        self.exchange = Exchange(replay, ExchangeClock(replay.start_ms, 1.0, monotonic=self.time))
        self.hub = self.exchange.hub
        self.others: Callable[[], None] = lambda: None
        self.stop_at_s = float("inf")
        self.stopped = threading.Event()  # time stands still, until `go_on`
        self._peers: set[Peer] = set()
        self._clock_starts_s: float | None = None
        self._next_turn_s = 0.0
        self._in_turn = False
        self.mischief = Mischief(self.exchange, self._peers, schedule, now=self.time, sleep=self._sleep)
        self._postponed: list[tuple[float, Record]] = []  # by the second at which they are delivered

    def postpone(self, random: Random, share: float, most_s: float) -> None:
        """From now on, deliver so many of the records late and out of order: beyond what any numbering waits for."""
        mischief = self.exchange.on_record
        assert mischief is not None

        def on_record(record: Record) -> Iterable[Record]:
            for each in mischief(record):
                if random.random() < share:
                    insort(self._postponed, (self.time.s + random.uniform(0.0, most_s), each))
                else:
                    yield each

        self.exchange.on_record = on_record

    def surroundings(self, times: FeedTimes = THE_EXCHANGE) -> Surroundings:
        """For a collector that lives here. Its clock is minutes behind the exchange's: nothing may depend on it."""
        now_ms = self._our_ms
        return Surroundings(
            connect=self.connect,
            rest=lambda base: VenueRest(base, self, now_ms),
            monotonic=self.time,
            now_ms=now_ms,
            waits=self._waits,
            beside=lambda work: work(),
            times=times,
        )

    def begin(self, seconds: float) -> None:
        """Trade for so long before anybody listens."""
        self._clock_starts_s = self.time.s
        self.pass_time(seconds)

    def go_on(self, until_s: float) -> None:
        """Let time pass again, until then."""
        self.stop_at_s = until_s
        self.stopped.clear()

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass, and happen what is due."""
        end = self.time.s + seconds
        while self.time.s < end:
            if self.time.s >= self.stop_at_s and not self._in_turn:
                self.stopped.set()
                threading.Event().wait(0.002)
                return
            self.time.s = min(end, self.time.s + STEP_S)
            if self._clock_starts_s is not None and self.time.s >= self._clock_starts_s:
                self.exchange.clock.start()
            while self.exchange.step():
                pass
            self.mischief.step()
            while self._postponed and self._postponed[0][0] <= self.time.s:
                self.exchange.deliver(self._postponed.pop(0)[1])
            for peer in list(self._peers):
                peer.flush()
            if self.time.s >= self._next_turn_s and not self._in_turn:
                self._next_turn_s = self.time.s + TURN_S
                self._in_turn = True
                try:
                    self.others()
                finally:
                    self._in_turn = False

    def connect(self, url: str) -> VenueLine:
        """Open a line, as `ingestion.transport.connect` does."""
        parts = urlsplit(url)
        route = parts.path.removesuffix("/stream").strip("/")
        self.pass_time(ROUND_TRIP_S)
        status = self.mischief.refusal(route)
        if status is not None:
            raise LineRefused(f"The exchange refused the connection (HTTP {status}).", status)
        streams = [name for name in unquote(parts.query).removeprefix("streams=").split("/") if name]
        peer = Peer(route, streams)
        self._peers.add(peer)
        self.listen(peer, streams)
        return VenueLine(self, peer)

    def listen(self, peer: Peer, streams: list[str]) -> None:
        """A peer has asked for streams."""
        self.hub.add(peer, streams)
        if self._clock_starts_s is None and any(map(is_trade_stream, streams)):
            self._clock_starts_s = self.time.s + 0.2

    def leave(self, peer: Peer) -> None:
        """The client is gone."""
        self._peers.discard(peer)
        self.hub.remove(peer, list(peer.subscriptions.streams))

    def answer(self, url: str, timeout_s: float) -> requests.Response:
        """What REST answers. Raises requests' own errors where nothing comes."""
        parts = urlsplit(url)
        path, began_s = parts.path.removeprefix("/fapi/v1/"), self.time.s
        self.pass_time(ROUND_TRIP_S)
        fault = _done(self.mischief.before_rest(path))
        if self.time.s - began_s > timeout_s:
            raise requests.exceptions.ReadTimeout
        if fault is not None and fault.do == "rest_hang":
            raise requests.exceptions.ConnectionError
        if fault is not None:
            headers = {"Retry-After": str(fault.retry_after_s)} if fault.retry_after_s else {}
            return _response(fault.status, b'{"code":-1000,"msg":"simulated"}', headers)
        try:
            value = endpoints.ENDPOINTS[path].answer(self.exchange, dict(parse_qsl(parts.query)))
        except Refusal as refusal:
            return _response(refusal.status, endpoints.body({"code": refusal.code, "msg": refusal.msg}), {})
        return _response(200, endpoints.body(value), {})

    def _our_ms(self) -> int:
        return self.exchange.source.start_ms - 200_000 + int(self.time.s * 1000)

    def _waits(self) -> Iterator[float]:
        for wait_s in delays(uniform=lambda: 0.5):
            self.pass_time(wait_s)
            yield 0.0

    async def _sleep(self, seconds: float) -> None:
        self.pass_time(seconds)


class VenueRest(Rest):
    """The real client, connected to a venue instead of a network."""

    def __init__(self, base: str, venue: Venue, now_ms: Callable[[], int]) -> None:
        super().__init__(base, now_ms=now_ms, now_s=venue.time, waits=self._backoff)
        self._venue = venue

    def pause(self, seconds: float) -> None:
        """Waiting lets time pass."""
        self._venue.pass_time(seconds)
        super().pause(0.0)

    def _backoff(self) -> Iterator[float]:
        for wait_s in delays(first_s=0.5, most_s=8.0, uniform=lambda: 0.5):
            self._venue.pass_time(wait_s)
            yield 0.0

    def _session(self) -> requests.Session:
        session = super()._session()
        session.trust_env = False
        session.mount("http://", _Gateway(self._venue))
        return session


class _Gateway(BaseAdapter):
    def __init__(self, venue: Venue) -> None:
        super().__init__()
        self._venue = venue

    def send(
        self, request: requests.PreparedRequest, *args: Any, timeout: Any = None, **more: Any
    ) -> requests.Response:
        response = self._venue.answer(request.url or "", timeout[1])
        response.request, response.url = request, request.url or ""
        return response

    def close(self) -> None:
        pass


def _response(status: int, body: bytes, headers: Mapping[str, str]) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = body
    response.headers = CaseInsensitiveDict(headers | {"X-Pairsight-Simulator": "replay"})  # type: ignore[operator]
    return response


def _done(coroutine: Coroutine[Any, Any, Fault | None]) -> Fault | None:
    """Run what never really waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: Fault | None = end.value
        return result
    raise AssertionError("it waited")
