"""Wanted histories: the smaller one first, none kept that a larger one covers, and none of symbols let go."""

from __future__ import annotations

import pytest

from desk.warmup import Warmup
from tests.desk.scanned import FakeRest, FakeStore


class Busy(FakeRest):
    """It has room for so many requests."""

    room = 1_000

    def wait_s(self, weight: int) -> float:
        return 0.0 if len(self.asked) < self.room else 60.0


@pytest.fixture
def rest() -> Busy:
    return Busy()


@pytest.fixture
def warmup(rest: Busy) -> Warmup:
    return Warmup(rest, FakeStore())  # type: ignore[arg-type]


def turn(warmup: Warmup) -> None:
    warmup.turn(lambda: False, lambda *_: None)


def test_a_want_that_a_finished_one_covers_is_no_news(rest: Busy, warmup: Warmup) -> None:
    assert warmup.want("AUSDT", 60, 100)
    assert warmup.want("AUSDT", 60, 50)  # the larger one is not there yet: this one comes first
    turn(warmup)
    assert rest.asked == ["AUSDT 50", "AUSDT 50"]
    assert not warmup.want("AUSDT", 60, 50)
    assert not warmup.want("AUSDT", 60, 80)
    assert warmup.want("AUSDT", 300, 80)
    assert warmup.want("BUSDT", 60, 80)
    assert warmup.want("AUSDT", 60, 101)


def test_however_many_were_wanted_a_new_stream_has_one_history_read_again(rest: Busy, warmup: Warmup) -> None:
    reads: list[str] = []
    store = FakeStore()
    read = store.candles
    store.candles = lambda symbol, *a, **k: reads.append(symbol) or read(symbol, *a, **k)  # type: ignore
    warmup = Warmup(rest, store)  # type: ignore[arg-type]
    for bars in range(50, 60):
        warmup.want("AUSDT", 60, bars)
        turn(warmup)
    reads.clear()
    warmup.again("AUSDT")
    assert warmup.progress() == {"AUSDT": 1.0}
    turn(warmup)
    assert reads == ["AUSDT"]
    assert warmup.progress() == {}


def test_symbols_let_go_are_not_fetched_any_more(rest: Busy, warmup: Warmup) -> None:
    rest.room = 1
    for symbol in ("AUSDT", "BUSDT", "CUSDT"):
        warmup.want(symbol, 60, 4_000)
    turn(warmup)
    rest.room = 1_000
    warmup.keep(["BUSDT"])
    assert warmup.progress() == {"BUSDT": 0.0}
    rest.asked.clear()
    turn(warmup)
    assert {asked.split()[0] for asked in rest.asked} == {"BUSDT"}
