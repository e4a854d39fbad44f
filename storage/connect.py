"""Opening the SQLite file, for the one writer and for readers, and what its errors mean, in words one can act on."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from core.errors import StoreBusy, StoreCorrupt, StoreDenied, StoreError
from storage.schema import check_version

_MAGIC: Final = b"SQLite format 3\x00"
_ELSEWHERE: Final = "or name a different file by PAIRSIGHT_DB"
# Checking every page of such a file takes a fraction of a second. In a larger one damage is met when it is read.
_CHECKED_WHOLE_BYTES: Final = 64 * 2**20
_CORRUPT: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PASSING: Final = {
    sqlite3.SQLITE_BUSY: "is locked by another program: close it there",
    sqlite3.SQLITE_LOCKED: "is locked by another program: close it there",
    sqlite3.SQLITE_FULL: "cannot grow, the disk is full: free some space",
    sqlite3.SQLITE_IOERR: "cannot be read or written: check the disk",
    sqlite3.SQLITE_READONLY: "may not be written: check its permissions",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check that its folder exists and may be written",
    sqlite3.SQLITE_PERM: "may not be opened: check its permissions",
    sqlite3.SQLITE_NOMEM: "needs more memory than there is",
    sqlite3.SQLITE_PROTOCOL: "cannot be locked: it must lie on a local disk",
}


def explain(error: sqlite3.Error | OSError, path: Path) -> StoreError:
    """The error as a sentence that says what to do. StoreCorrupt for a file that is not a usable database."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary in _CORRUPT:
        return StoreCorrupt(f"{path} is damaged or not a database ({error}): move it away, {_ELSEWHERE}")
    if primary in _PASSING:
        return StoreError(f"{path} {_PASSING[primary]} ({error})")
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StoreError(f"{path} cannot be used ({why}): see to its folder and permissions, {_ELSEWHERE}")


def connect_writer(path: Path, factory: type[sqlite3.Connection] = sqlite3.Connection) -> sqlite3.Connection:
    """Open for writing, creating the file and its folder; transactions are the caller's. Raises what it meets.

    A new file is its owner's alone, as it may hold addresses of channels. SQLite gives its log the same permissions.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _make(path)
    connection = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False, factory=factory)
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise StoreError(f"{path} must lie on a local disk, its folder cannot hold a write-ahead log")
        # A power cut may cost the newest transactions, never the file; a killed process costs nothing committed.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")  # pages: 16 MB between two syncs of the file
        connection.execute("PRAGMA journal_size_limit = 67108864")
        connection.execute("PRAGMA cache_size = -16384")  # KiB
        connection.execute("PRAGMA secure_delete = ON")  # FAST leaves addresses that were removed in pages set free
    except BaseException:
        connection.close()
        raise
    return connection


def _make(path: Path) -> None:
    """Create a file for its owner alone; one that is there keeps the permissions that somebody chose."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open an existing file for reading only, usable from any one thread at a time."""
    uri = path.resolve().as_uri() + "?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=2.0, isolation_level=None, check_same_thread=False)


def check_file(path: Path) -> int:
    """Look at the file without touching it; returns its format, 0 for an absent or empty one, which is new.

    Raises
    ------
    StoreCorrupt
        If it is damaged or not a database at all.
    StoreError
        If it is a folder, another program's database or a newer Pairsight's, or cannot be read.
    """
    if path.is_dir():
        raise StoreError(f"{path} is a folder: name a file by PAIRSIGHT_DB")
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
        if not head:
            return 0
        if head != _MAGIC:
            raise StoreCorrupt(f"{path} is not a database: move it away, {_ELSEWHERE}")
        with closing(connect_reader(path)) as connection:
            found = "ok"
            if path.stat().st_size <= _CHECKED_WHOLE_BYTES:
                (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise StoreCorrupt(f"{path} is damaged ({found}): move it away, {_ELSEWHERE}")
            return check_version(connection, path)
    except FileNotFoundError:
        return 0
    except (sqlite3.Error, OSError) as error:
        raise explain(error, path) from error


class CollectorLock:
    """One collecting process per database: an exclusive lock on a file beside it, which dies with the process.

    SQLite locks the file, the same way on every system; nothing is ever written into it.

    Raises
    ------
    StoreBusy
        If another process has it.
    StoreDenied
        If this user may not make or write the file.
    StoreError
        If the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        beside = path.with_name(path.name + "-collector")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _make(beside)
            # SQLite would grant who may only read a lock that keeps out who may write.
            if not os.access(beside, os.W_OK):
                raise StoreDenied(
                    f"{beside} may not be written by this user, who cannot collect into {path}: "
                    "see to its permissions, or only read by PAIRSIGHT_ROLE=read"
                )
            self._connection = sqlite3.connect(beside, timeout=0.0, isolation_level=None, check_same_thread=False)
        except PermissionError as error:
            raise StoreDenied(str(explain(error, beside))) from error
        except (sqlite3.Error, OSError) as error:
            raise explain(error, beside) from error
        try:
            self._connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            self._connection.close()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                raise StoreBusy(
                    f"another Pairsight already collects into {path}: this one can only read it. "
                    f"Stop the other, {_ELSEWHERE}"
                ) from error
            raise explain(error, beside) from error

    def release(self) -> None:
        """Let another process collect."""
        self._connection.close()
