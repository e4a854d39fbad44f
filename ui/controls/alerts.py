"""The Alerts page's choices: a rule as it is being written, a channel's address, and what is done with either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import time
from functools import cache
from typing import Final
from zoneinfo import available_timezones

import streamlit as st

from core.alerts import KIND_NAMES, LEVELLED, AlertKind, AlertRule, AlertsView
from core.errors import PairsightError
from core.types import WatchedPair
from ui.controls.answers import answered
from ui.port import DeskPort

EVERY: Final = "Every watched pair"
KINDS: Final[dict[str, AlertKind]] = {name: kind for kind, name in KIND_NAMES.items()}
COOLDOWNS: Final = {"None": 0, "5 min": 300, "15 min": 900, "1 h": 3_600, "4 h": 14_400, "1 d": 86_400}
ON_SCREEN: Final = " · on screen"
FIRST: Final = AlertRule("tradable", cooldown_s=900)
LEVEL, REARM = 2.0, 1.0


def rule_form(desk: DeskPort, view: AlertsView, on_screen: WatchedPair) -> None:
    """Draw the form; a press stores what it says. A pair that is not watched is watched from then on."""
    with st.container(key="ps-alert-form"):
        left, right = st.columns(2)
        kind = KINDS[left.selectbox("Event", list(KINDS), key="alert_kind")]
        right.selectbox(
            "For",
            pairs_of(view, on_screen),
            key="alert_pair",
            help="A pair that is not on the watch-list is put on it, at the timeframe and preset of the sidebar.",
        )
        if kind in LEVELLED:
            left, right = st.columns(2)  # a row of its own: one above the other they stay in this order
            left.number_input("Level of |z|", 0.5, 20.0, LEVEL, 0.1, key="alert_level")
            right.number_input(
                "Arms again below |z|",
                0.0,
                19.9,
                REARM,
                0.1,
                key="alert_rearm",
                help="However often a noisy z crosses the level: one alert, until it has come back below this.",
            )
        left, right = st.columns(2)
        left.selectbox(
            "Cooldown",
            list(COOLDOWNS),
            index=2,
            key="alert_cool",
            help="After an alert of a pair nothing more of it for so long. What still holds at its end is told then.",
        )
        with right:
            _quiet()
        with st.container(key="ps-alert-save", horizontal=True):
            st.button(
                "Save the change" if editing() else "Add the rule",
                type="primary",
                icon=":material/check:" if editing() else ":material/add_alert:",
                on_click=answered("alert_rule", lambda: _save(desk, view, on_screen)),
                key="alert_save",
                disabled=bool(view.read_only),
            )
            if editing():
                st.button("Leave it as it was", on_click=_reset, key="alert_leave")


def editing() -> int:
    """The id of the rule that is being changed; 0: a new one is written."""
    return int(st.session_state.get("alert_id", 0))


def _quiet() -> None:
    quiet = st.toggle(
        "Quiet hours",
        key="alert_quiet",
        help="Alerts of these hours are in the list below at once. The channels get them when the hours end.",
    )
    if quiet:
        with st.container(key="ps-alert-quiet", horizontal=True):
            st.time_input("From", time(22), key="alert_from", step=900)
            st.time_input("To", time(6), key="alert_to", step=900)
            st.selectbox("By the clocks of", _zones(), _zones().index("UTC"), key="alert_zone")


@cache
def _zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))


def pairs_of(view: AlertsView, on_screen: WatchedPair) -> list[str]:
    """What a rule can be for: all, each watched pair, and the pair on screen."""
    known = [*view.pairs, *(r.pair for r in view.rules if r.pair)]
    other = on_screen.symbol_y != on_screen.symbol_x and on_screen.pair not in known
    extra = [on_screen.pair + ON_SCREEN] if other else []
    return [EVERY, *dict.fromkeys(known), *extra]


def rule_buttons(desk: DeskPort, rule: AlertRule, read_only: bool) -> None:
    """What can be done with a rule."""
    key = f"alert_on_{rule.id}"
    st.session_state[key] = rule.enabled  # as it is stored, whatever was pressed here or in another tab
    st.toggle(
        "On",
        key=key,
        disabled=read_only,
        on_change=answered("alert_rules", lambda: desk.alerts.enable(rule.id, bool(st.session_state[key]))),
    )
    st.button("Edit", key=f"alert_edit_{rule.id}", on_click=_edit, args=(rule,), disabled=read_only)
    st.button(
        "Delete",
        key=f"alert_drop_{rule.id}",
        on_click=answered("alert_rules", lambda: _drop(desk, rule.id)),
        disabled=read_only,
    )


def watch_button(desk: DeskPort, view: AlertsView, on_screen: WatchedPair) -> None:
    """Offer to watch what the sidebar chose, where it is a pair that is not watched so."""
    if on_screen.symbol_y != on_screen.symbol_x and on_screen not in view.watched:
        st.button(
            f"Watch {on_screen.words}",
            icon=":material/star:",
            key="alert_watch",
            on_click=answered("alert_watched", lambda: desk.watch_pair(on_screen, True)),
            disabled=bool(view.read_only),
            help="Pair, timeframe and preset of the sidebar; with the preset's own windows.",
        )


def unwatch_button(desk: DeskPort, entry: WatchedPair, read_only: bool) -> None:
    """Offer to end one entry of the watch-list."""
    st.button(
        "Unwatch",
        key=f"alert_unwatch_{entry.symbol_y}_{entry.symbol_x}_{entry.timeframe_s}_{entry.preset}",
        on_click=answered("alert_watched", lambda: desk.watch_pair(entry, False)),
        disabled=read_only,
    )


def channel_form(desk: DeskPort, read_only: bool) -> None:
    """Draw the form for a channel's address."""
    with st.container(key="ps-channel-form", horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Address",
            key="channel_url",
            type="password",
            autocomplete="off",
            placeholder="tgram://…, mailto://…, discord://…, json://…",
            help="As Apprise writes it; its documentation lists the form for each of over a hundred services.",
        )
        st.text_input("Called", key="channel_label", placeholder="my phone", max_chars=40, width=170)
        st.button(
            "Add the channel",
            icon=":material/add_link:",
            key="channel_add",
            on_click=answered("alert_channel", lambda: _add_channel(desk)),
            disabled=read_only,
        )


def channel_buttons(desk: DeskPort, name: str, kept: bool, read_only: bool) -> None:
    """What can be done with a channel."""
    test: Callable[[], None] = answered("alert_channel", lambda: desk.alerts.test(name))
    st.button("Send a test", key=f"channel_test_{name}", on_click=test, disabled=read_only)
    if kept:
        drop = answered("alert_channel", lambda: desk.alerts.drop_channel(name))
        st.button("Remove", key=f"channel_drop_{name}", on_click=drop, disabled=read_only)


def _save(desk: DeskPort, view: AlertsView, on_screen: WatchedPair) -> None:
    said = st.session_state
    kind = KINDS[said["alert_kind"]]
    pair = "" if said["alert_pair"] == EVERY else str(said["alert_pair"]).removesuffix(ON_SCREEN)
    quiet = bool(said.get("alert_quiet"))
    if quiet and said["alert_from"] == said["alert_to"]:
        raise PairsightError("Quiet hours that end when they begin are none: choose another end, or switch them off.")
    try:
        rule = AlertRule(
            kind,
            pair,
            float(said.get("alert_level", LEVEL)) if kind in LEVELLED else 0.0,
            float(said.get("alert_rearm", REARM)) if kind in LEVELLED else 0.0,
            COOLDOWNS[said["alert_cool"]],
            _minutes(said["alert_from"]) if quiet else None,
            _minutes(said["alert_to"]) if quiet else None,
            id=int(said.get("alert_id", 0)),
            quiet_zone=str(said["alert_zone"]) if quiet else "UTC",
        )
    except ValueError:
        raise PairsightError("The z below which it arms again must be lower than the level.") from None
    if pair and pair not in view.pairs:
        y, x = pair.split("/")
        desk.watch_pair(replace(on_screen, symbol_y=y, symbol_x=x), True)
    desk.alerts.save(rule)
    _reset()


def _drop(desk: DeskPort, rule_id: int) -> None:
    desk.alerts.drop(rule_id)
    if st.session_state.get("alert_id") == rule_id:
        _reset()


def _add_channel(desk: DeskPort) -> None:
    desk.alerts.add_channel(st.session_state["channel_url"], st.session_state["channel_label"])
    st.session_state["channel_url"] = st.session_state["channel_label"] = ""


def _reset() -> None:
    _fill(FIRST)


def _edit(rule: AlertRule) -> None:
    _fill(rule)


def _fill(rule: AlertRule) -> None:
    """Have the form say this rule."""
    said = st.session_state
    said["alert_id"] = rule.id
    said["alert_kind"] = KIND_NAMES[rule.kind]
    said["alert_pair"] = rule.pair or EVERY
    said["alert_cool"] = next((name for name, s in COOLDOWNS.items() if s >= rule.cooldown_s), "1 d")
    said["alert_quiet"] = rule.quiet_from_min is not None
    if rule.level:
        said["alert_level"], said["alert_rearm"] = rule.level, rule.rearm
    if rule.quiet_from_min is not None and rule.quiet_to_min is not None:
        said["alert_from"], said["alert_to"] = _time(rule.quiet_from_min), _time(rule.quiet_to_min)
        said["alert_zone"] = rule.quiet_zone


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def _time(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)
