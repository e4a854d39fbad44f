"""Connections: `Line` and `Connect`, what a feed asks of one, and the only file that knows websocket-client.

Every failure of the library, the socket or TLS leaves here as `LineDown` or `LineRefused`, with a sentence.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from typing import Final, NoReturn, Protocol
from urllib.parse import urlsplit

import websocket

from core.errors import LineDown, LineRefused

MAX_MESSAGE_BYTES: Final = 1 << 20
READ_BYTES: Final = 1 << 16
CONNECT_TIMEOUT_S: Final = 10.0
SEND_TIMEOUT_S: Final = 5.0
WHOLE_TEXT: Final = 0x81  # first byte of an unfragmented text frame


class Line(Protocol):
    """One open connection. Read, sent to and pinged by the thread that opened or owns it; closed by any."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What the server said when it opened the line; names in lower case."""

    @property
    def received(self) -> int:
        """Bytes received so far. While it stays the same, nothing was heard: no message, no ping, no pong."""

    @property
    def mid_frame(self) -> bool:
        """Whether a frame has begun to arrive and is not complete."""

    def own(self) -> None:
        """From now on the calling thread reads it."""

    def read(self, timeout_s: float) -> list[bytes]:
        """The messages that have arrived, in order; an empty list when none became complete within the timeout.

        A frame that is only partly here is kept for the next read. Raises `LineDown` when the connection is gone.
        """

    def send(self, text: str) -> None:
        """Send a text message. Raises `LineDown`."""

    def ping(self) -> None:
        """Ask the server for a sign of life. Raises `LineDown`."""

    def close(self) -> None:
        """End it; a read that waits in another thread raises `LineDown` at once. May be called twice."""


Connect = Callable[[str], Line]


def connect(url: str, timeout_s: float = CONNECT_TIMEOUT_S, max_message_bytes: int = MAX_MESSAGE_BYTES) -> Line:
    """Open a WebSocket, ``ws://`` or ``wss://``.

    The proxy variables of the environment (``http_proxy``, ``https_proxy``, ``no_proxy``) are obeyed, as
    websocket-client does by itself. Certificates are verified against the system's store.

    Raises
    ------
    LineRefused
        The server answered, with an HTTP status instead of a socket.
    LineDown
        Nobody answered, or not in time.
    """
    host = urlsplit(url).netloc
    try:
        ws = websocket.create_connection(url, timeout=timeout_s, skip_utf8_validation=True, enable_multithread=True)
    except websocket.WebSocketBadStatusException as error:
        raise LineRefused(
            _refusal(error.status_code), error.status_code, _seconds((error.resp_headers or {}).get("retry-after"))
        ) from error
    except (websocket.WebSocketTimeoutException, TimeoutError) as error:
        raise LineDown(f"{host} did not answer within {timeout_s:g} s.") from error
    except websocket.WebSocketAddressException as error:
        raise LineDown(f"The name {host} cannot be found: no network, or no name service.") from error
    except websocket.WebSocketProxyException as error:
        raise LineDown(f"The proxy on the way to {host} refused: {error}") from error
    except ssl.SSLCertVerificationError as error:
        raise LineDown(f"The certificate of {host} cannot be verified: {error.verify_message}.") from error
    except ConnectionRefusedError as error:
        raise LineDown(f"Nothing listens at {host}.") from error
    except (websocket.WebSocketException, OSError, ValueError) as error:
        raise LineDown(f"{host} cannot be reached: {error}") from error
    return WebSocketLine(ws, max_message_bytes)


class _NothingMore(Exception):  # noqa: N818 (a state, not a failure)
    """The library asks for a frame that is not here yet."""


class WebSocketLine:
    """A `Line` over websocket-client.

    The library reads a frame with three system calls and a dozen Python calls, about 8 µs. Here the socket is read in
    large pieces and whole text frames, which is all the data there is, are cut out directly (0.3 µs each); any other
    frame, once it is completely here, is handed to the library: ping and pong, close, fragments, protocol errors.
    """

    def __init__(self, ws: websocket.WebSocket, max_message_bytes: int) -> None:
        self._ws = ws
        assert ws.sock is not None  # it is connected
        self._sock: socket.socket = ws.sock
        self._max = max_message_bytes
        self._owner = threading.get_ident()
        self._closing = threading.Event()
        self._buffer = b""
        self._served = b""  # the frame the library is reading
        self._fragments = 0  # bytes of a message of which more fragments are to come
        self._timeout_s: float | None = None
        self._received = 0
        self._failure: LineDown | None = None
        response = ws.handshake_response
        self._headers: Mapping[str, str] = dict(response.headers) if response is not None else {}
        ws.frame_buffer.recv = self._serve

    @property
    def headers(self) -> Mapping[str, str]:
        return self._headers

    @property
    def received(self) -> int:
        return self._received

    @property
    def mid_frame(self) -> bool:
        return bool(self._buffer) or self._fragments > 0

    def own(self) -> None:
        self._owner = threading.get_ident()

    def read(self, timeout_s: float) -> list[bytes]:
        if self._failure is not None:
            raise self._failure
        chunk = self._receive(timeout_s)
        if not chunk:
            return []
        self._received += len(chunk)
        messages: list[bytes] = []
        try:
            self._cut(self._buffer + chunk if self._buffer else chunk, messages)
        except LineDown as down:
            if not messages:
                raise
            self._failure = down  # what came before the end is still to be had
        return messages

    def _cut(self, data: bytes, messages: list[bytes]) -> None:
        """Move every complete message of ``data`` to ``messages`` and keep the rest."""
        add = messages.append
        at, end = 0, len(data)
        while end - at >= 2:
            start = at + 2
            size = data[at + 1]
            if data[at] != WHOLE_TEXT or size > 126 or self._fragments:
                taken = self._unusual(data, at, messages)
                if not taken:
                    break
                at += taken
                continue
            if size == 126:
                if end - at < 4:
                    break
                start = at + 4
                size = data[at + 2] << 8 | data[at + 3]
            if size > self._max:
                self._too_large()
            if start + size > end:
                break
            at = start + size
            add(data[start:at])
        self._buffer = data[at:]

    def send(self, text: str) -> None:
        self._do(self._ws.send, text)

    def ping(self) -> None:
        self._do(self._ws.ping)

    def close(self) -> None:
        first = not self._closing.is_set()
        self._closing.set()
        if threading.get_ident() != self._owner:
            # Closing the file under a reading thread could hand its number to another file; a shutdown only wakes it.
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
            return
        if first:
            with contextlib.suppress(websocket.WebSocketException, OSError):
                self._wait(1.0)
                self._ws.send_close()
        self._release()

    def _receive(self, timeout_s: float) -> bytes:
        """Whatever has arrived; nothing when the timeout passed."""
        if self._closing.is_set():
            self._down("The connection was closed here.")
        try:
            self._wait(timeout_s)
            chunk = self._sock.recv(READ_BYTES)
        except (TimeoutError, ssl.SSLWantReadError, BlockingIOError, InterruptedError):
            return b""
        except (OSError, ValueError) as error:
            self._down(f"The connection was lost: {error}", cause=error)
        if self._closing.is_set():  # what a socket says after its shutdown is no message
            self._down("The connection was closed here.")
        if not chunk:
            self._down("The connection was lost: the other side is gone.")
        return chunk

    def _unusual(self, data: bytes, at: int, messages: list[bytes]) -> int:
        """Let the library read the frame at ``at``; the bytes it took, 0 while the frame is incomplete."""
        have = len(data) - at
        masked, size, start = data[at + 1] & 0x80, data[at + 1] & 0x7F, 2
        if size == 126:
            if have < 4:
                return 0
            size, start = struct.unpack_from("!H", data, at + 2)[0], 4
        elif size == 127:
            if have < 10:
                return 0
            size, start = struct.unpack_from("!Q", data, at + 2)[0], 10
        whole = start + (4 if masked else 0) + size
        if size + self._fragments > self._max:
            self._too_large()
        if have < whole:
            return 0
        self._served = data[at : at + whole]
        try:
            self._wait(SEND_TIMEOUT_S)  # the library answers a ping or a close at once
            opcode, frame = self._ws.recv_data_frame(control_frame=True)
        except _NothingMore:  # a fragment, and the next one is not here yet
            self._fragments += max(size, 1)
            return whole
        except (websocket.WebSocketException, OSError, ValueError, struct.error) as error:
            self._down(f"The server broke the protocol: {error}", cause=error)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            code = struct.unpack("!H", frame.data[:2])[0] if len(frame.data) >= 2 else None
            reason = frame.data[2:].decode("utf-8", "replace")
            said = " ".join(word for word in (str(code) if code else "", reason) if word)
            self._down(f"The exchange closed the connection{f': {said}' if said else ''}.")
        if opcode in (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY):
            self._fragments = 0
            messages.append(bytes(frame.data))
        return whole

    def _serve(self, count: int) -> bytes:
        """What the library reads from, instead of the socket."""
        if not self._served:
            raise _NothingMore
        part, self._served = self._served[:count], self._served[count:]
        return part

    def _do(self, action: Callable[..., object], *args: object) -> None:
        if self._closing.is_set():
            self._down("The connection was closed here.")
        try:
            self._wait(SEND_TIMEOUT_S)
            action(*args)
        except (websocket.WebSocketException, OSError, ValueError) as error:
            self._down(f"The connection was lost while sending: {error}", cause=error)

    def _wait(self, timeout_s: float) -> None:
        if timeout_s != self._timeout_s:  # each change costs a system call
            self._sock.settimeout(timeout_s)
            self._timeout_s = timeout_s

    def _too_large(self) -> NoReturn:
        self._down(f"The server sent a message of more than {self._max} bytes.")

    def _down(self, reason: str, cause: BaseException | None = None) -> NoReturn:
        self._closing.set()
        self._release()
        raise LineDown(reason) from cause

    def _release(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.close()
        self._ws.sock = None
        self._ws.connected = False


def _refusal(status: int) -> str:
    known = {
        451: "The exchange does not serve this location (HTTP 451).",
        403: "A firewall in front of the exchange refused the connection (HTTP 403).",
        418: "The exchange has banned this address for a while (HTTP 418).",
        429: "The exchange asks to connect less often (HTTP 429).",
        404: "The exchange knows no such stream address (HTTP 404).",
    }
    word = "is not available" if status >= 500 else "refused the connection"
    return known.get(status, f"The exchange {word} (HTTP {status}).")


def _seconds(value: str | None) -> float | None:
    try:
        return max(0.0, float(value)) if value else None
    except ValueError:
        return None
