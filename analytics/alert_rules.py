"""When a rule speaks: a state machine for each rule and pair. State in, thing seen in; state out, whether to speak.

A rule speaks when its condition holds while it is armed and its cooldown is over; then it is disarmed until the
condition is over. What begins within the cooldown and still holds at its end is told then; what does not is not told.
What is found too late for any channel, and still holds at a look that is not late, is told once more at that one.
Seeing the same thing again changes nothing, so that a history may be gone through twice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from math import isnan, nan
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from analytics.checks import PERSISTENT_NEWEST_P
from analytics.verdict import Verdict
from core.alerts import OF_LOOKS, AlertRule
from core.journal import JournalRow

GATHER_MS: Final = 10_000  # streams that fall silent so close together are one alert
Regime = Literal["", "supported", "not supported"]  # empty: not known


@dataclass(frozen=True, slots=True)
class Seen:
    """What was there at a moment; what a rule does not ask for may be left out."""

    at_ms: int  # a candle's end for what a look said, else the moment itself
    verdict: str = ""
    regime: Regime = ""
    z: float = nan  # by which the preset enters
    late: bool = False  # found too late for any channel
    silent: tuple[str, ...] = ()  # symbols whose stream says nothing
    every: bool = False  # these are all there are
    lost: tuple[int, ...] = ()  # every gap that could not be filled, by id


@dataclass(frozen=True, slots=True)
class RuleState:
    """Where a rule stands with one pair."""

    at_ms: int = 0  # the newest look seen; one that is not newer was seen
    armed: bool = True
    side: int = 0  # sign of z when it last spoke: on the other side of the mean is another excursion
    regime: Regime = ""  # told last, or known first
    told_ms: int | None = None
    since_ms: int = 0  # when what it told last began
    late: bool = False  # what it told last was found too late for any channel: nobody heard it
    gaps: tuple[int, ...] = ()  # told
    silent: tuple[str, ...] = ()  # told, and silent still
    silent_ms: int | None = None  # since when there are silent ones that were not told
    every_ms: int | None = None  # when it was last told that all of them are silent


def first_state(rule: AlertRule, at_ms: int = 0) -> RuleState:
    """Before anything was seen. What holds at the first look is told, but only what was TRADABLE can leave it."""
    return RuleState(at_ms, armed=rule.kind != "left")


def step(rule: AlertRule, state: RuleState, seen: Seen) -> tuple[RuleState, bool]:
    """Go on by one thing seen; True: the rule speaks.

    >>> rule, state, spoke = AlertRule("z", level=2.0, rearm=1.0), RuleState(), []
    >>> for i, z in enumerate([1.9, 2.1, 1.8, 2.2, 0.9, 2.0]):
    ...     state, speaks = step(rule, state, Seen(60_000 * (i + 1), z=z))
    ...     spoke.append(speaks)
    >>> spoke
    [False, True, False, False, False, True]
    """
    if rule.kind in OF_LOOKS:
        if seen.at_ms <= state.at_ms:
            return state, False
        state = replace(state, at_ms=seen.at_ms)
    if rule.kind == "gap":
        return _lost(rule, state, seen)
    if rule.kind == "stale":
        return _silent(rule, state, seen)
    if rule.kind == "regime":
        return _turned(rule, state, seen)
    holds = _holds(rule, seen)
    if holds is False or (state.side and _side(seen.z) not in {0, state.side}):
        state = replace(state, armed=True, side=0)
    if holds is not True:
        return state, False
    if not state.armed:
        return _heard_of(state, seen)
    if _cooling(rule, state, seen):
        return state, False
    side = _side(seen.z) if rule.level else 0
    return replace(_told(state, seen), armed=False, side=side), True


def new_gaps(state: RuleState, seen: Seen) -> tuple[int, ...]:
    """The lost ones that were not told."""
    told = set(state.gaps)
    return tuple(gap for gap in seen.lost if gap not in told)


def _holds(rule: AlertRule, seen: Seen) -> bool | None:
    """True: to be told; False: over, the next may be told; None: neither, or not known."""
    if rule.kind in {"z", "live_z"}:
        if isnan(seen.z):
            return None
        return True if abs(seen.z) >= rule.level else False if abs(seen.z) < rule.rearm else None
    if not seen.verdict:
        return None
    if rule.kind == "left":
        return seen.verdict != Verdict.TRADABLE
    return seen.verdict == (Verdict.TRAP if rule.kind == "trap" else Verdict.TRADABLE)


def _told(state: RuleState, seen: Seen) -> RuleState:
    return replace(state, told_ms=seen.at_ms, since_ms=seen.at_ms, late=seen.late)


def _heard_of(state: RuleState, seen: Seen) -> tuple[RuleState, bool]:
    """What was told still holds: where that was too late for a channel, now it is told."""
    if not state.late or seen.late:
        return state, False
    return replace(state, told_ms=seen.at_ms, late=False), True


def _turned(rule: AlertRule, state: RuleState, seen: Seen) -> tuple[RuleState, bool]:
    if not seen.regime:
        return state, False
    if seen.regime == state.regime:
        return _heard_of(state, seen)
    if not state.regime:
        return replace(state, regime=seen.regime), False
    if _cooling(rule, state, seen):
        return state, False
    return replace(_told(state, seen), regime=seen.regime), True


def _lost(rule: AlertRule, state: RuleState, seen: Seen) -> tuple[RuleState, bool]:
    if not new_gaps(state, seen) or _cooling(rule, state, seen):
        return state, False
    return replace(state, gaps=seen.lost, told_ms=seen.at_ms), True


def _silent(rule: AlertRule, state: RuleState, seen: Seen) -> tuple[RuleState, bool]:
    """One alert an outage, though streams cross the limit one after another; none is hidden behind one told before."""
    told = tuple(symbol for symbol in state.silent if symbol in seen.silent)
    if len(told) == len(seen.silent):
        return replace(state, silent=told, silent_ms=None), False
    since_ms = seen.at_ms if state.silent_ms is None else state.silent_ms
    state = replace(state, silent=told, silent_ms=since_ms)
    if seen.every:  # nobody can follow. A thin symbol's silence, told a while ago, says nothing of the feed's
        waits = _within(state.every_ms, seen.at_ms, rule.cooldown_s * 1000)
    else:
        waits = _within(since_ms, seen.at_ms, GATHER_MS) or _cooling(rule, state, seen)
    if waits:
        return state, False
    every_ms = seen.at_ms if seen.every else state.every_ms
    return replace(state, silent=seen.silent, silent_ms=None, every_ms=every_ms, told_ms=seen.at_ms), True


def _cooling(rule: AlertRule, state: RuleState, seen: Seen) -> bool:
    heard = not state.late or seen.late  # what no channel was told keeps none waiting
    return heard and _within(state.told_ms, seen.at_ms, rule.cooldown_s * 1000)


def _within(from_ms: int | None, at_ms: int, length_ms: int) -> bool:
    # A clock that was set back does not make a rule dumb.
    return from_ms is not None and 0 <= at_ms - from_ms < length_ms


def _side(z: float) -> int:
    return 0 if isnan(z) or z == 0 else 1 if z > 0 else -1


def held_until_ms(rule: AlertRule, at_ms: int) -> int:
    """The end of the quiet hours that ``at_ms`` falls into; 0 outside of them.

    They begin and end by the clocks of their zone. An hour that these show twice is quiet both times; a time that they
    skip comes as much later as they skip.

    >>> held_until_ms(AlertRule("trap", quiet_from_min=22 * 60, quiet_to_min=6 * 60), 23 * 3_600_000)
    108000000
    """
    if rule.quiet_from_min is None or rule.quiet_to_min is None:
        return 0
    zone = ZoneInfo(rule.quiet_zone)
    today = datetime.fromtimestamp(at_ms / 1000, zone).date()
    over_night = timedelta(days=int(rule.quiet_to_min < rule.quiet_from_min))
    for day in (today - timedelta(days=1), today):
        begins_ms, _ = _of_clock(day, rule.quiet_from_min, zone)
        _, ends_ms = _of_clock(day + over_night, rule.quiet_to_min, zone)
        if begins_ms <= at_ms < ends_ms:
            return ends_ms
    return 0


def _of_clock(day: date, minute: int, zone: ZoneInfo) -> tuple[int, int]:
    """When a zone's clocks show a time, first and last."""
    shown = datetime.combine(day, time(*divmod(minute, 60)), zone)
    first, second = (round(shown.replace(fold=fold).timestamp() * 1000) for fold in (0, 1))
    return first, max(first, second)


def concerns(rule: AlertRule, symbol: str) -> bool:
    """Whether a symbol is a leg of the rule's pair."""
    return not rule.pair or symbol in rule.pair.split("/")


def regime_of(row: JournalRow) -> Regime:
    """Whether the preset's own test supports mean reversion: gained as the look's check of it passes, lost at p ≥ .10.

    In between it is not known, and nothing turns: a p that hovers about .05 passes and fails at every other look. .10
    is where the rule's persistence gate no longer takes the newest p for one of a relationship that lasts. Raises
    ValueError where the look's checks cannot be read.
    """
    key = "adf" if row.params.startswith("classic") else "related"
    check: dict[str, Any] = next((check for check in json.loads(row.checks) if check.get("key") == key), {})
    if check.get("state") == "passed":
        return "supported"
    p = check.get("value")
    return "not supported" if check.get("state") == "failed" and (p is None or p >= PERSISTENT_NEWEST_P) else ""
