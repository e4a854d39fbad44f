"""A plain client for these tests: websocket-client and requests, nothing of the project."""

from __future__ import annotations

import json
import socket
from types import TracebackType
from typing import Any, Self

import requests
import websocket

WAIT_S = 120.0  # for a machine that has other things to do


class Client:
    """One WebSocket connection that reads JSON, one message at a time."""

    def __init__(self, url: str, receive_bytes: int | None = None) -> None:
        small = () if receive_bytes is None else ((socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes),)
        self.ws = websocket.create_connection(url, timeout=WAIT_S, sockopt=small)
        self._socket = self.ws.sock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self.ws.close(timeout=1)
        if self._socket is not None:
            self._socket.close()

    def read(self) -> Any:
        """The next message."""
        return json.loads(self.ws.recv())

    def read_many(self, count: int) -> list[Any]:
        """The next messages."""
        return [self.read() for _ in range(count)]

    def ask(self, method: str, params: list[Any] | None = None, number: int = 1) -> Any:
        """Send a control frame and read until its reply; data in between is dropped."""
        self.send({"method": method, "id": number} | ({} if params is None else {"params": params}))
        while True:
            message = self.read()
            if "stream" not in message and "e" not in message:
                return message

    def send(self, message: object) -> None:
        """Send a JSON text, or a text as it is."""
        self.ws.send(message if isinstance(message, str) else json.dumps(message))

    def close_code(self) -> tuple[int, str]:
        """Read until the server's close frame; its code and reason."""
        while True:
            opcode, data = self.ws.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(data[:2], "big"), data[2:].decode()


def get(base: str, path: str, **params: object) -> requests.Response:
    """GET ``/fapi/v1/<path>``."""
    return requests.get(f"{base}/fapi/v1/{path}", params={k: str(v) for k, v in params.items()}, timeout=WAIT_S)


def rows(base: str, path: str, **params: object) -> Any:
    """The body of a GET that must succeed."""
    response = get(base, path, **params)
    assert response.status_code == 200, response.text
    return response.json()
