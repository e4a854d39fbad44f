"""A run is made off the screen's thread, step by step, and can be cancelled; its candles and funding are the desk's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from analytics.costs import Funding
from analytics.params import Params
from analytics.trial import Trial, TrialAsk
from core.clock import DAY_MS
from core.errors import PairsightError
from core.types import Candles, Ints
from desk.trials import WAITING, Trials, rates_of, steps, stored
from tests.analytics.pairs import START_MS, candles, cointegrated

MIN = 60_000
PARAMS = Params(fit_bars=60, z_bars=20, fee_bps=1.0)
ASK = TrialAsk("YUSDT", "XUSDT", PARAMS, redraws=2, settled=False)
NONE: Ints = np.empty(0, np.int64)


def legs(n: int = 900) -> tuple[Candles, Candles]:
    y, x = cointegrated(np.random.default_rng(4), n)
    return candles("YUSDT", y), candles("XUSDT", x)


def no_funding(symbol: str, from_ms: int, to_ms: int) -> list[tuple[int, float]]:
    raise AssertionError("nobody asked for it")


def run(ask: TrialAsk, n: int = 900) -> list[Trial]:
    return list(steps(ask, 0, lambda ask, from_ms: (*legs(n), NONE), no_funding))


def test_the_run_comes_first_then_luck_then_neighbours() -> None:
    seen = run(ASK)
    assert [t.stage for t in seen[:3]] == ["reading", "funding", "running"]
    assert seen[2].run is not None
    assert (seen[3].drawn, seen[3].variants, seen[3].null) == (seen[-1].drawn[:1], (), None)
    last = seen[-1]
    assert (last.stage, last.done_steps) == ("done", last.steps)
    assert last.null is not None
    assert last.tried is not None
    assert last.variants[0].summary == last.run.summary  # type: ignore[union-attr]
    assert last.banner is not None


def test_the_same_question_has_the_same_answer() -> None:
    one, other = run(ASK)[-1], run(ASK)[-1]
    assert one.drawn == other.drawn
    assert [v.summary for v in one.variants] == [v.summary for v in other.variants]


def test_too_few_candles_end_it_after_the_run() -> None:
    last = run(ASK, 70)[-1]
    assert (last.stage, last.drawn) == ("done", ())
    assert last.banner is not None
    assert last.banner.tone == "untested"


def test_what_is_not_stored_is_said() -> None:
    nothing = (legs()[0], Candles.empty("XUSDT", 60), NONE)
    last = list(steps(ASK, 0, lambda ask, from_ms: nothing, no_funding))[-1]
    assert (last.stage, last.problem) == ("failed", "No candles of XUSDT are stored for this time: fetch them.")


def test_days_are_counted_back_from_now_and_files_are_taken_as_they_are() -> None:
    asked: list[int] = []

    def read(ask: TrialAsk, from_ms: int) -> tuple[Candles, Candles, Ints]:
        asked.append(from_ms)
        return (*legs(), NONE)

    next(s for s in steps(ASK, START_MS, read, no_funding) if s.run is not None)
    assert asked == [START_MS - 30 * DAY_MS]
    given = replace(ASK, legs=legs())
    assert next(s for s in steps(given, 0, read, no_funding) if s.run is not None).run is not None
    assert len(asked) == 1


def test_funding_is_what_was_settled_a_day_before_the_first_candle_too() -> None:
    asked = []

    def settled(symbol: str, from_ms: int, to_ms: int) -> list[tuple[int, float]]:
        asked.append((symbol, from_ms, to_ms))
        return [(START_MS - 3_600_000, 1e-4), (START_MS + 3_600_000, 2e-4), (START_MS + 3 * 3_600_000, 3e-4)]

    ask = replace(ASK, settled=True)
    now = next(s for s in steps(ask, 0, lambda ask, from_ms: (*legs(), NONE), settled) if s.run is not None)
    assert asked == [(s, START_MS - DAY_MS, START_MS + 900 * MIN) for s in ("YUSDT", "XUSDT")]
    assert now.run is not None
    assert now.run.frictions.funding_y.rate.tolist() == [1e-4, 2e-4, 3e-4]
    assert now.run.frictions.funding_y.settle_ms[0] == START_MS - 3_600_000
    assert "3 and 3 settlements" in now.funding_note


def test_funding_that_cannot_be_had_is_not_taken_for_none() -> None:
    with pytest.raises(PairsightError, match="assume a rate instead"):
        list(steps(replace(ASK, settled=True), 0, lambda ask, from_ms: (*legs(), NONE), lambda *it: []))


def test_an_assumed_rate_is_known_from_the_first_look_on() -> None:
    last = next(s for s in run(replace(ASK, funding_rate=1e-4)) if s.run is not None)
    assert last.run is not None
    assert last.run.frictions.funding_x.settle_ms[0] <= START_MS
    assert last.funding_note == "Funding assumed: 0.0100% every 8 h, on both legs."
    assert len(next(s for s in run(replace(ASK, funding_rate=0.0)) if s.run).run.frictions.funding_y.rate) == 0  # type: ignore[union-attr]


def test_hours_that_change_later_are_not_known_before() -> None:
    hour_ms = 3_600_000
    usual = [(i * 8 * hour_ms, 1e-4) for i in range(3)]
    later = [(usual[-1][0] + i * hour_ms, 1e-4) for i in range(1, 50)]
    for rows in (usual, usual + later):
        assert rates_of(rows).known_at(8 * hour_ms + 1) == Funding(1e-4, 8.0, 16 * hour_ms)
    assert rates_of(usual[1:]).known_at(8 * hour_ms + 1) == Funding(1e-4, 8.0, 16 * hour_ms)  # one alone: as usual


def test_candles_that_should_be_there_are_known_to_be_missing() -> None:
    y, x = legs(100)

    class Store:
        def candles(self, symbol: str, timeframe_s: int, *, from_ms: int | None = None) -> Candles:
            leg = y if symbol == "YUSDT" else x
            return leg.take(np.arange(100) != 50)

    def holes(symbol: str, timeframe_s: int, from_ms: int) -> Ints:
        return y.open_ms[[49, 50]]

    assert stored(Store(), holes, ASK, 0)[2].tolist() == [int(y.open_ms[50])]


class Made:
    """Steps that wait to be let on."""

    def __init__(self) -> None:
        self.go_on, self.at = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, ask: TrialAsk) -> Iterator[Trial]:
        for i in range(5):
            self.at.release()
            self.go_on.acquire()
            yield Trial(ask, "running", funding_note=str(i))
        yield Trial(ask, "done")


def finished(trials: Trials) -> None:
    thread = trials._thread
    if thread is not None:
        thread.join(60)
        assert not thread.is_alive()


def test_a_run_is_watched_and_asked_for_twice_runs_once() -> None:
    made = Made()
    trials = Trials(made)
    assert trials.of(ASK) is None
    trials.start(ASK)
    trials.start(ASK)
    made.at.acquire()
    made.go_on.release()
    made.at.acquire()
    now = trials.of(ASK)
    assert now is not None
    assert now.funding_note == "0"
    made.go_on.release(4)
    finished(trials)
    now = trials.of(ASK)
    assert now is not None
    assert now.stage == "done"


def test_cancelled_it_stops_after_the_step_and_keeps_it() -> None:
    made = Made()
    trials = Trials(made)
    trials.start(ASK)
    made.at.acquire()
    trials.cancel(ASK)
    made.go_on.release()
    finished(trials)
    now = trials.of(ASK)
    assert now is not None
    assert (now.stage, now.funding_note) == ("cancelled", "0")
    made.go_on.release(5)
    trials.start(ASK)  # and can be asked for again
    finished(trials)
    assert trials.of(ASK).stage == "done"  # type: ignore[union-attr]


def test_one_that_waits_is_cancelled_at_once() -> None:
    made = Made()
    trials = Trials(made)
    other = replace(ASK, days=7)
    trials.start(ASK)
    made.at.acquire()
    trials.start(other)
    trials.cancel(other)
    now = trials.of(other)
    assert now is not None
    assert now.stage == "cancelled"
    made.go_on.release(5)
    finished(trials)
    assert trials.of(ASK).stage == "done"  # type: ignore[union-attr]
    assert trials.of(other).stage == "cancelled"  # type: ignore[union-attr]


def test_only_so_many_wait() -> None:
    made = Made()
    trials = Trials(made)
    asks = [replace(ASK, days=days) for days in range(1, WAITING + 2)]
    for ask in asks[:-1]:
        trials.start(ask)
    with pytest.raises(PairsightError, match="cancel one"):
        trials.start(asks[-1])
    trials.start(asks[0])  # which waits or runs already
    trials.cancel(asks[1])
    trials.start(asks[-1])
    made.go_on.release(5 * WAITING)
    finished(trials)


@pytest.mark.parametrize("error", [ValueError("opens of YUSDT must be finite"), PairsightError("Not to be had.")])
def test_a_run_that_cannot_be_made_says_why(error: Exception) -> None:
    def fail(ask: TrialAsk) -> Iterator[Trial]:
        yield Trial(ask, "reading")
        raise error

    trials = Trials(fail)
    trials.start(ASK)
    finished(trials)
    now = trials.of(ASK)
    assert now is not None
    assert (now.stage, now.problem) == ("failed", str(error))


def test_only_the_newest_few_are_kept() -> None:
    trials = Trials(lambda ask: iter([Trial(ask, "done")]))
    asks = [replace(ASK, days=days) for days in range(1, 7)]
    for ask in asks:
        trials.start(ask)
        finished(trials)
    assert [trials.of(ask) is not None for ask in asks] == [False, False, False, False, True, True]


def test_of_many_that_waited_only_the_newest_few_are_kept() -> None:
    made = Made()
    trials = Trials(made)
    asks = [replace(ASK, days=days) for days in range(1, WAITING + 1)]
    for ask in asks:
        trials.start(ask)
    made.go_on.release(5 * WAITING)
    finished(trials)
    assert [trials.of(ask) is not None for ask in asks] == [False] * (WAITING - 2) + [True, True]


def test_asked_for_again_while_its_cancelled_run_ends_it_is_run_anew() -> None:
    made = Made()
    trials = Trials(made)
    trials.start(ASK)
    made.at.acquire()
    made.go_on.release()
    made.at.acquire()  # its first step is told, the second being made
    trials.cancel(ASK)
    trials.start(ASK)
    made.go_on.release(6)  # one more step of the cancelled run, five of the new one
    finished(trials)
    assert trials.of(ASK).stage == "done"  # type: ignore[union-attr]


def test_closed_it_takes_no_more() -> None:
    trials = Trials(lambda ask: iter([Trial(ask, "done")]))
    trials.close()
    trials.start(ASK)
    assert trials.of(ASK) is None


def test_after_a_change_of_source_nothing_is_left_and_the_same_question_is_run_anew() -> None:
    made = Made()
    trials = Trials(made)
    trials.start(ASK)
    made.at.acquire()
    trials.forget()
    assert trials.of(ASK) is None
    trials.start(ASK)
    made.go_on.release(6)  # one step of the old run, five of the new one
    finished(trials)
    now = trials.of(ASK)
    assert now is not None
    assert now.stage == "done"


def test_the_time_left_is_reckoned_from_the_steps_after_the_run() -> None:
    ticks = iter(range(0, 10_000, 10))
    seen: list[Trial] = []
    whole = run(ASK)

    def slowly(ask: TrialAsk) -> Iterator[Trial]:
        for now in whole:
            yield now
            seen.append(trials.of(ask))  # type: ignore[arg-type]

    trials = Trials(slowly, monotonic=lambda: float(next(ticks)))
    trials.start(ASK)
    finished(trials)
    known = [t.left_s for t in seen if t.run is not None]
    assert known[0] is None
    assert all(left is not None and left > 0 for left in known[1:-2])
    assert trials.of(ASK).left_s is None  # type: ignore[union-attr]
