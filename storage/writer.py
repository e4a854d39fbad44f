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
from storage.connect import check_file, explain
from storage.retention import LOT_ROWS, Retention
from storage.schema import migrate
from storage.work import DeleteCandles, Ledger, PutGap, Work, gather

log = logging.getLogger(__name__)

Connect = Callable[[Path], sqlite3.Connection]

_WAITS_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # between tries; the last one repeats
_LONG_LOG_BYTES: Final = 128 * 2**20  # a write-ahead log beyond it is emptied as soon as no reader needs it
_IDLE_S: Final = 0.02  # between lots of old trades while nothing else is to do
# The connection is none the worse for these; after anything else it is opened afresh.
_KEEPS_CONNECTION: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL}
# Here the rows are at fault and no later try would be better; everything else is the file's or the disk's trouble.
_REFUSED: Final = (
    sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, ValueError, TypeError, OverflowError,
)  # fmt: skip


class Writer:
    """Thread ``store-writer``: the only owner of a writing connection.

    Parameters
    ----------
    connect : Path -> Connection
        Opens the file for writing; handed in, so that a test can hand in one that fails.
    on_dropped : Gap -> None
        Hears, on this thread, of every stretch that had to be dropped, once something can be written again.

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
        self.on_dropped = on_dropped
        self._times_ms: deque[float] = deque(maxlen=50)
        self._ledger: Ledger | None = None
        self.state: Literal["writing", "failing", "closed"] = "writing"
        self.reason = ""
        self.written = 0  # rows
        self.given_up = 0  # rows, at the end
        self.opened = 0  # times: it may be another file each time
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
                self._settle(taken)
                self._mark_lost()
                if not taken and self._backlog.closed and not self._backlog.rows:
                    break
                old_trades = self._keep_house(sum(request.rows for request in taken))
            self.state = "closed"
        except Exception:
            log.exception("the store's writer stopped")
            self.state, self.reason = "failing", "nothing is stored any more, see the log; restart Pairsight"

    def _settle(self, taken: list[Work]) -> None:
        """Have these written, however many tries it takes; only once the store closes are they given up."""
        lots, tries, last_try = [taken] if taken else [], 0, False
        while lots:
            try:
                self._commit(lots[0])
            except _REFUSED as error:
                lots[:1] = self._refused(lots[0], error)
            except (sqlite3.Error, OSError, StoreError) as error:
                self._fail(error)
                if last_try:
                    self._give_up(lots)
                    return
                last_try = self._backlog.wait_closed(_WAITS_S[min(tries, len(_WAITS_S) - 1)])
                tries += 1
            else:
                if self.state == "failing":
                    log.warning("the store writes again")
                    self.state, self.reason = "writing", ""
                self._backlog.finish(lots.pop(0))  # last: who waits for it finds the state as it is

    def _give_up(self, lots: list[list[Work]]) -> None:
        """The store closes and cannot be written: what is left is lost, and said to be."""
        while lots:
            for lot in lots:
                self.given_up += sum(request.rows for request in lot)
                self._backlog.finish(lot, lost=True)
            rest = self._backlog.take()
            lots = [rest] if rest else []
        self.reason = f"{self.given_up} rows could not be stored: {self.reason}"
        log.error("%s", self.reason)

    def _refused(self, lot: list[Work], error: Exception) -> list[list[Work]]:
        """One of these will never be taken: write the others without it."""
        if len(lot) > 1:
            return [[request] for request in lot]
        log.error("%s rows were refused: %s", sum(request.rows for request in lot), error)
        self._backlog.finish(lot, lost=True)
        return []

    def _commit(self, requests: Sequence[Work]) -> None:
        """One transaction."""
        ledger = self._ledger or self._reopen()
        self._check_file()
        started = time.perf_counter()
        ledger.begin()
        try:
            for request in gather(requests):
                request.do(ledger)
            times = ledger.commit()
        except BaseException:
            ledger.undo()
            raise
        self._times_ms.append((time.perf_counter() - started) * 1000)
        self.written += sum(request.rows for request in requests)
        self._retention.saw(times)

    def _mark_lost(self) -> None:
        """Queue what says that dropped stretches are unknown, behind the candles that were queued over them."""
        if self.given_up:
            return
        for gap in self._backlog.take_lost():
            self._backlog.insist(DeleteCandles(gap.symbol, gap.from_ms, gap.to_ms))
            self._backlog.insist(PutGap(gap))
            if self.on_dropped is not None:
                self.on_dropped(gap)

    def _keep_house(self, rows: int) -> bool:
        """Let old trades leave, about twice as fast as new ones come; says whether more wait to leave."""
        if self._ledger is None:
            return False
        connection = self._ledger.connection
        try:
            self._shorten_log(connection)
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

    def _shorten_log(self, connection: sqlite3.Connection) -> None:
        """Empty a write-ahead log that outgrew SQLite's own upkeep because some reader was always on it."""
        try:
            if os.stat(f"{self._path}-wal").st_size < _LONG_LOG_BYTES:
                return
        except FileNotFoundError:
            return
        connection.execute("PRAGMA busy_timeout = 0")  # a reader that is still there is not waited for
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.execute("PRAGMA busy_timeout = 1000")

    def _reopen(self) -> Ledger:
        check_file(self._path)
        return self._open()

    def _open(self) -> Ledger:
        connection = self._connect(self._path)
        try:
            migrate(connection, self._path)
            self._retention = Retention(connection, self._keep_ms)
            self._file = _identity(self._path)
            self._ledger = Ledger(connection)
            self.opened += 1
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
