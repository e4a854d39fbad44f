"""The watch: what looks say to the rules, through restarts, once."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from core.alerts import AlertRule
from core.errors import StoreError
from core.journal import JournalRow
from core.types import Source
from desk import alert_watch
from desk.alert_watch import AlertWatch
from storage.sqlite import TradeStore
from tests.desk.alerting import BAR_MS, BEGIN_MS, OTHER, PAIR, Desk, World, row, say

HELD = {"quiet_from_min": 0, "quiet_to_min": 1439}


def test_a_tradable_look_is_told_with_its_words_and_its_candle(store: TradeStore) -> None:
    desk = Desk(store, AlertRule("tradable"))
    assert desk.says(row(0), row(1, "TRADABLE", 2.4)) == [
        "ETHUSDT/BTCUSDT 1m: TRADABLE. Because of TRADABLE. (CONFIRMED candle 2023-11-14 22:15:00 UTC)"
    ]
    (alert,) = store.alerts()
    assert (alert.rule, alert.pair, alert.timeframe_s) == ("Becomes TRADABLE", "ETHUSDT/BTCUSDT", 60)
    assert alert.time_ms == BEGIN_MS + 2 * BAR_MS  # the candle's end
    assert (alert.delivery, desk.told) == ("waiting", 1)


def test_what_is_not_of_the_exchange_says_so(store: TradeStore) -> None:
    desk = Desk(store, AlertRule("tradable"), world=World(source="SIMULATED"))
    assert desk.says(row(0, "TRADABLE"))[0].startswith("SIMULATED: ETHUSDT/BTCUSDT")


def test_a_rule_speaks_of_its_pair_and_of_watched_pairs_only(store: TradeStore) -> None:
    desk = Desk(store, AlertRule("trap", pair=OTHER.pair), AlertRule("tradable"), world=World(keys=[PAIR, OTHER]))
    assert desk.says(row(0, "TRAP"), row(0, "TRAP", key=OTHER)) == [
        "SOLUSDT/BTCUSDT 1m: TRAP. Because of TRAP. (CONFIRMED candle 2023-11-14 22:14:00 UTC)"
    ]
    desk.world.keys = [PAIR]
    assert len(desk.says(row(1, "TRADABLE", key=OTHER))) == 1


def test_each_preset_crosses_by_its_own_z(store: TradeStore) -> None:
    classic = replace(PAIR, params=replace(PAIR.params, preset="classic"))
    desk = Desk(store, AlertRule("z", level=2.0, rearm=1.0), world=World(keys=[PAIR, classic]))
    said = replace(row(0, z=3.0), params=classic.params.key, z_roll=2.5)
    desk.watch.hear(PAIR, row(0, z=2.2))
    desk.watch.hear(classic, said)
    desk.turn()
    assert sorted(alert.text.split("has")[0] for alert in store.alerts()) == [
        "ETHUSDT/BTCUSDT 1m: z = +2.20 ",
        "ETHUSDT/BTCUSDT 1m: z = +2.50 ",
    ]


def test_a_regime_is_told_when_it_turns(store: TradeStore) -> None:
    desk = Desk(store, AlertRule("regime"))
    told = desk.says(row(0), row(1, related="unknown"), row(2, related="failed"), row(3, related="failed"))
    assert len(told) == 1
    assert "mean reversion is not supported now. As tested." in told[0]


# Once, through restarts


def test_a_look_said_right_before_a_kill_is_told_by_the_next_life_once(store: TradeStore) -> None:
    desk = Desk(store, AlertRule("tradable"))
    desk.says(row(0), row(1))
    store.put_looks([row(2, "TRADABLE")])  # journalled, and never heard
    for _ in range(3):
        desk.born()
        assert len(desk.turn()) == 1
    assert len(desk.says(row(3, "TRADABLE"))) == 1  # it goes on from there: nothing has become TRADABLE since


def test_what_was_told_and_what_was_not_are_never_apart(store: TradeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(store, AlertRule("tradable"))
    say(store, desk.watch.hear, [row(0, "TRADABLE"), row(1, "WAIT")])
    with monkeypatch.context() as full:
        full.setattr(store, "tell_alerts", lambda events, states: False)  # no room; then the process is killed
        desk.watch.turn()
    desk.born()
    assert len(desk.turn()) == 1
    desk.born()
    assert len(desk.turn()) == 1


def test_a_store_without_room_is_asked_again(store: TradeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(store, AlertRule("tradable"))
    with monkeypatch.context() as full:
        full.setattr(store, "tell_alerts", lambda events, states: False)
        desk.says(row(0, "TRADABLE"))
        assert desk.says(row(1, "WAIT"), row(2, "TRADABLE")) == []
    assert len(desk.turn()) == 2


def test_what_another_version_left_behind_costs_no_alert(store: TradeStore, caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(store, AlertRule("tradable"), AlertRule("trap"))
    desk.says(row(0))
    first, second = sorted(store.alert_states(), key=lambda state: state.rule_id)
    store.tell_alerts([], [replace(first, body='{"armed":"perhaps"}'), replace(second, body="?")])
    desk.born()
    assert len(desk.says(row(1, "TRADABLE"), row(2, "TRAP"))) == 2
    assert desk.watch.problem() == ""
    assert "where rule 1 stood" in caplog.text


def test_a_look_that_one_rule_cannot_judge_is_judged_by_the_others_and_told_as_a_problem(
    store: TradeStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.put_looks([row(-1), replace(row(0), checks="cut o")])
    desk = Desk(store, AlertRule("regime"), AlertRule("tradable"))
    assert len(desk.says(replace(row(1, "TRADABLE"), checks="cut o"), replace(row(2), checks="cut o"))) == 1
    assert desk.watch.problem() == (
        "The rule “Mean reversion gained or lost” cannot be judged: JSONDecodeError, see the log."
    )
    assert len([r for r in caplog.records if r.exc_info]) == 1  # not at each look
    assert len(desk.says(row(3, related="failed"))) == 2
    assert desk.watch.problem() == ""


def test_the_thread_outlives_any_fault_and_says_so_while_it_lasts(
    store: TradeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, told = World(), threading.Event()
    store.put_alert_rule(AlertRule("tradable"))
    store.flush()
    watch = AlertWatch(
        store, world.survey(), channels=tuple, on_told=told.set, stale_after_s=15.0, now_ms=lambda: BEGIN_MS
    )
    failed, read = threading.Semaphore(0), store.alert_rules

    def broken() -> tuple[AlertRule, ...]:
        failed.release()
        raise KeyError("of another version")

    monkeypatch.setattr(store, "alert_rules", broken)
    watch.start()
    try:
        assert failed.acquire(timeout=60)
        assert failed.acquire(timeout=60)  # it goes on, and says why by then
        assert watch.problem() == "Alerts are not seen to: KeyError, see the log."
        monkeypatch.setattr(store, "alert_rules", read)
        say(store, watch.hear, [row(0, "TRADABLE")])
        assert told.wait(60)
    finally:
        watch.stop()
    assert watch.problem() == ""


def test_rules_that_could_not_be_read_are_read_at_the_next_turn(
    store: TradeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(store, AlertRule("tradable"))

    def away() -> tuple[AlertRule, ...]:
        raise StoreError("It is away.")

    desk.watch.rules_changed()
    with monkeypatch.context() as broken:
        broken.setattr(store, "alert_rules", away)
        with pytest.raises(StoreError):
            desk.watch.turn()
    store.put_alert_rule(AlertRule("trap"))
    store.flush()
    assert len(desk.says(row(0, "TRAP"))) == 1


def test_while_what_was_said_is_not_written_nothing_is_passed_over(
    store: TradeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(store, AlertRule("tradable"))
    desk.world.keys = [PAIR, OTHER]  # one more is watched, whose looks are still on their way to the disk
    say(store, desk.watch.hear, [row(0, "TRADABLE", key=OTHER)])
    with monkeypatch.context() as busy:
        busy.setattr(store, "flush", lambda timeout_s=10.0: False)
        with pytest.raises(StoreError, match="not written yet"):
            desk.watch.turn()
        assert desk.told == 0
    assert len(desk.turn()) == 1


def test_a_writer_that_cannot_write_holds_up_nothing_and_channels_hear_once_it_can(
    store: TradeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(store, AlertRule("tradable"))
    say(store, desk.watch.hear, [row(0, "TRADABLE")])
    with monkeypatch.context() as away:
        away.setattr(store._writer, "state", "failing")
        away.setattr(store, "flush", lambda timeout_s=10.0: pytest.fail("it was waited for"))
        desk.watch.turn()
        assert desk.told == 0
    desk.turn()
    assert desk.told == 1


def test_looks_that_found_no_room_are_read_from_the_journal(store: TradeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_watch, "HEARD", 3)
    desk = Desk(store, AlertRule("tradable"))
    verdicts = ["WAIT", "TRADABLE"] * 20
    assert len(desk.says(*(row(n, v) for n, v in enumerate(verdicts)))) == 20


def test_a_new_rule_speaks_of_the_newest_look_and_not_of_the_past(store: TradeStore) -> None:
    store.put_looks([row(n, "TRAP" if n % 2 else "WAIT") for n in range(-30, 0)])
    desk = Desk(store, AlertRule("trap"))
    assert len(desk.turn()) == 1
    assert len(desk.says(row(0), row(1, "TRAP"))) == 2


def test_a_rule_switched_off_and_on_again_does_not_tell_what_was_between(store: TradeStore) -> None:
    desk = Desk(store, AlertRule("trap"))
    desk.says(row(0))
    (rule,) = store.alert_rules()
    store.put_alert_rule(replace(rule, enabled=False))
    store.flush()
    desk.watch.rules_changed()
    assert desk.says(row(1, "TRAP"), row(2), row(3, "TRAP"), row(4)) == []
    store.put_alert_rule(replace(rule, made_ms=BEGIN_MS + 8 * BAR_MS))
    store.flush()
    desk.watch.rules_changed()
    desk.turn()
    assert len(desk.says(row(8), row(9, "TRAP"))) == 1


def test_what_is_found_much_too_late_is_in_the_history_and_goes_to_no_channel(store: TradeStore) -> None:
    desk = Desk(store, AlertRule("tradable"), world=World(watermark_ms=BEGIN_MS + 120 * BAR_MS))
    desk.says(row(0, "TRADABLE"), row(1), row(100, "TRADABLE"))
    assert [alert.delivery for alert in store.alerts()] == ["waiting", "too late"]


def test_a_look_of_another_life_is_late_by_our_clock(store: TradeStore) -> None:
    store.put_looks([row(n) for n in range(-200, 0)])
    desk = Desk(store, AlertRule("tradable"))
    store.put_looks([row(0, "TRADABLE"), row(1, "WAIT")])
    desk.world.clock_ms += 90 * BAR_MS  # killed, and born again an hour and a half later
    desk.born()
    desk.turn()
    desk.says(row(90, "TRADABLE"))
    assert [alert.delivery for alert in store.alerts()] == ["waiting", "too late"]


def test_what_is_found_much_too_late_and_still_holds_is_told_by_the_first_look_in_time(store: TradeStore) -> None:
    desk = Desk(store, AlertRule("tradable"))
    desk.says(row(0))
    desk.world.watermark_ms = desk.world.clock_ms = BEGIN_MS + 120 * BAR_MS  # off for two hours
    desk.born()
    owed = [replace(row(n, "TRADABLE"), written_ms=desk.world.clock_ms) for n in (50, 51, 118, 119)]
    told = desk.says(*owed)
    assert [alert.delivery for alert in reversed(store.alerts())] == ["too late", "waiting"]
    assert told[1] == (
        "ETHUSDT/BTCUSDT 1m: TRADABLE. Because of TRADABLE. (CONFIRMED candle 2023-11-15 00:12:00 UTC;"
        " since 2023-11-14 23:05:00 UTC, found too late to be told then)"
    )


@pytest.mark.parametrize(("source", "delivery"), [("LIVE", "too late"), ("SIMULATED", "waiting")])
def test_what_a_night_left_behind_is_late_though_no_trade_has_come_yet(
    store: TradeStore, source: Source, delivery: str
) -> None:
    desk = Desk(store, AlertRule("tradable"), world=World(source=source))
    desk.says(row(0))
    desk.world.clock_ms += 8 * 3_600_000
    desk.born()
    desk.says(replace(row(5, "TRADABLE"), written_ms=desk.world.clock_ms))
    assert [alert.delivery for alert in store.alerts()] == [delivery]


YEARS_MS = 3 * 365 * 86_400_000


def said_at(clock_ms: int, *rows: JournalRow) -> list[JournalRow]:
    """Candles of long ago, replayed: said now."""
    return [replace(r, written_ms=clock_ms) for r in rows]


@pytest.mark.parametrize("apart_ms", [YEARS_MS, 600_000, -600_000], ids=["replay", "clock ahead", "clock behind"])
def test_a_new_rule_begins_at_the_newest_look_however_far_our_clock_is_from_the_candles(
    store: TradeStore, apart_ms: int
) -> None:
    world = World(clock_ms=BEGIN_MS + apart_ms, watermark_ms=BEGIN_MS)
    past = [row(n, "TRAP" if n % 2 else "WAIT") for n in range(-30, 0)]
    store.put_looks([replace(r, written_ms=r.written_ms + apart_ms) for r in past])
    desk = Desk(store, AlertRule("trap"), world=world)
    assert len(desk.turn()) == 1
    world.clock_ms += BAR_MS
    assert len(desk.says(*said_at(world.clock_ms, row(0)))) == 1
    assert len(desk.says(*said_at(world.clock_ms + BAR_MS, row(1, "TRAP")))) == 2
    assert {alert.delivery for alert in store.alerts()} == {"waiting"}


def test_a_pair_that_an_old_rule_has_not_seen_is_not_told_what_was_said_of_it_long_ago(store: TradeStore) -> None:
    world = World(clock_ms=BEGIN_MS + YEARS_MS, keys=[])
    desk = Desk(store, AlertRule("trap"), world=world)
    store.put_looks(said_at(world.clock_ms, row(0, "TRAP"), row(1), row(2, "TRAP")))
    world.clock_ms += 2 * 3_600_000
    world.keys = [PAIR]  # put on the list two hours later
    assert desk.turn() == []
    assert desk.says(*said_at(world.clock_ms, row(3, "TRAP"))) != []


def test_in_quiet_hours_an_alert_is_told_on_screen_and_held_for_the_channels(store: TradeStore) -> None:
    desk = Desk(store, AlertRule("tradable", **HELD))  # type: ignore[arg-type]
    desk.says(row(0, "TRADABLE"))
    (delivery,) = store.deliveries([1])
    midnight = 86_400_000 * (BEGIN_MS // 86_400_000 + 1)
    assert delivery.next_ms == midnight - BAR_MS
    assert store.next_delivery("env1", BEGIN_MS) is None
