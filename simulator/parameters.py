"""Query parameters read as the exchange reads them; what it would not take is refused in its words."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.exchange import Exchange

Params = Mapping[str, str]


class Refusal(Exception):  # noqa: N818 (what the exchange does)
    """An error body: HTTP status, code and message."""

    def __init__(self, status: int, code: int, msg: str) -> None:
        super().__init__(msg)
        self.status, self.code, self.msg = status, code, msg


def required(params: Params, name: str) -> str:
    value = params.get(name, "")
    if not value:
        raise Refusal(400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return value


def symbol_of(exchange: Exchange, params: Params) -> str:
    symbol = required(params, "symbol").upper()
    if symbol not in exchange.instruments:
        raise Refusal(400, -1121, "Invalid symbol.")
    return symbol


def whole(params: Params, name: str) -> int | None:
    value = params.get(name)
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 19:
        legal = "^[0-9]{1,20}$"
        raise Refusal(400, -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")
    return int(value)


def time_range(params: Params) -> tuple[int | None, int | None]:
    start, end = whole(params, "startTime"), whole(params, "endTime")
    if start is not None and end is not None and start > end:
        raise Refusal(400, -1023, "Start time is greater than end time.")
    return start, end


def limit_of(params: Params, default: int, most: int) -> int:
    limit = whole(params, "limit")
    if limit is None:
        return default
    if not 1 <= limit <= most:
        raise Refusal(400, -1130, "Data sent for parameter 'limit' is not valid.")
    return limit
