"""Channels in trouble: what is given up and when, and who hears that a channel takes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.alerts import AlertRule
from core.clock import HOUR_MS
from core.errors import PairsightError
from desk.alert_channels import Address, Channel, name_of
from desk.alerts import Alerts
from desk.alerts_seen import AlertsSeen
from storage.reader import StoreReader
from storage.sqlite import TradeStore
from tests.desk.alerting import ONE, Phone, World, alerts_of, states, tell
from tests.desk.replayed import until

SECRET = "tok3n-of-the-channel"


class Hand:
    """A channel without its thread, that is down, by a clock of the test."""

    def __init__(self, store: TradeStore, clock: list[int]) -> None:
        self.phone = Phone()
        self.phone.down = "it could not be reached"
        self.store, self.clock = store, clock
        address = Address(ONE, "a phone", False, "phone://1")
        self.channel = Channel(address, store, open_channel=self.phone.open, now_ms=lambda: clock[0])
        self.channel._take_up()

    def at(self, hours: float) -> list[str]:
        """How the alerts fare once what is due then has been tried, oldest first."""
        self.clock[0] = TOLD_MS + int(hours * HOUR_MS)
        self.channel._turn()
        return states(self.store)


TOLD_MS = 1_760_000_040_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of the writer, too."""
    clock = [TOLD_MS]
    monkeypatch.setattr("storage.alert_work.now_ms", lambda: clock[0])
    return clock


def test_what_is_of_yesterday_is_given_up_though_every_night_was_quiet(store: TradeStore, clock: list[int]) -> None:
    minute = TOLD_MS // 60_000 + 60
    store.put_alert_rule(AlertRule("trap", quiet_from_min=minute % 1440, quiet_to_min=(minute + 480) % 1440))
    tell(store, "1", "2")  # of this rule
    hand = Hand(store, clock)
    assert hand.at(0.0) == ["waiting"] * 2
    assert hand.at(1.5) == ["waiting"] * 2
    assert [d.next_ms for d in store.deliveries([1, 2])] == [TOLD_MS + 9 * HOUR_MS] * 2  # held for the night
    assert hand.at(9.1) == ["waiting"] * 2
    assert hand.phone.tries == 2
    clock[0] = TOLD_MS + 24 * HOUR_MS
    tell(store, "3")
    assert hand.at(24.5) == ["given up", "given up", "waiting"]
    hand.phone.down = ""
    assert hand.at(24.9) == ["given up", "given up", "sent"]
    assert hand.phone.got == ["3"]  # no flood of what is over


def test_the_first_try_after_days_off_gives_nothing_up(store: TradeStore, clock: list[int]) -> None:
    tell(store, "1", "2")
    hand = Hand(store, clock)
    assert hand.at(50.0) == ["waiting"] * 2  # no network yet
    assert hand.at(50.9) == ["waiting"] * 2
    hand.phone.down = ""
    assert hand.at(51.5) == ["sent"] * 2
    tell(store, "3")
    hand.phone.down = "it answered 503"
    clock[0] += 49 * HOUR_MS
    assert hand.at(101.0)[2] == "waiting"
    assert hand.at(102.0)[2] == "given up"


def test_what_waits_for_an_address_that_stays_away_is_given_up_by_a_desk_that_runs_on(
    store: TradeStore, clock: list[int]
) -> None:
    tell(store, "1", channels=(name_of("gone://1"),))
    alerts = Alerts(store, (), World().survey(), stale_after_s=15.0, now_ms=lambda: clock[0])
    alerts.start()
    for hours, fares in ((0.0, "waiting"), (23.0, "waiting"), (25.0, "given up")):
        clock[0] = TOLD_MS + int(hours * HOUR_MS)
        alerts._wake_channels()  # as each alert does
        assert states(store) == [fares]
    alerts.close()


def test_a_channel_that_is_down_is_not_tried_with_each_alert_of_yesterday(store: TradeStore, clock: list[int]) -> None:
    tell(store, *map(str, range(20)))
    hand = Hand(store, clock)
    hand.at(23.0)
    assert hand.phone.tries == 1
    clock[0] = TOLD_MS + 24 * HOUR_MS
    tell(store, "of today")
    assert hand.at(24.5) == ["given up"] * 20 + ["waiting"]
    assert hand.phone.tries == 3
    assert {d.reason for d in store.deliveries(range(1, 21))} == {"it could not be reached"}


def test_what_a_proxy_answers_for_a_web_hook_that_is_down_gives_nothing_up(store: TradeStore, clock: list[int]) -> None:
    tell(store, "1")
    hand = Hand(store, clock)
    hand.phone.down = "it answered 404"
    for n in range(20):
        assert hand.at(n) == ["waiting"]
    hand.phone.down = ""
    assert hand.at(20.0) == ["sent"]


def test_a_channel_that_takes_nothing_is_told_in_the_log_once_and_as_a_problem_while_it_lasts(
    store: TradeStore, caplog: pytest.LogCaptureFixture
) -> None:
    phone = Phone()
    phone.down = "it answered 503"
    tell(store, "1")
    alerts = alerts_of(store, f"phone://{SECRET}", phone=phone)
    name = name_of(f"phone://{SECRET}")
    tell(store, "2", channels=(name,))
    assert alerts.problem() == ""
    alerts.start()
    phone.wait(lambda: phone.tries >= 5)
    assert alerts.problem() == "The channel environment 1 (phone://…) takes nothing: it answered 503."
    phone.down = ""
    phone.wait(lambda: "2" in phone.got)
    assert until(lambda: alerts.problem() == "", 60.0)
    alerts.close()
    said = [r.getMessage() for r in caplog.records if r.name == "desk.alert_channels"]
    assert said == [
        f"channel {name} (phone://…) takes nothing: it answered 503", f"channel {name} (phone://…) takes alerts again",
    ]  # fmt: skip


def test_an_address_that_cannot_be_used_is_told_at_the_start(
    store: TradeStore, caplog: pytest.LogCaptureFixture
) -> None:
    alerts = Alerts(store, (f"nosuch://{SECRET}",), World().survey(), stale_after_s=15.0)
    alerts.start()
    assert until(lambda: "nosuch://… is not a complete address" in alerts.problem(), 60.0)
    alerts.close()
    assert "nosuch://…) takes nothing" in caplog.text
    assert SECRET not in caplog.text


def test_who_looks_on_sees_how_the_channels_do_those_of_the_environment_too(store: TradeStore) -> None:
    phone = Phone()
    phone.down = "it answered 503"
    tell(store, "1")
    alerts = alerts_of(store, "phone://1", phone=phone)
    alerts.start()
    alerts.add_channel(f"page://{SECRET}", "my phone")
    phone.wait(lambda: phone.tries >= 2)
    store.flush()
    path = Path(store.status().path)
    with StoreReader.open_reader(path) as reader:
        screen = AlertsSeen(reader, path)
        assert [(c.label, c.service, c.state, c.reason, c.waiting) for c in screen.view().channels] == [
            ("environment 1", "Phone", "failing", "it answered 503", 1), ("my phone", "Phone", "ready", "", 0),
        ]  # fmt: skip
        assert SECRET not in repr(screen.view())
        assert SECRET not in str(store.note("alert-channels"))
        alerts.drop_channel("page1")
        store.flush()
        assert [c.label for c in screen.view().channels] == ["environment 1"]
    alerts.close()


def test_a_channel_too_many_is_said_to_be_and_keeps_what_waits_until_there_is_room(
    store: TradeStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store.put_alert_channel("page://1", "first", 0)
    store.put_alert_channel("page://2", "second", 0)
    tell(store, "1", channels=("page2",))
    monkeypatch.setattr("desk.alerts.MOST_CHANNELS", 2)
    phone = Phone()
    alerts = alerts_of(store, "phone://1", phone=phone)
    alerts.start()
    assert [(c.label, c.state) for c in alerts.view().channels][2] == ("second", "unusable")
    assert alerts.problem().startswith("The channel second (page://…) takes nothing: only the first")
    assert caplog.text.count("channel page2 (page://…) takes nothing") == 1
    with pytest.raises(PairsightError, match="not used"):
        alerts.test("page2")
    assert states(store) == ["waiting"]
    alerts.drop_channel("page1")
    phone.wait(lambda: phone.got == ["1"])
    assert alerts.problem() == ""
    with pytest.raises(PairsightError, match="no longer there"):
        alerts.drop_channel("page1")
    alerts.close()
