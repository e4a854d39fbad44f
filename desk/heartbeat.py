"""A thread for what must go on at a steady pace, whoever waits for an answer. What it does is handed in."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from core.errors import StoreError
from desk.worker import Worker

log = logging.getLogger(__name__)

EVERY_S: Final = 0.25
AGAIN_S: Final = 5.0  # after a beat that failed


class Heartbeat:
    """Thread ``heartbeat``: calls ``beat``, which must be quick, a few times a second."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat = beat
        self._worker = Worker("heartbeat", self._main, threading.Event())

    def start(self) -> None:
        """Start the thread; does nothing while it runs."""
        self._worker.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the thread."""
        self._worker.stop(timeout_s)

    def _main(self, stop: threading.Event) -> None:
        wait_s = EVERY_S
        while not stop.wait(wait_s):
            wait_s = AGAIN_S
            try:
                self._beat()
                wait_s = EVERY_S
            except StoreError as error:  # it cannot be read now; the writer says more
                log.warning("heartbeat: %s", error)
            except Exception:  # the thread's last resort
                log.exception("a heartbeat failed; the next one comes in %g s", AGAIN_S)
