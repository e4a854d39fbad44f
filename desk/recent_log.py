"""The newest log lines, kept for the Data page."""

from __future__ import annotations

import logging
from collections import deque

LINES = 200
PACKAGES = ("ingestion", "storage", "desk", "analytics")


class RecentLog(logging.Handler):
    """Keeps what Pairsight's own packages log at INFO and above; newest last."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[str] = deque(maxlen=LINES)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line; a traceback stays in the log proper."""
        self._lines.append(self.format(record).splitlines()[0])

    @property
    def lines(self) -> tuple[str, ...]:
        """What is kept, oldest first."""
        return tuple(self._lines)

    def attach(self) -> None:
        """Listen to Pairsight's packages."""
        for name in PACKAGES:
            logger = logging.getLogger(name)
            logger.setLevel(logging.INFO)
            logger.addHandler(self)

    def detach(self) -> None:
        """Listen no longer."""
        for name in PACKAGES:
            logging.getLogger(name).removeHandler(self)
