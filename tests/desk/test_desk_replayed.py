"""A real recording replayed to a whole desk: its journal is what analytics says afterwards, its score the journal's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from analytics.paper import Book, scored
from analytics.paper_account import account
from analytics.params import Params
from core.paper import PaperTrade
from core.settings import Settings
from desk.desk import Desk
from desk.scorebooks import ScoreBooks
from simulator.recording import Recording
from simulator.running import SimulatedExchange
from storage.reader import StoreReader
from tests.desk.lives import GRACE_MS
from tests.desk.replayed import until
from tests.desk.said_again import differing, said_again
from tests.desk.schedules import SYMBOLS

pytestmark = pytest.mark.recording

SPEED: Final = 40
WITHIN_S: Final = 180.0
PAIR: Final = "ETHUSDT/BTCUSDT"
JOURNALLED: Final = {
    preset: replace(Params(timeframe_s=1, fit_bars=60, z_bars=30), preset=preset) for preset in ("evidence", "classic")
}
SCORED: Final = Params(timeframe_s=1, fit_bars=60, z_bars=20, entry_z=1.5, preset="classic")
MIDNIGHT_MS: Final = 1_721_347_200_000  # 2024-07-19: funding is settled
BARE: Final[dict[str, Any]] = {"changed_ms": 0, "funding": 0.0, "funding_unknown": 0}  # what a journal does not hold


@dataclass(frozen=True)
class Kept:
    """What a desk has kept of the recording."""

    store: StoreReader
    seen: tuple[PaperTrade, ...]  # the track record as it was shown at the end


def last_second_ms(recording: Recording) -> int:
    """Open time of the last second in which both legs traded and that is over and settled."""
    over_ms = max(r.event_ms for r in recording.records) - GRACE_MS - 1000
    seconds = ({r.trade_ms // 1000 * 1000 for r in recording.records if r.symbol == s} for s in SYMBOLS)
    return max(ms for ms in set.intersection(*seconds) if ms <= over_ms)


def newest(store: StoreReader, params: Params) -> int:
    """The candle of the newest look; 0: none yet."""
    return max((row.candle_ms for row in store.looks(PAIR, 1, params.key, limit=1)), default=0)


@pytest.fixture(scope="module")
def patience() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def kept(
    recording: Recording, tmp_path_factory: pytest.TempPathFactory, patience: pytest.MonkeyPatch
) -> Iterator[Kept]:
    """All looks at every second, by each parameters of this file."""
    path, last_ms = tmp_path_factory.mktemp("replayed") / "desk.db", last_second_ms(recording)
    watched = (*JOURNALLED.values(), SCORED)
    patience.setattr(ScoreBooks, "said_ms", lambda *_: 0)  # at such a speed all is said too late: not here
    with SimulatedExchange.replaying(recording, speed=SPEED) as exchange:
        desk = Desk(
            Settings(ws_url=exchange.ws_url, rest_url=exchange.rest_url, db=path, symbols=SYMBOLS, grace_ms=GRACE_MS)
        )
        desk.start()
        try:
            deadline = time.monotonic() + WITHIN_S
            while not exchange.finished.wait(0.1):
                assert time.monotonic() < deadline, desk.status()
                for params in watched:
                    desk.look("ETHUSDT", "BTCUSDT", params)
            with StoreReader.open_reader(path) as store:
                assert until(lambda: all(newest(store, p) == last_ms for p in watched), WITHIN_S), desk.status()
            seen = desk.track_record().trades
        finally:
            desk.close()
    with StoreReader.open_reader(path) as store:
        yield Kept(store, tuple(t for t in seen if t.params == SCORED.key))


@pytest.mark.parametrize("preset", JOURNALLED)
def test_the_journal_of_a_replay_is_what_analytics_says_afterwards_to_the_bit(kept: Kept, preset: str) -> None:
    params, store = JOURNALLED[preset], kept.store
    rows = store.looks(PAIR, 1, params.key)
    aligned = sorted(
        set(store.candles("ETHUSDT", 1).open_ms.tolist()) & set(store.candles("BTCUSDT", 1).open_ms.tolist())
    )
    looked_at = [row.candle_ms for row in rows]
    assert looked_at == [t for t in aligned if t >= looked_at[0]]  # none missing, none doubled
    assert len(rows) > 300
    assert len({row.verdict for row in rows}) > 1
    for row in rows[:: max(1, len(rows) // 60)]:
        assert differing(row, said_again(store, row, params)) == [], row.candle_ms


def decisions(trade: PaperTrade) -> tuple[object, ...]:
    """What does not depend on how it was filled."""
    return (trade.key, trade.verdict, trade.failed, trade.side, trade.qty_y, trade.qty_x, trade.exit_look_ms,
            trade.reason, trade.state == "closed")  # fmt: skip


def test_the_score_of_a_replay_is_the_score_of_its_journal(kept: Kept) -> None:
    params, seen = SCORED, kept.seen
    stored = [t for t in kept.store.paper_trades() if t.params == params.key]
    journal = kept.store.looks(PAIR, 1, params.key)
    bars = {s: kept.store.candles(s, 1) for s in SYMBOLS}
    assert len(seen) > 5
    assert len(stored) >= len(seen)

    book = Book()
    again: dict[object, PaperTrade] = {}
    for row in journal:
        book, changed = scored(book, row, params)
        again.update((t.key, t) for t in changed)
    assert [decisions(t) for t in stored] == [decisions(t) for t in sorted(again.values(), key=lambda t: t.look_ms)]

    closed = [t for t in stored if t.state == "closed" and not t.dropped]
    assert len(closed) > 5
    for trade in closed:
        money = account(trade)
        assert money is not None
        same = again[trade.key]
        for how, symbol, price, ms in (
            (trade.in_fill, "ETHUSDT", trade.in_y, trade.in_ms),
            (trade.in_fill, "BTCUSDT", trade.in_x, trade.in_ms),
            (trade.out_fill, "ETHUSDT", trade.out_y, trade.out_ms),
            (trade.out_fill, "BTCUSDT", trade.out_x, trade.out_ms),
        ):
            if how == "touch":
                c = bars[symbol]
                (i,) = (c.open_ms == ms // 1000 * 1000).nonzero()[0]
                span = 2e-3 * price  # a touch that was shifted by the price spread may lie just outside what traded
                assert c.low[i] - span <= price <= c.high[i] + span
        if trade.in_fill == trade.out_fill == "candle":
            assert repr(replace(trade, **BARE)) == repr(replace(same, **BARE))  # to the bit
        held = trade.in_ms < MIDNIGHT_MS <= trade.out_ms  # through a settlement
        assert held == bool(trade.funding or trade.funding_unknown)
