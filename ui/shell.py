"""The frame around every page: sidebar, navigation, and the strip that says whose prices these are."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.settings import Settings
from ui import controls, login, theme
from ui.pages import alerts, backtest, data, decision, offline, replay, scanner, track
from ui.panels import state
from ui.port import DeskPort

TOASTS_S = 3.0  # a run of the server for each open tab: a word of an alert bears three seconds


def run(desk: DeskPort, settings: Settings) -> None:
    """Draw one run of the script. Called by app.py at every rerun."""
    st.set_page_config("Pairsight", page_icon=theme.ICON, layout="wide", initial_sidebar_state="auto")
    st.logo(theme.WORDMARK, size="medium", icon_image=theme.ICON)
    if not login.admitted(settings.allowed_emails):
        return
    st.html(theme.STYLE)
    status = desk.status()
    chosen = controls.draw(desk, settings, status)
    status = desk.status()  # the controls may have added a symbol
    first = st.Page(
        partial(decision.draw, desk, chosen, status),
        title="Decision",
        icon=":material/balance:",
        url_path="decision",
        default=True,
    )
    pages = [
        first,
        st.Page(
            partial(scanner.draw, desk, chosen, status, first),
            title="Scanner",
            icon=":material/radar:",
            url_path="scanner",
        ),
        st.Page(
            partial(replay.draw, desk, chosen, status), title="Replay", icon=":material/history:", url_path="replay"
        ),
        st.Page(
            partial(backtest.draw, desk, chosen, status),
            title="Walk-forward",
            icon=":material/directions_walk:",
            url_path="walk-forward",
        ),
        st.Page(
            partial(track.draw, desk, chosen, status),
            title="Track record",
            icon=":material/fact_check:",
            url_path="track-record",
        ),
        st.Page(
            partial(alerts.draw, desk, chosen, status),
            title="Alerts",
            icon=":material/notifications:",
            url_path="alerts",
        ),
        st.Page(partial(offline.draw, chosen), title="Offline", icon=":material/upload_file:", url_path="offline"),
        st.Page(partial(data.draw, desk, chosen, status), title="Data", icon=":material/database:", url_path="data"),
    ]
    page = st.navigation(pages, position="top")
    strip = state.source_strip(status)
    if strip and page.url_path != "offline":
        st.html(strip)
    st.fragment(alerts.toasts, run_every=TOASTS_S)(desk)
    page.run()


def refuse(sentence: str) -> None:
    """Say why there is no desk at all: a setting or a file that cannot be used."""
    st.set_page_config("Pairsight", page_icon=theme.ICON, layout="wide", initial_sidebar_state="collapsed")
    st.html(theme.STYLE)
    st.html(state.markup(state.PageState("failed", "Pairsight cannot start", sentence, "Mend it and start again.")))
