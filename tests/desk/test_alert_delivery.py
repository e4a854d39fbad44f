"""Delivery by Apprise, over real sockets: in order, through a kill, and no word holds the address."""

from __future__ import annotations

import logging
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from desk.alert_channels import name_of
from desk.apprise_sender import BadAddress, open_sender
from storage.sqlite import TradeStore
from tests.desk.alerting import alerts_of, row, states, tell
from tests.desk.hook import Webhook
from tests.desk.replayed import until

ROOT = Path(__file__).parents[2]
SECRET = "tok3n-of-the-channel"


class Mailbox:
    """An SMTP server that notes the texts it gets."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.changed = threading.Condition()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"mailto://127.0.0.1:{self.port}/?from=desk@example.org&to=me@example.org&mode=insecure&format=text"
        self.come_up()

    def come_up(self) -> None:
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self.controller.start()

    def go_down(self) -> None:
        self.controller.stop()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        with self.changed:
            self.got.append(envelope.original_content.decode() if envelope.original_content else "")
            self.changed.notify_all()
        return "250 OK"

    def wait(self, n: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.got) >= n, 120), self.got


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


def test_a_mail_server_that_is_down_for_a_while_gets_every_event_once_in_order(
    store: TradeStore, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apprise.plugins.email.base.NotifyEmail.request_rate_per_sec", 0)
    texts, channel = [f"alert {n}" for n in range(9)], (name_of(mailbox.url),)
    alerts = alerts_of(store, mailbox.url)
    alerts.start()
    tell(store, *texts[:3], channels=channel)
    alerts.watch._on_told()
    mailbox.wait(3)
    mailbox.go_down()
    tell(store, *texts[3:6], channels=channel)
    alerts.watch._on_told()
    assert until(lambda: "could not be reached" in alerts.problem(), 60.0)
    tell(store, *texts[6:], channels=channel)
    assert "waiting" in states(store)
    mailbox.come_up()
    mailbox.wait(9)
    assert until(lambda: alerts.problem() == "" and set(states(store)) == {"sent"}, 60.0)
    alerts.close()
    assert [re.search(r"alert \d+", mail)[0] for mail in mailbox.got] == texts  # type: ignore[index]


BOT = "123456789:abcdefg_hijklmnop"


@pytest.mark.parametrize(
    "url",
    [
        f"tgram://{BOT}/111111/222222", f"tgram://{BOT}/111111?retry=2", "json://localhost/hook?retry=1",
        "mailto://me:secret@example.org?to=a@example.org,b@example.org", "ntfy://localhost/one/two",
    ],
    ids=["chats", "chat again", "hook again", "mails", "topics"],
)  # fmt: skip
def test_an_address_is_of_one_recipient_who_is_tried_by_nobody_else(url: str) -> None:
    with pytest.raises(BadAddress, match="Give each recipient an address of its own") as refused:
        open_sender(url)
    assert "secret" not in str(refused.value)
    assert BOT not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        f"tgram://{BOT}/111111", f"tgram://{BOT}", "ntfy://localhost/one", "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3",
        "mailto://me:secret@example.org?to=a@example.org&cc=b@example.org", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnl/#one",
    ],
    ids=["chat", "owner", "topic", "hook", "mail with a copy", "room"],
)  # fmt: skip
def test_an_address_of_one_recipient_is_opened(url: str) -> None:
    assert open_sender(url).service


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
    for _ in range(2_000):
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
