"""The one thread that writes. It takes what waits, commits it, and when it cannot, says why and tries again."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Final, Literal

from core.errors import StoreError
from core.types import Gap
from storage.backlog import Backlog
from storage.connect import explain, passes, prepare
from storage.retention import LOT_ROWS, Retention
from storage.work import DeleteCandles, Ledger, PutGap, Work, gather

log = logging.getLogger(__name__)

Connect = Callable[[Path], sqlite3.Connection]

_WAITS_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # between tries; the last one repeats
_LONG_LOG_BYTES: Final = 128 * 2**20  # a write-ahead log beyond it is emptied as soon as no reader needs it
_IDLE_S: Final = 0.02  # between lots of old trades while nothing else is to do
# The connection is none the worse for these; after anything else it is opened afresh.
_KEEPS_CONNECTION: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL}


class Writer:
    """Thread ``store-writer``: the only owner of a writing connection.

    Parameters
    ----------
    connect : Path -> Connection
        Opens the file for writing; handed in, so that a test can hand in one that fails.
    on_dropped : Gap -> None
        Hears, on this thread, of every stretch that had to be dropped, once it stands in the table ``gaps``.

    Raises
    ------
    StoreError
        If the database cannot be opened, now; later trouble is retried and told by ``state`` and ``reason``.
    """

    def __init__(
        self, path: Path, backlog: Backlog, *, keep_ms: int, connect: Connect, on_dropped: Callable[[Gap], None] | None
    ) -> None:
        self._path = path
        self._backlog = backlog
        self._keep_ms = keep_ms
        self._connect = connect
        self._on_dropped = on_dropped
        self._lost: list[Gap] = []
        self._times_ms: deque[float] = deque(maxlen=50)
        self._ledger: Ledger | None = None
        self.state: Literal["writing", "failing", "closed"] = "writing"
        self.reason = ""
        self.written = 0  # rows
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            raise explain(error, path) from error
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end, which it does once the backlog is closed and drained."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Close the connection; after :meth:`join`, and after every reader, so that SQLite removes its log."""
        self._drop_connection()

    @property
    def write_ms(self) -> float | None:
        """Median time of the recent transactions."""
        times = list(self._times_ms)
        return median(times) if times else None

    def _run(self) -> None:
        try:
            old_trades = True
            while True:
                taken = self._backlog.take(_IDLE_S if old_trades else None)
                if taken:
                    self._settle(taken)
                elif self._backlog.closed:
                    break
                old_trades = self._keep_house(sum(request.rows for request in taken))
            self._lost += self._backlog.take_lost()
            if self._lost:
                self._settle([])
            self.state = "closed"
        except Exception:
            log.exception("the store's writer stopped")
            self.state, self.reason = "failing", "nothing is stored any more, see the log; restart Pairsight"

    def _settle(self, taken: list[Work]) -> None:
        """Have these written, however many tries it takes; only once the store closes are they given up."""
        lots, tries, last_try = [taken], 0, False
        while lots:
            try:
                self._commit(lots[0])
            except (sqlite3.Error, OSError, StoreError) as error:
                if not isinstance(error, StoreError) and not passes(error):
                    lots[:1] = self._refused(lots[0], error)
                    continue
                self._fail(error)
                if last_try:
                    log.error("%s rows could not be stored", self._backlog.rows)
                    for lot in lots:
                        self._backlog.finish(lot, lost=True)
                    return
                last_try = self._backlog.wait_closed(_WAITS_S[min(tries, len(_WAITS_S) - 1)])
                tries += 1
            except (ValueError, OverflowError) as error:  # what no database could store
                lots[:1] = self._refused(lots[0], error)
            else:
                self._backlog.finish(lots.pop(0))
                if self.state == "failing":
                    log.warning("the store writes again")
                    self.state, self.reason = "writing", ""

    def _refused(self, lot: list[Work], error: Exception) -> list[list[Work]]:
        """One of these will never be taken: write the others without it."""
        if len(lot) > 1:
            return [[request] for request in lot]
        log.error("%s rows were refused: %s", sum(request.rows for request in lot), error)
        self._backlog.finish(lot, lost=True)
        return []

    def _commit(self, requests: Sequence[Work]) -> None:
        """One transaction: these, and what was dropped meanwhile as gaps."""
        ledger = self._ledger or self._open()
        self._check_file()
        self._lost += self._backlog.take_lost()
        marks = [mark for g in self._lost for mark in (DeleteCandles(g.symbol, g.from_ms, g.to_ms), PutGap(g))]
        started = time.perf_counter()
        ledger.begin()
        try:
            for request in (*gather(requests), *marks):
                request.do(ledger)
            times = ledger.commit()
        except BaseException:
            ledger.undo()
            raise
        self._times_ms.append((time.perf_counter() - started) * 1000)
        self.written += sum(request.rows for request in requests)
        self._retention.saw(times)
        told, self._lost = self._lost, []
        if self._on_dropped is not None:
            for gap in told:
                self._on_dropped(gap)

    def _keep_house(self, rows: int) -> bool:
        """Let old trades leave, about twice as fast as new ones come; says whether more wait to leave."""
        if self._ledger is None:
            return False
        connection = self._ledger.connection
        try:
            with suppress(FileNotFoundError):
                if os.stat(f"{self._path}-wal").st_size > _LONG_LOG_BYTES:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            for _ in range(1 + 2 * rows // LOT_ROWS):
                if self._backlog.pressed:
                    return True
                if not self._retention.lot(connection):
                    return False
        except sqlite3.Error as error:  # trouble that stays is met again, and told, by the next transaction
            log.debug("old trades stay for now: %s", error)
            self._ledger.undo()
            return False
        return True

    def _open(self) -> Ledger:
        connection = self._connect(self._path)
        try:
            prepare(connection, self._path)
            self._retention = Retention(connection, self._keep_ms)
            self._file = _identity(self._path)
            self._ledger = Ledger(connection)
        except BaseException:
            connection.close()
            raise
        return self._ledger

    def _check_file(self) -> None:
        # An open file that was deleted still takes what is written, and loses it when it is closed.
        try:
            same = _identity(self._path) == self._file
        except FileNotFoundError:
            same = False
        if not same:
            raise StoreError(f"{self._path} was moved or deleted while in use: a new one is begun")

    def _fail(self, error: sqlite3.Error | OSError | StoreError) -> None:
        told = error if isinstance(error, StoreError) else explain(error, self._path)
        if self.reason != str(told):
            log.error("nothing can be stored: %s", told)
        self.state, self.reason = "failing", str(told)
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _KEEPS_CONNECTION:
            self._drop_connection()

    def _drop_connection(self) -> None:
        if self._ledger is not None:
            with suppress(sqlite3.Error):
                self._ledger.connection.close()
            self._ledger = None


def _identity(path: Path) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino
