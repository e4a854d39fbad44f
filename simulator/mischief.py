"""Faults carried out: a schedule watched, connections broken, deliveries tampered with. The truth stays untouched."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from simulator.encode import BINARY, frame, trade
from simulator.exchange import Exchange
from simulator.faults import Fault
from simulator.hub import Listener
from simulator.records import NOT_A_TRADE, Record
from simulator.streams import MARKET, PUBLIC

REORDER_WAIT_S: Final = 1.0  # a block that does not fill up is delivered after so long
# fmt: off
GARBAGE: Final = {
    "json": frame(b'{"e":"trade","E":17'),
    "utf8": frame(b'{"e":"trade","s":"\xff\xfe\xfa"}'),
    "binary": frame(bytes(range(256)), BINARY),
    "types": frame(b'{"stream":"btcusdt@trade","data":{"e":"trade","E":"x","T":null,"s":7,"t":1.5,"p":[],"m":"no"}}'),
    "empty": frame(b""),
}
# fmt: on


class Connection(Protocol):
    """What can be done to a connection."""

    number: int
    route: str
    stalled: bool

    def flush(self) -> None: ...
    def write(self, data: bytes) -> None: ...
    def close(self, code: int, reason: str) -> None: ...
    def drop(self, reset: bool = ...) -> None: ...


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


@dataclass(slots=True, eq=False)
class Window:
    """A fault that lasts. ``until`` in the loop's time, infinite where it has no end."""

    fault: Fault
    until: float
    left: int  # requests it still answers; 0: as many as come
    present: frozenset[int] = frozenset()  # sessions that were open when it began
    healed: set[int] = field(default_factory=set)  # sessions that it concerns no more


class Mischief:
    """Watches the schedule and does what is due. Belongs to the server's event loop, as ``sessions`` does.

    ``now`` and ``sleep`` are the loop's; a test that makes its own time hands in others.
    """

    def __init__(
        self,
        exchange: Exchange,
        sessions: Collection[Connection],
        schedule: Iterable[Fault],
        now: Callable[[], float] = _loop_time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.fired = 0
        self._now, self._sleep = now, sleep
        self._exchange, self._sessions = exchange, sessions
        self._waiting = list(schedule)
        self._windows: list[Window] = []
        self._again: list[tuple[int, Record]] = []  # records still to come -> a second delivery
        self._twice, self._distance = 0, 0
        self._blocks, self._block_length = 0, 0
        self._block: list[Record] = []
        self._block_since = 0.0
        self._late: deque[tuple[int, Record]] = deque()  # by the event time at which they are delivered
        self._late_until: dict[str, int] = {}
        self._started: tuple[float, int] | None = None
        self._after = self._next_after()
        exchange.before_record = self._before_record
        exchange.on_record = self._on_record
        exchange.hub.on_subscribe = self._on_subscribe

    def add(self, more: Iterable[Fault]) -> None:
        """Take further faults into the schedule; those without a trigger happen at once, clock or not."""
        for fault in more:
            if fault.at_once:
                self._fire(fault)
            else:
                self._waiting.append(fault)
        self._after = self._next_after()

    def step(self) -> None:
        """Do what has fallen due by the clocks, and end what is over."""
        now, sim = self._now(), self._exchange.now_ms
        if self._exchange.clock.started:
            if self._started is None:
                self._started = (now, sim)
            wall_s, sim_s = now - self._started[0], (sim - self._started[1]) / 1000
            for fault in [f for f in self._waiting if _due(f, wall_s, sim_s)]:
                self._waiting.remove(fault)
                self._fire(fault)
        if self._windows:
            self._windows = [w for w in self._windows if w.until > now]
            self._set_hooks()
        ended = self._exchange.ended
        self._release(1 << 62 if ended else sim)
        if self._block and (ended or now - self._block_since > REORDER_WAIT_S):
            self._end_block()
        if ended:
            while self._again:
                self._exchange.deliver(self._again.pop(0)[1])

    def refusal(self, route: str) -> int | None:
        """HTTP status that an upgrade on a route is to be answered with."""
        for window in self._in_force("refuse"):
            if _concerns(window.fault, route):
                return window.fault.status
        return None

    async def before_rest(self, path: str) -> Fault | None:
        """Wait as long as REST is to be slow; returns the fault that takes the answer's place, if any does."""
        for window in [w for w in self._in_force("rest_slow", "rest_hang") if w.fault.path in ("", path)]:
            if window.fault.do == "rest_slow":
                await self._sleep(window.fault.delay_s)
            else:
                await self._sleep(max(0.0, min(window.until - self._now(), 600.0)))
                return window.fault
        for window in self._in_force("rest_status"):
            if window.fault.path in ("", path):
                if window.left == 1:
                    self._windows.remove(window)
                window.left -= 1
                return window.fault
        return None

    def _in_force(self, *kinds: str) -> list[Window]:
        now = self._now()
        return [w for w in self._windows if w.fault.do in kinds and w.until > now]

    def _fire(self, fault: Fault) -> None:
        self.fired += 1
        match fault.do:
            case "na_burst":
                self._na_burst(fault)
            case "duplicate":
                self._twice, self._distance = fault.count, fault.distance
            case "reorder":
                self._blocks, self._block_length = fault.count, max(2, fault.distance)
            case "silent" | "late" | "refuse" | "rest_status" | "rest_slow" | "rest_hang" | "clock_off":
                until = self._now() + fault.for_s if fault.for_s > 0 else float("inf")
                present = frozenset(session.number for session in self._sessions)
                self._windows.append(Window(fault, until, fault.count, present))
                self._set_hooks()
            case _:
                for session in list(self._sessions):
                    if _concerns(fault, session.route):
                        session.flush()
                        self._break(session, fault)

    def _break(self, session: Connection, fault: Fault) -> None:
        match fault.do:
            case "drop":
                session.drop(reset=fault.how == "reset")
            case "close":
                session.close(fault.code, fault.reason)
            case "cut":
                session.close(1001, "")
            case "stall":
                session.stalled = True
            case "midframe":
                whole = frame(trade(Record("BTCUSDT", 1, 1, 1, "1.00", "0.001", "MARKET", True)))
                session.write(whole[: len(whole) // 2])
                session.stalled = True
            case "garbage":
                session.write(GARBAGE[fault.how] * fault.count)
            case "oversized":
                text = b'{"stream":"btcusdt@trade","data":"' + b"x" * max(0, fault.bytes - 36) + b'"}'
                whole = frame(text)
                session.write(whole if fault.how == "whole" else whole[:1024])
                session.stalled = session.stalled or fault.how == "header"

    def _na_burst(self, fault: Fault) -> None:
        tape = self._exchange.tapes.get(fault.symbol.upper())
        if tape is None or tape.last_id is None:
            return
        now = self._exchange.now_ms
        for _ in range(fault.count):
            self._exchange.insert(Record(fault.symbol.upper(), 0, now, now, "0", "0", NOT_A_TRADE, True))

    def _set_hooks(self) -> None:
        kinds = {window.fault.do for window in self._windows}
        self._exchange.hub.mute = self._muted if "silent" in kinds else None
        self._exchange.clock_error_ms = sum(w.fault.by_ms for w in self._windows if w.fault.do == "clock_off")

    def _muted(self, stream: str, listener: Listener) -> bool:
        name, _, kind = stream.partition("@")
        for window in self._windows:
            f = window.fault
            if (
                f.do == "silent"
                and f.symbol.lower() == name
                and (kind == f.kind or (f.kind == "both" and kind in ("trade", "aggTrade")))
                and (_concerns(f, listener.route) or f.kind != "trade")
                and listener.number not in window.healed
            ):
                return True
        return False

    def _on_subscribe(self, listener: Listener, streams: Sequence[str]) -> None:
        for window in self._windows:
            f = window.fault
            if f.do == "silent" and any(stream.partition("@")[0] == f.symbol.lower() for stream in streams):
                new = listener.number not in window.present
                if f.heals == "resubscribe" or (f.heals == "reconnect" and new):
                    window.healed.add(listener.number)

    def _on_record(self, record: Record) -> Sequence[Record]:
        """What is delivered now in place of a record that has just happened."""
        if self._late:
            self._release(record.event_ms)
        if (self._windows or self._late) and self._delayed(record):
            return ()
        out = [record]
        if self._blocks:
            out = self._reordered(record)
        if self._again or self._twice:
            out += self._repeated(record)
        return out

    def _release(self, until_ms: int) -> None:
        """Deliver what was held back until now."""
        while self._late and self._late[0][0] <= until_ms:
            self._exchange.deliver(self._late.popleft()[1])

    def _delayed(self, record: Record) -> bool:
        """Hold a record back where it is to be late, or where an earlier one of its symbol still is."""
        due = self._late_until.get(record.symbol, 0)
        for window in self._in_force("late"):
            if window.fault.symbol.upper() in ("", record.symbol):
                due = max(due, record.event_ms + window.fault.by_ms)
        if due <= record.event_ms:
            return False
        self._late_until[record.symbol] = due
        insort(self._late, (due, record._replace(event_ms=due)), key=lambda held: held[0])
        return True

    def _reordered(self, record: Record) -> list[Record]:
        if not self._block:
            self._block_since = self._now()
        self._block.append(record)
        if len(self._block) < self._block_length:
            return []
        self._blocks -= 1
        out = self._block[::-1]
        self._block = []
        return out

    def _end_block(self) -> None:
        block, self._block, self._blocks = self._block[::-1], [], 0
        for record in block:
            self._exchange.deliver(record)

    def _repeated(self, record: Record) -> list[Record]:
        out = []
        if self._twice:
            self._twice -= 1
            self._again.append((self._distance, record))
        keep = []
        for left, again in self._again:
            if left == 0:
                out.append(again)
            else:
                keep.append((left - 1, again))
        self._again = keep
        return out

    def _next_after(self) -> int | None:
        return min((f.after_records for f in self._waiting if f.after_records is not None), default=None)

    def _before_record(self) -> None:
        reached = self._exchange.published
        if self._after is None or reached < self._after:
            return
        due = [f for f in self._waiting if f.after_records is not None and f.after_records <= reached]
        self._waiting = [f for f in self._waiting if f not in due]
        self._after = self._next_after()
        for fault in due:
            self._fire(fault)


def _due(fault: Fault, wall_s: float, sim_s: float) -> bool:
    return (
        fault.at_once
        or (fault.at_s is not None and fault.at_s <= wall_s)
        or (fault.at_sim_s is not None and fault.at_sim_s <= sim_s)
    )


def _concerns(fault: Fault, route: str) -> bool:
    match fault.route:
        case "all":
            return True
        case "routed":
            return route == PUBLIC
        case "market":
            return route == MARKET
        case _:
            return route != MARKET
