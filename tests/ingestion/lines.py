"""Lines, and a clock, that do what the test says. No socket, no thread, no waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from core.errors import LineDown
from ingestion.transport import Line


class Clock:
    """Time moves only where something waits."""

    def __init__(self) -> None:
        self.s = 1_000.0

    def __call__(self) -> float:
        return self.s


class ScriptedLine:
    """Each read takes the next entry: messages, an error to raise, or None for a silent wait of the whole timeout."""

    def __init__(self, clock: Clock, headers: Mapping[str, str] | None = None) -> None:
        self.clock = clock
        self.headers = headers or {}
        self.received = 0
        self.mid_frame = False
        self.script: deque[list[bytes] | Exception | None] = deque()
        self.sent: list[str] = []
        self.pings = 0
        self.answers_pings = True
        self.closed = False

    def own(self) -> None: ...

    def read(self, timeout_s: float) -> list[bytes]:
        if self.closed:
            raise LineDown("The connection was closed here.")
        step = self.script.popleft() if self.script else None
        if isinstance(step, Exception):
            raise step
        if step is None:
            self.clock.s += timeout_s
            return []
        self.clock.s += 0.001
        self.received += sum(map(len, step))
        return step

    def send(self, text: str) -> None:
        self.sent.append(text)

    def ping(self) -> None:
        self.pings += 1
        if self.answers_pings:
            self.received += 2

    def close(self) -> None:
        self.closed = True


def is_a_line(line: ScriptedLine) -> Line:
    """mypy's proof that the fake keeps the protocol."""
    return line
