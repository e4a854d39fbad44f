"""Delivery by hand-written channels: in order, again until taken, past one that is down, through restarts."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

import pytest

from core.alerts import AlertRule, Delivery, Event
from core.errors import PairsightError, StoreError
from desk.alert_channels import TEST, addresses, name_of
from desk.alerts import Alerts
from desk.apprise_sender import BadAddress
from storage.alert_work import ToTell
from storage.sqlite import TradeStore
from tests.desk.alerting import BAR_MS, BEGIN_MS, ONE, Phone, World, alerts_of, row, say, states, tell
from tests.desk.replayed import until

SECRET = "tok3n-of-the-channel"


def test_what_waits_is_sent_in_order_and_each_once(store: TradeStore) -> None:
    phone = Phone()
    tell(store, "1", "2", "3")
    alerts = alerts_of(store, "phone://1", phone=phone)
    alerts.start()
    phone.wait(lambda: len(phone.got) == 3)
    alerts.close()
    assert phone.got == ["1", "2", "3"]
    assert states(store) == ["sent"] * 3
    assert [alert.delivery for alert in store.alerts()] == ["sent"] * 3


def test_a_channel_that_is_down_gets_everything_in_order_once_it_is_up(store: TradeStore) -> None:
    phone = Phone()
    phone.down = "it answered 503"
    tell(store, "1", "2")
    alerts = alerts_of(store, "phone://1", phone=phone)
    alerts.start()
    phone.wait(lambda: phone.tries >= 4)
    (status,) = alerts.view().channels
    assert (status.state, status.waiting) == ("failing", 2)
    assert status.reason == "it answered 503"
    phone.down = ""
    phone.wait(lambda: len(phone.got) == 2)
    alerts.close()
    assert phone.got == ["1", "2"]


def test_what_waits_for_a_channel_into_quiet_hours_is_held_and_lets_others_pass(store: TradeStore) -> None:
    clock, phone = [BEGIN_MS], Phone()  # 22:14 UTC
    phone.down = "it answered 503"
    store.put_alert_rule(AlertRule("trap", quiet_from_min=22 * 60 + 20, quiet_to_min=23 * 60))
    tell(store, "quiet")  # of rule 1
    alerts = Alerts(
        store, ("phone://1",), World().survey(), stale_after_s=15.0, open_channel=phone.open,
        wait_s=lambda attempts: 0.0, now_ms=lambda: clock[0],
    )  # fmt: skip
    alerts.start()
    phone.wait(lambda: phone.tries >= 2)
    clock[0] += 10 * BAR_MS
    assert until(lambda: store.deliveries([1])[0].next_ms == BEGIN_MS + 46 * BAR_MS, 60.0)
    phone.down = ""
    store.tell_alerts([ToTell(Event("loud", 2, "a rule", "", 0, BEGIN_MS, "loud"), (ONE,))], [])
    assert store.flush()
    alerts._wake_channels()
    phone.wait(lambda: phone.got == ["loud"])
    clock[0] += 36 * BAR_MS
    alerts._wake_channels()
    phone.wait(lambda: phone.got == ["loud", "quiet"])
    alerts.close()


def test_a_channel_that_hangs_holds_up_no_other_and_nobody_else(store: TradeStore) -> None:
    go_on, phone = threading.Event(), Phone()

    class Hanging(Phone):
        def send(self, title: str, text: str) -> str:
            go_on.wait(60)
            return super().send(title, text)

    slow = Hanging()
    alerts = Alerts(
        store,
        ("slow://1", "phone://1"),
        World().survey(),
        stale_after_s=15.0,
        open_channel=lambda url: slow.open(url) if url.startswith("slow") else phone.open(url),
        now_ms=lambda: BEGIN_MS,
    )
    store.put_alert_rule(AlertRule("tradable"))
    store.flush()
    alerts.start()
    for n in range(20):
        say(store, alerts.hear, [row(2 * n), row(2 * n + 1, "TRADABLE")])
    phone.wait(lambda: len(phone.got) == 20)
    assert slow.got == []
    go_on.set()
    slow.wait(lambda: len(slow.got) == 20)
    alerts.close()
    assert slow.got == phone.got


def test_what_was_on_its_way_when_the_process_ended_is_sent_again_and_says_so(store: TradeStore) -> None:
    tell(store, "1", "2")
    found = store.next_delivery(ONE, 0)
    assert found is not None
    store.put_delivery(found[1].__class__(1, ONE, "sending", 1))
    store.flush()
    phone = Phone()
    alerts = alerts_of(store, "phone://1", phone=phone)
    alerts.start()
    phone.wait(lambda: len(phone.got) == 2)
    alerts.close()
    assert phone.got == ["1\n(Perhaps a repeat: the desk ended while this was on its way.)", "2"]


def test_a_test_goes_first_and_a_channel_found_to_work_need_not_wait(store: TradeStore) -> None:
    phone = Phone()
    phone.down = "it could not be reached"
    tell(store, "1")
    alerts = Alerts(
        store, ("phone://1",), World().survey(), stale_after_s=15, open_channel=phone.open, wait_s=lambda _: 1e6
    )
    alerts.start()
    phone.wait(lambda: phone.tries == 1)
    phone.down = ""
    alerts.test(ONE)
    phone.wait(lambda: len(phone.got) == 2)
    alerts.close()
    assert phone.got == [TEST[1], "1"]


def test_a_channel_given_up_says_why_and_lets_the_next_alert_through(
    store: TradeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.alert_channels.FEW_TRIES", 3)

    class Choosy(Phone):
        def send(self, title: str, text: str) -> str:
            self.down = "it answered 400" if text == "bad" else ""
            return super().send(title, text)

    phone = Choosy()
    tell(store, "bad", "good")
    alerts = alerts_of(store, "phone://1", phone=phone)
    alerts.start()
    phone.wait(lambda: phone.got == ["good"])
    alerts.close()
    assert phone.tries == 4
    assert [(d.state, d.reason) for d in store.deliveries([1, 2])] == [("given up", "it answered 400"), ("sent", "")]


def test_while_the_store_has_no_room_nothing_is_sent_twice_and_nothing_unannounced(
    store: TradeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.alert_channels.ROOM_S", 0.01)
    monkeypatch.setattr("desk.alert_channels.TURN_S", 0.01)
    put, full, seen = store.put_delivery, ["sending", "sending", "sent", "sent", "sent"], []

    def refuse(delivery: Delivery) -> bool:
        seen.append((delivery.state, len(phone.got)))
        if full and full[0] == delivery.state:
            full.pop(0)
            return False
        return put(delivery)

    monkeypatch.setattr(store, "put_delivery", refuse)
    phone = Phone()
    tell(store, "1", "2")
    alerts = alerts_of(store, "phone://1", phone=phone)
    alerts.start()
    phone.wait(lambda: "2" in phone.got)
    alerts.close()
    assert phone.got == ["1", "2"]
    assert seen[:6] == [("sending", 0)] * 3 + [("sent", 1)] * 3  # announced before it is sent, said until it is heard
    assert states(store) == ["sent", "sent"]


def test_a_channel_removed_while_it_was_sending_leaves_nothing_waiting(store: TradeStore) -> None:
    go_on = threading.Event()

    class Slow(Phone):
        def send(self, title: str, text: str) -> str:
            super().send(title, text)
            go_on.wait(60)
            return self.down

    phone = Slow()
    phone.down = "it answered 503"
    alerts = alerts_of(store, phone=phone)
    alerts.add_channel("page://1", "my phone")
    tell(store, "1", channels=("page1",))
    alerts._wake_channels()
    phone.wait(lambda: phone.tries == 1)
    alerts.drop_channel("page1")
    tell(store, "2", channels=("page1",))  # the watch had asked for the channels just before
    alerts.watch._on_told()
    go_on.set()
    alerts.close()
    assert phone.tries == 1
    assert states(store) == ["given up", "given up"]


def test_what_finds_no_room_is_not_said_to_be_saved(store: TradeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = Phone()
    alerts = alerts_of(store, phone=phone)
    alerts.save(AlertRule("trap"))
    alerts.add_channel("page://1", "my phone")
    (rule,) = alerts.view().rules
    for name in ("put_alert_rule", "drop_alert_rule", "put_alert_channel", "drop_alert_channel"):
        monkeypatch.setattr(store, name, lambda *_: False)
    changes: tuple[Callable[[], None], ...] = (
        lambda: alerts.save(AlertRule("gap")),
        lambda: alerts.drop(rule.id),
        lambda: alerts.add_channel("page://2", "another"),
        lambda: alerts.drop_channel("page1"),
    )
    for change in changes:
        with pytest.raises(StoreError, match="cannot be stored now"):
            change()
    assert (alerts.view().rules, [c.name for c in alerts.view().channels]) == ((rule,), ["page1"])
    alerts.close()


def test_channels_come_and_go_on_the_page_and_those_of_the_environment_stay(store: TradeStore) -> None:
    phone = Phone()
    alerts, given = alerts_of(store, f"env://{SECRET}", phone=phone), name_of(f"env://{SECRET}")
    alerts.start()
    alerts.add_channel(f"page://{SECRET}", "my phone")
    with pytest.raises(BadAddress, match="page://… with this very address is a channel already"):
        alerts.add_channel(f"page://{SECRET}", "again")
    assert [(c.name, c.masked, c.kept) for c in alerts.view().channels] == [
        (given, "env://…", False), ("page1", "page://…", True),
    ]  # fmt: skip
    assert SECRET not in repr(alerts.view())
    tell(store, "held", channels=("page1",), time_ms=0)
    alerts.drop_channel("page1")
    assert [c.name for c in alerts.view().channels] == [given]
    with pytest.raises(PairsightError, match="take it out there"):
        alerts.drop_channel(given)
    alerts.close()
    again = alerts_of(store, phone=phone)  # without the environment's
    again.start()
    assert again.view().channels == ()
    again.close()


def test_what_waits_for_an_address_never_goes_to_another(store: TradeStore) -> None:
    gone, kept, new = Phone(), Phone(), Phone()
    phones = {"gone://1": gone, "kept://2": kept, "new://3": new}
    gone.down = kept.down = "it could not be reached"

    def life(*urls: str, days_on: int = 0) -> Alerts:
        alerts = Alerts(
            store, urls, World().survey(), stale_after_s=15, open_channel=lambda url: phones[url].open(url),
            wait_s=lambda _: 0.05, now_ms=lambda: time.time_ns() // 1_000_000 + days_on * 86_400_000,
        )  # fmt: skip
        alerts.start()
        return alerts

    tell(store, "of before", channels=(name_of("gone://1"), name_of("kept://2")))
    first = life("gone://1", "kept://2")
    gone.wait(lambda: gone.tries > 0)
    first.close()
    kept.down = ""
    second = life("new://3", "kept://2")  # the first address was changed for another's
    kept.wait(lambda: kept.got == ["of before"])
    second.close()
    tell(store, "of now", channels=(name_of("kept://2"),))
    third = life("kept://2", "new://3")  # and the places were swapped
    kept.wait(lambda: "of now" in kept.got)
    third.close()
    store.flush()
    assert store.channels_waiting() == {name_of("gone://1"): 1}  # it may come back
    life("kept://2", "new://3", days_on=2).close()
    states(store)
    assert (gone.got, kept.got, new.got) == ([], ["of before", "of now"], [])
    assert {d.channel: d.state for d in store.deliveries([1])} == {
        name_of("gone://1"): "given up", name_of("kept://2"): "sent",
    }  # fmt: skip


def test_what_waits_for_the_desks_addresses_outlives_a_screen_that_does_not_know_them(store: TradeStore) -> None:
    phone = Phone()
    phone.down = "it could not be reached"
    tell(store, "of the desk", channels=(ONE, "page7"), time_ms=time.time_ns() // 1_000_000)
    screen = alerts_of(store, phone=phone)
    screen.start()
    screen.close()
    store.flush()
    assert store.channels_waiting() == {ONE: 1}  # one entered on the page is in the database, or gone for good
    phone.down = ""
    desk = alerts_of(store, "phone://1", phone=phone)
    desk.start()
    phone.wait(lambda: phone.got == ["of the desk"])
    desk.close()


def test_an_address_given_twice_is_one_channel_and_its_name_tells_nothing_of_it() -> None:
    (only,) = addresses((f"tgram://{SECRET}", f"tgram://{SECRET}"), ())
    assert re.fullmatch("env-[0-9a-f]{8}", only.name)
    assert only.name != name_of(f"tgram://{SECRET}2")


def test_rules_are_made_changed_and_dropped_and_bounded(store: TradeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    alerts = alerts_of(store)
    alerts.save(AlertRule("trap"))
    (rule,) = alerts.view().rules
    assert rule.made_ms > 0
    monkeypatch.setattr("desk.alerts.MOST_RULES", 1)
    with pytest.raises(PairsightError, match="There are 1 rules"):
        alerts.save(AlertRule("stale"))
    alerts.save(rule)
    alerts.drop(rule.id)
    assert alerts.view().rules == ()
