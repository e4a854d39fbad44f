"""The sheet to keep: complete in itself, loads nothing, runs nothing, and lets no text become markup."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from analytics.params import Params
from analytics.trial import Trial, TrialAsk
from core.types import Candles
from tests.ui.seeded import Market, legs, walked
from ui.tear_sheet import sheet

ASK = TrialAsk("ETHUSDT", "BTCUSDT", Params(), redraws=2)
VOID = {"meta"}


class Reader(HTMLParser):
    """Tags that close in order; text and attributes as a browser would read them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data + " "


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_it_loads_nothing_and_runs_nothing() -> None:
    page = sheet(walked(ASK), "LIVE")
    reader = read(page)
    assert not {"script", "link", "img", "iframe", "object", "embed", "form"} & set(reader.seen)
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name in {"href", "src", "style"}]
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", page)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in reader.attributes


def test_it_holds_the_words_the_figures_and_every_trade() -> None:
    done = walked(ASK)
    assert done.run is not None
    assert done.banner is not None
    reader = read(sheet(done, "SIMULATED"))
    assert done.banner.headline in reader.text
    assert "SIMULATED" in reader.text
    assert "95 %" in reader.text.replace("\xa0", " ")
    assert reader.seen.count("svg") == 3
    assert done.run.report.params.key in reader.text
    assert reader.seen.count("tr") == 7 + (1 + len(done.variants)) + (1 + len(done.run.trades))
    assert "Nothing here is advice" in reader.text


def test_names_from_a_file_stay_text() -> None:
    evil = '<img src=x onerror="alert(1)">'
    y, x = legs("ETHUSDT", "BTCUSDT", Params(), Market(rows=1_600))

    def named(candles: Candles, name: str) -> Candles:
        return replace(candles, symbol=name)

    ask = TrialAsk(evil, "BTCUSDT", Params(), legs=(named(y, evil), x), redraws=0)
    reader = read(sheet(walked(ask), "OFFLINE"))
    assert "img" not in reader.seen
    assert evil in reader.text


def test_a_run_without_trades_is_a_sheet_too() -> None:
    few = TrialAsk("ETHUSDT", "BTCUSDT", Params(fit_bars=20_000), redraws=0)
    reader = read(sheet(walked(few), "LIVE"))
    assert "Nothing could be tested." in reader.text
    assert "svg" not in reader.seen


def test_what_is_still_being_made_is_said() -> None:
    half = replace(walked(ASK), stage="running", drawn=walked(ASK).drawn[:1], variants=())
    assert "1 of 2 so far" in read(sheet(half, "LIVE")).text


def test_without_a_run_there_is_no_sheet() -> None:
    with pytest.raises(ValueError, match="needs a run"):
        sheet(Trial(ASK), "LIVE")
