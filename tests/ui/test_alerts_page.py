"""The Alerts page: what it says of rules, channels and history, what a press does, and one toast an alert a tab."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import time

from streamlit.testing.v1 import AppTest

from core.alerts import Alert, AlertRule, AlertsView
from core.errors import StoreError
from core.types import DeskStatus, WatchedPair
from core.wishes import Wish
from tests.ui.fake_alerts import ALERTS, NOW_MS, PAIR, RULES, WATCHED, FakeAlerts
from tests.ui.fakes import FakeDesk
from tests.ui.stage import markup, play, shown, words
from ui import exports


def page(alerts: FakeAlerts | None = None) -> tuple[AppTest, FakeDesk]:
    desk = FakeDesk(alerts=alerts or FakeAlerts.full())
    app = play(desk, "alerts")
    assert not app.exception
    return app, desk


def test_a_rule_is_said_with_its_pair_its_hysteresis_its_cooldown_and_its_quiet_hours() -> None:
    text = words(page()[0])
    assert "Becomes TRADABLE" in text
    assert "Becomes TRADABLE every watched pair" in " ".join(text.split())
    assert "Feed is stale every streamed symbol" in " ".join(text.split())  # watched or not
    assert "arms again below 1, cooldown 5 min, channels quiet 22:00–06:00 UTC" in text
    assert "switched off" in text


def test_a_rule_whose_pair_is_no_longer_watched_says_so() -> None:
    assert "not on the watch-list" not in words(page()[0])
    text = words(page(replace(FakeAlerts.full(), watched=(WatchedPair("A", "B"),)))[0])
    assert "not on the watch-list: nothing is looked at" in text
    assert f"{PAIR}, the pair on screen, is not on the watch-list, so no alert speaks of its verdict or z." in text


def test_a_channel_shows_what_it_is_how_it_does_and_nothing_of_its_address() -> None:
    app, _ = page()
    text = words(app)
    assert "Telegram tgram://… environment 1" in " ".join(text.split())
    assert "it answered 503; 2 waiting" in text
    assert "whoever reads that file can use the channel" in text
    assert [b.label for b in app.button if b.key and b.key.startswith("channel_drop")] == ["Remove"]  # the page's only


def test_the_history_says_how_each_alert_fared_on_each_channel_and_escapes_its_text() -> None:
    app, _ = page()
    text = " ".join(words(app).split())
    assert "Telegram (environment 1): sent my hook: it answered 503, next try 15:00:10" in text
    assert "Sent to Telegram (environment 1), my hook at 14:59:02" in text
    assert "Found more than an hour late, so no channel was used." in text
    assert "&lt;now&gt;" in markup(app)
    assert text.index("Becomes TRADABLE ETHUSDT/BTCUSDT 1m") < text.index("Feed is stale ETHUSDT")


def test_a_history_longer_than_the_list_says_so() -> None:
    many = tuple(replace(ALERTS[0], id=i) for i in range(60, 0, -1))
    app, _ = page(replace(FakeAlerts.full(), alerts=many))
    assert markup(app).count('data-key="alert"') == 50
    assert "the newest 50, times in UTC; the file has all" in words(app)
    assert "the newest 50" not in words(page()[0])


def test_a_desk_that_cannot_see_to_its_alerts_says_so() -> None:
    class Troubled(FakeDesk):
        def status(self) -> DeskStatus:
            return replace(super().status(), alerts_problem="Alerts are not seen to: KeyError, see the log.")

    app = play(Troubled(alerts=FakeAlerts.full()), "alerts")
    assert "Alerts are not seen to: KeyError, see the log." in words(app)
    assert "alerts_problem" not in markup(page()[0])


def test_an_empty_page_says_what_is_missing() -> None:
    text = words(page(FakeAlerts())[0])
    for sentence in ("nothing is told", "No pair is on the watch-list", "nowhere else", "Nothing has been told yet"):
        assert sentence in text
    assert page(FakeAlerts())[0].get("download_button")[0].proto.disabled
    assert not page()[0].get("download_button")[0].proto.disabled


def test_a_rule_for_the_pair_on_screen_is_stored_and_the_pair_watched() -> None:
    app, desk = page(FakeAlerts())
    app.selectbox(key="alert_kind").select("Confirmed |z| reaches a level").run()
    app.selectbox(key="alert_pair").select(f"{PAIR} · on screen")
    app.number_input(key="alert_level").set_value(2.5)
    app.toggle(key="alert_quiet").set_value(True).run()
    app.time_input(key="alert_to").set_value(time(7, 30))
    app.button(key="alert_save").click().run()
    assert not app.exception
    assert desk.alerts.rules == (AlertRule("z", PAIR, 2.5, 1.0, 900, 22 * 60, 7 * 60 + 30, id=1),)
    assert desk.watched == [WATCHED]
    assert app.selectbox(key="alert_kind").value == "Becomes TRADABLE"  # the form is as it was


def test_levels_that_do_not_go_together_are_a_sentence_and_nothing_is_stored() -> None:
    app, desk = page(FakeAlerts())
    app.selectbox(key="alert_kind").select("Live |z| reaches a level").run()
    app.number_input(key="alert_rearm").set_value(2.0)
    app.button(key="alert_save").click().run()
    assert "must be lower than the level" in app.error[0].value
    assert desk.alerts.rules == ()


def test_quiet_hours_are_by_the_clocks_of_a_zone_and_ones_that_end_when_they_begin_are_refused() -> None:
    app, desk = page(FakeAlerts())
    app.toggle(key="alert_quiet").set_value(True).run()
    app.selectbox(key="alert_zone").select("Europe/Berlin")
    app.time_input(key="alert_to").set_value(time(22))
    app.button(key="alert_save").click().run()
    assert "choose another end" in app.error[0].value
    assert not words(app).count("channels quiet")
    app.time_input(key="alert_to").set_value(time(6))
    app.button(key="alert_save").click().run()
    (rule,) = desk.alerts.rules
    assert (rule.quiet_from_min, rule.quiet_to_min, rule.quiet_zone) == (1320, 360, "Europe/Berlin")
    assert "channels quiet 22:00–06:00 Europe/Berlin" in words(app)
    app.button(key="alert_edit_1").click().run()
    assert app.selectbox(key="alert_zone").value == "Europe/Berlin"


def test_a_rule_is_edited_in_the_form_switched_off_and_deleted() -> None:
    app, desk = page()
    app.button(key="alert_edit_2").click().run()
    assert app.selectbox(key="alert_kind").value == "Live |z| reaches a level"
    assert (app.number_input(key="alert_level").value, app.time_input(key="alert_from").value) == (2.5, time(22))
    app.number_input(key="alert_level").set_value(3.0)
    app.button(key="alert_save").click().run()
    assert desk.alerts.rules[1] == AlertRule("live_z", PAIR, 3.0, 1.0, 300, 1320, 360, id=2)
    assert app.button(key="alert_save").label == "Add the rule"
    app.toggle(key="alert_on_1").set_value(False).run()
    assert not desk.alerts.rules[0].enabled
    app.button(key="alert_drop_3").click().run()
    assert [rule.id for rule in desk.alerts.rules] == [1, 2]


def test_a_channel_is_added_tested_and_removed_and_its_address_leaves_the_page() -> None:
    app, desk = page()
    app.text_input(key="channel_url").set_value("json://secret/x")
    app.text_input(key="channel_label").set_value("hook")
    app.button(key="channel_add").click().run()
    assert app.text_input(key="channel_url").value == ""
    app.button(key="channel_test_env1").click().run()
    assert desk.alerts.calls == ["add hook", "test env1"]
    app.button(key="channel_drop_page1").click().run()
    assert [c.name for c in desk.alerts.channels] == ["env1", "page9"]


def test_what_the_desk_refuses_is_said_beside_the_form() -> None:
    app, _ = page(replace_refusal("json://… is not a complete address of a channel."))
    app.button(key="channel_add").click().run()
    assert app.error[0].value == "json://… is not a complete address of a channel."


def replace_refusal(sentence: str) -> FakeAlerts:
    return replace(FakeAlerts.full(), refuse=sentence)


def test_who_may_not_write_the_file_sees_everything_and_changes_nothing() -> None:
    app, _ = page(replace(FakeAlerts.full(), elsewhere="Another collects.", read_only="It may not be written."))
    assert "It may not be written." in words(app)
    assert "Another collects." not in words(app)
    keys = ("alert_", "channel_")
    assert all(b.disabled for b in app.button if b.key and b.key.startswith(keys))
    assert all(t.disabled for t in app.toggle if t.key and t.key.startswith("alert_on"))


def test_a_screen_that_only_reads_asks_and_says_what_waits_and_what_could_not_be_done() -> None:
    waits = Wish(1, NOW_MS, "Delete the rule “Feed is stale”", "asked")
    failed = Wish(2, NOW_MS, "Watch A/B 1m Evidence", "refused", "A/B <cannot> be kept.")
    app, desk = page(replace(FakeAlerts.full(), elsewhere="Another collects.", wishes=(waits, failed)))
    assert "Another collects." in words(app)
    assert "Asked the desk at 2024-07-19 15:00:00 UTC; not taken up yet: Delete the rule “Feed is stale”." in words(app)
    assert "not done: Watch A/B 1m Evidence. A/B &lt;cannot&gt; be kept." in markup(app)
    assert not any(b.disabled for b in app.button if b.key and b.key.startswith(("alert_", "channel_")))
    app.button(key="channel_test_page1").click().run()
    assert desk.alerts.calls == ["test page1"]


def test_a_switch_shows_the_rule_as_it_is_stored_whatever_was_pressed_in_this_tab() -> None:
    class Later(FakeAlerts):
        """Done by another process, in a while."""

        def enable(self, rule_id: int, on: bool) -> None:
            self.calls.append(f"enable {rule_id} {on}")

    app, desk = page(Later(RULES, watched=(WATCHED,), elsewhere="Another collects."))
    app.toggle(key="alert_on_1").set_value(False).run()
    assert desk.alerts.calls == ["enable 1 False"]
    assert app.toggle(key="alert_on_1").value
    desk.alerts.rules = tuple(replace(rule, enabled=False) for rule in RULES)
    assert not app.run().toggle(key="alert_on_1").value


def test_what_another_tab_changed_is_not_undone_by_a_switch_and_a_rule_that_is_gone_is_said_to_be() -> None:
    app, desk = page()
    desk.alerts.rules = (replace(RULES[0], cooldown_s=3_600), *RULES[1:])
    app.toggle(key="alert_on_1").set_value(False).run()
    assert desk.alerts.rules[0] == replace(RULES[0], cooldown_s=3_600, enabled=False)
    app.button(key="alert_edit_2").click().run()
    desk.alerts.refuse = "This rule was deleted meanwhile."
    app.button(key="alert_save").click().run()
    assert "This rule was deleted meanwhile." in app.error[0].value


def test_pairs_are_watched_as_the_sidebar_says_and_ended_one_by_one() -> None:
    named = WatchedPair("SOLUSDT", "BTCUSDT")
    desk = FakeDesk(alerts=FakeAlerts(watched=(WATCHED, named), named=(named,)), watched=[WATCHED, named])
    app = play(desk, "alerts")
    assert not [b for b in app.button if b.key == "alert_watch"]  # what is on screen is watched
    assert [b.key for b in app.button if b.label == "Unwatch"] == ["alert_unwatch_ETHUSDT_BTCUSDT_60_evidence"]
    app = play(desk, "alerts", tf="5m", preset="Classic")
    assert app.button(key="alert_watch").label == "Watch ETHUSDT/BTCUSDT 5m Classic"
    app.button(key="alert_watch").click().run()
    classic = WatchedPair("ETHUSDT", "BTCUSDT", 300, "classic")
    assert desk.watched == [WATCHED, named, classic]
    app.button(key="alert_unwatch_ETHUSDT_BTCUSDT_60_evidence").click().run()
    assert desk.watched == [named, classic]


def test_the_file_holds_every_alert_oldest_first_and_no_formula() -> None:
    told = (replace(ALERTS[0], text="=1+1"), *ALERTS[1:])
    rows = list(csv.DictReader(io.StringIO(exports.encode(exports.alerts_table(told), "csv").decode())))
    assert [row["id"] for row in rows] == ["1", "2", "3"]
    assert rows[2]["text"] == "'=1+1"
    assert rows[2]["time_utc"].startswith("2024-07-19")
    assert exports.encode(exports.alerts_table(()), "csv")  # none yet


# Toasts, on every page


def said(n: int) -> Alert:
    return Alert(n, 1, "rule", PAIR, 60, NOW_MS, f"alert {n}", "sent")


def test_a_tab_tells_each_alert_once_and_none_of_before() -> None:
    desk = FakeDesk(alerts=FakeAlerts(alerts=(said(1),)))
    app = play(desk, "data")
    assert [t.value for t in app.toast] == []
    desk.alerts.alerts = (said(2), said(1))
    assert [t.value for t in app.run().toast] == ["alert 2"]
    assert [t.value for t in app.run().toast] == []
    assert [t.value for t in play(desk, "data").toast] == []  # another tab, opened later


def test_a_burst_is_counted_and_another_database_begins_anew() -> None:
    desk = FakeDesk(alerts=FakeAlerts(alerts=(said(9),)))
    app = play(desk, "data")
    desk.alerts.alerts = tuple(said(n) for n in range(15, 0, -1))
    assert [t.value for t in app.run().toast] == [
        "alert 13", "alert 14", "alert 15", "And 3 more: see the Alerts page.",
    ]  # fmt: skip
    desk.alerts.alerts = (said(2),)
    assert [t.value for t in app.run().toast] == []
    desk.alerts.alerts = (said(3), said(2))
    assert [t.value for t in app.run().toast] == ["alert 3"]


def test_what_was_found_too_late_is_in_the_list_and_no_toast() -> None:
    desk = FakeDesk(alerts=FakeAlerts(alerts=(said(1),)))
    app = play(desk, "data")
    old = tuple(replace(said(n), delivery="too late") for n in range(40, 2, -1))
    desk.alerts.alerts = (said(41), *old, said(2), said(1))
    assert [t.value for t in app.run().toast] == ["alert 2", "alert 41"]


def test_a_toast_shows_its_text_and_no_markdown_of_it() -> None:
    desk = FakeDesk(alerts=FakeAlerts(alerts=(said(1),)))
    app = play(desk, "data")
    desk.alerts.alerts = (replace(said(2), text="|z| *is* [here](http://x) $a$ :material/star:"), said(1))
    (toast,) = app.run().toast
    assert r"\*is\* \[here\]\(http\:" in toast.value
    assert r"\$a\$ \:material" in toast.value


def test_a_list_that_cannot_be_read_for_a_moment_is_not_told_anew() -> None:
    desk = FakeDesk(alerts=FakeAlerts(alerts=(said(7), said(6))))
    app = play(desk, "data")
    desk.alerts.alerts = ()
    assert [t.value for t in app.run().toast] == []
    desk.alerts.alerts = (said(8), said(7), said(6))
    assert [t.value for t in app.run().toast] == ["alert 8"]


def test_who_looks_on_is_told_nothing_that_only_the_collecting_process_knows() -> None:
    app, _ = page(replace(FakeAlerts.full(), channels=(), watched=(), elsewhere="Another Pairsight collects."))
    assert "No channel is known here" in words(app)
    assert "nothing is looked at" not in words(app)
    assert "nowhere else" not in words(app)
    assert 'data-key="unwatched"' not in markup(app)


def test_a_store_that_cannot_be_read_is_a_sentence_on_its_page_and_nothing_on_others() -> None:
    class Away(FakeAlerts):
        def view(self) -> AlertsView:
            raise StoreError("The file is away.")

        def newest_id(self) -> int:
            raise StoreError("The file is away.")

    desk = FakeDesk(alerts=Away())
    app = play(desk, "data")
    assert not app.exception
    assert "The file is away." not in words(app)
    page = play(desk, "alerts")
    assert not page.exception
    assert "The file is away." in words(page)


def test_the_page_is_named_in_the_navigation() -> None:
    assert shown(page()[0], "alert_rule") == "1"
