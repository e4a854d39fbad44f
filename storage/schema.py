"""The database as SQL text: numbered migrations, applied in order, each with its number in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.clock import now_ms
from core.errors import StoreError

# Times are Unix milliseconds UTC. Prices and quantities are REAL: they are bound as doubles and come back bit for bit.
_FIRST: Final = (
    "CREATE TABLE symbols (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    # An aggregate of several executions has first_id < trade_id.
    """CREATE TABLE trades (
        symbol_id INTEGER NOT NULL REFERENCES symbols (id),
        trade_id INTEGER NOT NULL,
        first_id INTEGER NOT NULL,
        ts_ms INTEGER NOT NULL,
        price REAL NOT NULL,
        qty REAL NOT NULL,
        buyer_is_maker INTEGER NOT NULL,
        PRIMARY KEY (symbol_id, trade_id)
    ) WITHOUT ROWID""",
    # Trade times step back now and then, so an interval's trades cannot be found by id alone.
    "CREATE INDEX trades_by_time ON trades (symbol_id, ts_ms)",
    # Confirmed and complete candles only. provenance: trades, repaired, kline.
    """CREATE TABLE candles (
        symbol_id INTEGER NOT NULL REFERENCES symbols (id),
        timeframe_s INTEGER NOT NULL,
        open_ms INTEGER NOT NULL,
        open REAL NOT NULL,
        high REAL NOT NULL,
        low REAL NOT NULL,
        close REAL NOT NULL,
        volume REAL NOT NULL,
        trade_count INTEGER NOT NULL,
        provenance TEXT NOT NULL,
        PRIMARY KEY (symbol_id, timeframe_s, open_ms)
    ) WITHOUT ROWID""",
    # The missing ids are after_id + 1 … before_id - 1 (NULL: unknown); state: open, repaired, lost.
    """CREATE TABLE gaps (
        id INTEGER PRIMARY KEY,
        symbol_id INTEGER NOT NULL REFERENCES symbols (id),
        after_id INTEGER,
        before_id INTEGER,
        from_ms INTEGER NOT NULL,
        to_ms INTEGER NOT NULL,
        state TEXT NOT NULL
    )""",
    "CREATE UNIQUE INDEX gaps_once ON gaps (symbol_id, from_ms, to_ms, ifnull(after_id, -1), ifnull(before_id, -1))",
    "CREATE INDEX gaps_by_time ON gaps (symbol_id, to_ms)",
    "CREATE INDEX gaps_by_state ON gaps (state)",
    # What every look said: core.journal.JournalRow, field by field. NULL: undefined.
    """CREATE TABLE decisions (
        pair TEXT NOT NULL,
        timeframe_s INTEGER NOT NULL,
        candle_ms INTEGER NOT NULL,
        params TEXT NOT NULL,
        rule TEXT NOT NULL,
        verdict TEXT NOT NULL,
        reason TEXT NOT NULL,
        regime TEXT NOT NULL,
        price_y REAL, price_x REAL,
        alpha REAL, beta REAL, beta_se REAL, resid_sd REAL,
        spread REAL, z REAL, z_mean REAL, z_sd REAL, z_roll REAL, corr REAL,
        eg_stat REAL, eg_pvalue REAL, adf_stat REAL, adf_pvalue REAL,
        p_back_1 REAL, p_back_2 REAL, p_back_3 REAL, p_back_4 REAL, p_back_5 REAL,
        half_life REAL, half_life_low REAL, half_life_high REAL,
        kappa REAL, kappa_se REAL, kappa_low REAL, excursions REAL,
        fees_bps REAL, half_spreads_bps REAL, funding_bps REAL, cost_bps REAL,
        expected_net_bps REAL, break_even_z REAL,
        entry_z REAL, trigger_price_y REAL, distance_z REAL, distance_bps REAL,
        checks TEXT NOT NULL,
        inputs TEXT NOT NULL,
        written_ms INTEGER NOT NULL,
        note TEXT NOT NULL,
        PRIMARY KEY (pair, timeframe_s, params, candle_ms)
    ) WITHOUT ROWID""",
    """CREATE TABLE alerts (
        id INTEGER PRIMARY KEY,
        rule TEXT NOT NULL,
        pair TEXT NOT NULL,
        timeframe_s INTEGER NOT NULL,
        time_ms INTEGER NOT NULL,
        text TEXT NOT NULL,
        delivery TEXT NOT NULL
    )""",
    "CREATE INDEX alerts_by_time ON alerts (time_ms)",
    # Counting millions of rows takes seconds; this is kept as they come and go. timeframe_s 0: trades.
    """CREATE TABLE totals (
        symbol_id INTEGER NOT NULL REFERENCES symbols (id),
        timeframe_s INTEGER NOT NULL,
        row_count INTEGER NOT NULL,
        PRIMARY KEY (symbol_id, timeframe_s)
    ) WITHOUT ROWID""",
    # Candles are few, so triggers may count them. Trades are counted by their writer, a batch at a time.
    """CREATE TRIGGER candle_in AFTER INSERT ON candles BEGIN
        INSERT INTO totals VALUES (new.symbol_id, new.timeframe_s, 1)
            ON CONFLICT DO UPDATE SET row_count = row_count + 1;
    END""",
    """CREATE TRIGGER candle_out AFTER DELETE ON candles BEGIN
        UPDATE totals SET row_count = row_count - 1 WHERE symbol_id = old.symbol_id AND timeframe_s = old.timeframe_s;
    END""",
    """CREATE VIEW v_trades AS
        SELECT s.name AS symbol, t.trade_id, t.first_id, t.ts_ms,
            strftime('%Y-%m-%dT%H:%M:%fZ', t.ts_ms / 1000.0, 'unixepoch') AS time_utc,
            t.price, t.qty, t.buyer_is_maker
        FROM trades AS t JOIN symbols AS s ON s.id = t.symbol_id""",
    """CREATE VIEW v_candles AS
        SELECT s.name AS symbol, c.timeframe_s, c.open_ms,
            strftime('%Y-%m-%dT%H:%M:%SZ', c.open_ms / 1000, 'unixepoch') AS open_utc,
            c.open, c.high, c.low, c.close, c.volume, c.trade_count, c.provenance
        FROM candles AS c JOIN symbols AS s ON s.id = c.symbol_id""",
)

# Small things kept by name as JSON: the collector's health, whose trades these are, watch-lists.
_NOTES: Final = (
    "CREATE TABLE notes (name TEXT PRIMARY KEY, body TEXT NOT NULL, at_ms INTEGER NOT NULL) WITHOUT ROWID",
)


# What alerts need to be told once. AUTOINCREMENT: an event's key holds its rule's id, which must not come twice.
_ALERTS: Final = (
    """CREATE TABLE alert_rules (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        pair TEXT NOT NULL,
        level REAL NOT NULL,
        rearm REAL NOT NULL,
        cooldown_s INTEGER NOT NULL,
        quiet_from_min INTEGER,
        quiet_to_min INTEGER,
        enabled INTEGER NOT NULL,
        made_ms INTEGER NOT NULL
    )""",
    # Where each rule stands with each pair: committed with the alerts it led to.
    """CREATE TABLE alert_states (
        rule_id INTEGER NOT NULL,
        subject TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (rule_id, subject)
    ) WITHOUT ROWID""",
    # Entered on the page; those of the environment are never stored. url is a secret.
    """CREATE TABLE alert_channels (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        url TEXT NOT NULL,
        label TEXT NOT NULL,
        made_ms INTEGER NOT NULL
    )""",
    "ALTER TABLE alerts ADD COLUMN rule_id INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE alerts ADD COLUMN event_key TEXT",
    "CREATE UNIQUE INDEX alerts_once ON alerts (event_key)",
    # state: waiting, sending, sent, given up.
    """CREATE TABLE deliveries (
        alert_id INTEGER NOT NULL REFERENCES alerts (id),
        channel TEXT NOT NULL,
        state TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        next_ms INTEGER NOT NULL,
        changed_ms INTEGER NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (alert_id, channel)
    ) WITHOUT ROWID""",
    "CREATE INDEX deliveries_due ON deliveries (channel, alert_id) WHERE state IN ('waiting', 'sending')",
)


# Trades on paper: core.paper.PaperTrade, field by field. NULL: not known. The key is that of the look.
_PAPER: Final = (
    """CREATE TABLE paper_trades (
        pair TEXT NOT NULL, timeframe_s INTEGER NOT NULL, look_ms INTEGER NOT NULL, params TEXT NOT NULL,
        rule TEXT NOT NULL, preset TEXT NOT NULL, inputs TEXT NOT NULL, verdict TEXT NOT NULL,
        failed TEXT NOT NULL, side INTEGER NOT NULL, z REAL, price_y REAL, price_x REAL, hedge REAL,
        notional REAL, qty_y REAL, qty_x REAL, fee_bps REAL, leave_z REAL, stop_z REAL,
        limit_bars INTEGER NOT NULL, shown_bps REAL, half_bps REAL, cost_bps REAL, promised_bps REAL,
        middle_bps REAL, hours_y INTEGER NOT NULL, hours_x INTEGER NOT NULL, state TEXT NOT NULL,
        seen_ms INTEGER NOT NULL, bars INTEGER NOT NULL, mark_y REAL, mark_x REAL, in_ms INTEGER NOT NULL,
        in_y REAL, in_x REAL, in_fill TEXT NOT NULL, in_half_bps REAL, exit_look_ms INTEGER NOT NULL,
        exit_z REAL, reason TEXT NOT NULL, out_ms INTEGER NOT NULL, out_y REAL, out_x REAL,
        out_fill TEXT NOT NULL, out_half_bps REAL, funding REAL, funding_unknown INTEGER NOT NULL,
        changed_ms INTEGER NOT NULL,
        PRIMARY KEY (pair, timeframe_s, params, look_ms)
    ) WITHOUT ROWID""",
    "CREATE INDEX paper_open ON paper_trades (look_ms) WHERE state <> 'closed'",
    "CREATE INDEX paper_changed ON paper_trades (changed_ms)",
    # How far each journal has been scored: committed with the trades that its looks opened and closed.
    """CREATE TABLE paper_books (
        pair TEXT NOT NULL,
        timeframe_s INTEGER NOT NULL,
        params TEXT NOT NULL,
        candle_ms INTEGER NOT NULL,
        memory TEXT NOT NULL,
        PRIMARY KEY (pair, timeframe_s, params)
    ) WITHOUT ROWID""",
    # Funding as it was seen to be settled: the last rate announced, and the mark price.
    """CREATE TABLE settlements (
        symbol TEXT NOT NULL,
        settle_ms INTEGER NOT NULL,
        rate REAL NOT NULL,
        mark REAL NOT NULL,
        PRIMARY KEY (symbol, settle_ms)
    ) WITHOUT ROWID""",
)


# What screens that only read ask of the process that collects: core.wishes.Wish, field by field. body may hold the
# address of a channel, until the wish is taken.
_WISHES: Final = (
    """CREATE TABLE wishes (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        asked_ms INTEGER NOT NULL,
        words TEXT NOT NULL,
        state TEXT NOT NULL,
        answer TEXT NOT NULL,
        body TEXT NOT NULL
    )""",
)


# When a trade's look was said, by the exchange's clock. 0: stored before that was kept.
_SAID: Final = ("ALTER TABLE paper_trades ADD COLUMN said_ms INTEGER NOT NULL DEFAULT 0",)

# Hours that end when they begin were none, and are refused from now on. An alert's age is of our clock: a replay's
# candles are years old.
_ZONES: Final = (
    "ALTER TABLE alert_rules ADD COLUMN quiet_zone TEXT NOT NULL DEFAULT 'UTC'",
    "UPDATE alert_rules SET quiet_from_min = NULL, quiet_to_min = NULL WHERE quiet_from_min = quiet_to_min",
    "ALTER TABLE alerts ADD COLUMN told_ms INTEGER NOT NULL DEFAULT 0",
    "UPDATE alerts SET told_ms = CAST(strftime('%s', 'now') AS INTEGER) * 1000",
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step; its statements and its number are committed together."""

    number: int
    title: str
    statements: tuple[str, ...]


MIGRATIONS: Final = (
    Migration(1, "trades, candles, gaps, decisions, alerts", _FIRST),
    Migration(2, "notes", _NOTES),
    Migration(3, "alert rules, channels, deliveries", _ALERTS),
    Migration(4, "trades on paper, settlements of funding", _PAPER),
    Migration(5, "wishes of screens that only read", _WISHES),
    Migration(6, "when a look traded on paper was said", _SAID),
    Migration(7, "zones of quiet hours, when an alert was told", _ZONES),
)


def check_version(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """The number of the newest migration applied; 0 for a database without tables.

    Raises
    ------
    StoreError
        If the database is another program's, or was written by a newer Pairsight.
    """
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not tables:
        return 0
    if not {"migrations", "symbols", "trades"} <= tables:
        raise StoreError(f"{path} is another program's database: name a different file by PAIRSIGHT_DB")
    (have,) = connection.execute("SELECT max(number) FROM migrations").fetchone()
    known = migrations[-1].number
    if have > known:
        raise StoreError(
            f"{path} has format {have}, this Pairsight knows formats up to {known}: update Pairsight, "
            "or name a different file by PAIRSIGHT_DB"
        )
    return int(have)


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the database to the newest format; each step is in it whole or not at all.

    ``connection`` is in autocommit mode. Raises StoreError as :func:`check_version`.
    """
    for migration in migrations[check_version(connection, path, migrations) :]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migrations"
                " (number INTEGER PRIMARY KEY, title TEXT NOT NULL, applied_ms INTEGER NOT NULL)"
            )
            for statement in migration.statements:
                connection.execute(statement)
            connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (migration.number, migration.title, now_ms()))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
