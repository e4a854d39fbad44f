"""Is the desk well? A verdict over its status, and an endpoint that tells it to whoever restarts services."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from core.clock import now_ms
from core.types import DeskStatus, FeedStatus

log = logging.getLogger(__name__)

PATH: Final = "/healthz"
STUCK_S: Final = 60.0  # without a round of the engine; it makes one a second, and longer ones while it catches up
MARKS_S: Final = 15.0  # mark prices are pushed once a second, however impatient one is with trades
PATIENCE_S: Final = 5.0  # with a client that does not finish its request


def problems(status: DeskStatus, now_ms: int) -> tuple[str, ...]:
    """Why the desk does not do its work, as sentences; none when it does.

    A single silent stream is no problem of the desk: its pairs say NO DATA, and thin symbols are silent by nature.

    >>> problems(DeskStatus(), now_ms=0)
    ('The feed is stopped.', 'Nothing is stored: the writer is closed.')
    """
    found: list[str] = []
    if status.running:
        found.append(_silence("data", status.trades, newest_age_s(status), status.stale_after_s))
        marks_stale_s = max(status.stale_after_s, MARKS_S)
        found.append(_silence("mark prices", status.market, newest_mark_age_s(status), marks_stale_s))
    else:
        found.append("The feed is stopped.")
    if status.store.state == "reading" and status.running:
        found.append("Another Pairsight collects into the database; this one only reads.")
    elif status.store.state == "reading":
        found.append("Another Pairsight has the database and does not collect: start its feed, or end it.")
    elif status.store.state != "writing":
        found.append(f"Nothing is stored: {status.store.reason or f'the writer is {status.store.state}'}.")
    found += status.alerts_problem, status.track_problem
    engine = status.engine
    if engine.behind:
        found.append(f"The engine is behind: {engine.owed} looks owed for {engine.watched} pairs.")
    if status.running and not engine.at_ms:
        found.append("The engine was not started.")
    elif status.running and now_ms - engine.at_ms > STUCK_S * 1000:
        found.append(f"The engine has not finished a round for {(now_ms - engine.at_ms) / 1000:.0f} s.")
    if engine.failure:
        found.append(engine.failure)
    return tuple(filter(None, found))


def newest_age_s(status: DeskStatus) -> float | None:
    """Seconds since the newest record of any stream arrived; None before the first."""
    return min((stream.age_s for stream in status.trades.streams if stream.age_s is not None), default=None)


def newest_mark_age_s(status: DeskStatus) -> float | None:
    """Seconds since the newest mark price, with its funding rate, arrived by stream; None before the first."""
    marks = (stream.age_s for stream in status.market.streams if stream.kind == "markPrice")
    return min((age_s for age_s in marks if age_s is not None), default=None)


def _silence(what: str, feed: FeedStatus, age_s: float | None, stale_after_s: float) -> str:
    """Why a feed brings nothing, as a sentence; empty: it does."""
    if feed.state != "live":
        return f"No {what}: {feed.reason or 'connecting to the exchange.'}"
    if age_s is None:
        return f"No {what}: no stream has delivered yet."
    return f"The {what} are stale: the newest came {age_s:.0f} s ago." if age_s > stale_after_s else ""


def told(status: DeskStatus, now_ms: int) -> dict[str, object]:
    """What the endpoint says."""
    found = problems(status, now_ms)
    return {
        "healthy": not found,
        "problems": found,
        "says": status.problem,
        "source": status.source,
        "newest_record_age_s": newest_age_s(status),
        "newest_mark_age_s": newest_mark_age_s(status),
        "silent": [stream.symbol for stream in status.trades.streams if stream.silent(status.stale_after_s)],
        "store": {"state": status.store.state, "queued": status.store.queued, "dropped": status.store.dropped},
        "engine": {
            "watched": status.engine.watched,
            "owed": status.engine.owed,
            "behind": status.engine.behind,
            "round_s": status.engine.round_s,
            "failing": status.engine.failing,
        },
        "gaps": {"open": status.gaps_open, "repaired": status.gaps_repaired, "lost": status.gaps_lost},
    }


class HealthEndpoint:
    """``GET /healthz``: 200 when the desk is well, 503 when not, JSON either way. Nothing else is served.

    Raises
    ------
    OSError
        If the port cannot be had.
    """

    def __init__(self, status: Callable[[], DeskStatus], host: str, port: int) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = PATIENCE_S
            protocol_version = "HTTP/1.0"  # one answer a connection: nobody keeps a thread

            def do_GET(self) -> None:
                self._answer(True)

            def do_HEAD(self) -> None:
                self._answer(False)

            def _answer(self, with_body: bool) -> None:
                code, body = _answer(status) if self.path == PATH else (HTTPStatus.NOT_FOUND, {"healthy": None})
                text = json.dumps(body, ensure_ascii=False).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Cache-Control", "no-store")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                if with_body:
                    self.wfile.write(text)

            def version_string(self) -> str:
                return "pairsight"

            def log_message(self, format: str, *args: object) -> None:
                log.debug(format, *args)

        self._server = _Server((host, port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE_S)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"  # there it would let two programs share the port


def _answer(status: Callable[[], DeskStatus]) -> tuple[HTTPStatus, dict[str, object]]:
    try:
        body = told(status(), now_ms())
    except Exception as error:  # whoever asks must hear that it is not well, whatever is wrong
        log.exception("the desk's status cannot be had")
        return HTTPStatus.SERVICE_UNAVAILABLE, {"healthy": False, "problems": [f"No status: {error}"]}
    return (HTTPStatus.OK if body["healthy"] else HTTPStatus.SERVICE_UNAVAILABLE), body
