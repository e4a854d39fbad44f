"""Reading keeps the pace of writing: what comes too fast waits in the socket, and nothing is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.types import Batch, Candles, Gap, Records, Ticks
from desk.holes import Hole
from desk.intake import Intake
from storage.ring import Ring
from storage.sqlite import TradeStore

START_MS = 1_700_000_000_000
ROWS = 500  # a batch


def batch(number: int) -> Batch:
    """So many consecutive trades, a millisecond apart."""
    ids = np.arange(1 + number * ROWS, 1 + (number + 1) * ROWS)
    ts_ms, price = START_MS + ids, np.full(ROWS, 64_000.0)
    priced = np.ones(ROWS, np.bool_)
    records = Records("BTCUSDT", ids, ids, ids, ts_ms, ts_ms, price, price / 1e6, ~priced, priced)
    return Batch(records=(records,), watermark_ms=int(ts_ms[-1]), frames=ROWS)


def intake_into(store: TradeStore | Shelf) -> Intake:
    intake = Intake(
        Ring(10),
        store,
        Careless(),
        grace_ms=0,
        on_confirmed=lambda: None,
    )
    intake.add("BTCUSDT", None, None)
    return intake


class Careless:
    """Mends nothing."""

    def gap(self, gap: Gap) -> None: ...
    def latecomers(self, ticks: Ticks) -> None: ...
    def healed(self, gap: Gap) -> None: ...
    def holes(self, holes: list[Hole]) -> None: ...
    def started(self, symbol: str, first_ms: int) -> None: ...


class Shelf:
    """A store that is behind, and calls ``meanwhile`` when it is waited for."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], None] = lambda: None

    def put(self, ticks: Ticks) -> None: ...
    def put_candles(self, candles: Candles) -> None: ...
    def put_gap(self, gap: Gap) -> None: ...
    def delete_candles(self, symbol: str, from_ms: int, to_ms: int, timeframe_s: int | None = None) -> None: ...

    def wait_room(self, timeout_s: float) -> bool:
        self.meanwhile()
        return False


def test_trades_that_come_faster_than_they_can_be_written_are_all_stored(tmp_path: Path) -> None:
    with TradeStore(tmp_path / "store.db", queue_rows=40 * ROWS, flush_ms=10) as store:
        intake = intake_into(store)
        for number in range(400):  # ten times what the queue holds
            intake.take(batch(number))
        assert store.flush()
        assert store.status().dropped == 0
        assert store.counts()["BTCUSDT", 0] == 400 * ROWS


def test_nobody_else_waits_while_the_reading_waits_for_the_store() -> None:
    shelf = Shelf()
    intake = intake_into(shelf)
    ticked = threading.Event()

    def tick() -> None:
        intake.tick()
        ticked.set()

    def another_thread_ticks() -> None:
        other = threading.Thread(target=tick)
        other.start()
        other.join(30.0)

    shelf.meanwhile = another_thread_ticks
    intake.take(batch(0))
    assert ticked.is_set()
