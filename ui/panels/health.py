"""Health of streams, store and clock: is what is stored the truth of the exchange?"""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from core.types import DeskStatus, FeedStatus, StreamStatus
from ui import formats, theme
from ui.markup import Markup, el
from ui.panels.banner import FEED_WORD, bar, feed_words, newest_age_s

BAR_DUE_S = 90.0  # a closed bar is due every minute; so long without one is silence
FAR_MS = 10_000.0  # from here a clock is not a little off
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
    """One card a part: trades, market, store, gaps, clock, looks."""
    store = status.store
    clock = "unknown" if status.clock_offset_ms is None else "passed"
    return el(
        "div",
        _card(
            "trades",
            "Trades",
            _feed_state(status, status.trades),
            feed_words(status.trades, status),
            f"{formats.count(status.trades.records)} records, {formats.count(status.trades.reconnects)} reconnects; "
            f"not taken: {_rejected(status.trades)}",
            status.trades.reason,
        ),
        _card(
            "market",
            "Mark price and funding",
            _feed_state(status, status.market),
            feed_words(status.market, status).replace("newest trade", "newest frame"),
            f"{formats.count(status.market.frames)} frames, {formats.count(status.market.reconnects)} reconnects",
            status.market.reason,
        ),
        _card(
            "store",
            "Database",
            {"writing": "passed", "reading": "passed", "failing": "failed", "closed": "unknown"}[store.state],
            STORE_WORD[store.state],
            f"{formats.size(store.size_bytes)}, {formats.count(store.written)} rows written, "
            f"{formats.count(store.queued)} waiting, {formats.number(store.write_ms, 1)} ms a transaction",
            store.reason or (f"{formats.count(store.dropped)} rows had to be dropped" if store.dropped else ""),
        ),
        _card(
            "gaps",
            "Gaps",
            "failed" if status.gaps_open else "passed",
            f"{status.gaps_open} open",
            f"{status.gaps_repaired} repaired, {status.gaps_lost} lost",
            "",
        ),
        _card("clock", "Clock", clock, _offset(status.clock_offset_ms), "exchange clock minus this machine's", ""),
        _looks(status),
        cls="ps-stats",
        data_key="health",
    )


def streams(status: DeskStatus) -> Markup:
    """One row a symbol."""
    names = ("State", "Symbol", "Stream", "Records/s", "Age", "Last event, UTC", "Last id", "History")
    return el(
        "div",
        el(
            "table",
            el("thead", el("tr", *(el("th", n, scope="col", cls="ps-num" if n in NUMBERS else "") for n in names))),
            el("tbody", *_stream_rows(status)),
            cls="ps-table",
            aria_label="Streams",
        ),
        cls="ps-scroll",
        tabindex="0",
    )


def log(lines: Iterable[str]) -> Markup:
    """The newest log lines, newest first."""
    text = "\n".join(reversed(list(lines))) or "Nothing has been logged yet."
    return el("pre", text, cls="ps-log", tabindex="0", aria_label="Log", data_key="log")


def _stream_rows(status: DeskStatus) -> list[Markup]:
    known = {s.symbol: s for s in status.trades.streams}
    rows = [_stream_row(known.get(symbol) or StreamStatus(symbol), status) for symbol in status.symbols]
    rows = rows or [el("tr", el("td", "No symbol is streamed.", colspan="8"))]
    return [*rows, _scanner_row(status)]


def _scanner_row(status: DeskStatus) -> Markup:
    """The scanner's closed bars, all symbols in one row: one of them that trades says something every minute."""
    feed = status.universe
    ages = [s.age_s for s in feed.streams]
    silent, awaited = sum(age is not None and age > BAR_DUE_S for age in ages), ages.count(None)
    state = "passed" if feed.state == "live" and not silent else "failed"
    found = [f"{formats.count(n)} {what}" for n, what in ((silent, "silent"), (awaited, "not heard yet")) if n]
    word, history = "alive", ", ".join(found) or "all alive"
    if feed.state == "stopped" or not status.running:
        state, word, history = "unknown", "closed", "open while the Scanner is looked at"
    elif feed.state != "live":
        word, history = FEED_WORD[feed.state], feed.reason
    elif silent:
        word = "in part silent"
    newest = max((s.last_event_ms for s in feed.streams if s.last_event_ms is not None), default=None)
    opened = feed.state != "stopped"
    return el(
        "tr",
        el("td", theme.glyph(state), el("span", word, cls="ps-state"), cls="ps-mark"),
        el("td", f"Scanner, {formats.count(len(ages))} symbols" if opened else "Scanner"),
        el("td", next((s.kind for s in feed.streams), "kline_1m")),
        el("td", formats.number(sum(s.rate_per_s for s in feed.streams) if opened else None, 1), cls="ps-num"),
        el("td", formats.age(feed.last_frame_age_s if opened else None), cls="ps-num"),
        el("td", formats.stamp(newest), cls="ps-num"),
        el("td", formats.UNKNOWN, cls="ps-num"),
        el("td", history),
        data_key="stream_universe",
        data_state=state,
    )


def _stream_row(stream: StreamStatus, status: DeskStatus) -> Markup:
    state = "unknown" if not status.running else "failed" if stream.silent(status.stale_after_s) else "passed"
    word = {"unknown": "stopped", "failed": "silent", "passed": "alive"}[state]
    return el(
        "tr",
        el("td", theme.glyph(state), el("span", word, cls="ps-state"), cls="ps-mark"),
        el("td", stream.symbol),
        el("td", stream.kind),
        el("td", formats.number(stream.rate_per_s, 1), cls="ps-num"),
        el("td", formats.age(stream.age_s), cls="ps-num"),
        el("td", formats.stamp(stream.last_event_ms), cls="ps-num"),
        el("td", formats.UNKNOWN if stream.last_id is None else str(stream.last_id), cls="ps-num"),
        el("td", _history(stream, status.warmup.get(stream.symbol))),
        data_key=f"stream_{stream.symbol}",
        data_state=state,
    )


def _history(stream: StreamStatus, loaded: float | None) -> str:
    if loaded is not None:
        return bar(loaded, "history loaded")
    return formats.UNKNOWN if stream.last_event_ms is None else "complete"  # nothing heard, so nothing asked for


def _feed_state(status: DeskStatus, feed: FeedStatus) -> str:
    if not status.running:
        return "unknown"
    newest_s = newest_age_s(feed)
    heard = newest_s is not None and newest_s <= status.stale_after_s
    return "passed" if feed.state == "live" and heard else "failed"


def _offset(ms: float | None) -> str:
    """A clock's difference; a recording's is days.

    >>> _offset(-12.0), _offset(-2 * 86_400_000.0)
    ('−12 ms', '2 d behind')
    """
    if ms is None:
        return "not measured"
    far = f"{formats.age(abs(ms) / 1000)} {'behind' if ms < 0 else 'ahead'}"
    return far if abs(ms) >= FAR_MS else f"{formats.number(ms, 0)} ms"


def _looks(status: DeskStatus) -> Markup:
    looks = status.engine
    slow = "More looks are owed than pairs are watched: the machine is too slow." if looks.behind else ""
    name, unit = "Looks", "pair" if looks.watched == 1 else "pairs"
    if not looks.at_ms:
        return _card("looks", name, "unknown", "none yet", "each confirmed candle of a watched pair is judged once", "")
    return _card(
        "looks",
        name,
        "failed" if looks.behind or looks.failing else "passed",
        f"{formats.count(looks.owed)} owed" if looks.owed else "up to date",
        f"{formats.count(looks.watched)} {unit} watched, the newest round took {formats.number(looks.round_s, 2)} s",
        looks.failure or slow,
    )


def _rejected(feed: FeedStatus) -> str:
    return ", ".join(f"{_reason(why)} {formats.count(n)}" for why, n in sorted(feed.rejected.items())) or "none"


def _reason(code: str) -> str:
    """A counter's name in words.

    >>> _reason("not_market:NA")
    'not market (NA)'
    """
    name, _, detail = code.replace("_", " ").partition(":")
    return f"{name} ({detail})" if detail else name


def _card(key: str, name: str, state: str, head: str, detail: str, problem: str) -> Markup:
    return el(
        "div",
        el("div", theme.glyph(state), el("span", name), cls="ps-card-head"),
        el("div", head, cls="ps-card-value"),
        el("div", detail, cls="ps-sub"),
        el("div", problem, cls="ps-card-problem") if problem else Markup(),
        cls="ps-card",
        data_key=f"card_{key}",
        data_state=state,
    )
