"""Score is kept through restarts, kills and overflows: the same trades, each once, filled as prices allowed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.paper import Book, scored
from analytics.paper_account import account
from analytics.params import Params
from analytics.report import analyse
from core.errors import StoreError
from core.journal import JournalRow
from core.paper import PaperTrade
from core.types import Ticks
from desk.scorebooks import Market, ScoreBooks
from desk.settling import Settling
from desk.track_record import TrackRecord
from storage.sqlite import TradeStore
from tests.analytics.looks import MINUTE_MS, PARAMS, START_MS, look
from tests.analytics.pairs import candles, cointegrated
from tests.desk.scoring import KEY, World


def test_a_fill_is_at_the_touch_as_soon_as_both_legs_have_traded_after_the_look() -> None:
    world = World()
    world.trade("YUSDT", START_MS + 59_000, 99.9, 100.1)
    world.trade("XUSDT", START_MS + 59_500, 49.9, 50.1)
    world.say(look(0, 2.5, 100.0, 50.0, "TRADABLE"))
    world.record.turn()
    assert (world.one.state, world.one.in_ms) == ("entering", 0)  # nobody has traded since
    world.trade("YUSDT", START_MS + 61_000, 99.8, 100.0)
    world.record.turn()
    assert world.one.state == "entering"  # one leg only
    world.trade("XUSDT", START_MS + 62_000, 50.0, 50.2)
    world.record.turn()
    # Y is sold at its bid, X bought at its ask.
    assert (world.one.state, world.one.in_fill, world.one.in_ms) == ("open", "touch", START_MS + 62_000)
    assert (world.one.in_y, world.one.in_x, world.one.in_half_bps) == (99.8, 50.2, 0.0)
    world.say(look(1, -0.1, 99.0, 50.0))
    world.record.turn()
    assert world.one.state == "leaving"
    for symbol, bid, ask in (("YUSDT", 98.9, 99.1), ("XUSDT", 49.9, 50.1)):
        world.trade(symbol, START_MS + 121_000, bid, ask)
    world.record.turn()
    # Y is bought at its ask, X sold at its bid.
    assert (world.one.state, world.one.out_fill, world.one.out_y, world.one.out_x) == ("closed", "touch", 99.1, 49.9)


def test_a_print_from_before_the_look_was_said_is_nobodys_fill() -> None:
    world = World()
    world.say(look(0, 2.5, 100.0, 50.0, "TRADABLE"))
    # After the candle's end, and before the look was said: Y sold at 101, X bought at 49.
    for symbol, bid, ask in (("YUSDT", 101.0, 101.2), ("XUSDT", 48.8, 49.0)):
        for i in range(30):
            world.trade(symbol, START_MS + 60_000 + i, bid, ask)
    world.record.turn()
    for symbol, price, sold in (("YUSDT", 100.0, False), ("XUSDT", 50.0, True)):  # then one on the other side each
        world.trades[symbol].append((61, START_MS + 60_600, price, sold))
    world.record.turn()
    assert world.one.in_fill == "touch"
    assert world.one.in_y == pytest.approx(100.0 * (1 - 0.2 / 101.1), rel=1e-5)  # not 101
    assert world.one.in_x == pytest.approx(50.0 * (1 + 0.2 / 48.9), rel=1e-5)  # not 49


def test_looks_made_up_for_open_no_trade_that_nobody_could_have_taken() -> None:
    world = World()
    world.say(look(0, 0.5, 100.0, 50.0))
    world.record.turn()
    world.now_ms = START_MS + 20 * MINUTE_MS  # the stream comes back, and the desk says what it owes
    for i, (z, verdict) in enumerate(((2.5, "TRADABLE"), (2.4, "WAIT"), (-0.1, "WAIT"), (0.2, "WAIT")), start=1):
        world.say(look(i, z, 100.0, 50.0, verdict))
    world.record.turn()
    assert (world.one.reason, world.one.dropped) == ("late", True)
    assert world.one.said_ms == START_MS + 20 * MINUTE_MS


@pytest.mark.parametrize(("minutes", "dropped"), [(1, False), (20, True)])
def test_a_look_read_from_the_journal_was_said_when_it_was_written(minutes: int, dropped: bool) -> None:
    world = World()
    world.ahead_ms = -3_600_000.0  # our clock is an hour ahead of the exchange's
    written_ms = START_MS + minutes * MINUTE_MS + 500 + 3_600_000
    for i, z in enumerate((2.5, 2.4, -0.1, 0.2)):
        row = look(i, z, 100.0, 50.0, "WAIT" if i else "TRADABLE", written_ms=written_ms + i * MINUTE_MS)
        world.say(row, heard=i == 3)
    world.record.turn()
    assert world.one.dropped is dropped


def test_without_a_touch_within_the_next_candle_its_closes_are_the_fill() -> None:
    world = World()
    world.trade("YUSDT", START_MS + 59_000, 99.9, 100.1)
    world.trade("XUSDT", START_MS + 59_500, 49.9, 50.1)
    world.say(look(0, 2.5, 100.0, 50.0, "TRADABLE"))
    world.record.turn()
    for symbol in ("YUSDT", "XUSDT"):
        world.trade(symbol, START_MS + 125_000, 10.0, 20.0)  # the next candle is over
    world.record.turn()
    assert world.one.state == "entering"
    world.say(look(1, 2.0, 101.0, 50.5))
    world.record.turn()
    assert (world.one.in_fill, world.one.in_y, world.one.in_x, world.one.in_half_bps) == ("candle", 101.0, 50.5, 1.0)


def test_a_touch_that_prints_do_not_show_is_left_to_the_candle() -> None:
    world = World()
    world.trades = {"YUSDT": [(1, START_MS, 100.0, True)], "XUSDT": [(1, START_MS, 50.0, True)]}
    world.say(look(0, 2.5, 100.0, 50.0, "TRADABLE"))
    world.record.turn()
    world.trades["YUSDT"].append((2, START_MS + 61_000, 100.0, True))
    world.trades["XUSDT"].append((2, START_MS + 61_000, 50.0, True))  # X is to be bought; takers only sold
    world.record.turn()
    world.trade("YUSDT", START_MS + 70_000, 99.0, 99.1)
    world.trade("XUSDT", START_MS + 70_000, 49.0, 49.1)
    world.record.turn()
    assert world.one.state == "entering"  # not the first moment any more
    world.say(look(1, 2.0, 101.0, 50.5))
    world.record.turn()
    assert world.one.in_fill == "candle"


def test_after_a_restart_in_mid_trade_what_came_due_is_closed_at_the_candle_after() -> None:
    world = World()
    world.say(look(0, 2.5, 100.0, 50.0, "TRADABLE"))
    world.record.turn()
    for symbol, bid, ask in (("YUSDT", 100.4, 100.5), ("XUSDT", 49.9, 50.0)):
        world.trade(symbol, START_MS + 60_500, bid, ask)
    world.record.turn()
    world.trade("YUSDT", START_MS + 61_000, 100.4, 100.5)
    world.trade("XUSDT", START_MS + 61_000, 49.9, 50.0)
    world.record.turn()
    assert world.one.in_fill == "touch"
    world.begin()  # and the journal is caught up without anybody listening
    for row in (look(1, 1.0, 99.0, 50.0), look(2, -0.1, 98.0, 50.0), look(3, -0.3, 97.5, 50.2)):
        world.say(row, heard=False)
    world.record.turn()
    # −50 × (97.50 − 100.40) = 145.00, 100 × 0.20 = 20.00; fees 5 bps of 10,020 + 9,895; half a spread, 1 bp, out only.
    assert (world.one.state, world.one.reason, world.one.out_fill) == ("closed", "zero", "candle")
    money = account(world.one)
    assert money is not None
    assert money.net == pytest.approx(165.0 - 9.9575 - 0.9895)


def test_a_first_start_scores_the_journal_there_is() -> None:
    world = World()
    for i, z in enumerate((2.5, 1.0, -0.1, 0.3)):
        world.say(look(i, z, 100.0 - i, 50.0, "TRADABLE" if i == 0 else "WAIT"), heard=i == 3)
    world.record.turn()
    assert (world.one.state, world.one.out_y) == ("closed", 97.0)


def test_looks_beyond_what_memory_holds_are_read_from_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.track_record.MOST_HEARD", 2)
    world = World()
    world.say(look(0, 0.5, 100.0, 50.0))
    world.record.turn()
    rows = [look(1, 2.5, 100.0, 50.0, "TRADABLE"), look(2, 2.0, 99.0, 50.0), look(3, -0.1, 98.0, 50.0)]
    for row in (*rows, look(4, 0.1, 97.0, 50.0)):
        world.say(row)
    world.record.turn()
    world.say(look(5, 0.1, 96.0, 50.0))
    world.record.turn()
    world.record.turn()
    assert (world.one.state, world.one.out_y) == ("closed", 97.0)


def test_what_the_store_refuses_is_offered_again() -> None:
    world = World()
    world.shelf.refuses = True
    world.say(look(0, 2.5, 100.0, 50.0, "TRADABLE"))
    world.record.turn()
    assert world.shelf.trades == {}
    world.shelf.refuses = False
    world.record.turn()
    assert world.one.state == "entering"
    puts = world.shelf.puts
    world.record.turn()
    assert world.shelf.puts == puts  # nothing new


def test_each_change_is_later_than_the_one_before_though_the_clock_is_set_back() -> None:
    world = World()
    marks = []
    for minute, z, more in ((0, 2.5, False), (1, 2.0, False), (2, -0.1, True), (3, 0.0, False)):
        world.say(look(minute, z, 100.0, 50.0, "TRADABLE" if not minute else "WAIT"), heard=not more)
        world.now_ms = START_MS - minute * 1_000  # of one clock: the exchange's is another
        if more:
            world.begin()
        world.record.turn()
        marks.append(world.shelf.paper_mark())
    assert world.one.state == "closed"
    assert marks == sorted(set(marks))


def test_a_look_that_cannot_be_scored_now_is_scored_later_and_in_its_place() -> None:
    world = World()
    rows = [look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(1, 2.0, 100.0, 50.0), look(2, -0.1, 101.0, 50.0)]
    world.say(rows[0])
    world.record.turn()
    world.record.turn()
    real, troubles = ScoreBooks.score, iter([StoreError("The database is locked.")])

    def score(books: ScoreBooks, row: JournalRow, params: Params, heard_ms: int = 0) -> None:
        for trouble in troubles:
            raise trouble
        real(books, row, params, heard_ms)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScoreBooks, "score", score)
        for row in rows[1:]:
            world.say(row)
        with pytest.raises(StoreError):
            world.record.turn()
        world.record.turn()
        world.say(look(3, 0.0, 102.0, 50.0))
        world.record.turn()
    assert (world.one.in_ms, world.one.exit_look_ms) == (START_MS + 2 * MINUTE_MS, START_MS + 2 * MINUTE_MS)
    assert (world.one.state, world.one.out_y) == ("closed", 102.0)


def test_candles_that_no_look_made_up_for_still_end_a_trade() -> None:
    rng = np.random.default_rng(3)
    params = Params(fit_bars=40, z_bars=10, notional=10_000.0)
    y, x = cointegrated(rng, 400, half_life=3.0)
    opens = START_MS + MINUTE_MS * np.arange(-100, 300)
    world = World()
    world.shelf.bars = {"YUSDT": candles("YUSDT", y, open_ms=opens), "XUSDT": candles("XUSDT", x, open_ms=opens)}
    whole = analyse(world.shelf.bars["YUSDT"], world.shelf.bars["XUSDT"], params)
    world.say(look(0, 2.5, float(y[100]), float(x[100]), "TRADABLE", params=params))
    world.record.turn()
    world.begin()
    world.say(look(250, 0.3, float(y[350]), float(x[350]), params=params), heard=False)
    world.record.turn()
    z = whole.log_fits.z[101:]
    ends = int(np.flatnonzero((z <= 0) | (z >= 4))[0]) + 1
    assert world.one.exit_look_ms == START_MS + ends * MINUTE_MS
    assert world.one.out_ms == START_MS + (ends + 2) * MINUTE_MS
    assert world.one.out_y == y[100 + ends + 1]


def test_a_pair_with_a_trade_on_is_asked_for_after_a_restart() -> None:
    world = World()
    world.say(look(0, 2.5, 100.0, 50.0, "TRADABLE"))
    world.record.turn()
    assert world.wanted == []
    world.now_ms += 10 * MINUTE_MS
    world.begin()
    world.record.turn()
    assert world.wanted == [KEY]


moves = st.lists(
    st.tuples(
        st.sampled_from([-4.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5]),
        st.sampled_from(["TRADABLE", "WAIT", "TRAP"]),
        st.sampled_from(["heard", "unheard", "killed", "turn"]),
    ),
    max_size=60,
)


@given(moves)
@settings(deadline=None)
def test_whatever_the_moment_of_a_restart_the_same_trades_result(
    told: list[tuple[float, str, str]],
) -> None:
    rows = [
        look(
            i,
            z,
            100.0 + i % 7,
            50.0 + i % 3,
            v,
            entry=abs(z) > 2,
            checks={} if v == "TRADABLE" else {"related": "failed"},
        )
        for i, (z, v, _) in enumerate(told)
    ]
    world = World()
    for row, (_, _, what) in zip(rows, told, strict=True):
        world.say(row, heard=what != "unheard")
        if what in {"killed", "unheard"}:
            world.begin()
        elif what == "turn":
            world.record.turn()
    world.begin()
    world.record.turn()
    if rows:
        world.record.hear(KEY, rows[-1])
        world.record.turn()
    world.clock_s += 60.0
    world.record.turn()
    book = Book()
    straight: dict[object, PaperTrade] = {}
    for row in rows:
        book, changed = scored(book, row, PARAMS, (8, 4))
        straight.update((t.key, t) for t in changed)
    assert {k: repr(replace(t, changed_ms=0, said_ms=0)) for k, t in world.shelf.trades.items()} == {
        k: repr(t) for k, t in straight.items()
    }


def test_a_look_that_is_not_in_the_journal_yet_is_waited_for(store: TradeStore) -> None:
    written = False
    market = Market(lambda s: None, Ticks.empty, lambda: 0)
    books = ScoreBooks(store, market, Settling(store, dict, lambda: 0), lambda *_: pytest.fail("not asked"))
    record = TrackRecord(books, flush=lambda: written, exchange_ms=lambda: 0, want=lambda key: None, watches=list)
    row = look(0, 2.5, 100.0, 50.0, "TRADABLE")
    record.turn()
    record.hear(KEY, row)
    record.turn()  # the writer is behind
    store.put_looks([row])
    written = store.flush()
    record.turn()
    store.flush()
    assert [trade.look_ms for trade in store.paper_trades()] == [row.candle_ms]


def test_with_its_thread_and_a_real_store_a_trade_is_scored_and_goes_on_in_the_next_process(store: TradeStore) -> None:
    def process() -> TrackRecord:
        market = Market(lambda s: None, Ticks.empty, lambda: 0)
        books = ScoreBooks(store, market, Settling(store, dict, lambda: 0), lambda *_: pytest.fail("not asked"))
        return TrackRecord(books, flush=store.flush, exchange_ms=lambda: 0, want=lambda key: None, watches=list)

    first = process()
    first.start()
    first.start()
    for row in (look(0, 2.5, 100.0, 50.0, "TRADABLE"), look(1, 2.2, 101.0, 50.1)):
        store.put_looks([row])
        first.hear(KEY, row)
    first.stop()
    store.flush()
    (trade,) = store.paper_trades()
    assert trade.state in {"entering", "open"}
    store.put_looks([look(2, -0.1, 100.0, 50.5), look(3, 0.3, 99.9, 50.6)])
    second = process()
    second.turn()
    second.stop()
    store.flush()
    (trade,) = store.paper_trades()
    money = account(trade)
    assert money is not None
    assert money.net == pytest.approx(92.931)  # worked out by hand in tests/analytics/test_paper.py
    assert [b.candle_ms for b in store.paper_books()] == [START_MS + 3 * MINUTE_MS]
