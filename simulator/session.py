"""One WebSocket connection: its subscriptions, its pings, its end. Frames go to the transport as they are."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable, Iterable
from itertools import count

from aiohttp import WSMsgType, web

from simulator.control import Subscriptions, answer
from simulator.encode import PING, PONG, close_frame, frame
from simulator.hub import Hub
from simulator.limits import Limits, MessageAllowance

CLOSE_WAIT_S = 3.0
_NUMBERS = count(1)


class Session:
    """A connection from its upgrade to its end. Belongs to the server's event loop."""

    def __init__(
        self,
        route: str,
        combined: bool,
        hub: Hub,
        limits: Limits,
        *,
        now_ms: Callable[[], int],
        on_trades: Callable[[], None],
    ) -> None:
        self.number = next(_NUMBERS)
        self.route = route
        self.subscriptions = Subscriptions(combined, limits.streams)
        self.stalled = False  # half open: nothing goes out and nothing is answered, until the client gives up
        self.ended = False
        self._hub, self._limits = hub, limits
        self._now_ms, self._on_trades = now_ms, on_trades
        self._out: list[bytes] = []
        self._ping_payload = b""
        self._ws = web.WebSocketResponse(autoping=False, autoclose=False, compress=False, timeout=CLOSE_WAIT_S)
        self._transport: asyncio.Transport | None = None
        self._opened = self._pinged = self._ponged = asyncio.get_running_loop().time()

    @property
    def combined(self) -> bool:
        """Whether payloads go out in their envelope."""
        return self.subscriptions.combined

    async def run(self, request: web.Request, streams: Iterable[str]) -> web.WebSocketResponse:
        """Upgrade, serve until either side ends it, and return the finished response."""
        await self._ws.prepare(request)
        transport = request.transport
        if not isinstance(transport, asyncio.Transport):
            return self._ws
        self._transport = transport
        try:
            if self.subscriptions.add(list(streams)):
                self._listen(self.subscriptions.streams)
                await self._receive()
            else:
                self.close(1008, "Invalid request")
            if self.ended:
                transport.close()
            elif not self.stalled:
                self.ended = True  # nothing follows a close frame
                await self._ws.close(code=self._ws.close_code or 1000)
            while not transport.is_closing():  # half open: the client has to leave by itself
                await asyncio.sleep(0.05)
        finally:
            self.ended = True
            self._hub.remove(self, self.subscriptions.streams)
        return self._ws

    def send(self, data: bytes) -> None:
        """Queue whole frames; they leave with the next ``flush``."""
        self._out.append(data)

    def flush(self) -> None:
        """Write what is queued in one piece."""
        if not self._out:
            return
        data = b"".join(self._out)
        self._out.clear()
        self.write(data)

    def write(self, data: bytes) -> None:
        """Put bytes on the wire now, whole frames or not."""
        transport = self._transport
        if transport is None or transport.is_closing() or self.stalled or self.ended:
            return
        transport.write(data)
        if transport.get_write_buffer_size() > self._limits.buffer_bytes:
            self.drop()

    @property
    def backlog_bytes(self) -> int:
        """What the client has not taken yet."""
        return 0 if self._transport is None or self.stalled else self._transport.get_write_buffer_size()

    def close(self, code: int, reason: str) -> None:
        """Send a close frame; nothing follows it."""
        self.flush()
        self.write(close_frame(code, reason))
        self.ended = True
        if self._transport is not None:
            asyncio.get_running_loop().call_later(CLOSE_WAIT_S, self._transport.close)

    def drop(self, reset: bool = True) -> None:
        """Cut the connection without a close frame, and reset it where asked for."""
        self.ended = True
        if self._transport is None:
            return
        sock = self._transport.get_extra_info("socket")
        if reset and sock is not None and not self._transport.is_closing():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(_LINGER, 1, 0))
        self._transport.abort()

    def care(self, now: float) -> None:
        """Ping, and end what has lived long enough. Called about once a second with the loop's time."""
        if self.ended or self.stalled or self._transport is None:
            return
        if now - self._opened >= self._limits.lifetime_s:
            self.close(1001, "")
        elif now - self._ponged >= self._limits.pong_within_s:
            self.drop()
        elif now - self._pinged >= self._limits.ping_every_s:
            self._pinged = now
            self._ping_payload = str(self._now_ms()).encode()
            self.write(frame(self._ping_payload, PING))

    def _listen(self, streams: Iterable[str]) -> None:
        if self._hub.add(self, streams):
            self._on_trades()

    async def _receive(self) -> None:
        """Answer until the client goes."""
        loop = asyncio.get_running_loop()
        allowance = MessageAllowance(self._limits.messages_burst, self._limits.messages_per_s, loop.time())
        while True:
            message = await self._ws.receive()
            if message.type is WSMsgType.PONG:
                if bytes(message.data) == self._ping_payload:  # an unsolicited or a wrong one keeps nothing alive
                    self._ponged = loop.time()
            elif message.type is WSMsgType.PING:
                self.write(frame(message.data, PONG))
            elif message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            elif not self.ended and not self.stalled:
                if allowance.take(loop.time()):
                    self._answer(message.data)
                else:
                    self.close(1008, "Too many requests")

    def _answer(self, text: str | bytes) -> None:
        reply = answer(text, self.subscriptions)
        self.send(frame(reply.text.encode()))
        if reply.too_many:
            self.close(1008, "Invalid request")
            return
        self._hub.remove(self, reply.removed)
        self._listen(reply.added)
        self.flush()


_LINGER = "hh" if sys.platform == "win32" else "ii"
