"""The verdict banner: word, symbol and colour, why, since when, and whether the data can be trusted."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from analytics.decision import PRESETS, Verdict
from core.journal import JournalRow
from core.types import TIMEFRAME_NAMES, DeskStatus, FeedStatus
from ui import formats, theme
from ui.markup import Markup, el, join
from ui.next_step import next_step
from ui.reading import Reading
from ui.ticket import ticket

FEED_WORD = {
    "live": "receiving",
    "connecting": "connecting",
    "waiting": "waiting to reconnect",
    "stopped": "stopped",
    "blocked": "refused by the exchange",
}

LONG_WAIT_S = 120.0
FETCHED_FROM_S = 60  # the exchange gives no candle shorter than a minute


def render(reading: Reading) -> None:
    """Draw the banner."""
    st.html(markup(reading))


def markup(reading: Reading) -> Markup:
    """The banner as HTML. Its height does not depend on the words."""
    decision, params = reading.look.decision, reading.params
    verdict = decision.verdict
    return el(
        "section",
        el(
            "div",
            el(
                "div",
                el("strong", f"{reading.symbol_y} / {reading.symbol_x}"),
                f" · {TIMEFRAME_NAMES[params.timeframe_s]} · {PRESETS[params.preset].title}",
                _mark(reading),
                cls="ps-pair",
                data_key="pair",
            ),
            el("h1", theme.glyph(theme.VERDICT_STYLE[verdict]), verdict.value, cls="ps-verdict"),
            el(
                "div",
                el("p", formats.prose(decision.reason), cls="ps-reason", data_key="reason"),
                join(warm_up(reading), sooner(reading)) if verdict is Verdict.WARMING_UP else change(reading),
                cls="ps-says",
            ),
            cls="ps-banner-main",
        ),
        el("dl", *_facts(reading), cls="ps-facts"),
        cls=f"ps-banner ps-v-{theme.VERDICT_STYLE[verdict]}",
        data_key="verdict",
        data_value=verdict.value,
        aria_label=f"Verdict: {verdict.value}",
    )


def _mark(reading: Reading) -> Markup:
    word = "OFFLINE" if reading.offline else "THE PAST" if reading.past else "PAUSED" if reading.paused else ""
    return el("span", word, cls="ps-tag ps-tag-paused") if word else Markup()


def change(reading: Reading) -> Markup:
    """What would change the verdict, or the trade it names."""
    label, sentence = next_step(
        reading.look.decision,
        ticket(reading.look, reading.catalogue),
        reading.symbol_y,
        reading.symbol_x,
        reading.tick_size(reading.symbol_y),
    )
    return el("p", el("b", label), " ", formats.prose(sentence), cls="ps-change", data_key="change")


def turn(reading: Reading, before: str) -> str:
    """A change of verdict as one sentence, for whoever looked elsewhere."""
    now, name = reading.look.decision, f"{reading.symbol_y} / {reading.symbol_x}"
    when = TIMEFRAME_NAMES[reading.params.timeframe_s]
    return f"**{name} {when}: {before.lower()}, now {now.verdict.value}.** {plain(formats.prose(now.reason))}"


def plain(sentence: str) -> str:
    r"""Text that Markdown leaves as it is.

    >>> plain("|z| < 2 * [x]")
    '\\|z\\| \\< 2 \\* \\[x\\]'
    """
    return re.sub(r"([\\`*_{}\[\]<>()#+!|$~:-])", r"\\\1", sentence)


def warm_up(reading: Reading) -> Markup:
    """How far the candles are that the rule needs."""
    have, need = reading.report.have_bars, reading.report.need_bars
    share = have / need if need else 0.0
    left = reading.look.decision.ready_in_s
    words = (
        f"{formats.percent(share, 0)}, ready in about {formats.age(left)}" if left is not None else "time left unknown"
    )
    loading = [reading.status.warmup[s] for s in (reading.symbol_y, reading.symbol_x) if s in reading.status.warmup]
    if loading and min(loading) < 1:
        words = f"loading history from the exchange, {formats.percent(min(loading), 0)}"
    return el("div", bar(share), el("span", words, data_key="warm_up"), cls="ps-warm")


def sooner(reading: Reading) -> Markup:
    """The way out of a long wait, where there is one; empty while history is on its way, or the wait is short."""
    left = reading.look.decision.ready_in_s
    loading = {reading.symbol_y, reading.symbol_x} & reading.status.warmup.keys()
    if reading.offline or loading or (left is not None and left < LONG_WAIT_S):
        return Markup()
    if reading.source == "REPLAY":
        words = "A recording brings no history: take a shorter timeframe, or a smaller N."
    elif reading.params.timeframe_s < FETCHED_FROM_S:
        words = "Choose 1m or longer: the exchange gives their history at once."
    else:
        return Markup()
    return el("p", el("b", "Sooner"), " ", words, cls="ps-change", data_key="sooner")


def bar(share: float, label: str = "candles there") -> Markup:
    """A progress bar, 0..1."""
    percent = 100 * min(max(share, 0.0), 1.0)
    return el(
        "div",
        el("i", style=f"width:{percent:.1f}%"),
        cls="ps-bar",
        role="progressbar",
        aria_valuenow=f"{percent:.0f}",
        aria_valuemin="0",
        aria_valuemax="100",
        aria_label=label,
    )


def since_ms(said: Sequence[JournalRow], verdict: Verdict) -> int | None:
    """Since which look the journal has said this verdict without a break; None: it does not say."""
    since = None
    for row in reversed(said):
        if row.verdict != verdict.value:
            break
        since = row.candle_ms
    return since


def feed_words(feed: FeedStatus, status: DeskStatus) -> str:
    """The feed's state with the age of its newest record: an open line alone brings none."""
    if not status.running:
        return "stopped"
    word, newest_s = FEED_WORD[feed.state], newest_age_s(feed)
    if feed.state == "live" and newest_s is None:
        return "connected, nothing heard yet"
    if feed.state == "live" and newest_s is not None:
        word = "silent" if newest_s > status.stale_after_s else word
        rate = sum(s.rate_per_s for s in feed.streams)
        return f"{word}, newest trade {formats.age(newest_s)} ago, {formats.number(rate, 0)}/s"
    if feed.state == "waiting" and feed.next_try_in_s is not None:
        return f"{word}, next try in {formats.age(feed.next_try_in_s)}"
    return word


def newest_age_s(feed: FeedStatus) -> float | None:
    """Since the newest record of any stream; None: none has come."""
    if feed.streams:
        return min((s.age_s for s in feed.streams if s.age_s is not None), default=None)
    return feed.last_frame_age_s


def _facts(reading: Reading) -> tuple[Markup, ...]:
    newest = reading.report.newest_ms
    closed = None if newest is None else newest + reading.params.timeframe_s * 1000
    if reading.past:
        return _facts_of_then(reading, closed)
    candle = "none yet"
    if closed is not None:
        candle = f"{formats.clock(closed)} UTC, {formats.age(reading.candle_age_s)} ago"
    since = since_ms(reading.said, reading.look.decision.verdict)
    source = reading.status.source
    return (
        _fact("source", "Source", el("b", source, cls=f"ps-source ps-source-{source.lower()}")),
        _fact("candle", "Confirmed to", candle),
        _fact("feed", "Feed", feed_words(reading.status.trades, reading.status)),
        _fact("since", "Said since", _since(reading, since)),
    )


def _facts_of_then(reading: Reading, closed: int | None) -> tuple[Markup, ...]:
    since = since_ms(reading.said, reading.look.decision.verdict)
    told = bool(reading.said) and reading.said[-1].candle_ms == reading.report.newest_ms
    start = "not journalled" if since is None or not told else _end(reading, since)
    source = reading.source
    return (
        _fact("as_of", "As of", el("b", f"{formats.stamp(closed)} UTC")),
        _fact("source", "Source", el("b", source, cls=f"ps-source ps-source-{source.lower()}")),
        _fact("basis", "Computed", reading.basis),
        _fact("since", "Said since", start),
    )


def _end(reading: Reading, since: int) -> str:
    before = " or before" if since == reading.said[0].candle_ms else ""
    return f"{formats.clock(since + reading.params.timeframe_s * 1000)} UTC{before}"


def _since(reading: Reading, since: int | None) -> str:
    """The look that first said it, as the end of its candle; "or before" when the journal read goes no further."""
    if since is None:
        return "not journalled yet"
    end = since + reading.params.timeframe_s * 1000
    ago = formats.age((reading.now_ms - end) / 1000) + " ago" if reading.now_ms is not None else ""
    return f"{_end(reading, since)}, {ago}" if ago else _end(reading, since)


def _fact(key: str, name: str, value: str) -> Markup:
    return el("div", el("dt", name), el("dd", value, data_key=f"fact_{key}"))
