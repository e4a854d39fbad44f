"""SimulatedExchange: a whole exchange on a thread of its own, for tests, benchmarks and the command line."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from core.clock import now_ms
from simulator.clock import ExchangeClock
from simulator.exchange import Exchange, Source
from simulator.faults import Fault, fault
from simulator.limits import Limits
from simulator.market import Market, MarketPlan
from simulator.recording import Recording, read_recording
from simulator.records import Record
from simulator.replay import Replay
from simulator.server import Server

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Bases:
    """Where the exchange is reached: the values of PAIRSIGHT_WS_URL and PAIRSIGHT_REST_URL."""

    ws_url: str
    rest_url: str


class SimulatedExchange:
    """Start it, talk to its sockets, stop it; also as a context manager.

    ``start`` may be called once; it returns when the port is open. ``finished`` is set when a recording has been sent
    whole. ``truth`` says what has happened on the exchange, whether or not anybody received it.
    """

    def __init__(
        self,
        source: Source,
        *,
        speed: float = 1.0,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Limits | None = None,
        faults: Sequence[Fault] = (),
        clock: ExchangeClock | None = None,
    ) -> None:
        self.exchange = Exchange(source, clock or ExchangeClock(source.start_ms, speed))
        self.finished = threading.Event()
        self._limits = limits or Limits()
        self._server = Server(self.exchange, self._limits, faults)
        self._server.on_end = self.finished.set
        self._host, self._port = host, port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="simulated-exchange", daemon=True)
        self._bases: Bases | None = None

    @classmethod
    def replaying(
        cls,
        recording: Path | Recording,
        *,
        speed: float = 1.0,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Limits | None = None,
        faults: Sequence[Fault] = (),
    ) -> Self:
        """An exchange on which a recording happens. Infinite ``speed``: as fast as its clients read."""
        known = recording if isinstance(recording, Recording) else read_recording(recording)
        return cls(Replay(known), speed=speed, host=host, port=port, limits=limits, faults=faults)

    @classmethod
    def making(
        cls,
        plan: MarketPlan | None = None,
        *,
        start_ms: int | None = None,
        speed: float = 1.0,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Limits | None = None,
        faults: Sequence[Fault] = (),
    ) -> Self:
        """An exchange with a seeded market that begins now, or at ``start_ms`` and then with ``start``."""
        clock = ExchangeClock(start_ms if start_ms is not None else now_ms(), speed)
        begin = clock.now_ms()
        if start_ms is None:
            clock.start()  # at once: making the past takes a second or two, and wall time is wall time
        market = Market(plan or MarketPlan(), begin)
        return cls(market, host=host, port=port, limits=limits, faults=faults, clock=clock)

    def start(self) -> Bases:
        """Open the port. Raises SettingsError where it cannot be opened."""
        self._thread.start()
        try:
            port = self.call(self._server.start(self._host, self._port))
        except BaseException:
            self._end_thread()
            raise
        self._bases = Bases(f"ws://{self._host}:{port}", f"http://{self._host}:{port}")
        return self._bases

    def stop(self) -> None:
        """End all connections and the thread; a second call changes nothing."""
        if self._thread.is_alive():
            self.call(self._server.stop())
            self._end_thread()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def ws_url(self) -> str:
        """WebSocket base, as PAIRSIGHT_WS_URL takes it."""
        assert self._bases is not None, "not started"
        return self._bases.ws_url

    @property
    def rest_url(self) -> str:
        """REST base, as PAIRSIGHT_REST_URL takes it."""
        assert self._bases is not None, "not started"
        return self._bases.rest_url

    def inject(self, do: str, **fields: object) -> None:
        """Let a fault happen: at once, or when its trigger says. See faults.py for kinds and fields."""
        checked = fault({"do": do, **fields})
        self.ask(lambda: self._server.mischief.add([checked]))

    def truth(self, symbol: str) -> list[Record]:
        """Every record of a symbol that has happened, whether or not anybody received it; its E equals its T."""
        return self.ask(self.exchange.tapes[symbol].records)

    @property
    def connections(self) -> int:
        """Open WebSocket connections."""
        return self.ask(lambda: len(self._server.sessions))

    def call(self, work: Coroutine[Any, Any, R], timeout_s: float = 30.0) -> R:
        """Run a coroutine on the exchange's own loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def ask(self, question: Callable[[], R]) -> R:
        """Call a function on the exchange's own loop, where nothing else moves meanwhile."""

        async def asked() -> R:
            return question()

        return self.call(asked())

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        if not self._thread.is_alive():
            self._loop.close()
