"""The ingest benchmark runs and prints, and what it calls verified is."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import ingest
from benchmarks.ingest_truth import wrong_candles, wrong_trades
from benchmarks.sender import BLOCK, IN_A_BLOCK, SYMBOLS, Frames
from core.types import Batch
from ingestion import binance
from storage.sqlite import TradeStore

START_MS = 1_764_000_000_000
BLOCKS = 3


def test_a_second_of_it_loses_nothing_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert ingest.main(["--seconds", "1", "--rounds", "1", "--round-seconds", "0.3"]) == 0
    said = capsys.readouterr().out
    assert "sustained rate" in said
    assert "WRONG" not in said


def decoded(data: memoryview) -> Batch:
    messages, at = [], 0
    while at < len(data):
        size = data[at + 2] << 8 | data[at + 3]
        messages.append(bytes(data[at + 4 : at + 4 + size]))
        at += 4 + size
    return binance.parse(messages)


def test_what_is_sent_is_what_the_truth_says() -> None:
    frames = Frames(START_MS)
    for number in (0, 7):
        batch = decoded(frames.block(number))
        assert not batch.rejected
        assert sum(map(len, batch.records)) == BLOCK
        for records in batch.records:
            sent, true = records.trades(), frames.truth(records.symbol, number, number + 1)
            for name in ("trade_id", "ts_ms", "price", "qty", "buyer_is_maker"):
                assert getattr(sent, name).tolist() == getattr(true, name).tolist()


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("truth") / "store.db"
    with TradeStore(path) as store:
        for symbol in SYMBOLS:
            store.put(Frames(START_MS).truth(symbol, 0, BLOCKS))
    return path


def test_a_database_that_holds_what_was_sent_is_not_blamed(stored: Path) -> None:
    assert wrong_trades(stored, Frames(START_MS), BLOCKS) == []


@pytest.mark.parametrize(
    ("change", "blamed"),
    [
        ("DELETE FROM trades WHERE trade_id = :id", "BTCUSDT: count"),
        ("UPDATE trades SET price = price + 0.1 WHERE trade_id = :id", "BTCUSDT: prices"),
        ("UPDATE trades SET ts_ms = ts_ms + 1 WHERE trade_id = :id", "BTCUSDT: times"),
        ("UPDATE trades SET buyer_is_maker = 1 - buyer_is_maker WHERE trade_id = :id", "BTCUSDT: sides"),
        ("UPDATE trades SET qty = qty + CASE trade_id WHEN :id THEN 1 ELSE -1 END WHERE trade_id IN (:id, :id + 1)",
         "BTCUSDT: quantities"),
        ("UPDATE trades SET first_id = first_id - 1 WHERE trade_id = :id", "BTCUSDT: first ids"),
        ("INSERT INTO trades SELECT symbol_id, :id + 1000000, :id + 1000000, ts_ms, price, qty, buyer_is_maker"
         " FROM trades WHERE trade_id = :id", "BTCUSDT: highest id"),
    ],
)  # fmt: skip
def test_a_single_row_that_differs_is_found(stored: Path, tmp_path: Path, change: str, blamed: str) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(stored)) as whole, closing(sqlite3.connect(path)) as copy:
        whole.backup(copy)
        some_id = int(Frames(START_MS).truth("BTCUSDT", 0, 1).trade_id[IN_A_BLOCK["BTCUSDT"] // 2])
        assert copy.execute(change, {"id": some_id}).rowcount
        copy.commit()
    assert any(sentence.startswith(blamed) for sentence in wrong_trades(path, Frames(START_MS), BLOCKS))


def test_missing_candles_are_found(stored: Path) -> None:
    with TradeStore.open_reader(stored) as store:
        assert wrong_candles(store, Frames(START_MS), 60, START_MS + 3_000)
