"""The sockets: WebSocket routes and REST on one port, and the loop that lets the exchange happen."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiohttp import web

from core.errors import PairsightError, SettingsError
from simulator.exchange import Exchange
from simulator.faults import Fault, faults
from simulator.gate import FAULT_BODIES, Gate, refused
from simulator.limits import Limits
from simulator.mischief import Mischief
from simulator.periodic import Periodic
from simulator.session import Session
from simulator.streams import ROUTES

log = logging.getLogger(__name__)
LABEL: Final = "X-Pairsight-Simulator"  # market or replay: so that nobody takes this for the exchange
LONGEST_LINE: Final = 1 << 16  # an address may name 1,024 streams
BACKLOG_BYTES: Final = 1 << 20  # as fast as possible means: as fast as the slowest client reads


class Server:
    """Serves one exchange on one port. Everything happens on the event loop that ``start`` runs on."""

    def __init__(self, exchange: Exchange, limits: Limits, schedule: Sequence[Fault] = ()) -> None:
        self.exchange = exchange
        self.limits = limits
        self.sessions: set[Session] = set()
        self.on_end: Callable[[], None] = lambda: None
        self.mischief = Mischief(exchange, self.sessions, schedule)
        self._gate = Gate(exchange, limits, self.mischief)
        self._tasks: list[asyncio.Task[None]] = []
        self._starting = False
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port. Raises SettingsError where that is not possible."""
        app = web.Application()
        app.on_response_prepare.append(self._label)
        for route in ROUTES:
            at = f"/{route}" if route else ""
            app.router.add_get(at + "/ws", self._websocket(route, combined=False))
            app.router.add_get(at + "/ws/{streams:.*}", self._websocket(route, combined=False))
            app.router.add_get(at + "/stream", self._websocket(route, combined=True))
        app.router.add_get("/fapi/v1/{endpoint:.+}", self._gate.answer)
        app.router.add_post("/simulator/faults", self._add_faults)
        app.router.add_get("/simulator/truth", self._truth)
        app.router.add_get("/simulator/status", self._status)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, max_line_size=LONGEST_LINE)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except (OSError, OverflowError) as why:
            await self._runner.cleanup()
            reason = getattr(why, "strerror", None) or why
            raise SettingsError(
                f"Cannot listen on {host}:{port} ({reason}): choose another --port, or 0 for any free one"
            ) from None
        if self.exchange.source.mode == "market":
            self.exchange.clock.start()
        self._tasks = [asyncio.create_task(self._happen()), asyncio.create_task(self._care())]
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """End every connection and stop listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for session in list(self.sessions):
            session.drop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _label(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers[LABEL] = self.exchange.source.mode

    def _websocket(self, route: str, combined: bool) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def upgrade(request: web.Request) -> web.StreamResponse:
            status = self.mischief.refusal(route)
            if status is not None:
                return refused(status, *FAULT_BODIES.get(status, (0, f"Simulated HTTP {status}.")))
            text = request.query.get("streams", "") if combined else request.match_info.get("streams", "")
            session = Session(
                route,
                combined,
                self.exchange.hub,
                self.limits,
                now_ms=self.exchange.clock.now_ms,
                on_trades=self._start_clock,
            )
            self.sessions.add(session)
            try:
                return await session.run(request, [name for name in text.split("/") if name])
            finally:
                self.sessions.discard(session)

        return upgrade

    async def _add_faults(self, request: web.Request) -> web.Response:
        """POST one fault, or a schedule; see faults.py."""
        try:
            more = faults(json.loads(await request.text()))
        except (ValueError, PairsightError) as why:
            return web.json_response({"error": str(why)}, status=400)
        self.mischief.add(more)
        return web.json_response({"accepted": len(more)})

    async def _truth(self, request: web.Request) -> web.Response:
        """What has really happened to one symbol: [id, time, price, quantity, X, buyer is maker], oldest first."""
        tape = self.exchange.tapes.get(request.query.get("symbol", "").upper())
        if tape is None:
            return web.json_response({"error": "symbol must be one of the exchange's"}, status=400)
        return web.json_response([[r.id, r.trade_ms, r.price, r.qty, r.kind, r.buyer_is_maker] for r in tape.records()])

    async def _status(self, request: web.Request) -> web.Response:
        """The simulator about itself."""
        exchange = self.exchange
        return web.json_response(
            {
                "mode": exchange.source.mode,
                "now_ms": exchange.now_ms,
                "started": exchange.clock.started,
                "ended": exchange.ended,
                "published": exchange.published,
                "connections": len(self.sessions),
                "faults_fired": self.mischief.fired,
            }
        )

    def _start_clock(self) -> None:
        """The first trade subscription starts the exchange's clock, once the client had time to ask for the rest."""
        if not self._starting and not self.exchange.clock.started:
            self._starting = True
            asyncio.get_running_loop().call_later(self.limits.settle_s, self.exchange.clock.start)

    async def _happen(self) -> None:
        exchange, tick = self.exchange, self.limits.tick_s
        periodic = Periodic(exchange)
        while True:
            while not exchange.clock.by_itself and any(s.backlog_bytes > BACKLOG_BYTES for s in self.sessions):
                await asyncio.sleep(tick)
            had_ended = exchange.ended
            try:
                more = exchange.step()
            except Exception:
                log.exception("the simulated exchange stopped")
                raise
            if exchange.clock.started:
                periodic.step(exchange.now_ms)
            self.mischief.step()
            for session in list(self.sessions):
                session.flush()
            if exchange.ended and not had_ended:
                log.info("the recording has ended: %d records sent", exchange.published)
                self.on_end()
            await asyncio.sleep(0 if more else tick)

    async def _care(self) -> None:
        loop = asyncio.get_running_loop()
        every = min(1.0, self.limits.ping_every_s / 4, self.limits.pong_within_s / 4, self.limits.lifetime_s / 4)
        while True:
            await asyncio.sleep(every)
            for session in list(self.sessions):
                session.care(loop.time())
