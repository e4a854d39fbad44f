"""Words, symbols and colours of the one visual language. Sizes and surfaces are in style.css."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from analytics.decision import Verdict
from core.types import Source
from ui.markup import Markup, el

STYLE: Final = Path(__file__).with_name("style.css")
ICON: Final = Path(__file__).with_name("favicon.svg")
WORDMARK: Final = Path(__file__).with_name("wordmark.svg")

# Chart colours serve both themes: at least 3:1 against either background, and apart under every common
# colour-vision deficiency (Okabe and Ito's hues). tests/ui/test_theme.py measures both.
INK: Final = "#7A8698"  # neutral lines, grids of our own
LEG_Y: Final = "#0F7FC4"  # blue
LEG_X: Final = "#D55E00"  # vermillion
LINE: Final = "#0F7FC4"
BAND: Final = "#7A8698"
ENTRY: Final = "#C2770A"  # amber: the entry threshold
STOP: Final = "#D1495B"  # red: the stop
ROLLING: Final = "#A566C7"  # purple: the trader's timing view
GOOD: Final = "#129A74"  # green: passed

VERDICT_STYLE: Final[dict[Verdict, str]] = {
    Verdict.NO_DATA: "nodata",
    Verdict.WARMING_UP: "warming",
    Verdict.NOT_TRADABLE: "not",
    Verdict.TRAP: "trap",
    Verdict.WAIT: "wait",
    Verdict.TRADABLE: "tradable",
}
# Where a verdict turned, in the figure: colour and shape. Green is for TRADABLE alone.
VERDICT_MARK: Final[dict[str, tuple[str, str]]] = {
    Verdict.TRADABLE: (GOOD, "diamond"),
    Verdict.TRAP: (STOP, "triangle-up"),
    **dict.fromkeys((Verdict.WAIT, Verdict.NOT_TRADABLE, Verdict.WARMING_UP, Verdict.NO_DATA), (INK, "circle")),
}
TOAST_ICON: Final[dict[Verdict, str]] = {
    Verdict.NO_DATA: ":material/cloud_off:",
    Verdict.WARMING_UP: ":material/hourglass_top:",
    Verdict.NOT_TRADABLE: ":material/do_not_disturb_on:",
    Verdict.TRAP: ":material/warning:",
    Verdict.WAIT: ":material/schedule:",
    Verdict.TRADABLE: ":material/check_circle:",
}
SOURCE_NOTE: Final[dict[Source, str]] = {
    "LIVE": "",
    "SIMULATED": "Prices come from a simulator or another server, not from the exchange: no real market.",
    "REPLAY": "Prices are a recording played back, not the market now.",
}


def glyph(name: str) -> Markup:
    """A symbol drawn by the style sheet; decoration only, the word stands beside it."""
    return el("span", cls=f"ps-glyph ps-glyph-{name}", aria_hidden="true")


def live_word(stale: bool, source: Source) -> str:
    """What a number of this moment is called: only the exchange's own are LIVE, and an old one is STALE."""
    return "STALE" if stale else source


def tag(kind: Literal["live", "stale", "confirmed", "offline"], source: Source = "LIVE") -> Markup:
    """The mark that tells a number of this moment from a confirmed one. Only the exchange's own are called LIVE."""
    if kind == "offline":
        return el("span", "OFFLINE", cls="ps-tag ps-tag-stale")
    if kind == "stale":
        return el("span", "STALE", cls="ps-tag ps-tag-stale")
    if kind == "live":
        return el("span", el("i", cls="ps-dot", aria_hidden="true"), source, cls="ps-tag ps-tag-live")
    return el("span", "CONFIRMED", cls="ps-tag ps-tag-conf")


def heading(title: str, note: str = "") -> Markup:
    """A section's heading with one line of what it is."""
    return el("h2", title, el("small", note), cls="ps-h")
