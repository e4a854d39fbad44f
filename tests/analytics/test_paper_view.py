"""What open trades would leave now: each at its own side of the touch, which is asked for once a symbol."""

from __future__ import annotations

from dataclasses import replace

from analytics.live import Touch
from analytics.paper import Book, scored
from analytics.paper_account import marked
from analytics.paper_view import live_accounts
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
