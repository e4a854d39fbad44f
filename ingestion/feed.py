"""One thread, one socket: frames in, batches out. Owns the connection and its care, and nothing else.

Everything it needs is handed in: how to connect, the venue's wire format, where batches go, the clocks.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Final, Literal, Protocol

from core.errors import LineDown, LineRefused
from core.types import Batch, FeedStatus
from ingestion.backoff import delays
from ingestion.binance import StreamKind
from ingestion.clock import EventClock
from ingestion.control import Control
from ingestion.pulse import Pulse, StreamKey
from ingestion.transport import Connect, Line

log = logging.getLogger(__name__)

FLUSH_S: Final = 0.05  # a frame waits at most this long for others
FLUSH_FRAMES: Final = 2_000
IDLE_READ_S: Final = 0.25
PING_EVERY_S: Final = 20.0
ANSWER_WITHIN_S: Final = 10.0  # after a ping, or within a frame
HEALTHY_AFTER_S: Final = 5.0  # a connection that delivered for so long makes the backoff start afresh
REFUSED_WAIT_S: Final = 60.0  # after 403, 418 and 429
REPORT_EVERY_S: Final = 60.0  # refused frames are logged at most this often
NOT_WORTH_A_LINE: Final = ("not_market", "foreign")  # expected on this stream

SIMULATOR_HEADER: Final = "x-pairsight-simulator"


class Wire(Protocol):
    """A venue's wire format; the module `ingestion.binance` is one."""

    def stream_name(self, symbol: str, kind: StreamKind) -> str: ...
    def stream_url(self, base: str, route: str, streams: Sequence[str] = ...) -> str: ...
    def subscribe(self, streams: Sequence[str], request_id: int) -> str: ...
    def unsubscribe(self, streams: Sequence[str], request_id: int) -> str: ...
    def parse(self, frames: Sequence[bytes], symbols: Container[str] | None = ..., latest_ms: int = ...) -> Batch: ...


class Feed:
    """A named thread that keeps one connection alive and hands on what it delivers.

    ``on_batch``, ``on_line_up`` and ``on_line_down`` are called in that thread and must be quick. Records lost between
    two connections show as gaps in their ids; the feed does not judge them.
    """

    def __init__(
        self,
        name: str,
        *,
        wire: Wire,
        base: str,
        route: str,
        connect: Connect,
        on_batch: Callable[[Batch], None],
        on_line_up: Callable[[], None] = lambda: None,
        on_line_down: Callable[[str], None] = lambda reason: None,
        now_s: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        waits: Callable[[], Iterator[float]] = delays,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self._wire = wire
        self._base = base
        self._route = route
        self._connect = connect
        self._on_batch = on_batch
        self._on_line_up = on_line_up
        self._on_line_down = on_line_down
        self._now_s = now_s
        self._now_ms = now_ms
        self._delays = waits
        self._uniform = uniform
        self._lock = threading.Lock()  # guards everything below
        self._control = Control(wire.subscribe, wire.unsubscribe)
        self._pulse = Pulse()
        self._streams: dict[StreamKey, str] = {}  # to its name on the wire
        self._symbols: frozenset[str] = frozenset()
        self._run: _Run | None = None
        self._state: Literal["stopped", "connecting", "live", "waiting", "blocked"] = "stopped"
        self._reason = ""
        self._url = ""
        self._since_ms: int | None = None
        self._next_try_s: float | None = None
        self._connections = 0
        self._frames = 0
        self._records = 0
        self._rejected: Counter[str] = Counter()
        self._unreported: Counter[str] = Counter()
        self._reported_s = -REPORT_EVERY_S
        self._heard_s: float | None = None
        self._simulated: Literal["", "market", "replay"] = ""
        self._clock = EventClock()

    # What others ask of it, from any thread

    def start(self) -> None:
        """Start the thread; does nothing while it runs."""
        with self._lock:
            if self._run is not None and self._run.thread.is_alive() and not self._run.stop.is_set():
                return
            run = _Run()
            run.thread = threading.Thread(target=self._main, args=(run,), name=self.name, daemon=True)
            self._run = run
            self._state, self._reason = "connecting", ""
            run.thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End the thread and wait for it. False: it has not ended yet, and will when its connection attempt does."""
        with self._lock:
            run = self._run
            self._state, self._reason, self._next_try_s = "stopped", "", None
        if run is None:
            return True
        run.stop.set()
        line = run.line
        if line is not None:
            line.close()
        if run.thread is not threading.current_thread():
            run.thread.join(timeout_s)
        if run.thread.is_alive():
            log.warning("%s has not ended after %g s; it ends once its connection attempt does", self.name, timeout_s)
            return False
        return True

    def subscribe(self, symbols: Iterable[str], kind: StreamKind) -> None:
        """Deliver these streams too, now if connected and after every reconnect."""
        with self._lock:
            names = {(symbol, kind): self._wire.stream_name(symbol, kind) for symbol in symbols}
            self._streams.update({key: name for key, name in names.items() if key not in self._streams})
            self._control.want(names.values())
            self._changed()

    def unsubscribe(self, symbols: Iterable[str], kind: StreamKind) -> None:
        """Deliver these no longer."""
        with self._lock:
            names = [name for symbol in symbols if (name := self._streams.pop((symbol, kind), None)) is not None]
            self._control.drop(names)
            self._changed()

    def status(self) -> FeedStatus:
        """All there is to know, as a value."""
        with self._lock:
            now_s = self._now_s()
            return FeedStatus(
                state=self._state,
                reason=self._reason,
                url=self._url,
                connected_since_ms=self._since_ms if self._state == "live" else None,
                reconnects=max(0, self._connections - 1),
                frames=self._frames,
                records=self._records,
                rejected=dict(self._rejected),
                watermark_ms=self._clock.newest_ms,
                last_frame_age_s=None if self._heard_s is None else max(0.0, now_s - self._heard_s),
                next_try_in_s=None if self._next_try_s is None else max(0.0, self._next_try_s - now_s),
                streams=self._pulse.streams(now_s),
                simulated=self._simulated,
            )

    def _changed(self) -> None:
        self._symbols = frozenset(symbol for symbol, _ in self._streams)
        self._pulse.watch(self._streams, self._now_s())

    # The thread

    def _main(self, run: _Run) -> None:
        waits = self._delays()
        while not run.stop.is_set():
            wait_s = 0.0
            try:
                reason = self._connection(run)
            except LineRefused as refused:
                reason = str(refused)
                if refused.status == 451:
                    self._enter(run, "blocked", reason)
                    self._on_line_down(reason)
                    return
                if refused.status in (403, 418, 429):
                    wait_s = max(REFUSED_WAIT_S * (1 + self._uniform() / 4), refused.retry_after_s or 0.0)
            except LineDown as down:
                reason = str(down)
            except Exception:  # the thread's last resort
                log.exception("%s failed", self.name)
                reason = "An error inside Pairsight ended the connection; the log has it."
            if run.stop.is_set():
                break
            if run.healthy:
                waits = self._delays()
            wait_s = max(wait_s, next(waits))
            log.info("%s: %s Next try in %.1f s.", self.name, reason, wait_s)
            self._enter(run, "waiting", reason, next_try_s=self._now_s() + wait_s)
            self._on_line_down(reason)
            run.stop.wait(wait_s)

    def _connection(self, run: _Run) -> str:
        """One connection, from opening to end. Raises `LineDown`; returns why it was ended from here."""
        with self._lock:
            names = self._control.opening()
            url = self._wire.stream_url(self._base, self._route, names)
        run.healthy = False
        self._enter(run, "connecting", self._reason, url=url)
        line = self._connect(url)
        run.line = line
        try:
            opened_s = self._now_s()
            with self._lock:
                self._control.opened(names, opened_s)
                self._pulse.restart(opened_s)
                self._connections += 1
                self._since_ms = self._now_ms()
                self._heard_s = opened_s
                mark = line.headers.get(SIMULATOR_HEADER, "")
                self._simulated = "replay" if mark == "replay" else "market" if mark else ""
            self._enter(run, "live", "")
            self._on_line_up()
            return self._listen(run, line)
        finally:
            run.line = None
            line.close()

    def _listen(self, run: _Run, line: Line) -> str:
        opened_s = heard_s = pinged_s = self._now_s()
        received = line.received
        frames: list[bytes] = []
        first_s = 0.0  # when the oldest waiting frame came
        try:
            while not run.stop.is_set():
                now_s = self._now_s()
                arrived = line.read(max(0.001, first_s + FLUSH_S - now_s) if frames else IDLE_READ_S)
                now_s = self._now_s()
                if arrived:
                    if not frames:
                        first_s = now_s
                    frames += arrived
                if frames and (len(frames) >= FLUSH_FRAMES or now_s - first_s >= FLUSH_S):
                    ready, frames = frames, []
                    self._deliver(ready, now_s)
                    run.healthy = run.healthy or now_s - opened_s >= HEALTHY_AFTER_S
                if line.received != received:
                    received, heard_s = line.received, now_s
                    self._heard_s = now_s
                if line.mid_frame and now_s - heard_s > ANSWER_WITHIN_S:
                    return f"The connection stalled within a message for {ANSWER_WITHIN_S:g} s."
                if pinged_s > heard_s and now_s - pinged_s > ANSWER_WITHIN_S:
                    return f"The connection is dead: no answer for {now_s - heard_s:.0f} s."
                if now_s - pinged_s >= PING_EVERY_S:
                    line.ping()
                    pinged_s = now_s
                self._speak(line, now_s)
        finally:
            if frames:  # what arrived before the end counts
                self._deliver(frames, self._now_s())
        return "Stopped."

    def _speak(self, line: Line, now_s: float) -> None:
        with self._lock:
            due = self._control.due(now_s)
            late = self._control.unanswered(now_s)
        for frame in due:
            line.send(frame)
        if late:
            raise LineDown("The exchange does not answer requests on this connection.")

    def _deliver(self, frames: list[bytes], now_s: float) -> None:
        now_ms = self._now_ms()
        symbols = self._symbols
        latest_ms = self._clock.limit(now_ms)
        batch = self._wire.parse(frames, symbols, latest_ms)
        with self._lock:
            self._clock.saw(batch.watermark_ms, "bad_time" in batch.rejected, now_ms)
            self._pulse.take(batch, now_s)
            self._frames += batch.frames
            self._records += sum(map(len, batch.records))
            for reply in batch.replies:
                self._control.answered(reply)
            if batch.rejected:
                self._rejected.update(batch.rejected)
                self._unreported.update(batch.rejected)
                self._report(now_s)
        for reply in batch.replies:
            if reply.error is not None:
                log.warning("%s: the exchange refused a request: %s", self.name, reply.error)
        self._on_batch(batch)

    def _report(self, now_s: float) -> None:
        if now_s - self._reported_s < REPORT_EVERY_S:
            return
        told = {reason: n for reason, n in self._unreported.items() if not reason.startswith(NOT_WORTH_A_LINE)}
        if told:
            self._reported_s = now_s
            log.warning("%s: frames refused since the last report: %s", self.name, told)
        self._unreported.clear()

    def _enter(
        self,
        run: _Run,
        state: Literal["connecting", "live", "waiting", "blocked"],
        reason: str,
        *,
        url: str | None = None,
        next_try_s: float | None = None,
    ) -> None:
        """Change what `status` says, unless this run has been stopped meanwhile."""
        with self._lock:
            if self._run is not run or run.stop.is_set():
                return
            self._state, self._reason, self._next_try_s = state, reason, next_try_s
            if url is not None:
                self._url = url


class _Run:
    """One life of the thread, from start to stop; a thread that is slow to end cannot disturb its successor."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.thread: threading.Thread = threading.current_thread()
        self.line: Line | None = None
        self.healthy = False
