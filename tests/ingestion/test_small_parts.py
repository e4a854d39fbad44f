"""Backoff, budget and event clock: small rules that everything leans on."""

from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.types import Batch
from ingestion.backoff import delays
from ingestion.budget import MINUTE_MS, WEIGHT_PER_MINUTE, Budget
from ingestion.clock import (
    AHEAD_OF_OUR_CLOCK_MS,
    FASTEST_REPLAY,
    SLACK_MS,
    TIME_MOVED_AFTER_MS,
    EventClock,
)
from ingestion.tally import REPORT_EVERY_S, Complaints, Tally
from tests.ingestion.frames import records

# Backoff


@settings(deadline=None)
@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=12, max_size=12))
def test_waits_begin_anywhere_within_a_second_and_grow_to_the_cap(chances: list[float]) -> None:
    waits = list(islice(delays(uniform=iter(chances).__next__), 12))
    assert 0 <= waits[0] < 1
    assert all(0.75 * full <= wait <= full for wait, full in zip(waits[1:], [1, 2, 4, 8, 16, 32, 60, 60], strict=False))


@pytest.mark.parametrize(("first_s", "most_s", "factor"), [(0, 1, 2), (2, 1, 2), (1, 60, 0.5)])
def test_a_backoff_that_cannot_be_is_refused(first_s: float, most_s: float, factor: float) -> None:
    with pytest.raises(ValueError, match="needs"):
        next(delays(first_s, factor, most_s))


# Budget


def test_background_work_leaves_its_share_of_each_minute_to_others() -> None:
    budget = Budget()
    asked = 0
    while budget.wait_ms(20, 0.6, now_ms=1_000) == 0:
        budget.spend(20, now_ms=1_000)
        asked += 20
    assert asked == 0.6 * WEIGHT_PER_MINUTE
    assert budget.wait_ms(20, 0.6, now_ms=1_000) == MINUTE_MS - 1_000
    assert budget.wait_ms(20, 1.0, now_ms=1_000) == 0
    assert budget.wait_ms(20, 0.6, now_ms=MINUTE_MS) == 0


def test_what_others_at_the_same_address_use_counts_too() -> None:
    budget = Budget()
    budget.told(2_390, now_ms=5)
    assert budget.wait_ms(20, 1.0, now_ms=10) > 0
    budget.told(1, now_ms=20)  # an answer that was overtaken
    assert budget.wait_ms(20, 1.0, now_ms=30) > 0


def test_a_request_heavier_than_the_share_is_not_locked_out_for_ever() -> None:
    assert Budget(per_minute=10).wait_ms(40, 0.6, now_ms=0) == 0


# Event clock


@settings(deadline=None)
@given(st.lists(st.integers(0, 300), min_size=2, max_size=40), st.integers(1, 50))
def test_a_replay_at_any_sane_speed_is_always_believed(steps_ms: list[int], speed: int) -> None:
    clock, now_ms, event_ms = EventClock(), 1_790_000_000_000, 1_700_000_000_000
    for step_ms in steps_ms:
        now_ms += step_ms
        event_ms += step_ms * speed
        assert event_ms <= clock.limit(now_ms)
        clock.saw(event_ms, refused=False, now_ms=now_ms)


def test_an_absurd_date_is_refused_whatever_the_time() -> None:
    clock = EventClock()
    now_ms = 1_790_000_000_000
    assert clock.limit(now_ms) == now_ms + AHEAD_OF_OUR_CLOCK_MS
    clock.saw(now_ms - 10, refused=False, now_ms=now_ms)
    assert clock.limit(now_ms) == now_ms - 10 + SLACK_MS
    assert clock.limit(now_ms + 1_000) == now_ms - 10 + SLACK_MS + FASTEST_REPLAY * 1_000


def test_when_all_is_refused_for_long_the_time_itself_has_moved() -> None:
    clock = EventClock()
    clock.saw(1_000, refused=False, now_ms=1_000)
    clock.saw(0, refused=True, now_ms=2_000)
    clock.saw(0, refused=True, now_ms=2_000 + TIME_MOVED_AFTER_MS - 1)
    assert clock.newest_ms == 1_000
    clock.saw(0, refused=True, now_ms=2_000 + TIME_MOVED_AFTER_MS)
    assert clock.limit(now_ms=0) == AHEAD_OF_OUR_CLOCK_MS


def test_a_believed_event_ends_the_doubt() -> None:
    clock = EventClock()
    clock.saw(1_000, refused=False, now_ms=1_000)
    for now_ms in range(2_000, 60_000, 1_000):
        clock.saw(0, refused=True, now_ms=now_ms)
        clock.saw(now_ms, refused=False, now_ms=now_ms)
    assert clock.newest_ms == 59_000


# Tally


def test_the_first_batch_judges_its_dates_by_its_oldest() -> None:
    tally, now_ms = Tally(), 1_790_000_000_000
    asked: list[int] = []

    def parse(latest_ms: int) -> Batch:
        asked.append(latest_ms)
        times = [at for at in (now_ms, now_ms + 10, now_ms + 20 * 3_600_000) if at <= latest_ms]
        return Batch(records=(records(list(range(len(times))), ts_ms=times),), watermark_ms=max(times), frames=3)

    assert tally.read(parse, now_s=0.0, now_ms=now_ms).watermark_ms == now_ms + 10
    assert asked == [now_ms + AHEAD_OF_OUR_CLOCK_MS, now_ms + SLACK_MS]
    assert (tally.frames, tally.records) == (3, 2)


@pytest.mark.parametrize(
    ("ids", "times_ms", "believed"),
    [
        ([1, 2, 3], [5_000_000, 5_000_010, 5_000_020], True),  # a fast replay has passed over a silence
        ([1, 1, 1], [5_000_000, 5_000_000, 5_000_000], False),  # one absurd record, thrice
        ([1, 2], [5_000_000, 5_000_010], False),
        ([1, 2, 3], [5_000_000, 5_000_010, 50_000_000], False),  # they do not agree
        ([1, 2, 3, 4], [2_000, 5_000_000, 5_000_010, 5_000_020], False),  # time goes on as before
        ([1, 2, 3], [90_000_000, 90_000_010, 90_000_020], False),  # more than a day ahead of our clock
    ],
)
def test_a_jump_of_time_is_believed_when_several_records_and_nothing_else_tell_of_it(
    ids: list[int], times_ms: list[int], believed: bool
) -> None:
    tally = Tally()

    def arrive(ids: list[int], times_ms: list[int]) -> Batch:
        def parse(latest_ms: int) -> Batch:
            good = [(n, at) for n, at in zip(ids, times_ms, strict=True) if at <= latest_ms]
            late = len(ids) - len(good)
            found = (records([n for n, _ in good], ts_ms=[at for _, at in good]),) if good else ()
            newest = max((at for _, at in good), default=0)
            return Batch(records=found, watermark_ms=newest, rejected={"bad_time": late} if late else {})

        return tally.read(parse, now_s=0.0, now_ms=0)

    arrive([0], [1_000])
    assert (arrive(ids, times_ms).watermark_ms == max(times_ms)) is believed
    assert (tally.clock.newest_ms == max(times_ms)) is believed


def test_a_simulator_has_a_time_of_its_own() -> None:
    tally = Tally()
    times = [1_000, 50_000_000, 10 * AHEAD_OF_OUR_CLOCK_MS]  # over silences, and into what is the future to us

    def parse(latest_ms: int) -> Batch:
        good = [at for at in times if at <= latest_ms]
        return Batch(records=(records(good, ts_ms=good),), watermark_ms=max(good))

    for _ in range(2):  # the first batch, and any other
        assert tally.read(parse, now_s=0.0, now_ms=0, own_time=True).watermark_ms == times[-1]


def test_refused_frames_are_reported_at_a_limited_rate_and_the_usual_ones_never() -> None:
    tally = Tally()
    told = []
    for second in range(200):
        batch = Batch(frames=3, rejected={"malformed": 2, "not_market:NA": 1})
        tally.read(lambda latest_ms, batch=batch: batch, float(second), 0)  # type: ignore[misc]
        told.append(dict(tally.report(float(second))))
    lines = [(second, line) for second, line in enumerate(told) if line]
    assert all(line.keys() == {"malformed"} for _, line in lines)
    assert [b - a for (a, _), (b, _) in pairwise(lines)] == [REPORT_EVERY_S] * (len(lines) - 1)
    assert tally.rejected == {"malformed": 400, "not_market:NA": 200}


def test_a_server_that_complains_without_end_gets_a_line_a_minute_and_the_rest_is_counted() -> None:
    complaints = Complaints()
    assert complaints.line("Unknown property (code 0)", now_s=5.0) == "Unknown property (code 0)"
    assert [complaints.line("Invalid JSON (code 3)", now_s=5.0 + n / 100) for n in range(1_000)] == [""] * 1_000
    assert (
        complaints.line("Too many subscriptions (code 4)", now_s=5.0 + REPORT_EVERY_S)
        == "Too many subscriptions (code 4) (1000 more since the last line)"
    )
    assert complaints.line("Invalid JSON (code 3)", now_s=5.0 + 2 * REPORT_EVERY_S) == "Invalid JSON (code 3)"
