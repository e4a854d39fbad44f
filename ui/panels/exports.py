"""Files of a time range: made once, when asked for, then one download button each.

Streamlit can also make a file at the click, but deletes it again at the end of the second script run after that, of
whatever tab: with pages that refresh themselves twice a second the browser comes late (1 click of 60 with one tab
open, 5 of 40 with eight). Files that are made and kept have no such race.
"""

from __future__ import annotations

from analytics.params import Params
from ui import exports, formats
from ui.controls import FileChoice
from ui.controls.download import download
from ui.exports import Made
from ui.markup import Markup, el
from ui.port import DeskPort

CANDLES = 50_000  # rows a leg
QUICK = 5_000  # candles that are read, analysed and written in some 50 ms
TRADES = 200_000
LOOKS = 20_000
KINDS_OF_FILE = ("candles", "analytics", "journal", "trades")


def quick(choice: FileChoice, params: Params, now_ms: int) -> bool:
    """Whether everything but the trades can be made at every redraw of the page, without being asked for."""
    since, until = choice.times(now_ms)
    return not choice.problem and (until - since) // (params.timeframe_s * 1000) <= QUICK


def make(
    desk: DeskPort, pair: tuple[str, str], params: Params, choice: FileChoice, now_ms: int, *, trades: bool = True
) -> Made:
    """The files of the chosen time; the newest rows where there are more than can be carried away at once."""
    since, until = choice.times(now_ms)
    tf = params.timeframe_s
    bars = min((until - since) // (tf * 1000) + 1, CANDLES)
    # One row more than a file takes tells whether any is left out.
    candles = [desk.candles(s, tf, limit=CANDLES + 1, from_ms=since, to_ms=until) for s in pair]
    said = [row for row in desk.journal_before(*pair, params, LOOKS + 1, until) if row.candle_ms >= since]
    ticks = [desk.trades(s, since, until, TRADES + 1) for s in pair] if trades else []
    tables = {
        "candles": exports.candles_table(leg.take(slice(-CANDLES, None)) for leg in candles),
        "analytics": exports.analytics_table(desk.report(*pair, params, bars + params.fit_bars, until), since),
        "journal": exports.journal_table(said[-LOOKS:]),
    }
    if trades:
        tables["trades"] = exports.trades_table(leg.take(slice(-TRADES, None)) for leg in ticks)
    bounds = {
        f"candles {formats.count(CANDLES)} a leg": any(len(leg) > CANDLES for leg in candles),
        f"journal {formats.count(LOOKS)} looks": len(said) > LOOKS,
        f"trades {formats.count(TRADES)} a leg": any(len(leg) > TRADES for leg in ticks),
    }
    files = (exports.file(what, pair, tf, until, table, choice.kind) for what, table in tables.items())
    return Made(tuple(files), since, until, tuple(words for words, left_out in bounds.items() if left_out))


def render(made: Made | None) -> None:
    """One button a file, at its place before there is one, too."""
    files = {file.what: file for file in made.files} if made is not None else {}
    for what in KINDS_OF_FILE:
        file = files.get(what)
        there = file is not None and file.rows > 0
        download(
            f"{what.capitalize()}, {formats.size(len(file.data))}" if file and there else what.capitalize(),
            file.data if file else b"",
            file.name if file else None,
            f"export_{what}",
            mime=file.mime if file else None,
            disabled=not there,
        )


def note(made: Made | None) -> Markup:
    """What the buttons hold, in one line; the line is there before, too."""
    if made is None:
        return el("p", "Nothing is made yet: candles, their analytics, what was said, and trades.", cls="ps-note")
    rows = ", ".join(f"{file.what} {formats.count(file.rows)}" for file in made.files)
    words = f"{formats.stamp(made.from_ms)} to {formats.stamp(made.to_ms)} UTC. Rows: {rows}."
    if not any(file.what == "trades" for file in made.files):
        words += " Trades take longer: make the files to have them, too."
    if made.cut:
        words += f" Only the newest: {', '.join(made.cut)}."
    return el("p", words, cls="ps-note", data_key="files")
