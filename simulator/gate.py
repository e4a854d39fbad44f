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
from simulator.limits import Limits
from simulator.parameters import Refusal

USED: Final = "X-MBX-USED-WEIGHT-1M"
FUNDING_LIMIT: Final = 500  # requests in 5 minutes, fundingInfo and fundingRate together


class Gate:
    """Answers GET requests under ``/fapi/v1/``. ``wall`` tells the time that budgets and bans are counted by."""

    def __init__(self, exchange: Exchange, limits: Limits, wall: Callable[[], float] = time.time) -> None:
        self._exchange, self._wall = exchange, wall
        self._limit = limits.weight_per_minute
        self._weights = Budget(limits.weight_per_minute, 60, limits.refusals_before_ban, limits.ban_s)
        self._funding = Budget(FUNDING_LIMIT, 300, limits.refusals_before_ban, limits.ban_s)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request, from any client."""
        endpoint = rest.ENDPOINTS.get(request.match_info["endpoint"])
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
        response.enable_compression()
        return response

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
