"""The engine's part of the rule's benchmark counts each trade once and charges each its cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.report import analyse
from benchmarks.rule_forward import ANY_RECORD, Sums, drawn, forward, settings, walk
from benchmarks.rule_markets import Market, plain, reverting
from benchmarks.rule_score import ratio

REAL = Market("real", reverting(10), real=True)
NOTHING = Market("nothing", plain)


def walked(market: Market, name: str, bars: int = 12_000) -> Sums:
    legs = drawn(market, np.random.default_rng(5), bars)
    params = settings(market)[name]
    sums = Sums()
    walk(sums, 0, replace(analyse(*legs, params), params=params), legs, market, name != ANY_RECORD)
    return sums


def test_what_the_fills_and_the_cost_took_adds_up() -> None:
    s = walked(REAL, "Evidence")
    net, gross, taken, cost = (ratio(c).value for c in (s.net, s.at_closes, s.taken, s.cost))
    assert ratio(s.net).count > 50
    assert net == pytest.approx(gross - taken - cost)
    assert ratio(s.net_at_closes).value == pytest.approx(net + taken)
    assert ratio(s.net_worst).value < net < ratio(s.net_at_closes).value
    assert cost == pytest.approx(11.0, abs=0.1)
    assert net > 0


def test_without_the_records_say_trades_are_made_and_charged_the_takers_cost() -> None:
    assert ratio(walked(NOTHING, "Evidence", 40_000).net).count == 0
    s = walked(NOTHING, ANY_RECORD, 40_000)
    assert ratio(s.net).count > 0
    assert ratio(s.cost).value == pytest.approx(11.0, abs=0.2)


def test_both_tables_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    forward(np.random.default_rng(1), 1, (NOTHING, REAL, Market("breaks", plain, breaks_at=0.5)))
    said = capsys.readouterr().out
    assert said.count("| nothing ") == 3
    assert said.count("| real ") == 2
    assert "breaks" not in said
