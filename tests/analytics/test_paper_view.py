"""Whose trades are whose, and what open ones would leave now: each at its own side of the touch, asked for once."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from analytics.live import Touch
from analytics.paper import Book, scored
from analytics.paper_account import marked
from analytics.paper_settings import OWN, settings_of
from analytics.paper_view import figures, live_accounts
from analytics.params import Params, Preset
from analytics.presets import PRESETS
from core.paper import PaperTrade
from tests.analytics.looks import PARAMS, look


def on() -> PaperTrade:
    """One whose spread was sold: Y short, X long."""
    book = Book()
    for row in (look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(1, 2.2, 101.0, 50.1)):
        book, _ = scored(book, row, PARAMS)
    (trade,) = book.trades
    return trade


def test_a_hundred_open_trades_ask_for_each_touch_once() -> None:
    trades = [replace(on(), look_ms=i) for i in range(100)]
    asked: list[str] = []

    def touch(symbol: str) -> Touch:
        asked.append(symbol)
        return Touch(sold=99.0, bought=101.0) if symbol == "YUSDT" else Touch(sold=49.0, bought=51.0)

    found = live_accounts(iter(trades), touch)
    assert sorted(asked) == ["XUSDT", "YUSDT"]
    assert len(found) == 100
    assert found[trades[7].key] == marked(trades[7], 101.0, 49.0)  # Y is bought back at the ask, X sold at the bid


def test_a_trade_of_which_one_touch_is_not_known_is_left_out() -> None:
    known = Touch(sold=99.0, bought=101.0)
    assert live_accounts([on()], lambda symbol: known if symbol == "YUSDT" else None) == {}


def of(params: Params, rule: str = "") -> PaperTrade:
    """One of these parameters, by today's rule where none is named."""
    today = f"{params.preset} {PRESETS[params.preset].version}"
    return replace(on(), params=params.key, preset=params.preset, rule=rule or today)


@pytest.mark.parametrize("preset", get_args(Preset))
@pytest.mark.parametrize("timeframe_s", [1, 60, 3600])
def test_the_rules_own_trades_are_those_of_its_table_at_the_desks_fee(timeframe_s: int, preset: Preset) -> None:
    own = replace(of(Params(timeframe_s, preset, fee_bps=4.0)), timeframe_s=timeframe_s)
    assert settings_of(own, fee_bps=4.0) == OWN
    assert settings_of(own, fee_bps=5.0) != OWN  # a cheaper fee is an experiment, too


@pytest.mark.parametrize("change", [{"entry_z": 1.2}, {"fit_bars": 100}, {"fee_bps": 0.0}, {"price_units": True}])
def test_whatever_a_sidebar_changed_is_named_and_not_the_rules_own(change: dict[str, float]) -> None:
    params = Params(**change)  # type: ignore[arg-type]
    named = settings_of(of(params))
    assert named != OWN
    assert params.key == f"evidence {named}"


def test_an_earlier_version_of_the_rule_is_another_rule() -> None:
    assert settings_of(of(Params(), "evidence 1")) == f"{Params().key.removeprefix('evidence ')}, version 1"


def test_settings_of_one_pair_are_not_pooled() -> None:
    trades = [of(Params()), of(Params(entry_z=1.2)), of(Params(), "evidence 1")]
    assert {p.settings for p in figures(trades).pairs} == {settings_of(t) for t in trades}
    assert len(figures(trades).pairs) == 3
