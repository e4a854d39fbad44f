"""A tab without a browser: speaks the page's own protocol, asks for every refresh in time, and reads what comes.

Twenty browsers on the machine of the server would measure the browsers: one that draws takes a seventh of a core.
These stand for tabs of other machines; one more, in a real browser, shows what a trader sees meanwhile.
"""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from typing import Final

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websocket import WebSocket, WebSocketException, WebSocketTimeoutException, create_connection

LIVE: Final = re.compile(r'data-key="z_live"[^>]*data-at="(\d+)"')


class Tab(threading.Thread):
    """One session at full refresh, until stopped. ``ages_s``: of the live numbers as they arrived."""

    def __init__(self, url: str, query: str) -> None:
        super().__init__(name="tab", daemon=True)
        self.ages_s: list[float] = []
        self.runs = 0
        self._url = url
        self._query = query
        self._page = ""
        self._due_s: dict[str, tuple[float, float]] = {}  # fragment -> when it is due, and how often
        self._last_at = 0
        self._over = threading.Event()

    def stop(self) -> None:
        """End the session."""
        self._over.set()
        self.join(5)

    def run(self) -> None:
        socket = create_connection(
            f"{self._url.replace('http', 'ws', 1)}/_stcore/stream", origin=self._url, subprotocols=["streamlit"]
        )
        with suppress(WebSocketException, OSError):
            self._ask(socket, "")
            while not self._over.is_set():
                self._turn(socket)
        socket.close()

    def _turn(self, socket: WebSocket) -> None:
        now_s = time.monotonic()
        for fragment, (due_s, every_s) in self._due_s.items():
            if due_s <= now_s:
                self._due_s[fragment] = (now_s + every_s, every_s)
                self._ask(socket, fragment)
        soonest_s = min((due_s for due_s, _ in self._due_s.values()), default=now_s + 0.5)
        socket.settimeout(max(0.005, soonest_s - time.monotonic()))
        with suppress(WebSocketTimeoutException):
            self._take(ForwardMsg.FromString(socket.recv()))

    def _ask(self, socket: WebSocket, fragment: str) -> None:
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.page_script_hash = self._query, self._page
        if fragment:
            asked.fragment_id, asked.is_auto_rerun = fragment, True
        socket.send_binary(message.SerializeToString())
        self.runs += 1

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._page = message.new_session.page_script_hash
        elif kind == "auto_rerun":
            every_s = message.auto_rerun.interval
            self._due_s.setdefault(message.auto_rerun.fragment_id, (time.monotonic() + every_s, every_s))
        elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "html":
            found = LIVE.search(message.delta.new_element.html.body)
            if found and int(found[1]) != self._last_at:
                self._last_at = int(found[1])
                self.ages_s.append(time.time() - self._last_at / 1000)
