"""Trades on paper, worked out by hand; and whenever they are interrupted, the same trades."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.paper import Book, Step, at_touch, followed, scored
from analytics.paper_account import account, by_symbol, funded, marked
from analytics.paper_entry import Memory
from core.paper import PaperTrade, Settlement
from tests.analytics.looks import MINUTE_MS, PARAMS, START_MS, look, one, run

H8 = 8 * 3_600_000


# ---- by hand, to the cent


def test_a_sold_spread_by_hand() -> None:
    # Look: Y 100, X 50, β 1, 10,000 gross: 5,000 a leg, so sell 50 Y and buy 100 X.
    trade = one([
        look(0, 2.5, 100.0, 50.0, "TRADABLE"),
        look(1, 2.2, 101.0, 50.1),  # in at its closes: sell 50 Y at 101.00, buy 100 X at 50.10
        look(2, 1.0, 100.2, 50.3),
        look(3, -0.1, 100.0, 50.5),  # z has crossed 0: due
        look(4, 0.3, 99.9, 50.6),  # out at its closes: buy 50 Y at 99.90, sell 100 X at 50.60
        look(5, 1.0, 80.0, 80.0),  # no longer its business
    ])  # fmt: skip
    assert (trade.side, trade.reason, trade.state) == (1, "zero", "closed")
    assert (trade.in_ms, trade.out_ms) == (START_MS + 2 * MINUTE_MS, START_MS + 5 * MINUTE_MS)
    assert (trade.in_fill, trade.out_fill) == ("candle", "candle")
    money = account(trade)
    assert money is not None
    # Y: −50 × (99.90 − 101.00) = +55.00. X: 100 × (50.60 − 50.10) = +50.00.
    assert money.gross == pytest.approx(105.00)
    # In 50 × 101.00 + 100 × 50.10 = 10,060; out 50 × 99.90 + 100 × 50.60 = 10,055. 5 bps of 20,115 = 10.0575.
    assert money.fees == pytest.approx(10.0575)
    # The look knew 2 bps for the round trip: 1 bp of each fill, of 20,115 = 2.0115.
    assert money.half_spreads == pytest.approx(2.0115)
    assert money.funding == 0.0
    assert money.net == pytest.approx(92.931)
    assert money.net_bps == pytest.approx(92.931)  # of 10,000


def test_a_bought_spread_by_hand() -> None:
    # β 0.6: Y's share is 1 / 1.6, so 6,250 of Y at 250 = 25 and 3,750 of X at 5 = 750; buy 25 Y, sell 750 X.
    trade = one([
        look(0, -2.1, 250.0, 5.0, "TRADABLE", hedge=0.6),
        look(1, -2.0, 249.0, 5.01),  # in: buy 25 Y at 249.00, sell 750 X at 5.01
        look(2, 0.0, 252.0, 4.99),  # z = 0 is crossed
        look(3, 0.5, 251.0, 4.98, half_spreads_bps=9.0),  # out: sell 25 Y at 251.00, buy 750 X at 4.98
    ])  # fmt: skip
    assert [trade.qty_y, trade.qty_x] == pytest.approx([25.0, -750.0])
    money = account(trade)
    assert money is not None
    # 25 × 2.00 = 50.00 and −750 × (4.98 − 5.01) = 22.50.
    assert money.gross == pytest.approx(72.50)
    # In 6,225 + 3,757.50 = 9,982.50; out 6,275 + 3,735 = 10,010. 5 bps of 19,992.50; 1 bp of the same.
    assert money.fees == pytest.approx(9.99625)
    assert money.half_spreads == pytest.approx(1.99925)
    assert money.net == pytest.approx(60.5045)


def test_the_stop_by_hand() -> None:
    trade = one([
        look(0, 3.0, 100.0, 50.0, "TRADABLE"),
        look(1, 3.5, 100.5, 50.0),  # in: sell 50 Y at 100.50, buy 100 X at 50.00
        look(2, 4.0, 101.0, 50.0, half_spreads_bps=6.0),  # |z| = 4 is the stop; this look knows 3 bps a fill
        look(3, 4.2, 101.4, 49.9),  # out: buy 50 Y at 101.40, sell 100 X at 49.90
    ])  # fmt: skip
    assert (trade.reason, trade.exit_z) == ("stop", 4.0)
    money = account(trade)
    assert money is not None
    # −50 × 0.90 = −45 and 100 × (−0.10) = −10.
    assert money.gross == pytest.approx(-55.00)
    # In 5,025 + 5,000 = 10,025, at 1 bp: 1.0025. Out 5,070 + 4,990 = 10,060, at 3 bps: 3.018. Fees 5 bps of 20,085.
    assert money.half_spreads == pytest.approx(4.0205)
    assert money.fees == pytest.approx(10.0425)
    assert money.net == pytest.approx(-69.063)


def test_the_time_limit_by_hand() -> None:
    # N = 40: forty looks after its own it is due, and out at the candle after.
    rows = [look(0, 2.5, 100.0, 50.0, "TRADABLE"), *(look(i, 1.5, 100.0, 50.0) for i in range(1, 41))]
    _, (trade,) = run(rows[:-1])
    assert trade.state == "open"
    trade = one([*rows, look(41, 1.5, 99.0, 50.0)])
    assert (trade.reason, trade.exit_look_ms) == ("time", START_MS + 40 * MINUTE_MS)
    money = account(trade)
    assert money is not None
    # −50 × (99 − 100) = +50. In 10,000, out 4,950 + 5,000 = 9,950: 5 bps 9.975, 1 bp 1.995.
    assert money.net == pytest.approx(50.0 - 9.975 - 1.995)


def test_at_the_same_look_zero_is_named_before_time_and_time_before_the_stop() -> None:
    rows = [look(0, 2.5, 100.0, 50.0, "TRADABLE"), *(look(i, 1.5, 100.0, 50.0) for i in range(1, 40))]
    assert one([*rows, look(40, -0.5, 100.0, 50.0)]).reason == "zero"
    assert one([*rows, look(40, 4.5, 100.0, 50.0)]).reason == "time"


def test_funding_of_both_legs_by_hand() -> None:
    # In at 00:02, out at 16:01: through the settlements of 08:00 and 16:00. Y is sold (50), X is bought (100).
    first = look(0, 2.5, 100.0, 50.0, "TRADABLE")
    out = [look(16 * 60 - 1, -0.5, 100.0, 50.0), look(16 * 60, 0.0, 100.0, 50.0)]
    trade = one([first, look(1, 2.0, 100.0, 50.0), *out])
    assert trade.out_ms == START_MS + 16 * 3_600_000 + MINUTE_MS
    known = by_symbol([
        Settlement("YUSDT", START_MS, 9.0, 100.0),  # before it was in
        Settlement("YUSDT", START_MS + H8, 0.0001, 102.0),
        Settlement("XUSDT", START_MS + H8, -0.0002, 51.0),
        Settlement("YUSDT", START_MS + 2 * H8, 0.0003, 99.0),
        Settlement("XUSDT", START_MS + 2 * H8, 0.0001, 49.0),
        Settlement("XUSDT", START_MS + 3 * H8, 9.0, 49.0),  # after it was out
    ])  # fmt: skip
    trade = funded(trade, known, until_ms=START_MS + 4 * H8)
    # 08:00: Y short receives 50 × 102 × 0.0001 = 0.51; X long at a negative rate receives 100 × 51 × 0.0002 = 1.02.
    # 16:00: Y receives 50 × 99 × 0.0003 = 1.485; X pays 100 × 49 × 0.0001 = 0.49.
    assert trade.funding == pytest.approx(-0.51 - 1.02 - 1.485 + 0.49)
    assert trade.funding_unknown == 0
    money = account(trade)
    assert money is not None
    # Flat prices: 5 + 1 bps of 20,000 = 12.00 are paid, 2.525 received.
    assert money.net == pytest.approx(-12.0 + 2.525)


def test_a_settlement_nobody_saw_leaves_the_net_unknown_and_is_not_zero() -> None:
    rows = [look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(1, 2.0, 100.0, 50.0), look(481, -0.5, 100.0, 50.0)]
    trade = funded(one([*rows, look(482, 0.0, 100.0, 50.0)]), by_symbol([]), until_ms=0)
    assert trade.funding_unknown == 2  # one a leg
    money = account(trade)
    assert money is not None
    assert (money.funding, money.net, money.net_bps) == (None, None, None)
    half = by_symbol([Settlement("YUSDT", START_MS + H8, 0.0, 1.0)])
    assert funded(trade, half, until_ms=0).funding_unknown == 1
    both = by_symbol([Settlement(s, START_MS + H8, 0.0, 1.0) for s in ("YUSDT", "XUSDT")])
    money = account(funded(trade, both, until_ms=0))
    assert money is not None
    assert money.funding == 0.0


def test_an_open_trade_accrues_funding_as_it_comes_and_is_marked_at_executable_prices() -> None:
    trade = one([look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(1, 2.0, 100.0, 50.0)])
    assert marked(replace(trade, state="entering", in_ms=0), 1.0, 1.0) is None
    known = by_symbol([Settlement(s, START_MS + H8, 0.0001, p) for s, p in (("YUSDT", 100.0), ("XUSDT", 50.0))])
    assert funded(trade, known, START_MS + H8 - 1) is trade
    on = funded(trade, known, START_MS + H8)
    assert on.funding == pytest.approx(-0.5 + 0.5)
    assert on.funding_unknown == 0
    # Bought back at the ask 99.5, X sold at the bid 50.2: 25 + 20 gross; fees 5 bps of 10,000 + 9,995; 1 bp in.
    money = marked(on, 99.5, 50.2)
    assert money is not None
    assert money.gross == pytest.approx(45.0)
    assert money.net == pytest.approx(45.0 - 9.9975 - 1.0)


def test_at_the_touch_the_price_spread_is_in_the_price_and_charged_once() -> None:
    book, (trade,) = run([look(0, 2.5, 100.0, 50.0, "TRADABLE")])
    assert trade.state == "entering"
    trade = at_touch(trade, START_MS + MINUTE_MS + 700, 99.9, 50.1)  # Y sold at the bid, X bought at the ask
    book = replace(book, trades=(trade,))
    book, changed = scored(book, look(1, -0.2, 100.0, 50.0), PARAMS)  # due already
    (trade,) = changed
    assert (trade.state, trade.in_ms, trade.in_y) == ("leaving", START_MS + MINUTE_MS + 700, 99.9)
    trade = at_touch(trade, START_MS + 2 * MINUTE_MS + 300, 100.1, 49.9)
    assert (trade.state, trade.in_fill, trade.out_fill) == ("closed", "touch", "touch")
    money = account(trade)
    assert money is not None
    assert money.half_spreads == 0.0
    # −50 × 0.2 − 100 × 0.2 = −30: twice the whole spread of both legs. Fees 5 bps of 10,005 + 9,995 = 10.00.
    assert money.net == pytest.approx(-40.0)


def test_a_price_spread_that_no_look_knew_leaves_the_net_unknown() -> None:
    rows = [look(0, 2.5, 100.0, 50.0, "WAIT", entry=True, checks={"record": "unknown"}, half_spreads_bps=nan)]
    trade = one([*rows, look(1, -1.0, 100.0, 50.0), look(2, 0.0, 100.0, 50.0)])
    money = account(trade)
    assert money is not None
    assert money.half_spreads is None
    assert money.net is None


# ---- entries that come too late


@pytest.mark.parametrize(("minute", "filled"), [(3, True), (4, False)])
def test_an_entry_is_filled_within_three_candles_or_not_at_all(minute: int, filled: bool) -> None:
    rows = [look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(minute, 2.2, 101.0, 50.0), look(minute + 1, -0.5, 99.0, 50.0)]
    trade = one([*rows, look(minute + 2, 0.0, 99.0, 50.0)])
    assert (trade.state, trade.reason) == ("closed", "zero" if filled else "unfilled")
    assert trade.dropped is not filled
    assert (account(trade) is None) is not filled


def test_an_entry_that_was_dropped_makes_room_for_the_next() -> None:
    _, trades = run([look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(9, 2.4, 101.0, 50.0, "TRADABLE")])
    assert [(t.state, t.reason) for t in trades] == [("closed", "unfilled"), ("entering", "")]


def test_an_exit_waits_for_its_candle_however_long() -> None:
    rows = [look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(1, 2.2, 100.0, 50.0), look(2, -0.5, 99.0, 50.0)]
    trade = one([*rows, look(500, 0.0, 98.0, 50.0)])
    assert (trade.reason, trade.out_y) == ("zero", 98.0)


def test_no_entry_is_filled_at_closes_from_before_it_was_said() -> None:
    rows = [look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(1, 2.2, 101.0, 50.0), look(2, 2.1, 102.0, 50.0)]
    book: Book = Book()
    for row in rows:  # said half a minute after the candle that would have filled it
        book, _ = scored(book, row, PARAMS, said_ms=START_MS + 2 * MINUTE_MS + 30_000)
    (trade,) = book.trades
    assert (trade.state, trade.in_y, trade.in_ms) == ("open", 102.0, START_MS + 3 * MINUTE_MS)
    assert trade.bars == 2


def test_what_is_said_long_after_its_candle_is_no_trade_and_takes_no_room() -> None:
    late_ms = START_MS + 9 * MINUTE_MS
    book, (late,) = scored(Book(), look(0, 2.5, 100.0, 50.0, "TRADABLE"), PARAMS, said_ms=late_ms)
    assert (late.state, late.reason, late.dropped, book.trades) == ("closed", "late", True, ())
    book, (timely,) = scored(book, look(8, 2.5, 100.0, 50.0, "TRADABLE"), PARAMS, said_ms=late_ms + 500)
    assert timely.state == "entering"


# ---- interruptions


def test_candles_that_nobody_looked_at_move_a_trade_and_open_none() -> None:
    book, _ = run([look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(1, 2.2, 100.0, 50.0)])
    unheard = (Step(START_MS + 2 * MINUTE_MS, 98.0, 50.0, -0.3), Step(START_MS + 3 * MINUTE_MS, 97.0, 50.0, -2.5))
    book, (trade,) = scored(book, look(9, 0.5, 90.0, 50.0), PARAMS, unheard=unheard)
    assert (trade.state, trade.reason, trade.out_y) == ("closed", "zero", 97.0)
    assert trade.out_half_bps == 1.0  # no look there: what the opening one knew
    assert book.trades == ()


steps = st.lists(
    st.tuples(
        st.sampled_from([-4.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 4.5]),
        st.sampled_from(["TRADABLE", "WAIT", "TRAP", "NO DATA"]),
        st.floats(90.0, 110.0),
    ),
    min_size=1,
    max_size=80,
)


@given(steps, st.sampled_from(["evidence", "classic"]), st.lists(st.integers(0, 80), max_size=6), st.integers(0, 9))
def test_whenever_it_is_interrupted_the_same_trades_result(
    told: list[tuple[float, str, float]], preset: str, breaks: list[int], lost: int
) -> None:
    params = replace(PARAMS, preset=preset)  # type: ignore[arg-type]
    rows = [
        look(i, z, y, 50.0, v, params=params, entry=abs(z) > 2, checks={} if v == "TRADABLE" else {"related": "failed"})
        for i, (z, v, y) in enumerate(told)
    ]
    _, straight = run(rows, params)
    stored: dict[object, PaperTrade] = {}
    kept: list[tuple[Book, dict[object, PaperTrade]]] = [(Book(), {})]  # what was on disk after each look
    book, i = Book(), 0
    ahead = sorted({b for b in breaks if b < len(rows)})
    while i < len(rows):
        book, changed = scored(book, rows[i], params)
        stored.update((t.key, t) for t in changed)
        kept.append((book, dict(stored)))
        i += 1
        if ahead and ahead[0] <= i:  # killed: what had not reached the disk is lost, and the looks are taken again
            ahead.pop(0)
            i = max(0, i - lost)
            on_disk, stored = kept[i][0], dict(kept[i][1])
            kept = kept[: i + 1]
            memory = Memory.from_text(on_disk.memory.as_text())
            on = tuple(t for t in stored.values() if t.state != "closed")
            book = Book(on_disk.candle_ms, memory, on)
    assert sorted(map(repr, stored.values())) == sorted(map(repr, straight))


def test_a_look_heard_twice_is_one_look() -> None:
    rows = [look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(1, 2.0, 100.0, 50.0), look(2, 1.0, 99.0, 50.0)]
    _, once = run(rows)
    _, twice = run([r for row in rows for r in (row, row, rows[0])])
    assert once == twice


def test_a_restart_in_mid_trade_closes_what_came_due_at_the_candle_after() -> None:
    book, (trade,) = run([look(0, 2.5, 100.0, 50.0, "TRADABLE")])
    trade = at_touch(trade, START_MS + MINUTE_MS + 200, 100.4, 50.0)
    # The process ends here. The journal is caught up afterwards: due at minute 2, so out at the closes of minute 3.
    book = Book(book.candle_ms, book.memory, (trade,))
    late = [look(1, 1.0, 99.0, 50.0), look(2, -0.1, 98.0, 50.0), look(3, -0.3, 97.5, 50.2), look(4, 0.0, 50.0, 90.0)]
    _, (closed,) = run(late, book=book)
    assert (closed.in_fill, closed.out_fill) == ("touch", "candle")
    money = account(closed)
    assert money is not None
    # −50 × (97.50 − 100.40) = 145.00 and 100 × 0.20 = 20.00; fees 5 bps of 10,020 + 9,895 = 9.9575; 1 bp out 0.9895.
    assert money.gross == pytest.approx(165.0)
    assert money.net == pytest.approx(165.0 - 9.9575 - 0.9895)


def test_a_candle_it_has_seen_changes_nothing() -> None:
    trade = one([look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(1, 2.0, 100.0, 50.0)])
    for ms in (START_MS, START_MS + MINUTE_MS):
        assert followed(trade, Step(ms, 1.0, 1.0, -9.0), MINUTE_MS) is trade
    assert np.isfinite(trade.mark_y)
