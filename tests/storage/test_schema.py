"""The tables are those of the design; a migration is there whole or not at all."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import StoreError
from core.journal import JournalRow
from core.paper import PaperBook, PaperTrade, Settlement
from storage.schema import MIGRATIONS, Migration, check_version, migrate

HERE = Path("here.db")
DESIGN = {
    "symbols": {"id", "name"},
    "trades": {"symbol_id", "trade_id", "first_id", "ts_ms", "price", "qty", "buyer_is_maker"},
    "candles": {
        "symbol_id", "timeframe_s", "open_ms", "open", "high", "low", "close", "volume", "trade_count", "provenance",
    },
    "gaps": {"id", "symbol_id", "after_id", "before_id", "from_ms", "to_ms", "state"},
}  # fmt: skip
KEYS = {
    "trades": ["symbol_id", "trade_id"],
    "candles": ["symbol_id", "timeframe_s", "open_ms"],
    "gaps": ["id"],
    "decisions": ["pair", "timeframe_s", "params", "candle_ms"],
    "alerts": ["id"],
    "paper_trades": ["pair", "timeframe_s", "params", "look_ms"],
    "paper_books": ["pair", "timeframe_s", "params"],
    "settlements": ["symbol", "settle_ms"],
    "alert_rules": ["id"],
    "alert_states": ["rule_id", "subject"],
    "alert_channels": ["id"],
    "deliveries": ["alert_id", "channel"],
    "wishes": ["id"],
}


def empty() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(empty()) as connection:
        migrate(connection, HERE)
        yield connection


def columns(database: sqlite3.Connection, table: str) -> list[tuple[str, str, int]]:
    found = database.execute("SELECT name, type, pk FROM pragma_table_info(?)", (table,))
    return [(name, kind, key) for name, kind, key in found]


@pytest.mark.parametrize("table", DESIGN)
def test_the_tables_are_those_of_the_design(database: sqlite3.Connection, table: str) -> None:
    assert {name for name, _, _ in columns(database, table)} == DESIGN[table]


@pytest.mark.parametrize("table", KEYS)
def test_the_keys_are_those_of_the_design(database: sqlite3.Connection, table: str) -> None:
    keyed = sorted((key, name) for name, _, key in columns(database, table) if key)
    assert [name for _, name in keyed] == KEYS[table]


def test_a_look_has_a_column_for_every_field_in_order_and_of_its_kind(database: sqlite3.Connection) -> None:
    kinds = {"str": "TEXT", "int": "INTEGER", "float": "REAL"}
    assert [(name, kind) for name, kind, _ in columns(database, "decisions")] == [
        (f.name, kinds[str(f.type)]) for f in fields(JournalRow)
    ]


@pytest.mark.parametrize(
    ("table", "value"), [("paper_trades", PaperTrade), ("paper_books", PaperBook), ("settlements", Settlement)]
)
def test_a_trade_on_paper_has_a_column_for_every_field_in_order_and_of_its_kind(
    database: sqlite3.Connection, table: str, value: type
) -> None:
    kinds = {"str": "TEXT", "int": "INTEGER", "float": "REAL"}
    assert [(name, kind) for name, kind, _ in columns(database, table)] == [
        (f.name, kinds[str(f.type)]) for f in fields(value)
    ]


def test_migrations_are_numbered_from_one_without_a_hole() -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_migrating_twice_changes_nothing(database: sqlite3.Connection) -> None:
    before = database.execute("SELECT * FROM sqlite_schema").fetchall()
    migrate(database, HERE)
    assert database.execute("SELECT * FROM sqlite_schema").fetchall() == before
    assert check_version(database, HERE) == len(MIGRATIONS)


def test_a_later_migration_is_applied_to_what_is_there(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO symbols (name) VALUES ('BTCUSDT')")
    more = (*MIGRATIONS, Migration(len(MIGRATIONS) + 1, "a test", ("ALTER TABLE symbols ADD COLUMN note TEXT",)))
    migrate(database, HERE, more)
    assert database.execute("SELECT name, note FROM symbols").fetchall() == [("BTCUSDT", None)]
    assert check_version(database, HERE, more) == len(more)
    with pytest.raises(StoreError, match=rf"here.db has format {len(more)}, .* knows formats up to {len(MIGRATIONS)}"):
        migrate(database, HERE)


def test_a_rule_whose_quiet_hours_were_none_comes_over_without_them() -> None:
    with closing(empty()) as database:
        migrate(database, HERE, MIGRATIONS[:6])
        for begin, end in ((1320, 1320), (1320, 360)):
            database.execute("INSERT INTO alert_rules VALUES (NULL, 'trap', '', 0, 0, 0, ?, ?, 1, 5)", (begin, end))
        database.execute("INSERT INTO alerts VALUES (1, 'a rule', '', 0, 5, 'told', 'sent', 1, 'key')")
        migrate(database, HERE)
        found = database.execute("SELECT quiet_from_min, quiet_to_min, quiet_zone FROM alert_rules").fetchall()
        assert found == [(None, None, "UTC"), (1320, 360, "UTC")]
        (told_ms,) = database.execute("SELECT told_ms FROM alerts").fetchone()
        assert abs(told_ms - time.time() * 1000) < 60_000


def test_a_migration_that_fails_leaves_no_trace(database: sqlite3.Connection) -> None:
    broken = Migration(len(MIGRATIONS) + 1, "a test", ("CREATE TABLE half (a)", "CREATE TABLE symbols (b)"))
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate(database, HERE, (*MIGRATIONS, broken))
    assert columns(database, "half") == []
    assert check_version(database, HERE) == len(MIGRATIONS)
    assert not database.in_transaction


@given(st.integers(0, 4_102_444_800_000))
def test_the_views_give_name_and_exact_iso_time(ts_ms: int) -> None:
    with closing(empty()) as database:
        migrate(database, HERE)
        database.execute("INSERT INTO symbols VALUES (7, 'BTCUSDT')")
        database.execute("INSERT INTO trades VALUES (7, 2, 1, ?, 64000.1, 0.002, 1)", (ts_ms,))
        open_ms = ts_ms // 60_000 * 60_000
        database.execute("INSERT INTO candles VALUES (7, 60, ?, 1, 2, 0.5, 1.5, 3, 4, 'kline')", (open_ms,))
        moment = datetime.fromtimestamp(ts_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        assert database.execute("SELECT * FROM v_trades").fetchall() == [
            ("BTCUSDT", 2, 1, ts_ms, f"{moment}.{ts_ms % 1000:03d}Z", 64000.1, 0.002, 1)
        ]
        opened = datetime.fromtimestamp(open_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert database.execute("SELECT * FROM v_candles").fetchall() == [
            ("BTCUSDT", 60, open_ms, opened, 1.0, 2.0, 0.5, 1.5, 3.0, 4, "kline")
        ]
