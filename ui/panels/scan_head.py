"""What was scanned, how many tests were made of it, how many would pass by chance, and how many passed."""

from __future__ import annotations

import streamlit as st

from analytics.market import MarketRule, MarketView
from analytics.params import RELATED_P
from analytics.scanner import FALSE_RATE
from ui import formats, theme
from ui.markup import Markup, el, join
from ui.panels.banner import bar

CAUTION = (
    "The scan asks one thing of every pair: does what is left between the two keep coming back, after answering for"
    " how many pairs were asked? Whether it pays, persists and has paid before is for the Decision page."
    " Measured on simulated markets without any related pair, 1 % of scans name a false candidate,"
    " and 3–5 % where volatility comes in strong clusters common to all."
)


def render(view: MarketView, rule: MarketRule, now_ms: float | None) -> None:
    """Draw the cards, and the caution under them."""
    st.html(join(facts(view, now_ms), elsewhere(view, rule), caution()))


def elsewhere(view: MarketView, rule: MarketRule) -> Markup:
    """Whose market this is, where it is not the one asked for here: one process scans one."""
    if view.rule is None or view.rule == rule:
        return Markup()
    r = view.rule
    words = (
        "Another tab chose its market after this one, and one market is scanned at a time. Shown is that one:"
        f" {r.most} symbols, N = {formats.count(r.fit_bars)}, cost {formats.number(r.cost_bps, 1)} bps."
        " Change a setting to take over."
    )
    return el("p", words, cls="ps-note", data_key="elsewhere")


def facts(view: MarketView, now_ms: float | None) -> Markup:
    """Six cards; they stand before there is anything to say, so that nothing moves when there is."""
    return el(
        "div",
        _tested(view),
        _chance(view),
        _found(view),
        _newest(view, now_ms),
        _symbols(view),
        _history(view),
        cls="ps-stats",
        data_key="scan",
        data_value=str(view.number),
    )


def caution() -> Markup:
    """The words that keep a candidate from being taken for a verdict."""
    return el("p", el("strong", "A candidate is not a verdict. "), CAUTION, cls="ps-note", data_key="caution")


def left_out(view: MarketView) -> Markup:
    """Every symbol that is in no pair, with its reason."""
    scanned = view.scan.left_out if view.scan is not None else ()
    return el(
        "div",
        el(
            "table",
            el("thead", el("tr", el("th", "Symbol", scope="col"), el("th", "Why it is in no pair", scope="col"))),
            el(
                "tbody",
                *(
                    el("tr", el("td", one.symbol), el("td", one.reason), data_key="left_out")
                    for one in (*view.left_out, *scanned)
                ),
            ),
            cls="ps-table",
            aria_label="Symbols left out",
        ),
        cls="ps-scroll",
        tabindex="0",
    )


def _tested(view: MarketView) -> Markup:
    s = view.scan
    if s is None:
        return _card("Pairs tested", "unknown", formats.UNKNOWN, "once two symbols have their minutes")
    way = ", both directions" if s.both_directions else ""
    return _card(
        "Pairs tested",
        "passed",
        formats.count(s.pairs_tested),
        f"of {len(s.symbols)} symbols{way}, {formats.count(s.bars)} minutes each",
        key="tested",
    )


def _chance(view: MarketView) -> Markup:
    s = view.scan
    if s is None:
        return _card("Expected by chance", "unknown", formats.UNKNOWN, f"below p = {RELATED_P:g}")
    return _card(
        "Expected by chance",
        "passed",
        f"{formats.count(s.expected_by_chance)} below p = {RELATED_P:g}",
        f"if no two symbols were related; {formats.count(s.below_nominal)} were found",
        key="chance",
    )


def _found(view: MarketView) -> Markup:
    s = view.scan
    if s is None:
        return _card("Found", "unknown", formats.UNKNOWN, "after the correction for all tests")
    words = "no candidate" if not s.found else "1 candidate" if s.found == 1 else f"{formats.count(s.found)} candidates"
    return _card(
        "Found", "passed", words, f"after Benjamini-Yekutieli at {formats.percent(FALSE_RATE, 0)}", key="found"
    )


def _newest(view: MarketView, now_ms: float | None) -> Markup:
    if view.candle_ms is None:
        return _card("Confirmed to", "unknown", "none yet", "scanned again with each confirmed minute")
    end = view.candle_ms + 60_000
    ago = f", {formats.age((now_ms - end) / 1000)} ago" if now_ms is not None else ""
    detail = f"scan {formats.count(view.number)} took {formats.number(view.took_ms, 0)} ms"
    return _card("Confirmed to", "passed", f"{formats.clock(end)} UTC{ago}", detail, key="scanned_to", value=str(end))


def _symbols(view: MarketView) -> Markup:
    if not view.symbols:
        return _card("Symbols", "unknown", "being chosen", "by 24 h volume, of what trades now")
    gone = len(view.left_out) + (len(view.scan.left_out) if view.scan is not None else 0)
    scanned = len(view.scan.symbols) if view.scan is not None else 0
    return _card("Symbols", "passed", f"{scanned} scanned", f"{len(view.symbols)} streamed, {gone} left out")


def _history(view: MarketView) -> Markup:
    head = el(
        "div", theme.glyph("passed" if view.loaded >= 1 else "unknown"), el("span", "History"), cls="ps-card-head"
    )
    if view.loaded >= 1:
        words, detail = "complete", "closed minutes follow from the stream"
    else:
        words = formats.percent(view.loaded, 0)
        left = formats.age(view.left_s) if view.left_s is not None else ""
        detail = f"about {left} left; what is there is scanned" if left else "from the exchange, within its budget"
    return el(
        "div",
        head,
        el("div", words, cls="ps-card-value"),
        bar(view.loaded, "history loaded") if view.loaded < 1 else Markup(),
        el("div", detail, cls="ps-sub"),
        cls="ps-card",
        data_key="history",
        data_value=f"{view.loaded:.3f}",
    )


def _card(name: str, state: str, head: str, detail: str, key: str | None = None, value: str | None = None) -> Markup:
    return el(
        "div",
        el("div", theme.glyph(state), el("span", name), cls="ps-card-head"),
        el("div", head, cls="ps-card-value"),
        el("div", detail, cls="ps-sub"),
        cls="ps-card",
        data_key=key,
        data_value=value if value is not None else head if key else None,
    )
