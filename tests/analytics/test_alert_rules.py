"""When a rule speaks: once an excursion, again only after it is over, and never twice for the same thing seen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analytics.alert_rules import Regime, RuleState, Seen, first_state, held_until_ms, regime_of, step
from core.alerts import AlertKind, AlertRule
from core.journal import JournalRow

BAR_MS = 60_000
Z_RULE = AlertRule("z", level=2.0, rearm=1.0)
zs = st.lists(st.one_of(st.floats(-4, 4), st.just(nan)), max_size=200)


def run(rule: AlertRule, things: Iterable[Seen], state: RuleState | None = None) -> tuple[RuleState, list[int]]:
    """The times at which it spoke."""
    state, spoke = state or first_state(rule), []
    for seen in things:
        state, speaks = step(rule, state, seen)
        spoke += [seen.at_ms] if speaks else []
    return state, spoke


def of_z(values: Sequence[float]) -> list[Seen]:
    return [Seen(BAR_MS * (i + 1), z=z) for i, z in enumerate(values)]


def of_verdicts(*verdicts: str) -> list[Seen]:
    return [Seen(BAR_MS * (i + 1), verdict=v) for i, v in enumerate(verdicts)]


def excursions(values: Sequence[float]) -> list[int]:
    """Where |z| first reaches 2 after having been below 1, or on the other side, since the last time; by hand."""
    starts, known = [], [(i, z) for i, z in enumerate(values) if not isnan(z)]
    while known:
        at = next((k for k, (_, z) in enumerate(known) if abs(z) >= 2), None)
        if at is None:
            break
        i, high = known[at]
        starts.append(BAR_MS * (i + 1))
        over = next((k for k, (_, z) in enumerate(known) if k > at and (abs(z) < 1 or z * high < 0)), len(known))
        known = known[over:]
    return starts


@given(zs)
def test_a_level_speaks_once_an_excursion(values: list[float]) -> None:
    assert run(Z_RULE, of_z(values))[1] == excursions(values)


def test_a_thousand_crossings_of_a_noisy_z_are_one_alert_an_excursion() -> None:
    rng = np.random.default_rng(11)
    excursion = 2.0 + rng.normal(0, 0.25, 4_000)  # hovers about the level and never comes back below 1
    calm = rng.normal(0, 0.2, 50)
    values = np.concatenate([excursion, calm, -excursion, calm, excursion])
    above = np.abs(values) >= 2
    crossings = int((above[1:] & ~above[:-1]).sum())
    assert crossings > 1_000
    for kind in ("z", "live_z"):
        rule = AlertRule(kind, level=2.0, rearm=1.0)
        assert len(run(rule, of_z(values.tolist()))[1]) == 3


@given(zs, st.integers(0, 200), st.integers(0, 200))
def test_going_through_a_part_of_the_past_again_changes_nothing(values: list[float], back: int, cut: int) -> None:
    things = of_z(values)
    state, spoke = run(Z_RULE, things)
    middle, before = run(Z_RULE, things[:cut])
    again, after = run(Z_RULE, things[max(0, cut - back) :], middle)
    assert before + after == spoke
    assert again == state


@given(zs, st.integers(0, 3_600))
def test_a_cooldown_keeps_alerts_apart_and_tells_what_still_holds_at_its_end(values: list[float], cool_s: int) -> None:
    rule = AlertRule("z", level=2.0, rearm=1.0, cooldown_s=cool_s)
    _, spoke = run(rule, of_z(values))
    assert all(b - a >= cool_s * 1000 for a, b in pairwise(spoke))
    assert all(abs(values[t // BAR_MS - 1]) >= 2 for t in spoke)
    assert bool(spoke) == bool(excursions(values))


def test_what_begins_in_the_cooldown_is_told_at_its_end_if_it_still_holds() -> None:
    rule = AlertRule("tradable", cooldown_s=180)
    held = run(rule, of_verdicts("TRADABLE", "WAIT", "TRADABLE", "TRADABLE", "TRADABLE"))[1]
    assert held == [BAR_MS, 4 * BAR_MS]
    gone = run(rule, of_verdicts("TRADABLE", "WAIT", "TRADABLE", "WAIT", "WAIT"))[1]
    assert gone == [BAR_MS]


def test_a_clock_that_is_set_back_does_not_make_a_rule_dumb() -> None:
    rule = AlertRule("stale", cooldown_s=60)
    outages = [Seen(at_ms, silent=s, every=bool(s)) for at_ms, s in ((900_000, ("A",)), (900_001, ()), (5_000, ("A",)))]
    assert run(rule, outages)[1] == [900_000, 5_000]


def test_another_side_of_the_mean_is_another_excursion() -> None:
    assert run(Z_RULE, of_z([2.5, -2.5, -2.1, 2.2]))[1] == [BAR_MS, 2 * BAR_MS, 4 * BAR_MS]


def test_an_unknown_z_neither_speaks_nor_arms() -> None:
    assert run(Z_RULE, of_z([2.5, nan, 2.5]))[1] == [BAR_MS]


@pytest.mark.parametrize(
    ("kind", "spoke"), [("tradable", [2, 6]), ("left", [4, 7]), ("trap", [3 + 2])], ids=["becomes", "leaves", "trap"]
)
def test_verdicts(kind: AlertKind, spoke: list[int]) -> None:
    verdicts = ["WAIT", "TRADABLE", "TRADABLE", "WAIT", "TRAP", "TRADABLE", "NO DATA", "WAIT"]
    assert run(AlertRule(kind), of_verdicts(*verdicts))[1] == [BAR_MS * n for n in spoke]


def test_what_was_never_tradable_does_not_leave_it() -> None:
    assert run(AlertRule("left"), of_verdicts("WAIT", "TRAP", "WAIT"))[1] == []


def test_the_regime_speaks_when_it_turns_and_not_while_it_is_unknown() -> None:
    regimes: tuple[Regime, ...] = ("", "supported", "", "supported", "not supported")
    seen = [Seen(BAR_MS * (i + 1), regime=r) for i, r in enumerate(regimes)]
    assert run(AlertRule("regime"), seen)[1] == [5 * BAR_MS]


def look_at(p: float | None, state: str = "") -> JournalRow:
    """A look whose relationship was tested so."""
    state = state or ("unknown" if p is None else "passed" if p < 0.05 else "failed")
    checks = json.dumps([{"key": "related", "state": state, "value": p}])
    return JournalRow("A/B", 60, 0, "evidence", "evidence 1", "WAIT", "", checks=checks)


def test_a_p_that_hovers_about_its_threshold_turns_nothing() -> None:
    rng = np.random.default_rng(3)
    hovering = 0.05 + rng.uniform(-0.03, 0.03, 2_000)
    assert (np.diff(hovering < 0.05) != 0).sum() > 900  # the check's turns
    p = np.concatenate([hovering, [0.4], hovering + 0.035, [0.02], hovering])
    things = [Seen(BAR_MS * (i + 1), regime=regime_of(look_at(float(v)))) for i, v in enumerate(p)]
    assert run(AlertRule("regime"), things)[1] == [2_001 * BAR_MS, (2 * 2_001) * BAR_MS]


def test_a_regime_that_cannot_be_tested_is_not_known_and_one_without_a_relationship_is_lost() -> None:
    looks = (look_at(None), look_at(0.07), look_at(0.1), look_at(0.049), look_at(None, "failed"))
    assert [regime_of(row) for row in looks] == ["", "", "not supported", "supported", "not supported"]


# Found too late: each letter is a look, a capital one is late; T, t: TRADABLE, W, w: WAIT.
LATE_ONES = [
    ("Wt", "2"),  # in time
    ("WTT", "2"),  # the desk was off until now: nothing is in time yet
    ("WTTtt", "2 4"),  # it still holds: told once more, and once
    ("WTTwt", "2 5"),  # over by then, and begun anew
    ("WTWTt", "2 4 5"),
]


@pytest.mark.parametrize(("looks", "spoke"), LATE_ONES)
def test_what_is_found_too_late_and_holds_is_told_at_the_first_look_in_time(looks: str, spoke: str) -> None:
    verdicts = of_verdicts(*("TRADABLE" if look in "Tt" else "WAIT" for look in looks))
    things = [replace(seen, late=look.isupper()) for seen, look in zip(verdicts, looks, strict=True)]
    assert run(AlertRule("tradable"), things)[1] == [BAR_MS * int(n) for n in spoke.split()]
    state, _ = run(AlertRule("tradable"), things[:4])
    assert state.since_ms == (2 if looks.startswith("WTT") or len(looks) == 2 else 4) * BAR_MS


def test_what_no_channel_heard_keeps_none_waiting() -> None:
    verdicts = of_verdicts("TRADABLE", "WAIT", "TRADABLE", "WAIT", "TRADABLE")
    things = [replace(seen, late=i < 2) for i, seen in enumerate(verdicts)]
    assert run(AlertRule("tradable", cooldown_s=3_600), things)[1] == [BAR_MS, 3 * BAR_MS]


def test_a_level_and_a_regime_that_were_found_too_late_are_told_while_they_hold() -> None:
    z = [replace(seen, late=i < 2) for i, seen in enumerate(of_z([1.0, 2.5, 1.5, 2.1, 2.2]))]
    assert run(Z_RULE, z)[1] == [2 * BAR_MS, 4 * BAR_MS]  # at 1.5 it is neither on nor over
    other_side = [replace(seen, late=i < 2) for i, seen in enumerate(of_z([1.0, 2.5, -2.5, -2.6]))]
    state, spoke = run(Z_RULE, other_side)
    assert spoke == [2 * BAR_MS, 3 * BAR_MS]
    assert state.since_ms == 3 * BAR_MS  # another excursion
    regimes: tuple[Regime, ...] = ("supported", "not supported", "", "not supported", "not supported")
    turns = [Seen(BAR_MS * (i + 1), regime=r, late=i < 2) for i, r in enumerate(regimes)]
    assert run(AlertRule("regime"), turns)[1] == [2 * BAR_MS, 4 * BAR_MS]


def of_silence(*seconds: tuple[float, str], of: str = "ABC") -> list[Seen]:
    """At these seconds these streams are silent, of all; a letter is a symbol."""
    return [Seen(int(1000 * s), silent=tuple(silent), every=set(silent) == set(of)) for s, silent in seconds]


def test_streams_that_fall_silent_one_after_another_are_one_alert() -> None:
    outage = of_silence((1, ""), (2, "A"), (3, "AB"), (11.9, "AB"), (12, "AB"), (60, "AB"), (61, ""))
    assert run(AlertRule("stale"), outage)[1] == [12_000]
    again = of_silence((70, "B"), (80, "B"))
    assert run(AlertRule("stale"), [*outage, *again])[1] == [12_000, 80_000]


def test_once_all_are_silent_nobody_is_waited_for() -> None:
    assert run(AlertRule("stale"), of_silence((2, "A"), (3, "AB"), (3.5, "ABC"), (4, "ABC")))[1] == [3_500]


def test_the_death_of_a_feed_is_told_though_a_thin_symbols_silence_was() -> None:
    thin = of_silence((0, "A"), (10, "A"), (100, "A"))
    died = of_silence((101, "AB"), (101.5, "ABC"), (500, "ABC"))
    for cooldown_s in (0, 900):
        assert run(AlertRule("stale", cooldown_s=cooldown_s), [*thin, *died])[1] == [10_000, 101_500]


def test_another_stream_is_told_though_one_is_silent_since_long() -> None:
    things = of_silence((0, "A"), (10, "A"), (100, "AB"), (110, "AB"), (120, "A"), (130, "AB"), (140, "AB"))
    assert run(AlertRule("stale"), things)[1] == [10_000, 110_000, 140_000]
    assert run(AlertRule("stale", cooldown_s=105), things)[1] == [10_000, 140_000]  # what holds at its end


def test_a_stream_that_comes_back_while_others_are_gathered_is_not_told() -> None:
    assert run(AlertRule("stale"), of_silence((0, "A"), (9, ""), (10, "B"), (19, ""), (20, "")))[1] == []


def test_a_feed_that_dies_again_and_again_keeps_the_cooldown() -> None:
    flaps = [(float(s), "ABC" if s % 20 < 10 else "") for s in range(200)]
    spoke = run(AlertRule("stale", cooldown_s=60), of_silence(*flaps))[1]
    assert spoke == [0, 60_000, 120_000, 180_000]


def test_each_lost_stretch_is_told_once_also_those_of_a_cooldown() -> None:
    lost = [(), (4,), (4, 7), (4, 7), (4, 7)]
    things = [Seen(1_000 * (i + 1), lost=g) for i, g in enumerate(lost)]
    assert run(AlertRule("gap"), things)[1] == [2_000, 3_000]
    state, spoke = run(AlertRule("gap", cooldown_s=2), things)
    assert spoke == [2_000, 4_000]
    assert state.gaps == (4, 7)


@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 4_102_444_800_000))
def test_quiet_hours_hold_from_their_beginning_to_their_end_and_no_longer(start: int, end: int, at_ms: int) -> None:
    assume(start != end)
    rule = AlertRule("trap", quiet_from_min=start, quiet_to_min=end)
    until = held_until_ms(rule, at_ms)
    minute = at_ms // BAR_MS % 1440
    inside = start <= minute < end if start <= end else minute >= start or minute < end
    assert bool(until) == inside
    if inside:
        assert at_ms < until <= at_ms + 86_400_000
        assert until // BAR_MS % 1440 == end
        assert until % BAR_MS == 0


def at(text: str) -> int:
    """Milliseconds of a UTC time."""
    return round(datetime.fromisoformat(f"2026-{text}:00+00:00").timestamp() * 1000)


# Berlin: summer begins on 29 March (2:00 → 3:00 at 01:00 UTC) and ends on 25 October (3:00 → 2:00 at 01:00 UTC).
QUIET = [
    ("22:00", "06:00", "01-10T20:59", ""), ("22:00", "06:00", "01-10T21:00", "01-11T05:00"),
    ("22:00", "06:00", "07-10T20:00", "07-11T04:00"), ("22:00", "06:00", "07-10T04:00", ""),
    ("22:00", "06:00", "03-28T21:00", "03-29T04:00"),  # an hour shorter
    ("22:00", "06:00", "10-24T20:00", "10-25T05:00"),  # an hour longer
    ("22:00", "02:30", "03-28T23:00", "03-29T01:30"), ("22:00", "02:30", "03-29T01:30", ""),  # 2:30 is not shown
    ("02:30", "06:00", "03-29T01:29", ""), ("02:30", "06:00", "03-29T01:30", "03-29T04:00"),
    ("22:00", "02:30", "10-24T23:00", "10-25T01:30"), ("22:00", "02:30", "10-25T00:45", "10-25T01:30"),  # twice
    ("02:30", "06:00", "10-25T00:30", "10-25T05:00"), ("02:10", "02:50", "10-25T01:05", "10-25T01:50"),
    ("02:10", "02:50", "03-29T01:10", "03-29T01:50"), ("00:00", "23:59", "03-29T10:00", "03-29T21:59"),
]  # fmt: skip


@pytest.mark.parametrize(("start", "end", "now", "until"), QUIET)
def test_quiet_hours_are_those_of_their_zones_clocks(start: str, end: str, now: str, until: str) -> None:
    begin, finish = (int(t[:2]) * 60 + int(t[3:]) for t in (start, end))
    rule = AlertRule("trap", quiet_from_min=begin, quiet_to_min=finish, quiet_zone="Europe/Berlin")
    assert held_until_ms(rule, at(now)) == (at(until) if until else 0)


def test_without_quiet_hours_nothing_is_held() -> None:
    assert held_until_ms(AlertRule("trap"), 5) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "z", "level": 1.0, "rearm": 1.0}, {"kind": "z"}, {"kind": "live_z", "level": 21.0},
        {"kind": "trap", "cooldown_s": -1}, {"kind": "trap", "quiet_from_min": 5},
        {"kind": "trap", "quiet_from_min": 5, "quiet_to_min": 1440},
        {"kind": "trap", "quiet_from_min": 1320, "quiet_to_min": 1320},  # it would never be quiet
        {"kind": "trap", "quiet_zone": "Europe/Nowhere"}, {"kind": "trap", "quiet_zone": ""},
        {"kind": "trap", "quiet_zone": "../../etc"}, {"kind": "trap", "quiet_zone": "Europe"},
    ],
)  # fmt: skip
def test_a_rule_that_could_never_work_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"level|cooldown_s|quiet"):
        AlertRule(**wrong)  # type: ignore[arg-type]
