"""Many rows by one statement: as many as were given, whatever SQLite allows in one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.rows import ManyRows

INSERT = ManyRows("INSERT OR IGNORE INTO pairs", 2)


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE pairs (a PRIMARY KEY, b)")
        yield connection


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(1, 600), variables=st.integers(2, 300), there=st.integers(0, 600))
def test_every_row_arrives_once_and_is_counted_once(
    database: sqlite3.Connection, n: int, variables: int, there: int
) -> None:
    database.execute("DELETE FROM pairs")
    database.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, variables)
    there = min(there, n)
    if there:
        assert INSERT.run(database, (list(range(there)), ["old"] * there)) == there
    assert INSERT.run(database, (list(range(n)), ["new"] * n)) == n - there
    stored = database.execute("SELECT a, b FROM pairs ORDER BY a").fetchall()
    assert stored == [(i, "old" if i < there else "new") for i in range(n)]


def test_no_rows_are_no_statement(database: sqlite3.Connection) -> None:
    assert INSERT.run(database, ([], [])) == 0


def test_an_upsert_takes_the_values_given(database: sqlite3.Connection) -> None:
    upsert = ManyRows("INSERT INTO pairs", 2, "ON CONFLICT DO UPDATE SET b = excluded.b")
    INSERT.run(database, ([1, 2], ["x", "x"]))
    upsert.run(database, ([2, 3, 4], ["y", "y", "y"]))
    assert database.execute("SELECT b FROM pairs ORDER BY a").fetchall() == [("x",), ("y",), ("y",), ("y",)]
