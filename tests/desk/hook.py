"""A web server that notes what is posted to it; closed, its port refuses."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Webhook:
    """On a port of its own. ``status`` is what it answers; only what it accepts is noted."""

    def __init__(self, secret: str = "hook") -> None:
        webhook = self
        self.got: list[str] = []
        self.status = 200
        self.secret = secret
        self._changed = threading.Condition()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with webhook._changed:
                    if webhook.status == 200:
                        webhook.got.append(body["message"])
                    webhook._changed.notify_all()
                self.send_response(webhook.status)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/{self.secret}"

    def wait(self, enough: Callable[[], bool], timeout_s: float = 120.0) -> None:
        with self._changed:
            assert self._changed.wait_for(enough, timeout_s), self.got

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
