"""The queue is bounded, keeps its order, and knows what it could not take."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from core.types import Gap
from storage.backlog import Backlog
from storage.work import DeleteCandles, PutGap, PutTrades, SetGapState, Work
from tests.storage.samples import seeded

WAITED_S = 30.0


def trades(first: int, n: int, symbol: str = "BTCUSDT") -> PutTrades:
    return PutTrades(seeded(n, first=first, symbol=symbol))


@given(st.lists(st.integers(0, 60), max_size=30), st.integers(1, 100))
def test_requests_come_out_once_in_order_and_in_lots(sizes: list[int], most_rows: int) -> None:
    backlog = Backlog(10_000, 0.0, most_rows)
    asked: list[Work] = [trades(i * 100, size) for i, size in enumerate(sizes)]
    assert all(backlog.offer(request) for request in asked)
    backlog.close()
    got: list[Work] = []
    while taken := backlog.take():
        rows = sum(request.rows for request in taken)
        assert rows <= most_rows or len(taken) == 1
        got += taken
        backlog.finish(taken)
    assert got == [request for request in asked if request.rows]  # nothing at all is not worth a transaction
    assert backlog.rows == 0


def test_what_was_taken_still_takes_room_until_it_is_written() -> None:
    backlog = Backlog(100, 0.0)
    assert backlog.offer(trades(0, 100))
    taken = backlog.take()
    assert not backlog.offer(trades(100, 1))
    backlog.finish(taken)
    assert backlog.offer(trades(101, 100))
    assert backlog.dropped == 1


def test_dropped_stretches_of_a_symbol_grow_into_one_until_they_are_taken() -> None:
    backlog = Backlog(10, 0.0)
    first, second = trades(100, 20), trades(120, 20)
    for request in (first, second, trades(7, 11, "ETHUSDT")):
        assert not backlog.offer(request)
    ms = (int(first.ticks.ts_ms[0]), int(max(first.ticks.ts_ms[-1], second.ticks.ts_ms[-1])))
    btc, eth = backlog.take_lost()
    assert btc == Gap("BTCUSDT", 99, 140, min(ms[0], int(second.ticks.ts_ms[0])), ms[1])
    assert (eth.symbol, eth.after_id, eth.before_id) == ("ETHUSDT", 6, 18)
    assert backlog.take_lost() == []
    assert backlog.dropped == 51


def test_an_aggregate_that_was_dropped_misses_all_the_trades_it_stands_for() -> None:
    ticks = seeded(2, first=100)
    ticks.first_id[0] = 95
    backlog = Backlog(1, 0.0)
    backlog.offer(PutTrades(ticks))
    assert [(g.after_id, g.before_id) for g in backlog.take_lost()] == [(94, 102)]


def test_what_says_that_a_candle_is_wrong_is_not_lost_for_want_of_room() -> None:
    backlog = Backlog(10, 0.0)
    backlog.offer(trades(0, 10))
    gap = Gap("BTCUSDT", 1, 5, 1000, 2000)
    assert backlog.offer(PutGap(gap))
    assert backlog.offer(DeleteCandles("BTCUSDT", 1000, 2000))
    assert not backlog.offer(DeleteCandles("BTCUSDT", 500, 600))
    assert not backlog.offer(SetGapState(gap, "lost"))
    assert backlog.take_lost() == [Gap("BTCUSDT", None, None, 500, 600)]
    backlog.insist(DeleteCandles("BTCUSDT", 500, 600))
    assert backlog.rows == 13


def test_a_request_waits_for_company_until_the_interval_is_over_or_it_is_urgent() -> None:
    backlog = Backlog(1000, flush_s=3600.0)
    backlog.offer(trades(0, 1))
    backlog.offer(trades(1, 1))
    taken: list[Work] = []

    def write() -> None:
        taken.extend(backlog.take())
        backlog.finish(taken)

    writer = threading.Thread(target=write)
    writer.start()
    assert not taken
    assert backlog.wait_written(WAITED_S)
    writer.join()
    assert len(taken) == 2


def test_enough_rows_do_not_wait_for_the_interval() -> None:
    backlog = Backlog(1000, flush_s=3600.0, most_rows=100)
    taken: list[Work] = []
    writer = threading.Thread(target=lambda: taken.extend(backlog.take()))
    writer.start()
    for i in range(10):
        backlog.offer(trades(i * 10, 10))
    writer.join(WAITED_S)
    assert len(taken) == 10


def test_impatience_ends_with_nothing() -> None:
    assert Backlog(10, 0.0).take(patience_s=0.0) == []


def test_waiting_for_what_is_never_written_ends() -> None:
    backlog = Backlog(10, 0.0)
    assert backlog.wait_written(0.0)
    backlog.offer(trades(0, 1))
    assert not backlog.wait_written(0.0)


def test_whoever_waits_for_room_goes_on_once_half_of_it_is_free() -> None:
    backlog = Backlog(100, 0.0)
    backlog.offer(trades(0, 50))
    assert backlog.wait_room(0.0)
    backlog.offer(trades(50, 1))
    assert not backlog.wait_room(0.0)
    found: list[bool] = []
    waiting = threading.Thread(target=lambda: found.append(backlog.wait_room(WAITED_S)))
    waiting.start()
    backlog.finish(backlog.take())
    waiting.join(WAITED_S)
    assert found == [True]


def test_a_closed_queue_hands_out_what_waits_and_takes_nothing_more() -> None:
    backlog = Backlog(10, flush_s=3600.0)
    backlog.offer(trades(0, 1))
    backlog.close()
    assert not backlog.offer(trades(1, 1))
    assert len(backlog.take()) == 1
    assert backlog.take() == []
    assert backlog.wait_closed(0.0)
