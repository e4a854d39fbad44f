"""Rules as they are made, switched and found gone, and those that a desk with a channel begins with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.alerts import AlertRule
from core.errors import PairsightError
from core.types import WatchedPair
from desk.alerts import Alerts
from desk.watchlist import mark
from storage.sqlite import TradeStore
from tests.desk.alerting import Phone, World, alerts_of

KINDS = ["tradable", "stale", "gap"]


def kinds(alerts: Alerts) -> list[str]:
    return [rule.kind for rule in alerts.view().rules]


def test_a_channel_of_the_environment_and_no_rule_yet_begin_with_three_plain_ones(store: TradeStore) -> None:
    alerts = alerts_of(store, "phone://1", phone=Phone())
    assert kinds(alerts) == []
    alerts.start()
    store.flush()
    assert kinds(alerts) == KINDS
    assert all(not rule.pair and rule.enabled and rule.made_ms for rule in alerts.view().rules)
    alerts.close()


def test_a_channel_entered_on_the_page_begins_with_them_too(store: TradeStore) -> None:
    alerts = alerts_of(store, phone=Phone())
    alerts.start()
    assert kinds(alerts) == []
    alerts.add_channel("phone://1", "")
    assert kinds(alerts) == KINDS
    alerts.add_channel("phone://2", "")
    assert kinds(alerts) == KINDS
    alerts.close()


def test_once_dropped_they_stay_away_and_who_made_a_rule_gets_none(tmp_path: Path) -> None:
    for own in (False, True):
        path = tmp_path / f"{own}.db"
        with TradeStore(path, flush_ms=10) as store:
            alerts = alerts_of(store, "phone://1", phone=Phone())
            if own:
                alerts.save(AlertRule("trap"))
            alerts.start()
            store.flush()
            for rule in alerts.view().rules:
                alerts.drop(rule.id)
            alerts.close()
        with TradeStore(path, flush_ms=10) as store:
            again = alerts_of(store, "phone://1", phone=Phone())
            again.start()
            again.add_channel("phone://2", "")
            store.flush()
            assert kinds(again) == []
            again.close()


def test_without_a_channel_there_are_none(store: TradeStore) -> None:
    alerts = alerts_of(store, phone=Phone())
    alerts.start()
    store.flush()
    assert kinds(alerts) == []
    alerts.close()


def test_a_switch_changes_nothing_else_of_the_rule_as_it_is_stored(store: TradeStore) -> None:
    alerts = alerts_of(store)
    alerts.save(AlertRule("z", level=2.0, rearm=1.0))
    (seen_by_another_tab,) = alerts.view().rules
    alerts.save(replace(seen_by_another_tab, level=3.0))
    alerts.enable(seen_by_another_tab.id, False)
    (rule,) = alerts.view().rules
    assert (rule.level, rule.enabled) == (3.0, False)
    made_ms = rule.made_ms
    alerts.enable(rule.id, False)  # as a tab may ask that has not heard of it
    assert alerts.view().rules[0].made_ms == made_ms


def test_a_rule_that_is_gone_is_neither_changed_nor_switched_nor_made_anew(store: TradeStore) -> None:
    alerts = alerts_of(store)
    alerts.save(AlertRule("trap"))
    (rule,) = alerts.view().rules
    alerts.drop(rule.id)
    with pytest.raises(PairsightError, match="This rule was deleted meanwhile"):
        alerts.save(replace(rule, cooldown_s=60))
    with pytest.raises(PairsightError, match="This rule was deleted meanwhile"):
        alerts.enable(rule.id, True)
    assert alerts.view().rules == ()


def test_the_view_tells_what_is_watched_and_what_the_settings_name(store: TradeStore) -> None:
    named = WatchedPair("SOLUSDT", "BTCUSDT", 300, "classic")
    listed = WatchedPair("ETHUSDT", "BTCUSDT")
    mark(store, listed, True)
    view = Alerts(store, (), World().survey(), stale_after_s=15.0, named=(named,)).view()
    assert (view.watched, view.named, view.pairs) == ((listed, named), (named,), ("ETHUSDT/BTCUSDT", "SOLUSDT/BTCUSDT"))
