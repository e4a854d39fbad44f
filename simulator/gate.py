"""From an HTTP request to a REST endpoint and back: budget first, then parameters, then the answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from aiohttp import web

from simulator import rest
from simulator.budget import Budget, Ruling
from simulator.exchange import Exchange
from simulator.faults import Fault
from simulator.limits import Limits
from simulator.mischief import Mischief
from simulator.parameters import Refusal

USED: Final = "X-MBX-USED-WEIGHT-1M"
RESTRICTED: Final = (
    "Service unavailable from a restricted location according to 'b. Eligibility' in "
    "https://www.binance.com/en/terms. Please contact customer service if you believe this is an error."
)
FAULT_BODIES: Final = {
    429: (-1003, "Too many requests."),
    418: (-1003, ""),
    451: (0, RESTRICTED),
    408: (-1007, "Timeout waiting for response from backend server."),
    500: (-1000, "An unknown error occurred while processing the request."),
    503: (-1008, "Server is currently overloaded with other requests. Please try again in a few minutes."),
}
FUNDING_LIMIT: Final = 500  # requests in 5 minutes, fundingInfo and fundingRate together


class Gate:
    """Answers GET requests under ``/fapi/v1/``. ``wall`` tells the time that budgets and bans are counted by."""

    def __init__(
        self, exchange: Exchange, limits: Limits, mischief: Mischief, wall: Callable[[], float] = time.time
    ) -> None:
        self._exchange, self._wall, self._mischief = exchange, wall, mischief
        self._limit = limits.weight_per_minute
        self._weights = Budget(limits.weight_per_minute, 60, limits.refusals_before_ban, limits.ban_s)
        self._funding = Budget(FUNDING_LIMIT, 300, limits.refusals_before_ban, limits.ban_s)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request, from any client."""
        path = request.match_info["endpoint"]
        broken = await self._mischief.before_rest(path)
        if broken is not None:
            return self._broken(broken, request)
        endpoint = rest.ENDPOINTS.get(path)
        address = request.remote or ""
        if endpoint is None:
            return refused(404, -5000, f"Path {request.path}, Method GET is invalid")
        params = request.query
        budget = self._weights if endpoint.counted else self._funding
        ruling = budget.spend(address, endpoint.weight(params), self._wall())
        headers = {USED: str(ruling.used)} if endpoint.counted else {}
        if ruling.status != 200:
            return self._over_budget(ruling, address, headers)
        try:
            work = endpoint.work(self._exchange, params) if endpoint.work is not None else None
            if work is not None:
                await asyncio.get_running_loop().run_in_executor(None, work)
            value = endpoint.answer(self._exchange, params)
        except Refusal as refusal:
            return refused(refusal.status, refusal.code, refusal.msg, headers)
        response = web.Response(body=rest.body(value), content_type="application/json", headers=headers)
        if endpoint.compressed:
            response.enable_compression()
        return response

    @staticmethod
    def _broken(fault: Fault, request: web.Request) -> web.Response:
        if fault.do == "rest_hang":
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=408)
        status = fault.status
        code, msg = FAULT_BODIES.get(status, (0, f"Simulated HTTP {status}."))
        if status == 418:
            until = int((time.time() + fault.retry_after_s) * 1000)
            msg = f"Way too many requests; IP({request.remote}) banned until {until}."
        headers = {"Retry-After": str(fault.retry_after_s)} if fault.retry_after_s else {}
        if status in (403, 502, 504):  # these come from in front of the exchange, and are no JSON
            page = f"<html><head><title>{status}</title></head><body><h1>ERROR</h1></body></html>"
            return web.Response(status=status, text=page, content_type="text/html", headers=headers)
        return refused(status, code, msg, headers)

    def _over_budget(self, ruling: Ruling, address: str, headers: dict[str, str]) -> web.Response:
        again = "Please use the websocket for live updates to avoid"
        if ruling.status == 418:
            msg = f"Way too many requests; IP({address}) banned until {ruling.banned_until_ms}. {again} bans."
        else:
            msg = (
                f"Too many requests; current limit of IP({address}) is {self._limit} requests per minute. "
                f"{again} polling the API."
            )
        return refused(ruling.status, -1003, msg, headers | {"Retry-After": str(ruling.retry_after_s)})


def refused(status: int, code: int, msg: str, headers: dict[str, str] | None = None) -> web.Response:
    """An error body as the exchange writes it."""
    body = rest.body({"code": code, "msg": msg})
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)
