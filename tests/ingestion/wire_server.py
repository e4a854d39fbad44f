"""A WebSocket server for tests that says exactly the bytes it is told to say, at the moment it is told."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from queue import Empty, Queue
from types import TracebackType

ACCEPTED = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: {key}\r\n{more}\r\n"
)


def frame(payload: bytes, opcode: int = 1, fin: bool = True) -> bytes:
    """One unmasked frame, as servers send them."""
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        return head + bytes([size]) + payload
    if size < 1 << 16:
        return head + b"\x7e" + struct.pack("!H", size) + payload
    return head + b"\x7f" + struct.pack("!Q", size) + payload


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, path: str) -> None:
        self.sock = sock
        self.path = path

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def heard(self, timeout_s: float = 5.0) -> tuple[int, bytes]:
        """The next frame the client sends: opcode and payload."""
        self.sock.settimeout(timeout_s)
        head = self._exactly(2)
        size = head[1] & 0x7F
        if size == 126:
            size = struct.unpack("!H", self._exactly(2))[0]
        mask = self._exactly(4)
        data = self._exactly(size)
        return head[0] & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))

    def cut(self) -> None:
        """End the connection without a word."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.sock.recv(size - len(data))
            if not more:
                raise EOFError("the client is gone")
            data += more
        return data


class WireServer:
    """Listens on a free port; each accepted client becomes a `Peer`."""

    def __init__(
        self, answers: Iterator[str | None] | None = None, headers: str = "", tls: ssl.SSLContext | None = None
    ) -> None:
        self._answers = (
            answers  # raw HTTP answers instead of the upgrade, one a client, while they last; None: the upgrade
        )
        self._headers = headers
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.peers: Queue[Peer] = Queue()
        self._all: list[Peer] = []
        self._thread = threading.Thread(target=self._accept, name="wire-server", daemon=True)

    @property
    def url(self) -> str:
        port = self._listener.getsockname()[1]
        return f"wss://localhost:{port}" if self._tls else f"ws://127.0.0.1:{port}"

    def peer(self, timeout_s: float = 5.0) -> Peer:
        """The next client."""
        return self.peers.get(timeout=timeout_s)

    def nobody(self) -> bool:
        """Whether no further client has come."""
        try:
            self.peers.get_nowait()
        except Empty:
            return True
        return False

    def __enter__(self) -> WireServer:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for peer in self._all:
            peer.cut()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if self._tls is not None:
                try:
                    sock = self._tls.wrap_socket(sock, server_side=True)
                except OSError:  # the client did not like the certificate
                    continue
            request = b""
            while b"\r\n\r\n" not in request:
                more = sock.recv(4096)
                if not more:
                    break
                request += more
            answer = next(self._answers, None) if self._answers is not None else None
            if answer is not None:
                sock.sendall(answer.encode())
                sock.close()
                continue
            lines = request.decode().split("\r\n")
            key = next(line.split(": ")[1] for line in lines if line.lower().startswith("sec-websocket-key"))
            digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
            sock.sendall(ACCEPTED.format(key=base64.b64encode(digest).decode(), more=self._headers).encode())
            peer = Peer(sock, lines[0].split(" ")[1])
            self._all.append(peer)
            self.peers.put(peer)
