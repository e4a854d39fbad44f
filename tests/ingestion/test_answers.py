"""What one answer of the exchange shows is not asked for twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.types import Gap, Records
from ingestion.answers import MOST_CALLS, PAGE, Answers
from tests.ingestion.tape import Row, Tape


def busy(rows: int, every_ms: int = 40) -> Tape:
    """A symbol of which each record is an aggregate of its own, and of which REST has no single trades left."""
    return Tape([Row(1 + at, at * every_ms, 10.0 + at % 7, 1.0, False, True) for at in range(rows)], newest=1)


def test_many_small_gaps_of_a_symbol_are_one_request() -> None:
    exchange = busy(900)
    answers = Answers(exchange)
    for after in range(10, 800, 20):
        gap = exchange.gap(after, after + 10)
        rows = answers.aggregates(gap, gap.after_id or 0, gap.before_id or 0)
        assert rows is not None
        assert rows.first_id[0] == gap.after_id
        assert rows.trade_id[-1] == gap.before_id
    assert exchange.asked == ["aggTrades"]


def test_many_small_gaps_within_the_newest_trades_are_one_request() -> None:
    exchange = replace(busy(900), newest=PAGE)
    answers = Answers(exchange)
    for after in range(700, 800, 10):
        gap = exchange.gap(after, after + 5)
        found = answers.singles("BTCUSDT", gap.after_id or 0, gap.before_id or 0)
        assert found is not None
        assert (len(found[0]), found[1]) == (4, after + 2)
    assert exchange.asked == ["trades"]


def test_newer_trades_than_the_answer_has_are_asked_for_again_and_older_ones_are_not() -> None:
    exchange = replace(busy(50), newest=10)
    answers = Answers(exchange)
    assert answers.singles("BTCUSDT", 45, 48) is not None
    exchange.rows.extend(busy(60).rows[50:])
    assert answers.singles("BTCUSDT", 52, 58) is not None
    assert answers.singles("BTCUSDT", 30, 40) is None
    assert exchange.asked == ["trades", "trades"]


def test_where_only_the_end_of_a_gap_is_among_the_newest_trades_it_says_from_which_id_on() -> None:
    found = Answers(replace(busy(50), newest=10)).singles("BTCUSDT", 20, 48)
    assert found is not None
    assert (found[0].trade_id.tolist(), found[1]) == ([41, 42, 43, 44, 45, 46, 47], 41)


def test_a_gap_that_the_first_answer_ends_in_is_followed_on_from_there() -> None:
    exchange = busy(3_000)
    answers = Answers(exchange)
    first, second = exchange.gap(50, 60), exchange.gap(900, 2_500)
    assert answers.aggregates(first, 51, 61) is not None
    found = answers.aggregates(second, 901, 2_501)
    assert found is not None
    assert np.array_equal(found.record_id, np.arange(901, 2_502))
    assert len(exchange.asked) == 3


def test_answers_that_overlap_are_joined_without_doubles() -> None:
    class Overlapping(Tape):
        def agg_trades(self, symbol: str, **asked: int | None) -> Records:
            if asked.get("from_id"):
                asked = {**asked, "from_id": (asked["from_id"] or 0) - 3}
            return super().agg_trades(symbol, **asked)  # type: ignore[arg-type]

    exchange = Overlapping(busy(3_000).rows, newest=1)
    found = Answers(exchange).aggregates(exchange.gap(50, 2_500), 51, 2_501)
    assert found is not None
    assert np.array_equal(found.record_id, np.arange(51, 2_502))


def test_a_gap_at_the_very_beginning_has_its_first_aggregate_for_a_neighbour() -> None:
    class FromZero(Tape):
        def aggregates(self) -> Records:
            rows = super().aggregates()
            return replace(rows, record_id=rows.record_id - 1)

    later = [Row(n, 5_000 + n, 2.0 + n, 1.0, maker=False) for n in range(2, 9)]  # 1 was no trade
    exchange = FromZero([Row(0, 0, 1.0, 1.0, maker=False), *later], newest=1)
    found = Answers(exchange).aggregates(Gap("BTCUSDT", 0, 5, 5_000, 5_005), 0, 5)
    assert found is not None
    assert found.record_id[0] == 0


def test_an_aggregate_that_was_still_growing_is_read_again() -> None:
    class Growing(Tape):
        grown = False

        def agg_trades(self, symbol: str, **asked: int | None) -> Records:
            rows = super().agg_trades(symbol, **asked)  # type: ignore[arg-type]
            return rows if self.grown else rows.take(rows.trade_id < 60)

        def aggregates(self) -> Records:
            rows = super().aggregates()
            return rows if self.grown else replace(rows, qty=np.where(rows.trade_id == 59, 0.5, rows.qty))

    exchange = Growing(busy(100).rows, newest=1)
    answers = Answers(exchange)
    assert answers.aggregates(exchange.gap(39, 69), 40, 70) is None
    exchange.grown = True
    found = answers.aggregates(exchange.gap(39, 69), 40, 70)
    assert found is not None
    assert found.qty[found.trade_id == 59].tolist() == [1.0]


def test_for_one_gap_no_more_is_asked_than_half_a_minutes_weight() -> None:
    class Endless(Tape):
        def agg_trades(self, symbol: str, **asked: int | None) -> Records:
            return super().agg_trades(symbol, **{**asked, "limit": 2})  # type: ignore[arg-type]

    exchange = Endless(busy(500).rows, newest=1)
    gap = Gap("BTCUSDT", 1, 490, 0, 20_000)
    assert Answers(exchange).aggregates(gap, 1, 490) is None
    assert len(exchange.asked) <= MOST_CALLS
