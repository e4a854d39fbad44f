"""Which looks open a trade on paper, and what the look promised."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan

import pytest

from analytics.paper import Book, Step, scored
from analytics.paper_entry import params_of
from analytics.params import Preset
from core.journal import JournalRow
from tests.analytics.looks import MINUTE_MS, PARAMS, START_MS, look, one, run


def test_one_position_at_a_time_and_another_may_begin_at_the_look_that_ends_it() -> None:
    rows = [
        look(0, 2.5, 100.0, 50.0, "TRADABLE"),
        look(1, 2.2, 100.0, 50.0, "TRADABLE"),  # it is on already
        look(2, -2.5, 100.0, 50.0, "TRADABLE"),  # ends it, and opens the other side
        look(3, -2.4, 101.0, 50.0),
    ]
    _, trades = run(rows)
    assert [(t.look_ms, t.side, t.state) for t in trades] == [
        (START_MS, 1, "closed"), (START_MS + 2 * MINUTE_MS, -1, "open"),
    ]  # fmt: skip
    assert trades[0].out_y == trades[1].in_y == 101.0


@pytest.mark.parametrize(
    ("verdict", "checks", "failed"),
    [
        ("WAIT", {"record": "failed"}, "record"),
        ("WAIT", {"record": "unknown"}, "record"),
        ("NOT TRADABLE", {"clean": "failed", "related": "failed"}, "clean"),
        ("TRAP", {"related": "failed", "hedgeable": "failed"}, "related"),
        ("TRAP", {"corr": "failed"}, "corr"),
    ],
)
def test_a_refused_excursion_is_followed_under_the_check_that_refused_it(
    verdict: str, checks: dict[str, str], failed: str
) -> None:
    trade = one([look(0, 2.5, 100.0, 50.0, verdict, entry=True, checks=checks), look(1, 2.6, 100.0, 50.0)])
    assert (trade.verdict, trade.failed, trade.said) == (verdict, failed, False)


def test_a_refused_trade_does_not_keep_a_tradable_one_out_nor_the_other_way_round() -> None:
    rows = [
        look(0, 2.5, 100.0, 50.0, "TRAP", entry=True, checks={"related": "failed"}),
        look(1, 2.5, 100.0, 50.0, "TRADABLE"),
        look(2, 2.5, 100.0, 50.0, "WAIT", entry=True, checks={"record": "failed"}),
    ]
    _, trades = run(rows)
    assert [t.said for t in trades] == [False, True]


@pytest.mark.parametrize(
    "row",
    [
        look(0, 1.9, 100.0, 50.0, "TRADABLE"),
        look(0, 4.0, 100.0, 50.0, "TRADABLE"),
        look(0, nan, 100.0, 50.0, "TRADABLE"),
        look(0, 2.5, 100.0, 50.0, "WAIT", entry=False),
        look(0, 2.5, 100.0, 50.0, "NO DATA", entry=True),
        look(0, 2.5, 100.0, 50.0, "WARMING UP", entry=True),
        look(0, 2.5, 100.0, 50.0, "TRADABLE", hedge=None),
    ],
    ids=["not stretched", "beyond the stop", "no z", "entry past", "no data", "warming up", "no hedge"],
)
def test_nothing_is_opened_without_an_entry(row: JournalRow) -> None:
    assert run([row])[1] == []


def test_classic_enters_once_an_excursion_though_it_stays_tradable() -> None:
    classic = replace(PARAMS, preset="classic", fit_bars=40)
    zs = [2.5, 2.6, -0.5, -2.2, -2.4, -1.5, -2.3, -0.9, -2.1]
    rows = [look(i, z, 100.0, 50.0, "TRADABLE" if abs(z) >= 2 else "WAIT", params=classic) for i, z in enumerate(zs)]
    _, trades = run(rows, classic)
    assert [(t.look_ms - START_MS) // MINUTE_MS for t in trades] == [0, 3]
    # At 8 it would enter again, but the trade of 3 is still on: it was never at 0.
    assert trades[1].state == "open"


def test_classic_follows_a_refusal_from_the_excursions_first_look_only() -> None:
    classic = replace(PARAMS, preset="classic")
    refused = {"corr": "failed"}
    rows = [
        look(0, 2.5, 100.0, 50.0, "TRAP", params=classic, checks=refused),
        look(1, 2.6, 100.0, 50.0, "TRAP", params=classic, checks=refused),
        look(2, 2.7, 100.0, 50.0, "TRADABLE", params=classic),
        look(3, -0.2, 100.0, 50.0, params=classic),
        look(4, -2.2, 100.0, 50.0, "TRADABLE", params=classic),
        look(5, -2.3, 100.0, 50.0, "TRAP", params=classic, checks=refused),
    ]
    _, trades = run(rows, classic)
    told = [((t.look_ms - START_MS) // MINUTE_MS, t.said, t.failed) for t in trades]
    assert told == [(0, False, "corr"), (2, True, ""), (4, True, "")]


def test_classic_remembers_no_excursion_over_a_silence_longer_than_a_verdict_needs() -> None:
    classic = replace(PARAMS, preset="classic")

    def looks(pause: int) -> list[JournalRow]:
        first = [look(0, 2.5, 100.0, 50.0, "TRADABLE", params=classic), look(1, 3.9, 100.0, 50.0, params=classic)]
        return [*first, look(1 + pause, 2.5, 100.0, 50.0, "TRADABLE", params=classic)]

    def opened(pause: int) -> int:
        out = Step(START_MS + 2 * MINUTE_MS, 100.0, 50.0, -0.1), Step(START_MS + 3 * MINUTE_MS, 100.0, 50.0, -0.1)
        book, found = Book(), set()
        for row in looks(pause):
            book, changed = scored(book, row, classic, unheard=out if row.candle_ms > out[-1].open_ms else ())
            found |= {t.look_ms for t in changed}
        return len(found)

    assert opened(classic.need_bars) == 1  # still the same excursion, as far as anybody looked
    assert opened(classic.need_bars + 1) == 2


def test_what_was_promised_is_what_the_look_said() -> None:
    trade = one([look(0, 2.5, 100.0, 50.0, "TRADABLE")])
    # E = 2.5 × 0.004 / 2 = 50 bps; its middle 0.6 × 50 − 12 = 18; the look said 8.
    assert [trade.shown_bps, trade.promised_bps] == pytest.approx([50.0, 8.0])
    assert trade.middle_bps == pytest.approx(18.0)
    assert params_of(trade) == PARAMS
    classic = replace(PARAMS, preset="classic")
    trade = one([look(0, 2.5, 100.0, 50.0, "TRADABLE", params=classic)], classic)
    assert trade.promised_bps == pytest.approx(50.0 - 12.0)  # all of the stretch
    assert isnan(trade.middle_bps)


@pytest.mark.parametrize("preset", ["evidence", "classic"])
@pytest.mark.parametrize("term", ["fees_bps", "half_spreads_bps", "funding_bps"])
def test_a_cost_that_was_not_known_leaves_what_was_promised_unknown(preset: Preset, term: str) -> None:
    params = replace(PARAMS, preset=preset)
    # A look that does not know all of the cost journals no net of it.
    known = look(0, 2.5, 100.0, 50.0, "TRADABLE", params=params, expected_net_bps=nan)
    trade = one([replace(known, **{term: nan})], params)  # type: ignore[arg-type]
    assert trade.shown_bps == pytest.approx(50.0)
    assert [isnan(v) for v in (trade.promised_bps, trade.middle_bps, trade.cost_bps)] == [True] * 3
