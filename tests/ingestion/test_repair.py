"""A filled gap gives the candles an unbroken connection would have built, or says which are not known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadRequest
from core.types import Gap, Ticks
from ingestion.answers import Answers
from ingestion.repair import Fill, fill
from tests.ingestion.tape import Row, Tape, candles

FIRST = {"first": lambda rows: rows[0].ms, "last": lambda rows: rows[-1].ms}


def tape(*rows: tuple[int, float, float], start_id: int = 100) -> Tape:
    """Rows of (ms, price, qty), all bought; a quantity of 0 is a non-trade."""
    return Tape([Row(start_id + at, ms, price, qty, False, qty > 0) for at, (ms, price, qty) in enumerate(rows)])


def filled(exchange: Tape, after: int, before: int) -> Fill:
    return fill(exchange.gap(after, before), Answers(exchange), exchange.stored(after, before))


def joined(a: Ticks, b: Ticks) -> Ticks:
    names = ("trade_id", "first_id", "ts_ms", "price", "qty", "buyer_is_maker")
    both = Ticks(a.symbol, *(np.concatenate((getattr(a, name), getattr(b, name))) for name in names))
    return both.take(np.argsort(both.trade_id))


def test_a_gap_within_the_newest_trades_is_filled_one_by_one() -> None:
    exchange = tape((0, 10, 1), (10, 11, 2), (20, 11, 3), (30, 12, 4))
    found = filled(exchange, 0, 3)
    assert (found.ticks.trade_id.tolist(), found.ticks.qty.tolist()) == ([101, 102], [2.0, 3.0])
    assert (found.lost, exchange.asked) == ((), ["trades"])


def test_beyond_the_newest_trades_aggregates_fill_it() -> None:
    exchange = replace(tape((0, 10, 1), (500, 11, 2), (510, 11, 3), (520, 12, 4), (900, 13, 1)), newest=1)
    found = filled(exchange, 0, 4)
    assert found.ticks.first_id.tolist() == [101, 103]
    assert found.ticks.trade_id.tolist() == [102, 103]
    assert found.ticks.qty.tolist() == [5.0, 4.0]
    assert not found.lost


def test_what_the_newest_trades_reach_of_a_gap_is_exact_and_the_rest_comes_as_aggregates() -> None:
    rows = [(500, 10, 1), (970, 11, 1), (1_020, 11, 1), (1_500, 12, 1), (1_980, 13, 1), (2_020, 13, 1), (2_900, 14, 1)]
    exchange = replace(tape(*rows), newest=3)
    found = filled(exchange, 0, 6)
    assert found.ticks.first_id.tolist() == [101, 103, 104, 105]
    assert found.ticks.trade_id.tolist() == [102, 103, 104, 105]
    assert [(gap.from_ms, gap.to_ms) for gap in found.lost] == [(999, 1_000)]  # that at 2 s is known


def test_an_aggregate_of_which_the_newest_trades_hold_the_end_adds_what_is_missing_of_it() -> None:
    exchange = replace(tape((500, 10, 1), *[(1_500 + at, 11.0, 0.1 * (at + 1)) for at in range(5)], (1_900, 12, 1)))
    exchange.newest = 3
    found = filled(exchange, 0, 6)
    assert not found.lost
    assert found.ticks.first_id.tolist() == [101, 104, 105]
    assert candles(found.ticks) == candles(exchange.ticks(exchange.rows[1:6]))


def test_a_server_without_single_trades_is_asked_for_aggregates() -> None:
    class WithoutTrades(Tape):
        def trades(self, symbol: str) -> Ticks:
            raise BadRequest("HTTP 404")

    exchange = WithoutTrades(tape((0, 10, 1), (500, 11, 2), (520, 12, 4), (900, 13, 1)).rows)
    found = filled(exchange, 0, 3)
    assert (found.ticks.trade_id.tolist(), found.lost) == ([101, 102], ())


@pytest.mark.parametrize(("after", "before"), [(1, 3), (0, 3), (1, 4), (0, 4)])
def test_an_aggregate_across_the_edge_adds_exactly_what_is_missing_of_it(after: int, before: int) -> None:
    exchange = replace(tape(*[(500 + at, 11.0, 0.1 * (at + 1)) for at in range(5)], (900, 12, 1)), newest=1)
    found = filled(exchange, after, before)
    assert not found.lost
    assert found.ticks.first_id.tolist() == [101 + after]
    assert found.ticks.trade_id.tolist() == [99 + before]
    truth = exchange.ticks(exchange.rows[after + 1 : before])
    assert candles(found.ticks) == candles(truth)


def test_ids_that_were_no_trades_leave_nothing_to_fill() -> None:
    exchange = replace(tape((500, 11, 1), (501, 0, 0), (502, 0, 0), (503, 11, 1), (900, 12, 1)), newest=1)
    found = filled(exchange, 0, 3)
    assert (len(found.ticks), found.lost) == (0, ())


def test_when_part_of_an_edge_aggregate_is_missing_elsewhere_too_nothing_is_guessed() -> None:
    exchange = replace(tape(*[(500 + at, 11.0, 1.0) for at in range(6)], (900, 12, 1)), newest=1)
    inside = exchange.ticks([exchange.rows[0], *exchange.rows[2:3], *exchange.rows[5:]])  # row 1 is missing as well
    found = fill(exchange.gap(2, 5), Answers(exchange), lambda *_: inside)
    assert (len(found.ticks), bool(found.lost)) == (0, True)
    assert found.lost[0].state == "lost"


def test_an_aggregate_that_may_cross_a_second_leaves_that_edge_unknown() -> None:
    exchange = replace(tape((500, 10, 1), (970, 11, 1), (1_020, 11, 1), (1_500, 12, 1), (1_900, 13, 1)), newest=1)
    found = filled(exchange, 0, 4)
    assert [(gap.from_ms, gap.to_ms, gap.state) for gap in found.lost] == [(999, 1_000, "lost")]
    assert found.ticks.trade_id.tolist() == [102, 103]


def test_a_long_busy_gap_is_left_to_klines_without_asking() -> None:
    exchange = tape((0, 10, 1))
    gap = Gap("BTCUSDT", 1, 1_000_000, 0, 3_600_000)
    found = fill(gap, Answers(exchange), exchange.stored(0, 1))
    assert exchange.asked == []
    assert [(lost.from_ms, lost.to_ms) for lost in found.lost] == [(0, 3_600_000)]
    assert "klines" in found.reason


def test_a_gap_without_bounds_is_not_guessed() -> None:
    exchange = tape((0, 10, 1))
    assert fill(Gap("BTCUSDT", None, 5, 0, 1), Answers(exchange), exchange.stored(0, 1)).lost


def test_what_the_exchange_no_longer_keeps_is_lost_with_its_words() -> None:
    exchange = replace(tape((0, 10, 1), (10, 11, 1), (20, 12, 1)), newest=1, oldest_ms=10**9)
    found = filled(exchange, 0, 2)
    assert found.lost
    assert "-4166" in found.reason


def test_answers_that_stay_behind_the_stream_are_asked_for_again_before_giving_up() -> None:
    exchange = tape((0, 10, 1), (10, 11, 1))
    found = fill(Gap("BTCUSDT", 100, 110, 0, 100), Answers(exchange), exchange.stored(0, 1))
    assert (bool(found.lost), found.again, exchange.paused) == (True, True, 2)


def test_many_pages_of_aggregates_are_followed_by_id() -> None:
    rows = [(at * 100, 10.0 + at % 7, 1.0) for at in range(2_500)]
    exchange = replace(tape(*rows), newest=1)
    found = filled(exchange, 10, 2_400)
    assert len(found.ticks) == 2_389
    assert exchange.asked.count("aggTrades") == 3


@st.composite
def tapes(draw: st.DrawFn) -> Tape:
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from([0, 0, 1, 5, 30, 60, 99, 100, 400]),  # ms since the row before
                st.sampled_from([10.0, 10.0, 10.0, 10.1, 9.9]),
                st.integers(1, 5_000),
                st.booleans(),
                st.sampled_from([True, True, True, True, False]),
            ),
            min_size=6,
            max_size=60,
        )
    )
    ms, rows = 1_000_000_000_500, []
    for at, (wait, price, milli, maker, priced) in enumerate(steps):
        ms += wait
        rows.append(Row(1_000 + at, ms, price, milli / 1_000, maker and at % 3 == 0, priced))
    return Tape(
        rows,
        aggregate_ms=draw(st.sampled_from(list(FIRST.values()))),
        non_trades_end_aggregates=draw(st.booleans()),
        newest=draw(st.sampled_from([0, 3, 1_000])),
    )


@settings(max_examples=400, deadline=None)
@given(tapes(), st.data())
def test_every_second_not_called_lost_equals_the_truth(exchange: Tape, data: st.DataObject) -> None:
    after = data.draw(st.integers(0, len(exchange.rows) - 3))
    before = data.draw(st.integers(after + 2, len(exchange.rows) - 1))
    found = filled(exchange, after, before)
    ids = found.ticks
    assert ((ids.first_id > exchange.rows[after].id) & (ids.trade_id < exchange.rows[before].id)).all()
    assert (ids.first_id <= ids.trade_id).all()
    kept = exchange.ticks([*exchange.rows[: after + 1], *exchange.rows[before:]])
    truth, got = candles(exchange.ticks()), candles(kept, found.ticks)
    for at in truth.keys() | got.keys():
        if any(lost.from_ms < at + 1_000 and lost.to_ms >= at for lost in found.lost):
            continue
        if exchange.non_trades_end_aggregates:
            assert got.get(at) == truth.get(at)
        else:  # a non-trade numbered inside an aggregate can only show in the count
            assert got[at][:5] == truth[at][:5]
            assert got[at][5] >= truth[at][5]


@settings(max_examples=400, deadline=None)
@given(tapes(), st.data())
def test_what_is_stored_of_a_gap_already_is_not_counted_twice(exchange: Tape, data: st.DataObject) -> None:
    after = data.draw(st.integers(0, len(exchange.rows) - 3))
    before = data.draw(st.integers(after + 2, len(exchange.rows) - 1))
    inside = exchange.rows[after + 1 : before]
    came = data.draw(st.lists(st.booleans(), min_size=len(inside), max_size=len(inside)))
    late = [row for row, yes in zip(inside, came, strict=True) if yes]
    kept = exchange.ticks([*exchange.rows[: after + 1], *late, *exchange.rows[before:]])
    found = fill(exchange.gap(after, before), Answers(exchange), lambda *_: kept)
    truth, got = candles(exchange.ticks()), candles(kept, found.ticks)
    for at in truth.keys() | got.keys():
        if not any(lost.from_ms < at + 1_000 and lost.to_ms >= at for lost in found.lost):
            assert got[at][:5] == truth[at][:5]
            assert got[at][5] >= truth[at][5]
    again = fill(exchange.gap(after, before), Answers(exchange), lambda *_: joined(kept, found.ticks))
    assert len(again.ticks) == 0


@settings(max_examples=100, deadline=None)
@given(tapes(), st.data())
def test_with_exact_trades_at_hand_nothing_is_lost(exchange: Tape, data: st.DataObject) -> None:
    exchange = replace(exchange, newest=1_000)
    after = data.draw(st.integers(0, len(exchange.rows) - 3))
    before = data.draw(st.integers(after + 2, len(exchange.rows) - 1))
    edges = [row.id for row in exchange.rows if row.priced]
    if not edges or edges[0] > exchange.rows[after].id + 1 or edges[-1] < exchange.rows[before].id - 1:
        return
    found = filled(exchange, after, before)
    assert not found.lost
    truth = exchange.ticks(exchange.rows[after + 1 : before])
    assert np.array_equal(found.ticks.trade_id, truth.trade_id)
    assert np.array_equal(found.ticks.qty, truth.qty)
