"""Wishes in the store: put by whoever may write the file, taken in order, and without their secrets from then on."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.alerts import AlertRule
from core.errors import StoreError
from core.wishes import Wish
from storage import wishes
from storage.sqlite import TradeStore
from storage.wishes import may_put, put_wish


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[TradeStore]:
    with TradeStore(path, flush_ms=10) as store:
        yield store


def test_wishes_come_in_the_order_they_were_asked_beside_the_store_that_collects(store: TradeStore, path: Path) -> None:
    put_wish(path, "First", '{"a": 1}', 1_000)
    store.put_note("meanwhile", "{}", 1)
    put_wish(path, "Second", "{}", 2_000)
    assert store.wishes() == (Wish(1, 1_000, "First", "asked"), Wish(2, 2_000, "Second", "asked"))
    assert [store.wish_body(n) for n in (1, 2, 3)] == ['{"a": 1}', "{}", ""]
    with TradeStore.open_reader(path) as reader:
        assert reader.wishes() == store.wishes()


def test_what_is_taken_or_refused_holds_no_secret_any_more_and_no_print_ever_does(
    store: TradeStore, path: Path
) -> None:
    for _ in range(2):
        put_wish(path, "Add the channel tgram://…", "tgram://secret/1", 1_000)
    assert "secret" not in repr(store.wishes())
    assert store.wish_body(1) == "tgram://secret/1"
    store.take_wish(1)
    store.refuse_wish(2, "It cannot be done.")
    store.flush()
    assert [store.wish_body(n) for n in (1, 2)] == ["", ""]
    assert store.wishes() == (
        Wish(1, 1_000, "Add the channel tgram://…", "taken"),
        Wish(2, 1_000, "Add the channel tgram://…", "refused", "It cannot be done."),
    )
    store.drop_wish(1)
    store.drop_wish(2)
    store.flush()
    assert store.wishes() == ()


def test_a_secret_that_was_taken_or_removed_is_nowhere_in_the_file(path: Path) -> None:
    with TradeStore(path, flush_ms=10) as store:
        for n in range(60):  # several pages of them, which are then free
            put_wish(path, "Add a channel", f"first-secret-{n}" * 10, 1_000)
        store.put_alert_channel("second-secret", "", 1)
        store.flush()
        store.drop_alert_channel(1)
        for n in range(60):
            store.take_wish(n + 1)
            store.drop_wish(n + 1)
    assert b"-secret" not in path.read_bytes()


def test_more_than_enough_is_refused_and_what_was_answered_does_not_count(
    store: TradeStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wishes, "MOST", 2)
    for _ in range(2):
        put_wish(path, "One", "{}", 1)
    with pytest.raises(StoreError, match="2 wishes wait for the Pairsight that collects: is it running"):
        put_wish(path, "One", "{}", 1)
    store.refuse_wish(1, "No.")
    store.flush()
    put_wish(path, "One", "{}", 1)


def test_nothing_is_made_where_there_is_no_database(path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        put_wish(path, "One", "{}", 1)
    assert not path.exists()


def test_a_file_that_stays_locked_says_that_the_desk_is_writing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    TradeStore(path).close()
    monkeypatch.setattr(wishes, "_WAIT_S", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"^The desk is writing: try again in a moment\.$"):
            put_wish(path, "One", "{}", 1)


def test_whether_this_user_may_write_is_known_before_it_is_tried(
    store: TradeStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert may_put(path)
    denied = {f"{path}-wal"}
    monkeypatch.setattr(os, "access", lambda name, mode: str(name) not in denied)
    assert not may_put(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everything")
def test_a_file_that_this_user_may_only_read_is_said_to_be_one(path: Path) -> None:
    TradeStore(path).close()
    path.chmod(stat.S_IRUSR)
    assert not may_put(path)
    with pytest.raises(StoreError, match="may not be written"):
        put_wish(path, "One", "{}", 1)


def test_whether_there_ever_was_a_rule_is_known_after_it_was_dropped(store: TradeStore) -> None:
    assert not store.had_alert_rules()
    store.put_alert_rule(AlertRule("gap"))
    store.drop_alert_rule(1)
    store.flush()
    assert store.alert_rules() == ()
    assert store.had_alert_rules()
