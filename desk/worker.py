"""A named thread that is started and stopped any number of times: one run at a time, and none is left out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Worker:
    """Runs ``main(stop)`` until ``stop`` is set; setting ``wake`` too ends a wait in it. Start and stop by one caller
    at a time."""

    def __init__(self, name: str, main: Callable[[threading.Event], None], wake: threading.Event) -> None:
        self._name = name
        self._main = main
        self._wake = wake
        self._stop = threading.Event()  # of the newest run
        self._at_work = threading.Event()  # the stop of the run that is at work
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin a run; does nothing while one is on that was not told to end.

        One that has not ended yet, because it waits for an answer, is waited for by the new run and not here.
        """
        if self.on:
            return
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._stop, self._thread), name=self._name, daemon=True)
        self._thread.start()

    def tell(self) -> None:
        """Tell the run to end."""
        self._stop.set()
        self._wake.set()

    def stop(self, timeout_s: float) -> bool:
        """Tell the run to end and wait for it; False and a line in the log: it has not ended in this time."""
        self.tell()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.warning("the thread %s has not ended after %g s", self._name, timeout_s)
            return False
        return True

    @property
    def on(self) -> bool:
        """Whether there is a run that was not told to end."""
        return self._thread is not None and self._thread.is_alive() and not self._stop.is_set()

    @property
    def stopping(self) -> bool:
        """Whether the run at work was told to end."""
        return self._at_work.is_set()

    def _run(self, stop: threading.Event, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        self._at_work = stop
        self._main(stop)
