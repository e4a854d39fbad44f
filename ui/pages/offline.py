"""The Offline page: two legs from files, judged by the same functions. It knows no desk, and so reaches no store."""

from __future__ import annotations

import streamlit as st

from analytics.params import Params
from core.types import Candles, DeskStatus
from ui import exports, given, offline
from ui.controls import FILE_BARS, Controls, shown_bars
from ui.controls import offline as choices
from ui.controls.download import download
from ui.markup import el
from ui.panels import banner, checklist, evidence, metrics, record, snapshot, ticket, trigger
from ui.reading import Reading
from ui.theme import heading
from ui.ticket import ticket as ticket_of

NOTE = "candles from files, judged as they would have been at their last one"


def draw(controls: Controls) -> None:
    """Draw the page for one run of the script."""
    st.html(
        el(
            "div",
            el("strong", "OFFLINE"),
            el("span", "Computed from files of yours. Nothing of it reaches the live store or the journal."),
            cls="ps-strip",
            data_key="source",
            data_value="OFFLINE",
            role="note",
        )
    )
    st.html(el("h1", "Offline ", el("small", NOTE), cls="ps-title"))
    legs = given.legs()
    if legs is None:
        return
    if controls.params is None:
        st.error(controls.problem, icon=":material/error:")
        return
    _judge(*legs, controls.params, choices.assumed())


def _judge(y: Candles, x: Candles, chosen: Params, assumed: offline.Assumed) -> None:
    try:
        params = offline.params_for(chosen, y.timeframe_s)
        look = offline.look_at(y, x, params, assumed)
    except ValueError as error:
        st.error(f"This cannot be analysed: {error}.", icon=":material/error:")
        return
    status = DeskStatus()  # no desk stands behind this page
    now = Reading(
        y.symbol, x.symbol, params, status, look, past=True, offline=True, basis="from the files above, and only them"
    )
    with st.container(key="ps-top"):
        banner.render(now)
        metrics.render(now)
    with st.container(key="ps-body"):
        left, right = st.columns([1.55, 1], gap="small")
    with left:
        st.html(heading("Readiness", "as the last candle answers it"))
        checklist.render(look.decision)
    with right:
        st.html(heading("Trigger", "where z stood, and how far entry was"))
        trigger.render(now)
        st.html(heading("Ticket", "not rounded: no exchange is asked for its steps"))
        ticket.render(ticket_of(look, None))
        st.html(heading("Record", "what this pair's own past stretches returned"))
        record.render(look)
    st.html(heading("Decision snapshot", "the last candles, as known then"))
    snapshot.render(now)
    with st.container(key="ps-evidence-head", horizontal=True, vertical_alignment="bottom"):
        st.html(heading("Evidence", "up to the last candle"))
        bars = shown_bars(FILE_BARS, "bars_of_file")
    with st.container(key="ps-charts"):
        evidence.render(now, bars)
    if look.report.newest_ms is not None:
        _download(now)


def _download(now: Reading) -> None:
    end_ms = (now.report.newest_ms or 0) + now.report.step_ms
    pair = (now.symbol_y, now.symbol_x)
    file = exports.file("offline", pair, now.params.timeframe_s, end_ms, exports.analytics_table(now.report), "csv")
    download(
        "Analytics, CSV",
        file.data,
        file.name,
        "export_offline",
    )
