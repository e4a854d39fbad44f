"""The watch: looks, live z, silence and lost gaps against the rules, on a thread of its own.

Looks are heard from the engine as they are said; those of another life, or that found no room, are read from the
journal. What a rule said and where it then stands are stored in one transaction, so that nothing is told twice or
forgotten wherever the process ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from analytics.alert_rules import (
    RuleState,
    Seen,
    concerns,
    first_state,
    held_until_ms,
    new_gaps,
    regime_of,
    step,
)
from analytics.live import score_row
from core.alerts import OF_LOOKS, AlertRule, Event
from core.clock import HOUR_MS, now_ms
from core.errors import NotEnoughData, StoreError
from core.journal import JournalRow
from core.types import Gap
from desk import alert_words
from desk.alert_survey import Silences, Survey
from desk.troubles import Troubles
from desk.watch import Key
from desk.worker import Worker
from storage.alert_work import StateOf, ToTell
from storage.sqlite import TradeStore

log = logging.getLogger(__name__)

TURN_S: Final = 0.5
HEARD: Final = 20_000  # looks that may wait; beyond them the journal is read again
CATCH_UP: Final = 5_000  # looks of a pair gone through again at most
LATE_MS: Final = HOUR_MS  # what is found later is in the history, and no channel is used
MOST_GAPS: Final = 1_000  # the newest lost ones
SAVE_S: Final = 60.0  # how far a rule has come is stored so often when nothing else changed
FRESH_STEPS: Final = 2  # timeframes since its candle's end in which a look still scores live prices; NO DATA later
FLUSH_S: Final = 2.0  # who stops the watch waits for it
EVERY: Final = "*"  # the subject of what is of no pair


class AlertWatch:
    """Thread "alerts". ``channels`` names those that an event goes to; ``on_told`` is called once it is on disk."""

    def __init__(
        self,
        store: TradeStore,
        around: Survey,
        *,
        channels: Callable[[], tuple[str, ...]],
        on_told: Callable[[], None],
        stale_after_s: float,
        now_ms: Callable[[], int] = now_ms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._around = around
        self._channels = channels
        self._on_told = on_told
        self._stale_after_s = stale_after_s
        self._now_ms = now_ms
        self._monotonic = monotonic
        self._heard: deque[tuple[Key, JournalRow]] = deque()
        self._missed = threading.Event()  # looks found no room, or none were heard yet
        self._rules_changed = threading.Event()
        self._wake = threading.Event()
        self._troubles = Troubles(log)
        self._worker = Worker("alerts", self._main, self._wake)
        # From here on the thread's own.
        self._rules: tuple[AlertRule, ...] = ()
        self._made_ms: dict[int, int] = {}  # of each rule, by id
        self._states: dict[tuple[int, str], RuleState] = {}
        self._followed: set[Key] = set()
        self._newest: dict[Key, JournalRow] = {}  # the newest look: its fit scores the live prices
        self._to_tell: list[ToTell] = []
        self._changed: set[tuple[int, str]] = set()  # states to be stored with the next events
        self._advanced: set[tuple[int, str]] = set()  # states that merely saw more
        self._announce = False  # something was told that the channels have not been told of
        self._saved_s = 0.0
        self._silences = Silences()
        self._lost_count = -1
        self._lost: list[Gap] = []

    def start(self) -> None:
        """Start the thread; does nothing while it runs."""
        self._rules_changed.set()
        self._worker.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Go through what was heard, and end the thread."""
        self._worker.stop(timeout_s)

    def hear(self, key: Key, row: JournalRow) -> None:
        """A look was said. Costs its speaker nothing."""
        if len(self._heard) >= HEARD:
            self._missed.set()
            return
        self._heard.append((key, row))
        self._wake.set()

    def rules_changed(self) -> None:
        """Read the rules again."""
        self._rules_changed.set()
        self._wake.set()

    def problem(self) -> str:
        """Why something is not seen to now, as a sentence; empty: all is. Cheap."""
        return self._troubles.first()

    def _main(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._guarded_turn()
            self._wake.wait(TURN_S)
            self._wake.clear()
        self._guarded_turn()

    def _guarded_turn(self) -> None:
        with self._troubles.waiting("Alerts have to wait"), self._troubles.guarded("Alerts are not seen to"):
            self.turn()

    def turn(self) -> None:
        """Go through what is new, once. Called by the thread; by a test without one."""
        if not self._told():  # nothing further is looked at before what was said is on its way to the disk
            return
        if self._rules_changed.is_set():
            self._rules_changed.clear()
            try:
                self._load()
            except BaseException:
                self._rules_changed.set()  # the next turn tries again
                raise
        keys = set(self._around.keys())
        if self._missed.is_set():
            self._missed.clear()
            self._followed.clear()
        if any(rule.kind in OF_LOOKS for rule in self._rules):
            self._follow(keys - self._followed)
        self._followed = keys
        for gone in self._newest.keys() - keys:
            del self._newest[gone]
        for _ in range(len(self._heard)):
            key, row = self._heard.popleft()
            if key in keys:
                self._look(key, row)
        if self._rules:
            self._poll(keys)
        self._told()

    def _load(self) -> None:
        """The rules as they are stored, and where each stood. Raises StoreError while that is not written."""
        if not self._store.settle(FLUSH_S):
            raise StoreError("what was changed is not written yet.")
        self._rules = tuple(rule for rule in self._store.alert_rules() if rule.enabled)
        self._made_ms = {rule.id: rule.made_ms for rule in self._rules}
        self._states = {}
        for stored in self._store.alert_states():
            if stored.rule_id in self._made_ms:
                try:
                    self._states[stored.rule_id, stored.subject] = msgspec.json.decode(stored.body, type=RuleState)
                except msgspec.MsgspecError as error:  # another version's: the rule begins anew there
                    log.warning("where rule %d stood with %s is unreadable: %s", stored.rule_id, stored.subject, error)
        self._troubles.forget()
        self._advanced.clear()
        self._followed.clear()
        self._lost_count = -1

    # What is seen

    def _follow(self, new: Collection[Key]) -> None:
        """Read what was said of these; what is said from now on is heard. Raises StoreError while it is not written."""
        if not new:
            return
        if not self._store.settle(FLUSH_S):
            raise StoreError("what was said is not written yet.")
        for key in new:
            self._catch_up(key)

    def _catch_up(self, key: Key) -> None:
        """Go through the looks in the journal that a rule has not seen."""
        rules = [rule for rule in self._rules_of(key) if rule.kind in OF_LOOKS]
        if not rules:
            return
        step_ms = key.params.timeframe_s * 1000
        since = min(self._begun(rule, key).at_ms for rule in rules)
        rows = self._store.looks(
            key.pair, key.params.timeframe_s, key.params.key, limit=CATCH_UP, from_ms=since - step_ms + 1
        )
        for row in rows:
            self._look(key, row)

    def _begun(self, rule: AlertRule, key: Key) -> RuleState:
        """Where a rule stands with a pair. One that has seen nothing of it begins at the newest look said before it was
        made, or before what is late now; not at that one where it is late itself.

        When a look was said and when a rule was made are both of our clock. A candle's time is not: a replay's is years
        ago, and our clock may be wrong.
        """
        if (rule.id, subject(key)) in self._states:
            return self._state(rule, subject(key))
        until_ms = max(rule.made_ms, self._now_ms() - LATE_MS)
        for limit in (1, CATCH_UP):  # mostly it is the newest of all
            rows = self._store.looks(key.pair, key.params.timeframe_s, key.params.key, limit=limit)
            for row in reversed(rows):
                if row.written_ms <= until_ms:
                    at_ms = _end_ms(row)
                    return self._state(rule, subject(key), at_ms if self._late(at_ms, row.written_ms) else at_ms - 1)
        return self._state(rule, subject(key))

    def _look(self, key: Key, row: JournalRow) -> None:
        at_ms = _end_ms(row)
        late = self._late(at_ms, row.written_ms)
        z = row.z if key.params.preset == "evidence" else row.z_roll
        newest = self._newest.get(key)
        if newest is None or newest.candle_ms <= row.candle_ms:  # what is gone through again is not the newest
            self._newest[key] = row
        for rule in self._rules_of(key):
            if rule.kind not in OF_LOOKS:
                continue
            with self._troubles.guarded(f"The rule “{rule.name}” cannot be judged"):
                turned = regime_of(row) if rule.kind == "regime" else ""
                if self._step(rule, subject(key), Seen(at_ms, row.verdict, turned, z, late=late)):
                    began_ms = self._state(rule, subject(key)).since_ms
                    since_ms = began_ms if began_ms < at_ms else None
                    text = alert_words.of_look(rule, row, z, turned, self._around.source(), since_ms)
                    self._say(rule, subject(key), key.pair, row.timeframe_s, at_ms, text, late)

    def _poll(self, keys: Iterable[Key]) -> None:
        """What nobody tells: live numbers, silence, losses."""
        kinds = {rule.kind for rule in self._rules}
        if "live_z" in kinds:
            with self._troubles.guarded("Live z is not watched"):
                for key in keys:
                    self._poll_live(key)
        if "stale" in kinds:
            with self._troubles.guarded("Staleness is not watched"):
                self._poll_silence()
        if "gap" in kinds:
            with self._troubles.guarded("Lost trades are not watched"):
                self._poll_gaps()

    def _poll_live(self, key: Key) -> None:
        rules = [rule for rule in self._rules_of(key) if rule.kind == "live_z"]
        prices = self._around.prices(key) if rules else None
        if prices is None:
            return
        row = self._newest.get(key)
        if row is None:
            rows = self._store.looks(key.pair, key.params.timeframe_s, key.params.key, limit=1)
            if not rows:
                return
            row = self._newest[key] = rows[-1]
        step_ms = row.timeframe_s * 1000
        age_ms = max(prices[2], self._around.watermark_ms()) - row.candle_ms - step_ms - self._around.grace_ms
        if age_ms > FRESH_STEPS * step_ms:  # a fit of yesterday scores nothing of now: to the rule this is NO DATA
            return
        try:
            score = score_row(row, *prices)
        except NotEnoughData:
            return
        z = score.z if key.params.preset == "evidence" else score.z_roll
        for rule in rules:
            if self._step(rule, subject(key), Seen(score.ts_ms, z=z)):
                timeframe_s = key.params.timeframe_s
                text = alert_words.of_live(rule, key.pair, timeframe_s, score, z, self._around.source())
                self._say(rule, subject(key), key.pair, timeframe_s, score.ts_ms, text)

    def _poll_silence(self) -> None:
        ages, now_ms = self._around.ages(), self._now_ms()
        silent = self._silences.of(ages, self._monotonic(), self._stale_after_s)
        if not ages:  # stopped: nobody waits for trades
            return
        for rule in self._rules:
            if rule.kind == "stale":
                told, all_of = set(self._state(rule, EVERY).silent), [s for s in ages if concerns(rule, s)]
                # One that was told and has not spoken since, as after a restart, still is. The new ones come first.
                mine = [s for s in all_of if s in silent or (s in told and ages[s] is None)]
                mine.sort(key=told.__contains__)
                of = len(all_of)
                if self._step(rule, EVERY, Seen(now_ms, silent=tuple(mine), every=len(mine) == of)):
                    why, source = self._around.problem(), self._around.source()
                    text = alert_words.of_silence(mine, of, self._stale_after_s, why, source)
                    self._say(rule, EVERY, ", ".join(mine[: alert_words.NAMED]), 0, now_ms, text)

    def _poll_gaps(self) -> None:
        count, now_ms = self._store.gap_counts()["lost"], self._now_ms()
        if count != self._lost_count:
            self._lost = self._store.gaps(state="lost", limit=MOST_GAPS)
            self._lost_count = count
        for rule in self._rules:
            if rule.kind != "gap":
                continue
            mine = {gap.id: gap for gap in self._lost if gap.id is not None and concerns(rule, gap.symbol)}
            seen = Seen(now_ms, lost=tuple(mine))
            before = self._states.get((rule.id, EVERY))
            if before is None:  # what was lost before the rule was made is no news
                self._states[rule.id, EVERY] = RuleState(gaps=seen.lost)
                self._changed.add((rule.id, EVERY))
            elif self._step(rule, EVERY, seen):
                new = [mine[gap] for gap in new_gaps(before, seen)]
                text = alert_words.of_gaps(new, self._around.source())
                symbols = list(dict.fromkeys(gap.symbol for gap in new))
                self._say(rule, EVERY, ", ".join(symbols[: alert_words.NAMED]), 0, now_ms, text)

    # What is said

    def _rules_of(self, key: Key) -> Sequence[AlertRule]:
        return [rule for rule in self._rules if rule.pair in {"", key.pair}]

    def _state(self, rule: AlertRule, about: str, fresh_ms: int = 0) -> RuleState:
        of = (rule.id, about)
        if of not in self._states:
            self._states[of] = first_state(rule, fresh_ms)
            self._changed.add(of)  # from here on the next life knows where to go on
        return self._states[of]

    def _step(self, rule: AlertRule, about: str, seen: Seen) -> bool:
        before = self._state(rule, about)
        after, speaks = step(rule, before, seen)
        if after != before:
            self._states[rule.id, about] = after
            same = replace(after, at_ms=before.at_ms) == before
            (self._advanced if same else self._changed).add((rule.id, about))
        return speaks

    def _late(self, at_ms: int, written_ms: int) -> bool:
        """By our clock for a look of another life, by the exchange's for a candle of long ago.

        What a night left behind may be said before the stream's first trade. Until then our clock stands in for the
        exchange's, unless this is a replay, whose time nobody knows yet.
        """
        clock_ms, exchange_ms = self._now_ms(), self._around.watermark_ms()
        if clock_ms - written_ms > LATE_MS:
            return True
        if exchange_ms:
            return exchange_ms - at_ms > LATE_MS
        return clock_ms - at_ms > LATE_MS and self._around.source() == "LIVE"

    def _say(
        self, rule: AlertRule, about: str, pair: str, timeframe_s: int, at_ms: int, text: str, late: bool = False
    ) -> None:
        key = f"{rule.id}.{rule.made_ms} {about} {at_ms}"
        event = Event(key, rule.id, rule.name, pair, timeframe_s, at_ms, text)
        held_ms = held_until_ms(rule, self._now_ms())
        if late:
            self._to_tell.append(ToTell(event, delivery="too late"))
        else:
            self._to_tell.append(ToTell(event, self._channels(), held_ms))
        log.info("alert: %s", text)

    def _told(self) -> bool:
        """Have what was said stored, with the states it left; False: there is no room, try again."""
        now_s = self._monotonic()
        if now_s - self._saved_s > SAVE_S:
            self._changed |= self._advanced
            self._saved_s = now_s
        if self._to_tell or self._changed:
            states = [
                StateOf(of[0], self._made_ms[of[0]], of[1], msgspec.json.encode(self._states[of]).decode())
                for of in self._changed
                if of in self._states
            ]
            if not self._store.tell_alerts(self._to_tell, states):
                return False
            self._announce |= bool(self._to_tell)
            self._to_tell = []
            self._advanced -= self._changed
            self._changed.clear()
        if self._announce and self._store.settle(FLUSH_S):
            self._announce = False
            self._on_told()
        return True


def subject(key: Key) -> str:
    """What a rule's state is about."""
    return f"{key.pair} {key.params.timeframe_s} {key.params.key}"


def _end_ms(row: JournalRow) -> int:
    return row.candle_ms + row.timeframe_s * 1000
