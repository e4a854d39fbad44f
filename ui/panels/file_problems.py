"""What a file may look like, and what is wrong with one, line by line."""

from __future__ import annotations

import streamlit as st

from ui.candle_file import MAX_BYTES, MAX_ROWS, PLAIN, CandleFile
from ui.markup import Markup, el


def render(file: CandleFile) -> None:
    """Draw its problems; nothing where there are none."""
    if file.problems:
        st.html(markup(file))


def markup(file: CandleFile) -> Markup:
    """A list: the file, then each problem with its line."""
    lines = [
        el("li", el("b", f"line {p.line}"), el("span", p.text)) if p.line else el("li", el("b", "file"), p.text)
        for p in file.problems
    ]
    if file.more_problems:
        lines.append(el("li", el("b", "and"), f"{file.more_problems:,} more problems"))
    return el(
        "ul",
        el("li", f"{file.name} was not read: nothing of it is used.", cls="ps-problem-file"),
        *lines,
        cls="ps-problems",
        data_key="problems",
        data_value=str(len(file.problems) + file.more_problems),
    )


def forms() -> Markup:
    """What is read, for whoever has not given a file yet."""
    return el(
        "dl",
        _form(
            "Binance's kline files",
            "One file a leg, under the name it came with: ETHUSDT-1m-2024-07.csv and BTCUSDT-1m-2024-07.csv. With or "
            "without the header, times in milliseconds or microseconds.",
        ),
        _form("One table for both legs", f"The columns {', '.join(PLAIN)}; the symbols in capital letters."),
        _form(
            "Checked row by row",
            f"Numbers, order, doubles, lengths. A file with a problem is refused whole, with its lines. Of each "
            f"leg at most {MAX_ROWS:,} candles and {MAX_BYTES // 1_000_000} MB. What is missing in between is a gap.",
        ),
        cls="ps-card ps-pairs",
        data_key="forms",
    )


def _form(name: str, words: str) -> Markup:
    return el("div", el("dt", name), el("dd", words))
