"""The Alerts page: what shall I be told, where, and what was I told?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from analytics.params import Params
from core.alerts import AlertsView
from core.errors import PairsightError
from core.types import DeskStatus, WatchedPair
from ui import exports, formats
from ui.controls import Controls
from ui.controls import alerts as choices
from ui.controls.answers import show
from ui.controls.download import download
from ui.controls.memory import untold
from ui.markup import el
from ui.panels import alerts, state
from ui.panels.banner import plain
from ui.port import DeskPort
from ui.reading import exchange_now_ms
from ui.shape import Frame, rerun_when_changed
from ui.theme import heading

EVERY_S = 1.0
TOASTS = 3  # at once; more are counted
ALL = 100_000  # alerts in the file


def draw(desk: DeskPort, controls: Controls, status: DeskStatus) -> None:
    """Draw the page. Channels, wishes and history keep themselves current; rules and watched pairs change by hand."""
    st.html(el("h1", "Alerts", cls="ps-title"))
    state.notice(status, desk)
    try:
        view = desk.alerts.view()
        drawn = marks(view)
        file = _file(status.store.path, drawn, desk)
    except PairsightError as error:
        state.render(state.PageState("failed", "The alerts cannot be read", str(error), "Try again later."), desk)
        return
    frame = Frame.of(status)
    every = None if controls.paused else EVERY_S
    params = controls.params or Params()
    on_screen = WatchedPair(controls.symbol_y, controls.symbol_x, params.timeframe_s, params.preset)
    if view.read_only:
        st.html(el("p", view.read_only, cls="ps-note ps-alert-warning", data_key="read_only"))
    elif view.elsewhere:
        st.html(el("p", view.elsewhere, cls="ps-note", data_key="elsewhere"))
    st.fragment(_wishes, run_every=every)(desk, made(view))
    st.html(heading("Rules", "one alert an event, and no other before it is over"))
    with st.container(key="ps-alert-rules"):
        for rule in view.rules:
            with st.container(key=f"ps-alert-rule-{rule.id}", horizontal=True, vertical_alignment="center"):
                # What else the collecting process watches, by settings of its own, is not known to who looks on.
                st.html(alerts.rule_words(rule, (*view.pairs, rule.pair) if view.elsewhere else view.pairs))
                choices.rule_buttons(desk, rule, bool(view.read_only))
        if not view.rules:
            st.html(alerts.no_rules())
    if alerts.unwatched(on_screen.pair, view):
        st.html(alerts.unwatched(on_screen.pair, view))
    show("alert_rules")
    editing = choices.editing()
    with st.expander("Change a rule" if editing else "New rule", expanded=bool(editing) or not view.rules):
        choices.rule_form(desk, view, on_screen)
        st.html(el("p", alerts.JUDGED, cls="ps-note"))
    show("alert_rule")
    _watched(desk, view, on_screen)
    st.html(heading("Channels", "tried again for a day where one is down; the others do not wait for it"))
    words = _channel_rows(desk, view)
    st.fragment(_channels, run_every=every)(desk, frame, words)
    with st.expander("Add a channel", expanded=not words):
        choices.channel_form(desk, bool(view.read_only))
        st.html(el("p", alerts.KEPT, cls="ps-note"))
    show("alert_channel")
    with st.container(key="ps-alert-head", horizontal=True, vertical_alignment="bottom"):
        st.html(heading("History", alerts.shown_of(view)))
        download(
            "All, CSV",
            file,
            f"pairsight_alerts_{formats.file_stamp(exchange_now_ms(status) or 0)}.csv",
            "export_alerts",
            disabled=not view.alerts,
        )
    st.fragment(_told, run_every=every)(desk, drawn)


def toasts(desk: DeskPort) -> None:
    """Tell each new alert once in this tab, whichever page is open; what was found too late is in the list only."""
    try:
        new = untold(desk.status().store.path, desk.alerts.newest_id(), desk.alerts.newest)
    except PairsightError:  # the source is being changed, or the file cannot be read: the page says so, and it comes
        return
    told = [alert for alert in new if alert.delivery != "too late"]
    for alert in reversed(told[:TOASTS]):
        st.toast(plain(formats.prose(alert.text)), icon=":material/notifications_active:", duration="long")
    if len(told) > TOASTS:
        st.toast(f"And {len(told) - TOASTS} more: see the Alerts page.", icon=":material/notifications_active:")


def marks(view: AlertsView) -> tuple[tuple[int, str], ...]:
    """What the file of all alerts depends on: which are the newest, and how each fared."""
    return tuple((alert.id, alert.delivery) for alert in view.alerts)


def made(view: AlertsView) -> tuple[object, ...]:
    """What changes by hand, in whichever tab or process."""
    return view.rules, view.watched, view.read_only


@st.cache_resource(max_entries=4, show_spinner=False)
def _file(path: str, drawn: tuple[tuple[int, str], ...], _desk: DeskPort) -> bytes:
    """Made before the click; see ``ui.panels.exports``."""
    return exports.encode(exports.alerts_table(_desk.alerts.newest(0, ALL)), "csv")


def _wishes(desk: DeskPort, drawn: tuple[object, ...]) -> None:
    """What was asked of the desk and is not done; where a rule or a watched pair has changed, the whole page."""
    try:
        view = desk.alerts.view()
    except PairsightError:  # the list below says so
        return
    rerun_when_changed(made(view), drawn)
    if view.wishes:
        st.html(alerts.wishes(view.wishes))


def _watched(desk: DeskPort, view: AlertsView, on_screen: WatchedPair) -> None:
    st.html(heading("Watch-list", "the pairs that rules for verdicts and z look at"))
    with st.container(key="ps-alert-watched"):
        for i, entry in enumerate(view.watched):
            with st.container(key=f"ps-alert-rule-watched-{i}", horizontal=True, vertical_alignment="center"):
                st.html(alerts.watched_words(entry, named=entry in view.named))
                if entry not in view.named:
                    choices.unwatch_button(desk, entry, bool(view.read_only))
        if not view.watched:
            st.html(alerts.nothing_watched())
    choices.watch_button(desk, view, on_screen)
    show("alert_watched")


def _channel_rows(desk: DeskPort, view: AlertsView) -> Mapping[str, Any]:
    """Room for each channel's words, by its name, beside its buttons: these stand still, so that a click finds them."""
    words = {}
    with st.container(key="ps-alert-channels"):
        for channel in view.channels:
            with st.container(key=f"ps-alert-channel-{channel.name}", horizontal=True, vertical_alignment="center"):
                words[channel.name] = st.container()
                choices.channel_buttons(desk, channel.name, channel.kept, bool(view.read_only))
        if not view.channels:
            st.html(alerts.no_channels(bool(view.elsewhere)))
    return words


def _channels(desk: DeskPort, frame: Frame, words: Mapping[str, Any]) -> None:
    try:
        view = desk.alerts.view()
    except PairsightError:  # the list below says so
        return
    rerun_when_changed((Frame.of(desk.status()), tuple(c.name for c in view.channels)), (frame, tuple(words)))
    for channel in view.channels:
        with words[channel.name]:
            st.html(alerts.channel_words(channel))


def _told(desk: DeskPort, drawn: tuple[tuple[int, str], ...]) -> None:
    """The list; where something was told, or has fared otherwise, the whole page, whose file holds it, too."""
    problem = desk.status().alerts_problem
    if problem:
        st.html(el("p", problem, cls="ps-note ps-alert-warning", data_key="alerts_problem"))
    try:
        view = desk.alerts.view()
    except PairsightError as error:
        st.html(el("p", str(error), cls="ps-note ps-alert-warning", data_key="alerts_unread"))
        return
    rerun_when_changed(marks(view), drawn)
    st.html(alerts.history(view))
