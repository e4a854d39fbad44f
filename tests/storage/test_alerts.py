"""Alerts in the store: told once, whole with their states, delivered in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.alerts import AlertRule, Delivery, Event, KeptChannel
from core.clock import DAY_MS, now_ms
from storage.alert_work import StateOf, ToTell
from storage.sqlite import TradeStore

RULE = AlertRule("z", "ETHUSDT/BTCUSDT", 2.5, 1.0, 300, 1320, 360, True, 1_000, quiet_zone="Europe/Berlin")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TradeStore]:
    with TradeStore(tmp_path / "alerts.db", flush_ms=10) as store:
        yield store


def event(key: str, time_ms: int = 5_000) -> Event:
    return Event(key, 1, RULE.name, RULE.pair, 60, time_ms, f"told {key}")


def tell(store: TradeStore, *keys: str, channels: tuple[str, ...] = ("env1", "page1"), held_to: int = 0) -> None:
    store.tell_alerts([ToTell(event(key), channels, held_to) for key in keys], [])
    assert store.flush()


def test_a_rule_comes_back_as_it_was_and_its_id_is_never_used_again(store: TradeStore) -> None:
    store.put_alert_rule(RULE)
    store.put_alert_rule(AlertRule("stale"))
    store.flush()
    first, second = store.alert_rules()
    assert replace(first, id=0) == RULE
    store.drop_alert_rule(second.id)
    store.put_alert_rule(AlertRule("gap"))
    store.flush()
    assert [rule.id for rule in store.alert_rules()] == [first.id, second.id + 1]


def test_a_changed_rule_begins_anew_and_a_dropped_one_leaves_no_state(store: TradeStore) -> None:
    for _ in range(2):
        store.put_alert_rule(RULE)
    store.tell_alerts([], [StateOf(1, 1_000, "a", "{}"), StateOf(2, 1_000, "a", "{}"), StateOf(9, 1_000, "", "")])
    store.flush()
    assert [state.rule_id for state in store.alert_states()] == [1, 2]
    store.put_alert_rule(replace(RULE, level=3.0, id=1, made_ms=2_000))
    store.drop_alert_rule(2)
    store.tell_alerts([], [StateOf(1, 1_000, "of the rule as it was", "{}")])
    store.flush()
    assert store.alert_states() == ()
    assert [rule.level for rule in store.alert_rules()] == [3.0]


def test_an_event_is_told_once_however_often_it_comes(store: TradeStore) -> None:
    tell(store, "a", "b", "a")
    tell(store, "b")
    assert [alert.text for alert in store.alerts()] == ["told b", "told a"]
    assert len(store.deliveries([1, 2])) == 4
    assert store.newest_alert_id() == 2
    assert [alert.id for alert in store.alerts(after_id=1)] == [2]


def test_a_repeated_event_still_stores_the_state_that_came_with_it(store: TradeStore) -> None:
    store.put_alert_rule(RULE)
    tell(store, "a")
    store.tell_alerts([ToTell(event("a"))], [StateOf(1, 1_000, "s", '{"armed":false}')])
    store.flush()
    assert store.alert_states() == (StateOf(1, 1_000, "s", '{"armed":false}'),)


def test_a_channel_gets_its_alerts_oldest_first_and_waits_for_the_one_that_failed(store: TradeStore) -> None:
    tell(store, "a", "b")
    found = store.next_delivery("env1", 10_000)
    assert found is not None
    alert, delivery = found
    assert (alert.text, delivery.state) == ("told a", "waiting")
    store.put_delivery(replace(delivery, attempts=1, next_ms=99_000, reason="refused"))
    store.flush()
    again = store.next_delivery("env1", 10_000)
    assert again is not None
    assert (again[0].id, again[1].next_ms) == (alert.id, 99_000)  # the second waits behind it
    other = store.next_delivery("page1", 10_000)
    assert other is not None
    assert other[1].attempts == 0  # and the other channel does not
    store.put_delivery(replace(delivery, state="sent"))
    store.flush()
    after = store.next_delivery("env1", 10_000)
    assert after is not None
    assert after[0].text == "told b"


def test_alerts_of_long_ago_leave_and_what_waits_stays(store: TradeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.alert_work.KEEP_ROWS", 3)
    told_ms = now_ms() - 91 * DAY_MS
    with monkeypatch.context() as ago:
        ago.setattr("storage.alert_work.now_ms", lambda: told_ms)
        tell(store, "waits", channels=("env1",))
        tell(store, "old", channels=())
        store.flush()
    assert [a.told_ms for a in store.alerts()] == [told_ms] * 2
    tell(store, "1", "2", channels=())
    assert [a.text for a in store.alerts()] == ["told 2", "told 1", "told waits"]
    tell(store, "3", "4", channels=())
    assert [a.text for a in store.alerts()] == ["told 4", "told 3", "told 2", "told waits"]
    store.put_delivery(Delivery(1, "env1", "sent"))
    tell(store, "5", channels=())
    assert [a.text for a in store.alerts()] == ["told 5", "told 4", "told 3"]
    assert store.deliveries([1]) == ()


def test_what_is_held_lets_others_pass_until_its_time(store: TradeStore) -> None:
    tell(store, "held", held_to=60_000)
    tell(store, "urgent")
    for at_ms, text in ((10_000, "told urgent"), (60_000, "told held")):
        found = store.next_delivery("env1", at_ms)
        assert found is not None
        assert found[0].text == text


def test_an_alerts_summary_follows_its_channels(store: TradeStore) -> None:
    def fares(state: str, channel: str) -> str:
        store.put_delivery(Delivery(1, channel, state))  # type: ignore[arg-type]
        store.flush()
        return store.alerts()[0].delivery

    tell(store, "a")
    assert store.alerts()[0].delivery == "waiting"
    assert fares("sending", "env1") == "waiting"
    assert fares("sent", "env1") == "waiting"
    assert fares("sent", "page1") == "sent"
    tell(store, "b")
    for channel, state, summary in (
        ("page1", "given up", "waiting"), ("page1", "waiting", "waiting"), ("env1", "sent", "sent in part"),
    ):  # fmt: skip
        store.put_delivery(Delivery(2, channel, state))  # type: ignore[arg-type]
        store.flush()
        assert store.alerts()[0].delivery == summary


def test_what_is_settled_stays_but_what_was_taken_after_all_is_sent(store: TradeStore) -> None:
    tell(store, "a")
    store.give_up_deliveries("page1")  # while the channel was sending
    for state, then in (("waiting", "given up"), ("sending", "given up"), ("sent", "sent"), ("waiting", "sent")):
        store.put_delivery(Delivery(1, "page1", state))  # type: ignore[arg-type]
        store.flush()
        assert [d.state for d in store.deliveries([1]) if d.channel == "page1"] == [then]
    for _ in range(2):
        store.put_delivery(Delivery(1, "env1", "given up"))
        store.flush()
        assert store.alerts()[0].delivery == "sent in part"


def test_an_event_without_a_channel_says_so(store: TradeStore) -> None:
    tell(store, "a", channels=())
    assert store.alerts()[0].delivery == "no channel"


def test_what_waits_for_a_removed_channel_is_given_up(store: TradeStore) -> None:
    tell(store, "a", "b")
    assert store.channels_waiting() == {"env1": 2, "page1": 2}
    store.give_up_deliveries("env1")
    store.flush()
    assert store.channels_waiting() == {"page1": 2}
    assert [d.reason for d in store.deliveries([1]) if d.channel == "env1"] == ["the channel was removed"]


def test_a_kept_address_is_read_back_and_never_printed(store: TradeStore) -> None:
    store.put_alert_channel("tgram://secret/1", "my phone", 1)
    store.flush()
    (kept,) = store.alert_channels()
    assert kept == KeptChannel(1, "tgram://secret/1", "my phone")
    assert "secret" not in repr(kept)
    store.drop_alert_channel(1)
    store.flush()
    assert store.alert_channels() == ()
