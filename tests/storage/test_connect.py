"""Opening: what cannot be used is refused with a sentence, and never touched."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import StoreBusy, StoreCorrupt, StoreError
from storage.connect import CollectorLock, check_file, connect_writer, explain
from storage.schema import MIGRATIONS, migrate
from storage.sqlite import TradeStore
from tests.storage.faults import NAMES, trouble
from tests.storage.samples import seeded

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def stored(path: Path, rows: int = 5000) -> bytes:
    """A database with some trades; returns its bytes."""
    with TradeStore(path) as store:
        store.put(seeded(rows))
    return path.read_bytes()


def refused(path: Path, kind: type[StoreError], sentence: str) -> None:
    """Neither collecting nor reading is possible, for this reason, and the file is as it was."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(kind, match=sentence):
        TradeStore(path)
    with pytest.raises(kind, match=sentence):
        TradeStore.open_reader(path)
    assert (path.read_bytes() if path.is_file() else None) == before
    CollectorLock(path).release() if path.parent.is_dir() else None  # a refusal leaves no lock behind


@pytest.mark.parametrize(
    "text", [b"hello", b"time,price\n" * 1000, b"\x00" * 5000, b"SQLite format 2\x00" + b"\x00" * 999]
)
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    refused(path, StoreCorrupt, "is not a database: move it away, or name a different file by PAIRSIGHT_DB")


@pytest.mark.parametrize("keep", [100, 4096, 5000, 0.5, 0.99])
def test_a_truncated_database_is_refused_and_left_alone(path: Path, keep: float) -> None:
    whole = stored(path)
    path.write_bytes(whole[: int(keep if keep >= 1 else keep * len(whole))])
    refused(path, StoreCorrupt, "move it away")


def test_a_database_with_a_damaged_page_is_refused_and_left_alone(path: Path) -> None:
    whole = bytearray(stored(path))
    at = len(whole) // 2 // 4096 * 4096
    whole[at : at + 4096] = os.urandom(4096)
    path.write_bytes(whole)
    refused(path, StoreCorrupt, "move it away")


def test_another_programs_database_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    refused(path, StoreError, "another program's database: name a different file by PAIRSIGHT_DB")


def test_a_newer_format_is_refused_and_left_alone(path: Path) -> None:
    stored(path)
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("INSERT INTO migrations VALUES (99, 'from the future', 0)")
        newer.commit()
        newer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    refused(
        path, StoreError, f"has format 99, this Pairsight knows formats up to {MIGRATIONS[-1].number}: update Pairsight"
    )


def test_a_folder_is_refused(path: Path) -> None:
    path.mkdir()
    refused(path, StoreError, "is a folder: name a file by PAIRSIGHT_DB")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be used"):
        TradeStore(tmp_path / "file" / "store.db")
    with pytest.raises(StoreError, match=r"holds nothing yet|cannot be used"):
        TradeStore.open_reader(tmp_path / "file" / "store.db")


def test_an_absent_or_empty_file_is_a_new_database_to_collect_but_nothing_to_read(path: Path) -> None:
    with pytest.raises(StoreError, match="holds nothing yet: start a Pairsight that collects into it"):
        TradeStore.open_reader(path)
    assert not path.exists()
    path.touch()
    with pytest.raises(StoreError, match="holds nothing yet"):
        TradeStore.open_reader(path)
    with TradeStore(path) as store:
        assert store.symbols() == ()


def test_a_path_with_odd_characters_is_just_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a b?mode=rwc#c%41é" / "d&b.db"
    with TradeStore(path) as store:
        store.put(seeded(3))
        assert store.flush()
        assert len(store.trades("BTCUSDT")) == 3
    assert [found.name for found in path.parent.iterdir() if found.suffix == ".db"] == ["d&b.db"]


def test_a_database_of_a_killed_process_can_be_read_at_once(path: Path, tmp_path: Path) -> None:
    """Its write-ahead log is there and nobody has taken it into the file yet."""
    with TradeStore(path) as store:
        store.put(seeded(100))
        assert store.flush()
        for name in ("store.db", "store.db-wal"):
            (tmp_path / f"killed-{name}").write_bytes((tmp_path / name).read_bytes())
    with TradeStore.open_reader(tmp_path / "killed-store.db") as reader:
        assert len(reader.trades("BTCUSDT")) == 100


def test_only_one_may_hold_the_collectors_lock(path: Path) -> None:
    first = CollectorLock(path)
    with pytest.raises(StoreBusy, match=r"another Pairsight already collects into .*: this one can only read it"):
        CollectorLock(path)
    first.release()
    CollectorLock(path).release()


@pytest.mark.parametrize("code", NAMES)
def test_every_error_names_the_file_and_what_sqlite_said(path: Path, code: int) -> None:
    told = explain(trouble(code), path)
    assert str(path) in str(told)
    assert NAMES[code] in str(told)
    assert isinstance(told, StoreCorrupt) == (code == sqlite3.SQLITE_CORRUPT)


def test_looking_at_a_file_says_its_format(path: Path) -> None:
    assert check_file(path) == 0
    stored(path)
    assert check_file(path) == len(MIGRATIONS)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_new_database_is_its_owners_alone_and_a_wish_for_more_stands(path: Path) -> None:
    """It may hold addresses of channels."""
    files = [path.with_name(path.name + end) for end in ("", "-wal", "-shm", "-collector")]
    before = os.umask(0)
    try:
        for chosen in (0o600, 0o660):
            with TradeStore(path) as store:
                store.put(seeded(3))
                assert store.flush()
                assert {mode(file) for file in files[:3]} == {chosen}
            assert mode(files[3]) == 0o600
            path.chmod(0o660)
    finally:
        os.umask(before)


# A read-only lock of SQLite would be granted here, and keep out who may write.
OTHER_USER = """
import os, sys
from pathlib import Path
from core.errors import StoreError
from storage.connect import CollectorLock
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    CollectorLock(Path(sys.argv[1]))
    print("taken", flush=True)
except StoreError as error:
    print(type(error).__name__, error, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_who_may_not_write_the_lock_does_not_take_it(path: Path) -> None:
    CollectorLock(path).release()
    path.with_name(path.name + "-collector").chmod(0o444)
    for folder in path.parents:
        if folder.stat().st_mode & 0o777 == 0o700:  # of pytest, however many there are
            folder.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, "-c", OTHER_USER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as other:
        assert other.stdout is not None
        said = other.stdout.readline()
        assert said.startswith("StoreDenied ")
        assert "may not be written by this user" in said
        assert "PAIRSIGHT_ROLE=read" in said
        if os.getuid() == 0:  # who may write can
            CollectorLock(path).release()
        other.communicate("")


def test_an_older_format_is_not_read_before_who_collects_has_brought_it_up_to_date(path: Path) -> None:
    with closing(connect_writer(path)) as connection:
        migrate(connection, path, MIGRATIONS[:-1])
    with pytest.raises(
        StoreError, match=f"has format {len(MIGRATIONS) - 1}, this Pairsight reads {len(MIGRATIONS)}: end"
    ):
        TradeStore.open_reader(path)
    TradeStore(path).close()
    TradeStore.open_reader(path).close()
