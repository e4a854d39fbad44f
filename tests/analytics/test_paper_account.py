"""Prices that an order would have met, and which settlements were really seen."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.funding import FRESH_MS
from analytics.paper_account import settled
from analytics.paper_fill import executable
from core.paper import Settlement
from core.types import MarkPrice, Ticks


def ticks(*prints: tuple[int, float, str]) -> Ticks:
    """Trades as (ms, price, who took)."""
    ids = np.arange(len(prints))
    ms, price = np.array([p[0] for p in prints], np.int64), np.array([p[1] for p in prints], np.float64)
    sold = np.array([p[2] == "sell" for p in prints], np.bool_)
    return Ticks("YUSDT", ids, ids, ms, price, np.ones(len(prints)), sold)


def test_a_buyer_meets_the_last_taker_buy_and_a_seller_the_last_taker_sell() -> None:
    recent = ticks((0, 99.9, "sell"), (200, 100.1, "buy"), (900, 99.8, "sell"))
    assert executable(recent, buys=True) == 100.1
    assert executable(recent, buys=False) == 99.8


def test_where_that_side_is_old_the_newest_print_is_moved_across_the_price_spread() -> None:
    turns = [(i * 100, 100.1 if i % 2 else 99.9, "buy" if i % 2 else "sell") for i in range(40)]
    later = ticks(*turns, (60_000, 104.0, "buy"))
    # Neighbours of opposite sides are 0.2 at 100 apart: 20 bps, below the ask of 104.
    assert executable(later, buys=False) == pytest.approx(104.0 * (1 - 20e-4), rel=1e-6)
    assert executable(later, buys=True) == 104.0
    assert executable(ticks(*turns, (60_000, 96.0, "sell")), buys=True) == pytest.approx(96.0 * 1.002, rel=1e-6)


def test_no_print_from_before_the_order_is_its_price() -> None:
    turns = [(i * 100, 100.1 if i % 2 else 99.9, "buy" if i % 2 else "sell") for i in range(40)]
    recent = ticks(*turns, (4_000, 99.5, "sell"))  # its id is 40; the newest buy's is 39, 100 ms before
    assert executable(recent, buys=True) == 100.1
    assert executable(recent, buys=True, after_id=38) == 100.1
    assert executable(recent, buys=True, after_id=39) == pytest.approx(99.5 * 1.002, rel=1e-6)
    assert executable(recent, buys=False, after_id=39) == 99.5
    assert executable(recent, buys=False, after_id=40) is None


def test_a_touch_that_prints_do_not_show_is_not_known() -> None:
    assert executable(Ticks.empty("YUSDT"), buys=True) is None
    assert executable(ticks((0, 100.1, "buy"), (5_000, 99.9, "sell")), buys=True) is None  # old, and no spread to go by


def mark(event_ms: int, next_ms: int, rate: float = 0.0001) -> MarkPrice:
    return MarkPrice("YUSDT", event_ms, 100.0, 100.0, rate, next_ms)


def test_a_settlement_is_seen_when_the_next_one_moves_on_and_the_rate_was_running_just_before() -> None:
    assert settled(mark(999_000, 1_000_000), mark(1_001_000, 2_000_000, 0.5)) == Settlement(
        "YUSDT", 1_000_000, 0.0001, 100.0
    )
    assert settled(mark(998_000, 1_000_000), mark(999_000, 1_000_000)) is None
    assert settled(None, mark(999_000, 1_000_000)) is None
    assert settled(mark(0, 0), mark(999_000, 1_000_000)) is None  # a contract without funding
    stale = mark(1_000_000 - FRESH_MS - 1, 1_000_000)
    assert settled(stale, mark(1_001_000, 2_000_000)) is None
