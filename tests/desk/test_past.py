"""The past, said again from the store: the journal's own words where it has a row, honest ones where it has none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from math import isnan
from pathlib import Path

import pytest

from analytics.journal import row_of
from analytics.params import Params
from core.errors import DataError
from core.journal import JournalRow
from core.settings import Settings
from desk.desk import Desk
from desk.past import record_said
from simulator.limits import Limits
from simulator.market import MarketPlan
from simulator.running import SimulatedExchange

PAIR = ("ETHUSDT", "BTCUSDT")
FINE = Params(timeframe_s=1, fit_bars=40, z_bars=20)
MINUTES = Params(timeframe_s=60)
OURS = {"written_ms", "note"}  # about the writing, not about the look


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    plan, limits = MarketPlan(seed=3, rate=200.0), Limits(weight_per_minute=100_000)
    with SimulatedExchange.making(plan, speed=10.0, limits=limits) as exchange:
        path: Path = tmp_path_factory.mktemp("past") / "past.db"
        desk = Desk(
            Settings(ws_url=exchange.ws_url, rest_url=exchange.rest_url, db=path, symbols=("BTCUSDT", "ETHUSDT"))
        )
        desk.start()
        yield desk
        desk.close()


def wait_until(true: Callable[[], bool], timeout_s: float = 180.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def differences(a: JournalRow, b: JournalRow) -> list[tuple[str, object, object]]:
    pairs = [(f.name, getattr(a, f.name), getattr(b, f.name)) for f in fields(JournalRow) if f.name not in OURS]
    return [(n, v, w) for n, v, w in pairs if v != w and not (isinstance(v, float) and isnan(v) and isnan(w))]


def test_a_journalled_moment_is_said_again_to_the_bit(desk: Desk) -> None:
    desk.look(*PAIR, FINE)
    wait_until(lambda: len(desk.journal(*PAIR, FINE, limit=100)) >= 70)
    rows = desk.journal(*PAIR, FINE, limit=100)
    assert len({row.verdict for row in rows}) > 1
    for row in rows[::7]:
        assert differences(row, row_of(desk.as_of(*PAIR, FINE, row.candle_ms))) == []


def test_the_journal_can_be_read_up_to_a_moment(desk: Desk) -> None:
    desk.look(*PAIR, FINE)
    wait_until(lambda: len(desk.journal(*PAIR, FINE, limit=100)) > 25)
    rows = desk.journal(*PAIR, FINE, limit=100)
    before = desk.journal_before(*PAIR, FINE, limit=5, before_ms=rows[20].candle_ms + 1)
    assert [r.candle_ms for r in before] == [r.candle_ms for r in rows[16:21]]


def test_a_moment_without_a_row_is_computed_and_going_forward_says_the_same_as_going_there(desk: Desk) -> None:
    desk.look(*PAIR, MINUTES)
    wait_until(lambda: not desk.status().warmup and len(desk.candles("ETHUSDT", 60)) > 40_000)
    common = desk.candles("ETHUSDT", 60).open_ms
    went = [desk.as_of(*PAIR, MINUTES, int(t)) for t in common[-2_000:-1_990]]
    there = desk.as_of(*PAIR, MINUTES, int(common[-1_000]))  # elsewhere: what was kept is of no use for the next
    again = desk.as_of(*PAIR, MINUTES, int(common[-1_991]))
    assert there.report.newest_ms == common[-1_000]
    assert again.record == went[-1].record
    assert again.decision == went[-1].decision
    assert again.record is not None
    assert again.record.newest_ms == common[-1_991]  # nothing of what came after
    assert again.costs is not None
    assert "funding" in again.costs.missing  # nobody wrote it down


def test_a_moment_that_is_not_stored_is_a_sentence(desk: Desk) -> None:
    with pytest.raises(DataError, match="No candle that both legs share"):
        desk.as_of(*PAIR, MINUTES, 60_000)


@pytest.mark.parametrize("record", ['{"trips": 12}', '{"excursions": 12, "needed": 30, "kappa": "high"}', "[1, 2]"])
def test_a_record_of_another_version_is_a_sentence(record: str) -> None:
    row = JournalRow("A/B", 60, 0, "key", "rule", "WAIT", "Why.", excursions=12.0, inputs=f'{{"record": {record}}}')
    with pytest.raises(DataError, match="another version of Pairsight kept it"):
        record_said(row)


def test_prices_are_live_before_there_is_a_fit_to_score_them(desk: Desk) -> None:
    far = Params(timeframe_s=3600, fit_bars=5_000)
    wait_until(lambda: desk.live(*PAIR, far) is not None)
    score = desk.live(*PAIR, far)
    assert score is not None
    assert score.price_y > 0
    assert score.price_x > 0
    assert isnan(score.z)
    assert isnan(score.z_roll)
    assert isnan(score.spread)


def test_the_status_says_after_how_long_a_stream_is_called_silent(desk: Desk) -> None:
    assert desk.status().stale_after_s == desk.settings.stale_after_s
