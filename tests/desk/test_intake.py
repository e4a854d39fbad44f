"""A candle is given out once its end has passed and its symbol's own next record proves that nothing is missing."""

from __future__ import annotations

import numpy as np
import pytest

from core.types import Batch, Candles, Gap, Records, Ticks
from desk.holes import Hole
from desk.intake import Intake
from ingestion.times import THE_EXCHANGE
from storage.ring import Ring

GRACE_MS = 500
BTC, ETH = "BTCUSDT", "ETHUSDT"


def records(symbol: str, *rows: tuple[int, int]) -> Records:
    """Trades by id and time."""
    ids, ts_ms = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    n = len(ids)
    price = np.full(n, 64_000.0)
    return Records(symbol, ids, ids, ids, ts_ms, ts_ms, price, price / 1e6, np.zeros(n, np.bool_), np.ones(n, np.bool_))


class World:
    """An intake, what it handed on in which order, and a clock that is set by hand."""

    def __init__(self) -> None:
        self.said: list[tuple[str, object]] = []
        self.now_s = 0.0
        self.rounds = 0
        self.intake = Intake(
            Ring(100),
            self,
            Care(self),
            grace_ms=GRACE_MS,
            on_confirmed=self.confirmed,
            monotonic=lambda: self.now_s,
        )
        self.intake.add(BTC, None, None)
        self.intake.add(ETH, None, None)

    def take(self, *of: Records) -> None:
        self.intake.take(Batch(records=of, watermark_ms=max(int(r.event_ms.max()) for r in of)))

    def seconds(self, symbol: str) -> list[int]:
        """The opens of the 1 s candles given out."""
        return [
            int(t) for what, c in self.said if what == symbol and isinstance(c, Candles) and c.timeframe_s == 1
            for t in c.open_ms
        ]  # fmt: skip

    def confirmed(self) -> None:
        self.rounds += 1

    def put(self, ticks: Ticks) -> None:
        self.said.append(("trades", ticks.trade_id.tolist()))

    def put_candles(self, candles: Candles) -> None:
        self.said.append((candles.symbol, candles))

    def put_gap(self, gap: Gap) -> None:
        self.said.append(("gap", (gap.after_id, gap.before_id)))

    def delete_candles(self, symbol: str, from_ms: int, to_ms: int, timeframe_s: int | None = None) -> None: ...

    def wait_room(self, timeout_s: float) -> bool:
        return True


class Care:
    """Mends nothing."""

    def __init__(self, world: World) -> None:
        self._world = world

    def gap(self, gap: Gap) -> None: ...
    def latecomers(self, ticks: Ticks) -> None: ...
    def healed(self, gap: Gap) -> None: ...
    def holes(self, holes: list[Hole]) -> None: ...
    def started(self, symbol: str, first_ms: int) -> None: ...


@pytest.fixture
def world() -> World:
    """Both symbols have begun in the second before 10 s."""
    made = World()
    made.take(records(BTC, (1, 9_100)), records(ETH, (1, 9_100)))
    return made


def test_a_stream_that_falls_silent_in_the_midst_of_a_second_has_no_candle_of_it_until_it_speaks(world: World) -> None:
    world.take(records(BTC, (2, 10_100), (3, 11_000)), records(ETH, (2, 10_100)))
    for n in range(3, 60):  # the market moves on, half a minute of it
        world.take(records(BTC, (n + 1, 10_500 + n * 500)))
    assert world.seconds(BTC)[:2] == [10_000, 11_000]
    assert world.seconds(ETH) == []
    assert world.intake.passed_ms(ETH) == 10_100
    world.take(records(ETH, (3, 40_050)))
    assert world.seconds(ETH) == [10_000]  # its next record continues the numbering: nothing was missing
    assert world.rounds > 0


def test_where_the_silence_has_swallowed_trades_its_second_is_never_given_out(world: World) -> None:
    world.take(records(BTC, (2, 10_100)), records(ETH, (2, 10_100)))
    world.take(records(BTC, (3, 40_000)))
    world.take(records(ETH, (9, 40_050)))
    world.now_s += THE_EXCHANGE.hold_s
    world.intake.tick()
    world.take(records(BTC, (4, 43_000)), records(ETH, (10, 42_900)))
    assert world.seconds(ETH) == [t for t in world.seconds(ETH) if t > 40_000]
    assert ("gap", (2, 9)) in world.said


def test_a_record_that_waits_for_one_before_it_keeps_back_no_second_that_is_whole(world: World) -> None:
    world.take(records(BTC, (2, 10_100), (3, 11_100), (5, 11_300)), records(ETH, (2, 10_100), (3, 11_700)))
    assert world.seconds(BTC) == [10_000]
    assert world.seconds(ETH) == [10_000]


def test_what_waiting_brings_to_an_end_is_given_out_without_another_record(world: World) -> None:
    world.take(records(BTC, (2, 10_100), (4, 11_100)), records(ETH, (2, 11_900)))
    assert world.seconds(BTC) == []
    rounds = world.rounds
    world.now_s += THE_EXCHANGE.hold_s
    world.intake.tick()
    assert world.intake.passed_ms(BTC) == 11_100
    assert world.rounds == rounds  # the gap touches that second: nothing to look at
    assert ("trades", [4]) in world.said


def test_at_the_end_records_that_still_wait_are_stored_and_what_they_waited_for_is_a_gap(world: World) -> None:
    world.take(records(BTC, (2, 10_100), (5, 10_300), (6, 10_400)))
    assert ("trades", [5, 6]) not in world.said
    world.intake.ended()
    assert world.said[-2:] == [("gap", (2, 5)), ("trades", [5, 6])]
    world.take(records(BTC, (7, 10_500)))  # and it can go on
    assert world.said[-1] == ("trades", [7])


def test_records_that_are_not_taken_are_counted_by_reason(world: World) -> None:
    assert world.intake.left_out() == {}
    world.take(records(BTC, (2, 10_100), (3, 10_200)), records("XRPUSDT", (1, 10_100), (2, 10_200)))
    world.take(records(BTC, (2, 10_100), (3, 10_200), (4, 10_300)))  # a renewal delivers twice
    world.take(records(BTC, (900_000, 10_350)))
    world.take(records(BTC, (5, 10_400)))
    assert world.intake.left_out() == {"not_asked_for": 2, "double": 2, "out_of_place": 1}
