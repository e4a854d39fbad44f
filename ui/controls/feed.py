"""Start, stop, pause, and the way back from the simulator."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.errors import StoreBusy
from core.settings import Settings
from core.types import DeskStatus
from ui.controls.answers import answered, show
from ui.port import DeskPort


def draw(desk: DeskPort, settings: Settings, status: DeskStatus) -> bool:
    """Draw the controls; whether the screen is paused."""
    if not status.may_collect:
        st.caption("This window only reads. The feed is started and stopped where trades are collected.")
    elif status.store.state == "reading":
        st.button(
            "Collect here",
            icon=":material/move_item:",
            on_click=answered("feed", partial(_take_over, desk)),
            key="feed_take_over",
            width="stretch",
            help="Another Pairsight writes this database and this one reads it. Takes over once the other has ended.",
        )
    elif status.running:
        st.button(
            "Stop the feed",
            icon=":material/stop_circle:",
            on_click=answered("feed", desk.stop),
            key="feed_stop",
            width="stretch",
            help="Ends the streams and writes what is waiting. Stored data stay.",
        )
    else:
        st.button(
            "Start the feed",
            icon=":material/play_circle:",
            on_click=answered("feed", desk.start),
            key="feed_start",
            type="primary",
            width="stretch",
            help="Opens the streams.",
        )
    if _switched(settings, status):
        st.button(
            "Back to the exchange",
            icon=":material/public:",
            on_click=answered("feed", desk.use_exchange),
            key="feed_exchange",
            width="stretch",
            help="Leaves the made-up prices and connects to the address of the settings again.",
        )
    show("feed")
    paused = st.toggle(
        "Pause live",
        key="paused",
        help="Holds the page still, for reading or zooming. The feed and the store go on.",
    )
    return bool(paused)


def _take_over(desk: DeskPort) -> None:
    desk.start()
    store = desk.status().store
    if store.state == "reading":
        raise StoreBusy(f"The other Pairsight still collects into {store.path}. End it first.")


def _switched(settings: Settings, status: DeskStatus) -> bool:
    """Whether the simulator was chosen here, rather than in the settings."""
    return status.source != "LIVE" and not status.trades.url.startswith(settings.ws_url)
