"""What the desk logs on a server: lines for people, or one JSON object a line for what collects logs."""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Literal

log = logging.getLogger(__name__)

HUMAN: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, thread, message; ``error`` with a traceback; ``data`` where given.

    >>> record = logging.LogRecord("desk", logging.INFO, "", 0, "%d looks", (3,), None)
    >>> json.loads(JsonLines().format(record))["message"]
    '3 looks'
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        data = getattr(record, "data", None)
        if data is not None:
            line["data"] = data
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class PlainLines(logging.Formatter):
    """For people; ``data`` follows the message as JSON."""

    def __init__(self) -> None:
        super().__init__(HUMAN)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library's name)
        """The line without a traceback."""
        data = getattr(record, "data", None)
        said = super().formatMessage(record)
        return said if data is None else f"{said} {json.dumps(data, ensure_ascii=False, default=str)}"


def set_up(kind: Literal["human", "json"]) -> None:
    """Log to standard error from now on, what Python itself would print there too: warnings, and what ends a thread."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if kind == "json" else PlainLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.captureWarnings(True)
    sys.excepthook = _ended
    threading.excepthook = lambda args: _ended(args.exc_type, args.exc_value, args.exc_traceback)


def _ended(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    log.critical("thread %s ended", threading.current_thread().name, exc_info=(kind, error or kind(), trace))
