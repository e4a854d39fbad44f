"""Starts the simulator as a process of its own and says where it listens; it ends with ours, however that ends."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, Queue
from typing import IO

from core.errors import PairsightError

log = logging.getLogger(__name__)
ROOT = Path(__file__).parent.parent
READY_WITHIN_S = 30.0


class LocalExchange:
    """One simulator process. Its standard input is a pipe from us: when we end, it reads end-of-file and ends too."""

    def __init__(self, arguments: Sequence[str] = ()) -> None:
        self._arguments = tuple(arguments)
        self._process: subprocess.Popen[str] | None = None
        self.ws_url = ""
        self.rest_url = ""

    def start(self) -> None:
        """Start it and wait until it listens; does nothing when it already runs.

        Raises
        ------
        PairsightError
            With the simulator's own words, when it could not start.
        """
        if self._process is not None and self._process.poll() is None:
            return
        command = [sys.executable, "-m", "simulator", "--port", "0", "--exit-with-parent", *self._arguments]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
        said: Queue[str | None] = Queue()
        ready = threading.Event()
        threading.Thread(
            target=_listen, args=(self._process.stdout, said, ready), name="simulator-log", daemon=True
        ).start()
        words: list[str] = []
        while True:
            try:
                line = said.get(timeout=READY_WITHIN_S)
            except Empty:
                self.stop()
                raise PairsightError(f"The simulator was not ready within {READY_WITHIN_S:g} s.") from None
            if line is None:
                self.stop()
                raise PairsightError(f"The simulator could not start: {' '.join(words) or 'it said nothing'}")
            if line.startswith("READY "):
                bases = dict(part.split("=", 1) for part in line.split()[1:])
                self.ws_url, self.rest_url = bases["ws"], bases["rest"]
                ready.set()
                return
            words.append(line)

    def stop(self) -> None:
        """End it; safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()  # the polite request
        try:
            process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listen(stream: IO[str] | None, said: Queue[str | None], ready: threading.Event) -> None:
    """Hand on what the simulator prints until it is ready, and keep its pipe empty for as long as it lives."""
    if stream is not None:
        with stream:
            for line in stream:
                log.info("simulator: %s", line.rstrip())
                if not ready.is_set():
                    said.put(line.rstrip())
    said.put(None)
