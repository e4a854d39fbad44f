"""Ids in, gaps out: nothing is lost silently, nothing is counted twice, no garbage poisons a symbol."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.types import Gap, Records
from ingestion.continuity import AHEAD, HOLD_RECORDS, NEWER_MS, Continuity, Taken
from ingestion.times import THE_EXCHANGE as TIMES
from tests.ingestion.frames import records


@dataclass
class Desk:
    """Takes what continuity says at its word, as the desk does."""

    continuity: Continuity
    ids: list[int] = field(default_factory=list)
    fillers: list[int] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    healed: list[Gap] = field(default_factory=list)
    duplicates: int = 0
    implausible: int = 0
    pending: bool = False

    def take(self, found: Records | list[int], now_s: float = 0.0) -> Taken:
        taken = self.continuity.take(records(found) if isinstance(found, list) else found, now_s)
        self.ids += taken.records.record_id.tolist()
        self.fillers += [] if taken.fillers is None else taken.fillers.record_id.tolist()
        self.gaps += taken.gaps
        self.healed += taken.healed
        self.duplicates += taken.duplicates
        self.implausible += taken.implausible
        self.pending = taken.pending
        return taken

    def missing(self) -> set[int]:
        """Ids inside declared gaps that no filler has brought."""
        inside = {i for gap in self.gaps for i in range((gap.after_id or 0) + 1, gap.before_id or 0)}
        return inside - set(self.fillers)


@pytest.fixture
def desk() -> Desk:
    return Desk(Continuity("BTCUSDT"))


def bounds(gaps: list[Gap]) -> list[tuple[int | None, int | None]]:
    return [(gap.after_id, gap.before_id) for gap in gaps]


def test_the_first_record_is_the_beginning_and_no_gap(desk: Desk) -> None:
    desk.take([1000, 1001])
    desk.take([1002])
    assert (desk.ids, desk.gaps, desk.pending) == ([1000, 1001, 1002], [], False)


def test_a_record_that_is_only_late_heals_without_a_gap(desk: Desk) -> None:
    desk.take([1, 2])
    desk.take([4, 5], now_s=0.1)
    assert desk.pending
    desk.take([3], now_s=0.9)
    assert (desk.ids, desk.gaps, desk.pending) == ([1, 2, 3, 4, 5], [], False)


def test_a_missing_record_is_a_gap_once_the_others_have_waited(desk: Desk) -> None:
    desk.take(records([1, 2], ts_ms=[10, 20]))
    desk.take(records([4, 5], ts_ms=[40, 50]), now_s=0.1)
    assert not desk.gaps
    desk.take([], now_s=0.1 + TIMES.hold_s)
    assert desk.gaps == [Gap("BTCUSDT", after_id=2, before_id=4, from_ms=20, to_ms=40)]
    assert (desk.ids, desk.pending) == ([1, 2, 4, 5], False)


def test_a_record_ahead_of_a_stream_that_goes_on_is_never_released(desk: Desk) -> None:
    desk.take([1])
    desk.take([5_000], now_s=0.1)
    for step in range(60):
        desk.take([2 + step], now_s=0.2 + 0.2 * step)
    assert (desk.ids, desk.gaps, desk.implausible) == (list(range(1, 62)), [], 1)
    assert TIMES.give_up_s < 0.2 * 60
    assert not desk.pending


def test_a_latecomer_with_a_time_outside_its_gap_points_to_the_candle_it_belongs_to(desk: Desk) -> None:
    desk.take(records([1, 4], ts_ms=[1_000, 2_000]))
    desk.take([], now_s=2.0)
    desk.take(records([2, 3], ts_ms=[1_500, 4_000]), now_s=3.0)
    assert desk.fillers == [2, 3]
    assert desk.gaps[1:] == [Gap("BTCUSDT", after_id=2, before_id=4, from_ms=4_000, to_ms=4_000)]


def test_only_what_has_waited_long_enough_is_released(desk: Desk) -> None:
    desk.take([1])
    desk.take([3], now_s=0.0)
    desk.take([5], now_s=0.5)
    desk.take([], now_s=1.0)
    assert (desk.ids, bounds(desk.gaps), desk.pending) == ([1, 3], [(1, 3)], True)
    desk.take([4], now_s=1.1)
    assert (desk.ids, bounds(desk.gaps), desk.pending) == ([1, 3, 4, 5], [(1, 3)], False)


def test_a_flood_behind_a_hole_does_not_wait_beyond_the_bound(desk: Desk) -> None:
    desk.take([1])
    desk.take(list(range(3, 4 + HOLD_RECORDS)))
    assert bounds(desk.gaps) == [(1, 3)]
    assert len(desk.ids) == HOLD_RECORDS + 2


def test_a_busy_stream_loses_only_what_was_lost(desk: Desk) -> None:
    lost = {5, 20_000, 20_001, 55_000}
    stream = [i for i in range(1, 70_000) if i not in lost]
    for at in range(0, len(stream), 700):
        desk.take(stream[at : at + 700], now_s=at / 70_000)
    desk.take([], now_s=3.0)
    assert desk.ids == stream
    assert (desk.missing(), desk.implausible, desk.pending) == (lost, 0, False)


def test_duplicates_are_dropped_and_counted(desk: Desk) -> None:
    desk.take([5, 6, 7])
    desk.take([6, 7, 8])
    desk.take([8, 8, 9, 9])
    assert (desk.ids, desk.duplicates, desk.gaps) == ([5, 6, 7, 8, 9], 5, [])


def test_a_latecomer_into_a_declared_gap_comes_out_apart_and_heals_it(desk: Desk) -> None:
    desk.take([1, 2, 6])
    desk.take([], now_s=2.0)
    desk.take([4], now_s=3.0)
    assert (desk.fillers, desk.healed) == ([4], [])
    desk.take([5, 3, 4, 7], now_s=4.0)
    assert (desk.fillers, desk.ids, desk.duplicates) == ([4, 3, 5], [1, 2, 6, 7], 1)
    assert bounds(desk.healed) == [(2, 6)]


def test_times_that_step_back_still_bound_the_gap(desk: Desk) -> None:
    desk.take(records([1], ts_ms=[500]))
    desk.take(records([3], ts_ms=[400]), now_s=0.1)
    desk.take([], now_s=2.0)
    assert (desk.gaps[0].from_ms, desk.gaps[0].to_ms) == (400, 500)


# Starting again


def test_what_was_lost_while_down_is_a_gap(desk: Desk) -> None:
    desk.continuity.resume(after_id=100, after_ms=1_000)
    desk.take(records([98, 99, 100, 205, 206], ts_ms=[1, 2, 1_000, 9_000, 9_001]))
    desk.take([], now_s=2.0)
    assert desk.gaps == [Gap("BTCUSDT", after_id=100, before_id=205, from_ms=1_000, to_ms=9_000)]
    assert (desk.ids, desk.duplicates) == ([205, 206], 3)


def test_resuming_without_a_loss_is_seamless(desk: Desk) -> None:
    desk.continuity.resume(after_id=100, after_ms=1_000)
    desk.take([99, 100, 101, 102])
    assert (desk.ids, desk.gaps, desk.pending) == ([101, 102], [], False)


def test_after_weeks_away_the_first_records_are_believed(desk: Desk) -> None:
    desk.continuity.resume(after_id=100, after_ms=1_000)
    far = 100 + 3_000 * AHEAD
    desk.take([far, far + 1])
    desk.take([], now_s=2.0)
    assert (desk.ids, bounds(desk.gaps)) == ([far, far + 1], [(100, far)])


def test_garbage_among_the_first_records_does_not_set_the_place(desk: Desk) -> None:
    desk.take([7, 8, 2**62, 9])
    assert (desk.ids, desk.implausible, desk.gaps) == ([7, 8, 9], 1, [])


def aggregates(numbers: list[int], spans: list[tuple[int, int]]) -> Records:
    found = records(numbers, "aggTrade")
    first, last = (np.array(side, np.int64) for side in zip(*spans, strict=True))
    return Records(
        found.symbol, found.record_id, last, first, last, last, found.price, found.qty,
        found.buyer_is_maker, found.priced, "aggTrade",
    )  # fmt: skip


def test_aggregates_count_by_their_own_ids_and_gaps_speak_of_trades() -> None:
    desk = Desk(Continuity("BTCUSDT", "aggTrade"))
    desk.take(aggregates([1, 2], [(100, 104), (106, 106)]))  # 105 was no fill: not a gap
    desk.take(aggregates([4], [(120, 121)]))
    desk.take(Records.empty("BTCUSDT", "aggTrade"), now_s=2.0)
    assert (desk.ids, bounds(desk.gaps)) == ([1, 2, 4], [(106, 120)])
    desk.take(aggregates([3], [(107, 119)]), now_s=3.0)
    assert (desk.fillers, bounds(desk.healed)) == ([3], [(106, 120)])


def test_aggregates_resume_after_a_stored_trade_and_a_straddling_one_is_left_to_repair() -> None:
    desk = Desk(Continuity("BTCUSDT", "aggTrade"))
    desk.continuity.resume(after_id=110, after_ms=110)
    desk.take(aggregates([6, 7, 8, 9], [(101, 105), (106, 112), (113, 113), (114, 120)]))
    assert (desk.ids, bounds(desk.gaps), desk.duplicates) == ([8, 9], [(110, 113)], 2)


def test_aggregates_that_follow_the_stored_trade_directly_leave_no_gap() -> None:
    desk = Desk(Continuity("BTCUSDT", "aggTrade"))
    desk.continuity.resume(after_id=110, after_ms=110)
    desk.take(aggregates([7, 8], [(106, 110), (111, 113)]))
    assert (desk.ids, desk.gaps) == ([8], [])


# Garbage, and worlds that really change


def test_one_absurd_id_is_forgotten_as_soon_as_a_fitting_record_comes(desk: Desk) -> None:
    desk.take([1, 2])
    desk.take([2**61], now_s=0.1)
    assert desk.pending
    desk.take([3], now_s=0.2)
    desk.take([4], now_s=9.0)
    assert (desk.ids, desk.gaps, desk.implausible, desk.pending) == ([1, 2, 3, 4], [], 1, False)


def test_a_stranger_alone_never_moves_the_symbol_and_stops_holding_it_up(desk: Desk) -> None:
    desk.take([1, 2])
    desk.take([2**61], now_s=0.0)
    assert desk.take([], now_s=60.0).pending is False
    desk.take([3], now_s=61.0)
    assert (desk.ids, desk.gaps) == ([1, 2, 3], [])


def test_a_jump_that_several_records_confirm_is_followed(desk: Desk) -> None:
    desk.take([1, 2])
    far = 2 * AHEAD
    for step in range(3):
        desk.take([far + step], now_s=0.1 * step)
    desk.take([], now_s=TIMES.hold_s)
    desk.take([far + 3], now_s=TIMES.hold_s + 0.1)
    assert (desk.ids, bounds(desk.gaps)) == ([1, 2, far, far + 1, far + 2, far + 3], [(2, far)])


def test_a_relisted_symbol_that_counts_anew_is_followed(desk: Desk) -> None:
    desk.take(records([10**9], ts_ms=[1_000]))
    later = 1_000 + NEWER_MS + 1
    for step in range(4):
        desk.take(records([1 + step], ts_ms=[later + step]), now_s=0.1 * step)
    desk.take([], now_s=TIMES.hold_s)
    assert (desk.ids, bounds(desk.gaps)) == ([10**9, 1, 2, 3, 4], [(None, 1)])
    desk.take(records([5, 6], ts_ms=[later + 9, later + 9]), now_s=2.0)
    assert desk.ids[-2:] == [5, 6]
    assert not desk.pending


def test_old_records_sent_again_are_duplicates_and_no_restart(desk: Desk) -> None:
    desk.take(records(list(range(100)), ts_ms=[1_000 * i for i in range(100)]))
    for step in range(5):
        desk.take(records([step, step + 1], ts_ms=[1_000 * step, 1_000 * step + 1_000]), now_s=float(step))
    assert (len(desk.ids), desk.duplicates, desk.gaps) == (100, 10, [])


# Properties


@st.composite
def arrivals(draw: st.DrawFn) -> list[list[int]]:
    """Batches of a stream 1…n that was cut, doubled and shuffled; the first and last record arrive in place."""
    n = draw(st.integers(2, 60))
    lost = draw(st.sets(st.integers(2, n - 1)) if n > 2 else st.just(set()))
    ids = [i for i in range(1, n + 1) if i not in lost]
    again = draw(st.lists(st.tuples(st.integers(0, len(ids) - 1), st.integers(0, 20)), max_size=10))
    order = [(float(at), i) for at, i in enumerate(ids)]
    order += [(float(at + late) + 0.5, ids[at]) for at, late in again]
    late = draw(st.lists(st.integers(0, 25), min_size=len(order), max_size=len(order)))
    order = [(at + (0 if i in (1, n) else delay), i) for (at, i), delay in zip(order, late, strict=True)]
    stream = [1, *(i for _, i in sorted(order) if i not in (1, n)), n]
    cuts = sorted(draw(st.sets(st.integers(0, len(stream)), max_size=8)) | {0, len(stream)})
    return [stream[a:b] for a, b in pairwise(cuts)]


@settings(max_examples=300, deadline=None)
@given(arrivals(), st.lists(st.floats(0, 2.0), min_size=10, max_size=10))
def test_whatever_happens_records_fillers_and_gaps_partition_the_ids(
    batches: list[list[int]], pauses: list[float]
) -> None:
    desk = Desk(Continuity("BTCUSDT"))
    now_s = 0.0
    for batch, pause_s in zip(batches, pauses, strict=False):
        desk.take(batch, now_s)
        now_s += pause_s
    desk.take([], now_s + 2 * TIMES.hold_s)
    sent = [i for batch in batches for i in batch]
    assert desk.ids == sorted(set(desk.ids)), "ids come out in strictly increasing order"
    assert len(desk.fillers) == len(set(desk.fillers))
    assert not set(desk.ids) & set(desk.fillers)
    given_up = set(sent) - set(desk.ids) - set(desk.fillers)
    assert len(given_up) == desk.implausible, "nothing that arrived is lost without being counted"
    assert given_up <= desk.missing(), "and without being asked for again"
    assert set(desk.ids) | set(desk.fillers) | desk.missing() == set(range(1, max(sent) + 1))
    assert set(sent) & desk.missing() == given_up, "what is called missing did not arrive"
    assert desk.duplicates == len(sent) - len(set(sent))
    for gap in desk.healed:
        assert not desk.missing() & set(range((gap.after_id or 0) + 1, gap.before_id or 0))
    assert not desk.pending


@settings(max_examples=200, deadline=None)
@given(arrivals(), st.lists(st.floats(0, 0.09), min_size=10, max_size=10))
def test_short_reordering_leaves_no_trace(batches: list[list[int]], pauses: list[float]) -> None:
    complete = sorted({i for batch in batches for i in batch})
    dense = {real: at + 1 for at, real in enumerate(complete)}
    desk = Desk(Continuity("BTCUSDT"))
    now_s = 0.0
    for batch, pause_s in zip(batches, pauses, strict=False):
        desk.take([dense[i] for i in batch], now_s)
        now_s += pause_s
    assert desk.ids == list(range(1, len(complete) + 1))
    assert (desk.gaps, desk.fillers, desk.pending) == ([], [], False)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.integers(1, 2**53) | st.integers(10**9 - 300, 10**9 + 250), max_size=5), st.floats(0, 3)),
        max_size=12,
    ),
    st.floats(0.01, 30.0),
)
def test_no_ids_make_it_raise_and_a_sane_stream_gets_through_in_the_end(
    garbage: list[tuple[list[int], float]], every_s: float
) -> None:
    continuity = Continuity("BTCUSDT")
    now_s = 0.0
    for ids, pause_s in garbage:
        continuity.take(records(ids, ts_ms=[0] * len(ids)), now_s)
        now_s += pause_s
    newest, pending = 0, True
    for step in range(300):
        now_s += every_s
        found = records([10**9 + step], ts_ms=[10**9 + int(1_000 * every_s * step)])
        taken = continuity.take(found, now_s)
        newest = int(taken.records.record_id[-1]) if len(taken.records) else newest
        pending = taken.pending
    assert newest == 10**9 + 299
    assert not pending
