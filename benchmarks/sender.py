"""A loopback sender: trade frames as fast as a socket takes them, from a process of its own.

Every number in a frame follows from the frame's place in the sequence, so that what a receiver has stored can be
compared with the truth. The text is encoded once; only the digits of ids and times are written anew for each block,
and raw sockets carry it, so that the sender takes little of the machine it shares with the receiver.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import queue
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from core.types import Ints, Ticks

BLOCK: Final = 4_000  # frames
PER_S: Final = 80_000  # trades of one second of exchange time: 20 blocks
PUSHED_AFTER_MS: Final = 3
IN_A_BLOCK: Final = {"BTCUSDT": 1_800, "ETHUSDT": 1_200, "SOLUSDT": 600, "BNBUSDT": 400}
SYMBOLS: Final = tuple(IN_A_BLOCK)
PRICE: Final = {"BTCUSDT": (63_950.0, 1), "ETHUSDT": (3_420.0, 2), "SOLUSDT": (160.0, 3), "BNBUSDT": (575.0, 2)}
FIRST_ID: Final = {
    "BTCUSDT": 5_182_005_737,
    "ETHUSDT": 4_105_332_118,
    "SOLUSDT": 1_733_209_402,
    "BNBUSDT": 1_402_117_360,
}

ROOT: Final = Path(__file__).parent.parent
_KEY: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


class Frames:
    """The endless sequence of trades, in blocks of equal make: prices and quantities repeat, ids and times go on."""

    def __init__(self, start_ms: int) -> None:
        rng = np.random.default_rng(1)
        self._start_ms = start_ms
        owner = rng.permutation(np.repeat(np.arange(len(SYMBOLS)), list(IN_A_BLOCK.values())))
        self._places = {symbol: np.flatnonzero(owner == i) for i, symbol in enumerate(SYMBOLS)}
        self._price = np.empty(BLOCK)
        for symbol, at in self._places.items():
            middle, digits = PRICE[symbol]
            self._price[at] = np.round(middle + np.cumsum(rng.normal(0, 10.0**-digits, len(at))), digits)
        self._qty = np.round(rng.exponential(0.05, BLOCK) + 0.001, 3)
        self._maker = rng.random(BLOCK) < 0.5
        self._bytes: NDArray[np.uint8]
        self._digits: dict[str, Ints] = {}  # where the last digit of each number stands
        self._encode([SYMBOLS[i] for i in owner])

    def truth(self, symbol: str, first: int, last: int) -> Ticks:
        """The trades of one symbol in the blocks from ``first`` up to, not including, ``last``."""
        at, blocks = self._places[symbol], np.arange(first, last)[:, None]
        ids = (FIRST_ID[symbol] + blocks * len(at) + np.arange(len(at))).ravel()
        return Ticks(
            symbol,
            ids,
            ids,
            (self._start_ms + (blocks * BLOCK + at) * 1000 // PER_S).ravel(),
            np.tile(self._price[at], last - first),
            np.tile(self._qty[at], last - first),
            np.tile(self._maker[at], last - first),
        )

    def block(self, number: int) -> memoryview:
        """The WebSocket frames of one block; valid until the next call."""
        ts_ms = self._start_ms + (number * BLOCK + np.arange(BLOCK)) * 1000 // PER_S
        ids = np.empty(BLOCK, np.int64)
        for symbol, at in self._places.items():
            ids[at] = FIRST_ID[symbol] + number * len(at) + np.arange(len(at))
        self._write("T", ts_ms)
        self._write("E", ts_ms + PUSHED_AFTER_MS)
        self._write("t", ids)
        return self._bytes.data

    def _encode(self, symbols: list[str]) -> None:
        frames, size = [], 0
        ends: dict[str, list[int]] = {"E": [], "T": [], "t": []}
        for symbol, price, qty, maker in zip(symbols, self._price, self._qty, self._maker, strict=True):
            text = (
                f'{{"stream":"{symbol.lower()}@trade","data":{{"e":"trade","E":{"0" * 13},"T":{"0" * 13},"s":"{symbol}"'
                f',"t":{"0" * 10},"p":"{price:.{PRICE[symbol][1]}f}","q":"{qty:.3f}","X":"MARKET"'
                f',"m":{"true" if maker else "false"},"st":1}}}}'
            ).encode()
            frame = b"\x81\x7e" + struct.pack("!H", len(text)) + text
            for name, at in ends.items():
                at.append(size + frame.index(b",", frame.index(b'"%s":0' % name.encode())) - 1)
            frames.append(frame)
            size += len(frame)
        self._bytes = np.frombuffer(b"".join(frames), np.uint8).copy()
        self._digits = {name: np.array(at) for name, at in ends.items()}

    def _write(self, name: str, values: Ints) -> None:
        at = self._digits[name]
        while values.any():
            values, digit = np.divmod(values, 10)
            self._bytes[at] = digit + ord("0")
            at = at - 1


class Sender:
    """The process, seen from the one that measures. Serves one connection after the other."""

    def __init__(self, start_ms: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sender", str(start_ms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self._said: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, name="sender-words", daemon=True).start()
        self._port = int(self._said.get(timeout=30.0))

    def base(self, first: int, seconds: float) -> str:
        """An address below which every path delivers the blocks from ``first`` on, for so long, and then is silent."""
        return f"ws://127.0.0.1:{self._port}/{first}/{seconds}"

    def sent(self, timeout_s: float) -> int | None:
        """One past the last block sent, once sending has ended; None when it has not within the timeout."""
        try:
            return int(self._said.get(timeout=timeout_s))
        except queue.Empty:
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10.0)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as words:
            for line in words:
                self._said.put(line)


# The process


def main() -> None:
    """Listen, say where, and serve until standard input closes: then the one that measures has ended, too."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    frames = Frames(int(sys.argv[1]))
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            sock, _ = server.accept()
            with sock, contextlib.suppress(OSError):  # a client that has had enough closes
                _serve(sock, frames)


def _serve(sock: socket.socket, frames: Frames) -> None:
    first, seconds = _upgrade(sock).split("/")[1:3]
    block, until = int(first), time.monotonic() + float(seconds)
    try:
        while time.monotonic() < until:
            sock.sendall(frames.block(block))
            block += 1
    finally:
        print(block, flush=True)
    while sock.recv(4096):  # what a client says is of no interest, its end is
        pass


def _upgrade(sock: socket.socket) -> str:
    """Answer the handshake; returns the path asked for."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += sock.recv(4096)
    lines = request.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    digest = hashlib.sha1((headers["sec-websocket-key"] + _KEY).encode()).digest()
    sock.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + base64.b64encode(digest)
        + b"\r\n\r\n"
    )
    return lines[0].split()[1]


def _end_with_stdin() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
