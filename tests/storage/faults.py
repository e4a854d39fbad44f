"""A database that fails on demand: a real one, whose connection raises what SQLite raises."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from storage.connect import connect_writer

NAMES = {
    sqlite3.SQLITE_FULL: "database or disk is full",
    sqlite3.SQLITE_IOERR: "disk I/O error",
    sqlite3.SQLITE_READONLY: "attempt to write a readonly database",
    sqlite3.SQLITE_CANTOPEN: "unable to open database file",
    sqlite3.SQLITE_CORRUPT: "database disk image is malformed",
    sqlite3.SQLITE_BUSY: "database is locked",
}


def trouble(code: int) -> sqlite3.OperationalError:
    """The error SQLite raises for this result code."""
    error = sqlite3.OperationalError(NAMES[code])
    error.sqlite_errorcode = code
    return error


class Disk:
    """Hands out writing connections, which fail with ``code`` at statements that start with ``at`` while it is set."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.at = "BEGIN"
        self.failed = 0
        self.opened = 0

    def connect(self, path: Path) -> sqlite3.Connection:
        """As ``connect_writer``, with a connection that asks this disk first."""
        self.opened += 1
        if self.code is not None and self.at == "open":
            self.failed += 1
            raise trouble(self.code)
        disk = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                if disk.code is not None and sql.startswith(disk.at):
                    disk.failed += 1
                    raise trouble(disk.code)
                return super().execute(sql, *values)

        return connect_writer(path, factory=Connection)
