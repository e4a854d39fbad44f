"""Many rows by one statement. Bound as they are, so that a double comes back bit for bit."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

_MOST_ROWS: Final = 4096


class ManyRows:
    """``<head> VALUES (…), (…), … <tail>``: as many rows a statement as SQLite allows.

    ``executemany`` hands the interpreter lock over at every row, and each time waits to get it back from the thread
    that receives; here that happens once in thousands of rows. The statement must do nothing for a row that is there
    already (``OR IGNORE``, or an upsert): the last, shorter lot is filled up to a power of two with copies of its
    last row, so that a dozen prepared statements serve every size.
    """

    def __init__(self, head: str, width: int, tail: str = "") -> None:
        self.width = width
        lot = f"({','.join('?' * width)})"

        @cache
        def sql(rows: int) -> str:
            return f"{head} VALUES {','.join([lot] * rows)} {tail}"

        self._sql = sql

    def run(self, connection: sqlite3.Connection, columns: Sequence[Sequence[Any]]) -> int:
        """Insert the rows that ``columns`` hold, each of equal length; returns how many SQLite says it inserted."""
        n, width, inserted = len(columns[0]), self.width, 0
        flat: list[Any] = [None] * (n * width)
        for i, column in enumerate(columns):
            flat[i::width] = column
        allowed = min(_MOST_ROWS, connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // width)
        most = 1 << (allowed.bit_length() - 1)
        for start in range(0, n, most):
            rows = min(most, n - start)
            lot = flat[start * width : (start + rows) * width]
            size = 1 << (rows - 1).bit_length()
            lot += lot[-width:] * (size - rows)
            inserted += connection.execute(self._sql(size), lot).rowcount
        return inserted
