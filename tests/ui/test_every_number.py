"""No number on screen that is not tied to the report, the decision, the journal, the live score or the status.

Every named part of the Decision, Data and Replay pages is read as it is drawn, in every state of a desk, and held
against a sentence that is made here from the values behind it, by another hand. A part without a tie fails, and so
does a number that stands in no named part.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import get_args

import pytest

from analytics.params import Params, Preset
from tests.ui import ties_banner as banner
from tests.ui import ties_body as body
from tests.ui import ties_page as page
from tests.ui.fakes import FakeDesk
from tests.ui.page_tree import Part, loose, parts, plain
from tests.ui.scene import Scene, X, Y
from tests.ui.seeded import END_MS, Scenario
from tests.ui.stage import markup, play

Ties = Mapping[str, Callable[[Scene], str]]
TIES: Ties = {
    "source": banner.source, "pair": banner.pair, "reason": banner.reason, "change": banner.change,
    "warm_up": banner.warm_up, "fact_source": banner.fact_source, "fact_candle": banner.fact_candle,
    "fact_feed": banner.fact_feed, "fact_since": banner.fact_since, "fact_as_of": banner.fact_as_of,
    "fact_basis": banner.fact_basis, "z_live": banner.z_live, "z": banner.z_confirmed, "beta": banner.beta,
    "spread": banner.spread, "corr": banner.corr, "price_y": banner.prices, "cost": banner.cost,
    "regime": banner.regime, "half_life": banner.half_life, "net": banner.net, "funding_y": banner.funding,
    "band": banner.band, "band_labels": banner.band_labels, "to_entry": banner.to_entry,
    "to_entry_now": banner.to_entry_now, "entry_price": banner.entry_price, "crossing": banner.crossing,
    "verdict": banner.verdict, "deciding": body.deciding, "informing": body.informing, "ticket": body.ticket,
    "record": body.record, "row_live": body.row_live, "legend": body.legend, "measured": body.measured,
    "agreement": body.agreement, "glossary": page.glossary, "files": page.files, "log": page.log,
    "card_trades": page.card_trades, "card_market": page.card_market, "card_store": page.card_store,
    "card_gaps": page.card_gaps, "card_clock": page.card_clock, "card_looks": page.card_looks,
    f"close_{Y}": lambda s: banner.close(s, Y), f"close_{X}": lambda s: banner.close(s, X),
    "health": lambda _: "", "no_minutes": lambda _: f"No minute of {Y} has been confirmed yet.",
}  # fmt: skip
FAMILIES: tuple[tuple[re.Pattern[str], Callable[[Scene, str], str]], ...] = (
    (re.compile(r"check_(\w+)"), body.check),
    (re.compile(r"leg_(\w+)"), body.leg),
    (re.compile(r"now_(\w+)"), body.now_value),
    (re.compile(r"then_(\w+)"), body.then_value),
    (re.compile(r"stream_(\w+)"), page.stream),
)
# The number itself, in full, beside its text; the key of a part with no number has none.
VALUES: dict[str, Callable[[Scene], float | None]] = {
    "z_live": lambda s: s.live_z,
    "z": lambda s: s.z,
    "beta": lambda s: s.newest(s.report.beta),
    "spread": lambda s: s.newest(s.report.spread),
    "corr": lambda s: s.newest(s.report.corr),
    "price_y": lambda s: s.live.price_y if s.live else None,
    "half_life": lambda s: s.report.half_life.bars if s.report.half_life else None,
    "funding_y": lambda s: s.marks[Y].funding_rate if s.marks else None,
}
STATES: tuple[Scenario, ...] = get_args(Scenario)
MINUTE = 60_000


def expected(part: Part, scene: Scene, seen: int, ties: Ties) -> str | None:
    """What the part must say; None where nothing vouches for it."""
    if part.key in ties:
        return ties[part.key](scene)
    if part.key == "row":
        return body.row(scene, int(part.value or 0))
    if part.key == "gap":
        return page.gap(scene, int(part.value or 0), seen)
    if part.key == "state":
        return (page.state if scene.past is None else page.nothing_to_replay)(scene, part.value)
    for pattern, say in FAMILIES:
        found = pattern.fullmatch(part.key)
        if found:
            return say(scene, found[1])
    return None


def faults(html: str, scene: Scene, ties: Ties = TIES) -> list[str]:
    """Every part that says something else than what stands behind it, and every number without a part."""
    found = [f"no part vouches for {text!r}" for text in loose(html)]
    seen: Counter[tuple[str, str | None]] = Counter()
    for part in parts(html):
        want = expected(part, scene, seen[part.key, part.value], ties)
        seen[part.key, part.value] += 1
        if want is None:
            found.append(f"{part.key} is tied to nothing: {part.text!r}")
        elif part.text != plain(want):
            found.append(f"{part.key} says {part.text!r}, not {plain(want)!r}")
        if part.key in VALUES:
            value = VALUES[part.key](scene)
            told = "" if value is None or math.isnan(value) else repr(float(value))
            if part.value != told:
                found.append(f"{part.key} carries {part.value!r}, not {told!r}")
    return found


def params(preset: Preset) -> Params:
    return Params(preset=preset)


@pytest.mark.parametrize("preset", get_args(Preset))
@pytest.mark.parametrize("scenario", STATES)
def test_every_number_of_the_decision_page_is_what_stands_behind_it(scenario: Scenario, preset: Preset) -> None:
    desk = FakeDesk(scenario)
    app = play(desk, preset=preset.capitalize())
    assert not app.exception
    assert faults(markup(app), Scene(desk, params(preset))) == []


@pytest.mark.parametrize("source", ["SIMULATED", "REPLAY"])
def test_and_where_prices_are_not_the_exchanges_own(source: str) -> None:
    desk = FakeDesk("tradable", source=source)  # type: ignore[arg-type]
    assert faults(markup(play(desk)), Scene(desk, params("evidence"))) == []


@pytest.mark.parametrize("scenario", STATES)
def test_every_number_of_the_data_page_is_what_stands_behind_it(scenario: Scenario) -> None:
    desk = FakeDesk(scenario)
    app = play(desk, "data")
    scene = Scene(desk, params("evidence"))
    assert faults(markup(app), scene) == []
    candles = desk.candles(Y, 60, limit=240)
    assert len(app.dataframe) == bool(len(candles))
    if not app.dataframe:
        return
    minutes = app.dataframe[0].value
    assert minutes["close"].tolist() == candles.close[::-1].tolist()
    assert minutes["trades"].tolist() == candles.trade_count[::-1].tolist()
    assert minutes["volume"].tolist() == candles.volume[::-1].tolist()


@pytest.mark.parametrize("preset", get_args(Preset))
@pytest.mark.parametrize("scenario", STATES)
def test_every_number_of_a_replayed_candle_is_what_stands_behind_it(scenario: Scenario, preset: Preset) -> None:
    desk = FakeDesk(scenario)
    app = play(desk, "replay", preset=preset.capitalize())
    assert not app.exception
    assert faults(markup(app), Scene(desk, params(preset), END_MS - MINUTE)) == []
    if len(app.select_slider) and scenario != "failed":
        app.select_slider(key="replay_at").set_value(END_MS - 4 * MINUTE).run()
        assert faults(markup(app), Scene(desk, params(preset), END_MS - 4 * MINUTE)) == []


def test_the_sidebar_counts_what_is_streamed() -> None:
    desk = FakeDesk("wait")
    assert f"Streamed symbols ({len(desk.symbols)})" in [e.label for e in play(desk).sidebar.expander]


def test_a_wrong_number_is_found_and_one_that_nothing_vouches_for_too() -> None:
    desk = FakeDesk("wait")
    html, scene = markup(play(desk)), Scene(desk, params("evidence"))
    z = f"{scene.z:+.2f}"
    wrong = html.replace(f"<span>{z}</span>", "<span>+9.99</span>", 1)
    assert wrong != html
    assert [fault.split()[0] for fault in faults(wrong, scene)] == ["z"]
    assert faults(html + "<p>42 of them</p>", scene) == ["no part vouches for '42 of them'"]
    assert faults(html + '<p data-key="new">x</p>', scene) == ["new is tied to nothing: 'x'"]
