"""Silence is judged by each stream's own rate, and each remedy gets its time."""

import numpy as np
import pytest

from core.types import Batch, MarkPrice
from ingestion.pulse import Beat, Pulse
from ingestion.times import THE_EXCHANGE as TIMES
from ingestion.watchdog import Advice, Watchdog
from tests.ingestion.frames import records

BTC, THIN, MARK = ("BTCUSDT", "trade"), ("THINUSDT", "trade"), ("BTCUSDT", "markPrice")


def beat(arrived_s: float | None = None, rate: float = 0.0, memory_s: float = 0.0, since_s: float = 0.0) -> Beat:
    return Beat(since_s=since_s, arrived_s=arrived_s, rate_per_s=rate, weight_s=memory_s)


@pytest.mark.parametrize(
    ("expected", "learned", "limit_s"),
    [
        (None, None, TIMES.silent_unknown_s),
        (50.0, None, TIMES.silent_least_s),
        (0.5, None, 40.0),
        (0.001, None, TIMES.silent_most_s),
        (None, 0.5, 40.0),
        (50.0, 0.5, 40.0),  # quieter than usual
        (0.5, 50.0, 40.0),
    ],
)
def test_the_limit_follows_the_slower_of_what_is_expected_and_learned(
    expected: float | None, learned: float | None, limit_s: float
) -> None:
    dog = Watchdog()
    if expected is not None:
        dog.expect({BTC: expected})
    one = beat(rate=learned or 0.0, memory_s=600.0 if learned else 0.0)
    assert dog.limit_s(BTC, one) == limit_s


def test_a_silent_stream_is_asked_for_again_then_renewed_then_given_up() -> None:
    dog = Watchdog()
    dog.expect({BTC: 50.0, THIN: 0.01})
    beats = {BTC: beat(arrived_s=0.0), THIN: beat(arrived_s=0.0)}
    steps = [(second, dog.advise(beats, float(second))) for second in range(1, 60)]
    taken = [(second, advice) for second, advice in steps if advice != Advice()]
    assert taken == [(16, Advice(again=(BTC,))), (32, Advice(renew=(BTC,))), (48, Advice(given_up=(BTC,)))]


def test_a_record_ends_the_case() -> None:
    dog = Watchdog()
    dog.expect({BTC: 50.0})
    one = beat(arrived_s=0.0)
    assert dog.advise({BTC: one}, 16.0).again
    one.arrived_s = 20.0
    assert dog.advise({BTC: one}, 33.0) == Advice()
    assert dog.advise({BTC: one}, 36.0).again


def test_a_new_connection_gives_every_stream_its_time_again() -> None:
    dog = Watchdog()
    dog.expect({BTC: 50.0})
    one = beat(arrived_s=0.0)
    dog.advise({BTC: one}, 16.0)
    dog.advise({BTC: one}, 32.0)
    one.since_s = 40.0
    assert dog.advise({BTC: one}, 54.0) == Advice()
    assert dog.advise({BTC: one}, 56.0).again


def test_long_after_giving_up_all_is_tried_again() -> None:
    dog = Watchdog()
    dog.expect({BTC: 50.0})
    one = {BTC: beat(arrived_s=0.0)}
    for second in (16.0, 32.0, 48.0):
        dog.advise(one, second)
    assert dog.advise(one, 48.0 + TIMES.cycle_s) == Advice()
    dog.advise(one, 49.0 + TIMES.cycle_s)
    assert dog.advise(one, 50.0 + TIMES.cycle_s).again


def test_another_address_gets_its_time_before_the_stream_is_given_up() -> None:
    dog = Watchdog()
    dog.expect({BTC: 50.0})
    one = {BTC: beat(arrived_s=0.0)}
    for second in (16.0, 32.0, 48.0):
        dog.advise(one, second)
    dog.tried_elsewhere((BTC,), 50.0)
    assert dog.advise(one, 60.0) == Advice()
    assert dog.advise(one, 66.0).given_up == (BTC,)


def test_a_stream_that_never_spoke_counts_from_when_it_was_asked_for() -> None:
    dog = Watchdog()
    assert dog.silent({BTC: beat(since_s=100.0)}, 100.0 + TIMES.silent_unknown_s) == ()
    assert dog.silent({BTC: beat(since_s=100.0)}, 101.0 + TIMES.silent_unknown_s) == (BTC,)


# The pulse it feels


def batch(ids: list[int]) -> Batch:
    return Batch(records=(records(ids),), marks=(MarkPrice("BTCUSDT", 5, 1.0, 1.0, 0.0, 9),))


def test_the_pulse_learns_a_steady_rate() -> None:
    pulse = Pulse()
    pulse.watch([BTC, MARK], 0.0)
    for second in range(1, 301):
        pulse.take(batch([second * 10 + at for at in range(10)]), float(second))
    trades, marks = pulse.streams(300.0)
    assert trades.rate_per_s == pytest.approx(10.0, rel=0.05)
    assert marks.rate_per_s == pytest.approx(1.0, rel=0.05)
    assert (trades.last_id, trades.age_s, marks.kind, marks.last_event_ms) == (3009, 0.0, "markPrice", 5)


def test_silence_lowers_the_rate_shown_but_not_the_one_judged_by() -> None:
    pulse = Pulse()
    pulse.watch([BTC], 0.0)
    for second in range(1, 301):
        pulse.take(batch([second]), float(second))
    judged = pulse.beats[BTC].rate_per_s
    shown = pulse.streams(900.0)[0]
    assert shown.rate_per_s < judged / 2
    assert shown.age_s == 600.0
    assert pulse.beats[BTC].rate_per_s == judged


def test_streams_nobody_asked_for_are_not_watched() -> None:
    pulse = Pulse()
    pulse.watch([THIN], 0.0)
    pulse.take(batch([1]), 1.0)
    assert [stream.symbol for stream in pulse.streams(1.0)] == ["THINUSDT"]
    assert pulse.streams(1.0)[0].age_s is None
    assert np.isclose(pulse.streams(1.0)[0].rate_per_s, 0.0)
