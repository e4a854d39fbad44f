"""A line that is being opened beside those that are read: a handshake may take many seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from ingestion.transport import Line

Beside = Callable[[Callable[[], None]], None]  # runs something in a thread of its own, and returns at once


def in_a_thread(work: Callable[[], None]) -> None:
    """The usual `Beside`."""
    threading.Thread(target=work, name="opening", daemon=True).start()


class Opening:
    """One attempt."""

    def __init__(self, open_line: Callable[[], Line], beside: Beside) -> None:
        self._outcome: Future[Line] = Future()

        def work() -> None:
            try:
                line = open_line()
            except Exception as error:  # noqa: BLE001 (raised again where the line is asked for)
                self._outcome.set_exception(error)
            else:
                self._outcome.set_result(line)

        beside(work)

    def line(self) -> Line | None:
        """The open line, for the calling thread to read; None while it is not there. Raises `LineDown`."""
        if not self._outcome.done():
            return None
        line = self._outcome.result()
        line.own()
        return line

    def leave(self) -> None:
        """Nobody wants it any more: it is closed as soon as it is there."""
        self._outcome.add_done_callback(_close)


def _close(outcome: Future[Line]) -> None:
    if outcome.exception() is None:
        line = outcome.result()
        line.own()
        line.close()
