"""Health of streams, store and clock: is what is stored the truth of the exchange?"""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from core.types import DeskStatus, FeedStatus, StreamStatus
from ui import formats, theme
from ui.markup import Markup, el
from ui.panels.banner import bar, feed_words
from ui.reading import exchange_now_ms

NUMBERS = ("Records/s", "Age", "Last event, UTC", "Last id")
STORE_WORD = {
    "writing": "writing",
    "reading": "reading; another process collects",
    "failing": "cannot write",
    "closed": "closed",
}


def render(status: DeskStatus) -> None:
    """Draw the facts and the table of streams."""
    st.html(facts(status))
    st.html(theme.heading("Streams", "an acknowledged subscription proves nothing; a record does"))
    st.html(streams(status))


def facts(status: DeskStatus) -> Markup:
    """One card a part: trades, market, store, gaps, clock, rejected."""
    store = status.store
    offset = "not measured" if status.clock_offset_ms is None else f"{formats.number(status.clock_offset_ms, 0)} ms"
    rejected = sum(status.trades.rejected.values())
    return el(
        "div",
        _card(
            "Trades",
            _feed_state(status, status.trades),
            feed_words(status.trades, status),
            f"{formats.count(status.trades.records)} records, {formats.count(status.trades.reconnects)} reconnects",
            status.trades.reason,
        ),
        _card(
            "Mark price and funding",
            _feed_state(status, status.market),
            feed_words(status.market, status).replace("newest trade", "newest frame"),
            f"{formats.count(status.market.frames)} frames, {formats.count(status.market.reconnects)} reconnects",
            status.market.reason,
        ),
        _card(
            "Database",
            {"writing": "passed", "reading": "passed", "failing": "failed", "closed": "unknown"}[store.state],
            STORE_WORD[store.state],
            f"{formats.size(store.size_bytes)}, {formats.count(store.written)} rows written, "
            f"{formats.count(store.queued)} waiting, {formats.number(store.write_ms, 1)} ms a transaction",
            store.reason or (f"{formats.count(store.dropped)} rows had to be dropped" if store.dropped else ""),
        ),
        _card(
            "Gaps",
            "failed" if status.gaps_open else "passed",
            f"{status.gaps_open} open",
            f"{status.gaps_repaired} repaired, {status.gaps_lost} lost",
            "",
        ),
        _card("Clock", "passed", offset, "exchange clock minus this machine's", ""),
        _card(
            "Not trades",
            "passed",
            formats.count(rejected),
            "; ".join(f"{_reason(why)}: {formats.count(n)}" for why, n in sorted(status.trades.rejected.items()))
            or "none",
            "",
        ),
        cls="ps-stats",
        data_key="health",
    )


def streams(status: DeskStatus) -> Markup:
    """One row a symbol."""
    now = exchange_now_ms(status)
    names = ("State", "Symbol", "Stream", "Records/s", "Age", "Last event, UTC", "Last id", "History")
    return el(
        "div",
        el(
            "table",
            el("thead", el("tr", *(el("th", n, scope="col", cls="ps-num" if n in NUMBERS else "") for n in names))),
            el("tbody", *_stream_rows(status, now)),
            cls="ps-table",
            aria_label="Streams",
        ),
        cls="ps-scroll",
        tabindex="0",
    )


def log(lines: Iterable[str]) -> Markup:
    """The newest log lines, newest first."""
    text = "\n".join(reversed(list(lines))) or "Nothing has been logged yet."
    return el("pre", text, cls="ps-log", tabindex="0", aria_label="Log")


def _stream_rows(status: DeskStatus, now_ms: float | None) -> list[Markup]:
    known = {s.symbol: s for s in status.trades.streams}
    rows = [_stream_row(known.get(symbol) or StreamStatus(symbol), status) for symbol in status.symbols]
    return rows or [el("tr", el("td", "No symbol is streamed.", colspan="8"))]


def _stream_row(stream: StreamStatus, status: DeskStatus) -> Markup:
    silent = stream.age_s is None or stream.age_s > status.stale_after_s
    state = "unknown" if not status.running else "failed" if silent else "passed"
    word = {"unknown": "stopped", "failed": "silent", "passed": "alive"}[state]
    loaded = status.warmup.get(stream.symbol)
    return el(
        "tr",
        el("td", theme.glyph(state), el("span", word, cls="ps-state"), cls="ps-mark"),
        el("td", stream.symbol),
        el("td", stream.kind),
        el("td", formats.number(stream.rate_per_s, 1), cls="ps-num"),
        el("td", formats.age(stream.age_s), cls="ps-num"),
        el("td", formats.stamp(stream.last_event_ms), cls="ps-num"),
        el("td", formats.UNKNOWN if stream.last_id is None else str(stream.last_id), cls="ps-num"),
        el("td", bar(loaded, "history loaded") if loaded is not None else "complete"),
        data_key=f"stream_{stream.symbol}",
        data_state=state,
    )


def _feed_state(status: DeskStatus, feed: FeedStatus) -> str:
    if not status.running:
        return "unknown"
    return "passed" if feed.state == "live" else "failed"


def _reason(code: str) -> str:
    """A counter's name in words.

    >>> _reason("not_market:NA")
    'not market (NA)'
    """
    name, _, detail = code.replace("_", " ").partition(":")
    return f"{name} ({detail})" if detail else name


def _card(name: str, state: str, head: str, detail: str, problem: str) -> Markup:
    return el(
        "div",
        el("div", theme.glyph(state), el("span", name), cls="ps-card-head"),
        el("div", head, cls="ps-card-value"),
        el("div", detail, cls="ps-sub"),
        el("div", problem, cls="ps-card-problem") if problem else Markup(),
        cls="ps-card",
        data_state=state,
    )
