"""One thread, one socket: frames in, batches out. Owns the connection and its care, and nothing else.

Everything it needs is handed in: how to connect, the venue's wire format, where batches go, the clocks.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

from core.clock import now_ms
from core.errors import LineDown, LineRefused, SettingsError
from core.types import Batch, FeedStatus
from ingestion.backoff import delays
from ingestion.binance import StreamKind
from ingestion.control import Names
from ingestion.detour import Detour
from ingestion.dialler import Dialler
from ingestion.opening import Beside, in_a_thread
from ingestion.pulse import StreamKey
from ingestion.session import Session, Wish
from ingestion.tally import Complaints, Tally, spoke
from ingestion.times import THE_EXCHANGE, FeedTimes
from ingestion.transport import Connect, Line
from ingestion.watchdog import Watchdog
from ingestion.wire import Wire

log = logging.getLogger(__name__)

MOST_STREAMS: Final = 1_000  # at 1,025 the exchange ends the connection and all are lost
SIMULATOR_HEADER: Final = "x-pairsight-simulator"


class Feed:
    """A named thread that keeps one connection alive and hands on what it delivers.

    Records lost between two connections show as gaps in their ids; the feed does not judge them. All callables are
    called in its thread, never under its lock, and must be quick:

    - ``on_batch``: what arrived, at most some 50 ms old;
    - ``on_line_up``, ``on_line_down``: a connection has opened or ended (not for a renewal, which has no seam);
    - ``on_silent``: symbols whose silence their rate does not explain; they are being asked for again;
    - ``on_given_up``: symbols and kind that neither a new connection nor ``other_route`` brought back; whoever has
      another source (aggregates for trades) turns to it now;
    - ``moves``: whether a symbol's market is open; the silence of one that does not move means nothing.
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
        on_silent: Callable[[list[str]], None] = lambda symbols: None,
        on_given_up: Callable[[list[str], str], None] = lambda symbols, kind: None,
        other_route: str | None = None,
        moves: Callable[[str], bool] = lambda symbol: True,
        now_s: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = now_ms,
        waits: Callable[[], Iterator[float]] = delays,
        uniform: Callable[[], float] = random.random,
        beside: Beside = in_a_thread,
        times: FeedTimes = THE_EXCHANGE,
    ) -> None:
        self.name = name
        self._wire = wire
        self._route = route
        self._other_route = other_route
        self._on_batch = on_batch
        self._on_line_up = on_line_up
        self._on_line_down = on_line_down
        self._on_silent = on_silent
        self._on_given_up = on_given_up
        self._moves = moves
        self._now_s = now_s
        self._now_ms = now_ms
        self._delays = waits
        self._uniform = uniform
        self._beside = beside
        self._times = times
        self._dialler = Dialler(connect, wire, base, now_s=now_s, uniform=uniform, times=times)
        self._lock = threading.Lock()  # guards everything below
        self._tally = Tally()
        self._watchdog = Watchdog(times)
        self._watched_s = 0.0
        self._complaints = Complaints()
        self._closing = False  # the server announced the end of this connection
        self._streams: dict[StreamKey, str] = {}  # to its name on the wire
        self._wanted: Names = {}  # those names
        self._detour: Detour | None = None  # while connected, where there is another route
        self._symbols: frozenset[str] = frozenset()
        self._run: _Run | None = None
        self._state: Literal["stopped", "connecting", "live", "waiting", "blocked"] = "stopped"
        self._reason = ""
        self._url = ""
        self._next_try_s: float | None = None
        self._connections = 0
        self._simulated: Literal["", "market", "replay"] = ""

    # What others ask of it, from any thread

    def start(self) -> None:
        """Start the thread; does nothing while it runs."""
        with self._lock:
            if self._run is not None and self._run.thread.is_alive() and not self._run.stop.is_set():
                return
            run = _Run()
            run.thread = threading.Thread(target=self._main, args=(run,), name=self.name, daemon=True)
            self._run, self._detour = run, None
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
        session = run.session
        if session is not None:
            session.close()
        if run.thread is not threading.current_thread():
            run.thread.join(timeout_s)
        if run.thread.is_alive():
            log.warning("%s has not ended after %g s; it ends once its connection attempt does", self.name, timeout_s)
            return False
        return True

    def subscribe(self, symbols: Iterable[str], kind: StreamKind) -> None:
        """Deliver these streams too, now if connected and after every reconnect.

        Raises
        ------
        SettingsError
            If one connection cannot carry so many; nothing is added then.
        """
        with self._lock:
            names = {(symbol, kind): self._wire.stream_name(symbol, kind) for symbol in symbols}
            if len(self._streams.keys() | names.keys()) > MOST_STREAMS:
                raise SettingsError(f"One connection carries at most {MOST_STREAMS} streams.")
            self._streams.update({key: name for key, name in names.items() if key not in self._streams})
            self._changed()

    def unsubscribe(self, symbols: Iterable[str], kind: StreamKind) -> None:
        """Deliver these no longer."""
        with self._lock:
            for symbol in symbols:
                self._streams.pop((symbol, kind), None)
            self._changed()

    def expect(self, kind: StreamKind, per_day: Mapping[str, float]) -> None:
        """How many records a day each symbol's stream should bring, so that the silence of thin ones is understood."""
        with self._lock:
            self._watchdog.expect({(symbol, kind): count / 86_400 for symbol, count in per_day.items()})

    def status(self) -> FeedStatus:
        """All there is to know, as a value."""
        with self._lock:
            now_s = self._now_s()
            session = self._run.session if self._run is not None and self._state == "live" else None
            return FeedStatus(
                state=self._state,
                reason=self._reason,
                url=self._url,
                reconnects=max(0, self._connections - 1),
                frames=self._tally.frames,
                records=self._tally.records,
                rejected=dict(self._tally.rejected),
                watermark_ms=self._tally.clock.newest_ms,
                last_frame_age_s=max(0.0, now_s - session.heard_s) if session is not None else None,
                next_try_in_s=None if self._next_try_s is None else max(0.0, self._next_try_s - now_s),
                streams=self._tally.pulse.streams(now_s),
                simulated=self._simulated,
            )

    def _changed(self) -> None:
        self._symbols = frozenset(symbol for symbol, _ in self._streams)
        self._wanted = dict.fromkeys(self._streams.values())
        if self._detour is not None:
            self._detour.ask({key: name for key, name in self._detour.streams.items() if key in self._streams})
        self._tally.pulse.watch(self._streams, self._now_s())

    # The thread

    def _main(self, run: _Run) -> None:
        waits = self._delays()
        while not run.stop.is_set():
            reason = ""
            try:
                run.healthy = False
                self._connection(run)
            except LineRefused as refused:
                reason = str(refused)
                if refused.status == 451:
                    self._enter(run, "blocked", reason)
                    self._on_line_down(reason)
                    return
            except LineDown as down:
                reason = str(down)
            except Exception:  # the thread's last resort
                log.exception("%s failed", self.name)
                reason = "An error inside Pairsight ended the connection; the log has it."
            if run.stop.is_set():
                break
            if run.healthy:
                waits = self._delays()
            wait_s = max(self._dialler.forbidden_s(), next(waits))
            log.info("%s: %s Next try in %.1f s.", self.name, reason, wait_s)
            self._enter(run, "waiting", reason, next_try_s=self._now_s() + wait_s)
            self._on_line_down(reason)
            run.stop.wait(wait_s)

    def _connection(self, run: _Run) -> None:
        """One connection, from opening to end. Raises `LineDown` unless it was ended from here."""
        first = True

        def open_line() -> Line:
            nonlocal first
            if not first:
                log.info("%s: renewing the connection", self.name)
                return self._dialler.dial(self._route, self._wanted)
            first = False
            return self._open(run)

        detour = self._detour_of(run)
        session = Session(
            open_line=open_line,
            deliver=self._deliver,
            tend=lambda line, now_s: self._dialler.tend(line, self._wanted, now_s),
            advise=self._advise,
            now_s=self._now_s,
            uniform=self._uniform,
            detour=detour,
            beside=self._beside,
            times=self._times,
        )
        run.session = session
        try:
            session.run(run.stop)
        finally:
            run.session = None
            run.healthy = session.healthy_s >= self._times.healthy_after_s

    def _open(self, run: _Run) -> Line:
        wanted = self._wanted
        url = self._dialler.url(self._route, wanted)
        self._enter(run, "connecting", self._reason, url=url)
        line = self._dialler.dial(self._route, wanted)
        with self._lock:
            self._closing = False
            self._tally.pulse.restart(self._now_s())
            self._connections += 1
            mark = line.headers.get(SIMULATOR_HEADER, "")
            self._simulated = "replay" if mark == "replay" else "market" if mark else ""
        self._enter(run, "live", "", url=url)
        self._on_line_up()
        return line

    def _advise(self, now_s: float) -> Wish:
        """Whether a new connection is wanted: announced by the server, or for the sake of silent streams."""
        with self._lock:
            closing, self._closing = self._closing, False
        wish: Wish = "renew" if closing else ""
        if now_s - self._watched_s >= self._times.watch_every_s:
            self._watched_s = now_s
            wish = self._watch(now_s) or wish
        return wish

    def _watch(self, now_s: float) -> Wish:
        """Do what the watchdog advises for streams that should speak and do not."""
        moving = {symbol for symbol in self._symbols if self._moves(symbol)}  # not under the lock: it is others' code
        with self._lock:
            beats = {key: beat for key, beat in self._tally.pulse.beats.items() if key[0] in moving}
            advice = self._watchdog.advise(beats, now_s)
            if advice.again:
                self._dialler.again(self._streams[key] for key in advice.again)
        if advice.again:
            log.warning("%s: silent, asking again for %s", self.name, _named(advice.again))
            self._on_silent([symbol for symbol, _ in advice.again])
        if advice.renew:
            log.warning("%s: still silent, opening a new connection for %s", self.name, _named(advice.renew))
        if advice.given_up:
            self._try_elsewhere(advice.given_up, now_s)
        return "renew" if advice.renew else ""

    def _try_elsewhere(self, keys: Sequence[StreamKey], now_s: float) -> None:
        """Their own address does not deliver these: ask at the other one, or give up what was asked for there."""
        fresh: dict[StreamKey, str] = {}
        with self._lock:
            if self._detour is not None:
                there = self._detour.streams
                fresh = {key: self._streams[key] for key in keys if key in self._streams and key not in there}
                self._detour.ask({key: name for key, name in there.items() if key not in keys} | fresh)
                self._watchdog.tried_elsewhere(fresh, now_s)
        if fresh:
            log.warning("%s: trying the other address for %s", self.name, _named(fresh))
        self._give_up([key for key in keys if key not in fresh])

    def _give_up(self, keys: Sequence[StreamKey]) -> None:
        if keys:
            log.warning("%s: no address delivers %s", self.name, _named(keys))
        for kind in dict.fromkeys(kind for _, kind in keys):
            self._on_given_up([symbol for symbol, its in keys if its == kind], kind)

    def _detour_of(self, run: _Run) -> Detour | None:
        """The way to the other address, for one connection; what came by it keeps it."""
        if self._other_route is None:
            return None

        def opened() -> None:
            with self._lock:  # only now has anything a chance to come there
                self._watchdog.tried_elsewhere(detour.streams, self._now_s())

        def ended(down: LineDown, missed: list[StreamKey]) -> None:
            log.warning("%s: the other address has gone: %s", self.name, down)
            with self._lock:  # what it has brought is silent now, and goes through every remedy again
                detour.ask({})
            self._give_up(missed)

        detour = Detour(
            self._dialler,
            self._other_route,
            deliver=self._deliver,
            opened=opened,
            ended=ended,
            now_s=self._now_s,
            beside=self._beside,
            times=self._times,
        )
        with self._lock:
            if self._run is run:
                detour.ask(self._detour.streams if self._detour is not None else {})
                self._detour = detour
        return detour

    def _deliver(self, line: Line, frames: list[bytes], now_s: float) -> Iterable[StreamKey]:
        symbols = self._symbols
        with self._lock:
            batch = self._tally.read(
                lambda latest_ms: self._wire.parse(frames, symbols, latest_ms),
                now_s,
                self._now_ms(),
                own_time=self._simulated != "",
            )
            self._closing = self._closing or batch.closing
            refused = self._tally.report(now_s)
        for reply in batch.replies:
            self._dialler.answered(line, reply)
            if reply.error is not None and (told := self._complaints.line(reply.error, now_s)):
                log.warning("%s: the exchange refused a request: %s", self.name, told)
        if refused:
            log.warning("%s: refused since the last report: %s", self.name, dict(refused))
        self._on_batch(batch)
        return spoke(batch)

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
        self.session: Session | None = None
        self.healthy = False


def _named(keys: Iterable[StreamKey]) -> str:
    return ", ".join(f"{symbol} ({kind})" for symbol, kind in keys)
