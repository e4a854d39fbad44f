"""Delivery: in order, again until taken, past a channel that is down, through restarts and a kill."""

from __future__ import annotations

import logging
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from core.alerts import AlertRule, Delivery, Event
from core.errors import PairsightError, StoreError
from desk.alert_channels import TEST, addresses, name_of
from desk.alerts import Alerts
from desk.apprise_sender import BadAddress, open_sender
from storage.alert_work import ToTell
from storage.sqlite import TradeStore
from tests.desk.alerting import BEGIN_MS, Phone, World, row, say
from tests.desk.hook import Webhook

ROOT = Path(__file__).parents[2]
SECRET = "tok3n-of-the-channel"
ONE = name_of("phone://1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TradeStore]:
    with TradeStore(tmp_path / "alerts.db", flush_ms=10) as store:
        yield store


def alerts_of(store: TradeStore, *urls: str, phone: Phone | None = None) -> Alerts:
    """Alerts whose failed tries are repeated soon."""
    world = World().survey()
    if phone is None:
        return Alerts(store, urls, world, stale_after_s=15.0, wait_s=lambda attempts: 0.05)
    return Alerts(store, urls, world, stale_after_s=15.0, open_channel=phone.open, wait_s=lambda attempts: 0.05)


def tell(store: TradeStore, *texts: str, channels: tuple[str, ...] = (ONE,), time_ms: int = BEGIN_MS) -> None:
    store.tell_alerts([ToTell(Event(t, 1, "a rule", "ETHUSDT/BTCUSDT", 60, time_ms, t), channels) for t in texts], [])
    assert store.flush()


def states(store: TradeStore) -> list[str]:
    store.flush()
    return [d.state for d in store.deliveries([a.id for a in store.alerts()])]


# By hand-written channels


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


def test_a_channel_that_hangs_holds_up_no_other_and_nobody_else(store: TradeStore) -> None:
    go_on, phone = threading.Event(), Phone()

    class Hanging(Phone):
        def send(self, title: str, text: str) -> str:
            go_on.wait(20)
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
    monkeypatch.setattr("desk.alert_channels.MOST_TRIES", 3)

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
            go_on.wait(20)
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

    def life(*urls: str) -> Alerts:
        alerts = Alerts(
            store, urls, World().survey(), stale_after_s=15, open_channel=lambda url: phones[url].open(url),
            wait_s=lambda _: 0.05,
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
    assert (gone.got, kept.got, new.got) == ([], ["of before", "of now"], [])
    assert {d.channel: d.state for d in store.deliveries([1])} == {
        name_of("gone://1"): "given up", name_of("kept://2"): "sent",
    }  # fmt: skip


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
    assert alerts.view().pairs == ("ETHUSDT/BTCUSDT",)


# By Apprise, over real sockets


class Mailbox:
    """An SMTP server that notes the texts it gets."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.changed = threading.Condition()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.controller = Controller(self, hostname="127.0.0.1", port=port)
        self.controller.start()
        self.url = f"mailto://127.0.0.1:{port}/?from=desk@example.org&to=me@example.org&mode=insecure&format=text"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        with self.changed:
            self.got.append(envelope.original_content.decode() if envelope.original_content else "")
            self.changed.notify_all()
        return "250 OK"

    def wait(self, n: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.got) >= n, 30), self.got


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    server = Webhook(SECRET)
    yield server
    server.close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    yield box
    box.controller.stop()


def test_a_web_hook_and_a_mail_server_each_get_every_event_once_in_order(
    store: TradeStore, webhook: Webhook, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apprise.plugins.email.base.NotifyEmail.request_rate_per_sec", 0)  # else a mail in 5 s
    texts, channels = [f"alert {n}" for n in range(12)], (name_of(webhook.url), name_of(mailbox.url))
    webhook.status = 503  # down for a while; the mail server is not
    tell(store, *texts[:6], channels=channels)
    for life in range(2):
        alerts = alerts_of(store, webhook.url, mailbox.url)
        alerts.start()
        mailbox.wait(6 * (life + 1))
        if life:
            webhook.wait(lambda: len(webhook.got) == 12)
        alerts.close()
        if not life:
            assert webhook.got == []
            webhook.status = 200
            tell(store, *texts[6:], channels=channels)
    assert webhook.got == texts
    assert [re.search(r"alert \d+", mail)[0] for mail in mailbox.got] == texts  # type: ignore[index]
    assert set(states(store)) == {"sent"}


def test_no_word_holds_the_address(
    store: TradeStore, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    closed = Webhook(SECRET)
    closed.close()
    urls = (closed.url, f"tgram://{SECRET}", f"nosuch://{SECRET}")
    alerts = alerts_of(store, *urls)
    tell(store, "1", channels=(name_of(closed.url),))
    alerts.start()
    for url in urls:
        alerts.test(name_of(url))
    for _ in range(200):
        told = alerts.view()
        if all(c.test.startswith("not sent") for c in told.channels):
            break
        threading.Event().wait(0.05)
    alerts.close()
    assert [c.state for c in told.channels] == ["failing", "unusable", "unusable"]
    assert told.channels[0].reason == "it could not be reached"
    assert told.channels[1].reason.startswith("tgram://… is not a complete address of a channel")
    with pytest.raises(BadAddress) as refused:
        open_sender(f"nosuch://{SECRET}")
    out = capfd.readouterr()
    spoken = (caplog.text, out.out, out.err, repr(told), repr(store.alert_channels()), str(refused.value))
    assert not [text for text in spoken if SECRET in text]


# A process that alerts until it is killed: looks turn TRADABLE again and again.
KILLED = """
import sys
from pathlib import Path
from core.alerts import AlertRule
from desk.alerts import Alerts
from storage.sqlite import TradeStore
from tests.desk.alerting import BEGIN_MS, World, row, say

store = TradeStore(Path(sys.argv[1]), flush_ms=5)
first, last = int(sys.argv[3]), int(sys.argv[4])
if not store.alert_rules():
    store.put_alert_rule(AlertRule("tradable"))
    store.flush()
alerts = Alerts(store, (sys.argv[2],), World().survey(), stale_after_s=15.0, now_ms=lambda: BEGIN_MS)
alerts.start()
for n in range(first, last):
    say(store, alerts.hear, [row(n, "TRADABLE" if n % 2 else "WAIT")])
    store.flush()
    print(n, flush=True)
sys.stdin.read()
alerts.close()
store.close()
"""


def live_on(path: Path, url: str, first: int, last: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path), url, str(first), str(last)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.timeout(120)
def test_through_kills_each_event_is_delivered_in_order_and_only_what_was_on_its_way_is_repeated(
    tmp_path: Path, webhook: Webhook
) -> None:
    path, said, kills = tmp_path / "killed.db", 0, 3
    for n in range(kills):
        with live_on(path, webhook.url, said, said + 400) as process:
            assert process.stdout is not None
            for _ in range(23 + 10 * n):  # it is killed among saying, storing and sending
                said = int(process.stdout.readline()) + 1
            process.kill()
            said = max([said, *(int(line) + 1 for line in process.stdout.read().split())])
    with TradeStore(path) as store:
        rows = store.looks("ETHUSDT/BTCUSDT", 60, row(0).params)
    due = [r for r in rows if r.verdict == "TRADABLE"]
    with live_on(path, webhook.url, said, said) as process:
        webhook.wait(lambda: len(webhook.got) >= len(due))
        process.communicate("")
    with TradeStore(path) as store:
        told = store.alerts()
        assert [alert.time_ms - 60_000 for alert in reversed(told)] == [r.candle_ms for r in due]
        assert {alert.delivery for alert in told} == {"sent"}
    fresh = [text for text in webhook.got if "Perhaps a repeat" not in text]
    repeats = [text.split("\n")[0] for text in webhook.got if "Perhaps a repeat" in text]
    assert len(repeats) <= kills
    assert len(fresh) == len(set(fresh))
    first_times = list(dict.fromkeys(text.split("\n")[0] for text in webhook.got))
    assert first_times == [alert.text for alert in reversed(told)]
