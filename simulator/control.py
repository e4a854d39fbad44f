"""Control frames of a live connection: text in, subscription changes and reply text out. No socket."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

METHODS: Final = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
TOO_MANY: Final = "Too many subscriptions"


@dataclass(slots=True)
class Subscriptions:
    """What one connection has asked for, in its order. Any name is accepted, true or invented."""

    combined: bool
    limit: int = 1024
    streams: dict[str, None] = field(default_factory=dict)

    def add(self, names: list[str]) -> bool:
        """Ask for streams; False where that makes too many."""
        for name in names:
            self.streams[name] = None
        return len(self.streams) <= self.limit


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply, and what it changed. ``too_many``: the connection is to be closed after it."""

    text: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    too_many: bool = False


def _error(code: int, msg: str) -> Answer:
    return Answer(_json({"code": code, "msg": msg}))


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def answer(text: str | bytes, subscriptions: Subscriptions) -> Answer:
    """Carry out one control frame on ``subscriptions`` and say what the exchange would answer.

    >>> answer('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}', Subscriptions(combined=False)).text
    '{"result":null,"id":1}'
    """
    try:
        request = json.loads(text)
        _json(request).encode()  # half a surrogate pair, escaped, is no text that could be answered
    except (ValueError, RecursionError) as why:
        at = f" at line {why.lineno} column {why.colno}" if isinstance(why, json.JSONDecodeError) else ""
        return _error(3, f"Invalid JSON: expected value{at}")
    if not isinstance(request, dict):
        return _error(2, "Invalid request: expected an object")
    method, number = request.get("method"), request.get("id")
    if method is None:
        return _error(2, "Invalid request: missing field `method`")
    if method not in METHODS:
        return _error(2, f"Invalid request: unknown variant `{method}`, expected one of {', '.join(METHODS)}")
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        return _error(2, "Invalid request: request ID must be an unsigned integer")
    params = request.get("params", [])
    if not isinstance(params, list):
        return _error(2, "Invalid request: params must be an array")
    if method == "LIST_SUBSCRIPTIONS":
        return Answer(_json({"result": list(subscriptions.streams), "id": number}))
    if method in ("SET_PROPERTY", "GET_PROPERTY"):
        return _property(str(method), params, number, subscriptions)
    if not params or not all(isinstance(name, str) for name in params):
        return _error(2, "Invalid request: params must be stream names")
    if method == "UNSUBSCRIBE":
        gone = tuple(name for name in params if name in subscriptions.streams)
        for name in gone:
            subscriptions.streams.pop(name, None)
        return Answer(_json({"result": None, "id": number}), removed=gone)
    if not subscriptions.add(params):
        return Answer(_json({"error": {"code": 4, "msg": TOO_MANY}, "id": number}), too_many=True)
    return Answer(_json({"result": None, "id": number}), added=tuple(params))


def _property(method: str, params: list[object], number: int, subscriptions: Subscriptions) -> Answer:
    if not params or not isinstance(params[0], str):
        return _error(2, "Invalid request: property name must be a string")
    if params[0] != "combined":
        return _error(0, "Unknown property")
    if method == "GET_PROPERTY":
        return Answer(_json({"result": subscriptions.combined, "id": number}))
    if len(params) < 2 or not isinstance(params[1], bool):
        return _error(1, "Invalid value type: expected Boolean")
    subscriptions.combined = params[1]
    return Answer(_json({"result": None, "id": number}))
