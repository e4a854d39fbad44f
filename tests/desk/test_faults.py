"""After every fault, each stored candle and trade is what really happened, or is absent and in the table of gaps.

Where time is made: a run of ten minutes takes a second or two, so that hundreds of random fates can be lived through,
killed processes among them. `test_faults_on_sockets` has the desk's own threads.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from simulator.faults import faults
from simulator.recording import Recording
from tests.desk.lives import Life
from tests.desk.schedules import HARMLESS, MENDED, Fate, Schedule, fate
from tests.desk.truth import Findings

pytestmark = pytest.mark.recording

RUN_S = 620.0  # the recording, and time to repair
# Candles of the recording, all symbols and timeframes, less the first ones, which nobody heard begin.
CANDLES = 1_210
EVERYTHING: Final = {**HARMLESS, **MENDED}


def count(total: Counter[str], found: Findings) -> None:
    """Add one fate's figures."""
    total.update(
        {
            "schedules": 1,
            "stored trades": found.trades,
            "candles right": found.right.total(),
            "candles unknown and said so": found.unknown.total(),
            "wrong": len(found.wrong),
            "missing without a word": len(found.missing),
            **{f"gaps {state}": n for state, n in found.gaps.items()},
        }
    )


def no_worse(found: Findings, name: str) -> None:
    """Everything is right, and the fault did what it should."""
    assert found.bad == []
    assert found.right.total() >= CANDLES - found.unknown.total()
    assert found.gaps["open"] == 0
    assert found.gaps["repaired"] or name not in MENDED


@pytest.mark.parametrize("name", EVERYTHING)
def test_after_every_fault_what_is_stored_is_what_happened(recording: Recording, tmp_path: Path, name: str) -> None:
    with Life(recording, tmp_path / "life.db", faults(list(EVERYTHING[name]))) as life:
        life.run(RUN_S)
        found = life.findings()
    no_worse(found, name)
    assert found.unknown.total() == 0
    assert not found.gaps["repaired"] or name in MENDED  # on sockets a machine that stalls may lose more


def lived(recording: Recording, path: Path, its: Fate) -> Findings:
    """Live through a fate. Nothing is ever wrong on the way, either."""
    with Life(recording, path, its.schedule, stream=its.stream, wants=its.wants) as life:
        if its.postponed is not None:
            life.postpone(*its.postponed)
        left_s = RUN_S
        for end in its.breaks:
            life.run(end.after_s)
            assert life.findings().wrong == []
            if end.killed:
                life.killed(end.away_s)
            else:
                life.pause(end.away_s)
            left_s -= end.after_s + end.away_s
        life.run(max(left_s, 200.0))
        return life.findings()


def test_fates_are_many_and_the_same_each_time() -> None:
    assert fate(7) == fate(7)
    seen = [fate(seed) for seed in range(200)]
    assert {one.do for its in seen for one in its.schedule} >= {one["do"] for row in MENDED.values() for one in row}
    assert {its.stream for its in seen} == {"trade", "aggTrade"}
    assert sum(end.killed for its in seen for end in its.breaks) > 100


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(6, 240))])
def test_after_a_random_fate_what_is_stored_is_what_happened(
    recording: Recording, tmp_path: Path, tally: Counter[str], seed: int
) -> None:
    found = lived(recording, tmp_path / "fate.db", fate(seed))
    count(tally, found)
    assert found.bad == []
    assert found.right.total() > CANDLES // 2
    with closing(sqlite3.connect(tmp_path / "fate.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_where_rest_is_blocked_for_good_nothing_is_made_up(recording: Recording, tmp_path: Path) -> None:
    blocked: Schedule = [
        {"at_sim_s": 190, "do": "rest_status", "status": 451, "for_s": 0},
        {"at_sim_s": 200, "do": "drop"},
    ]
    with Life(recording, tmp_path / "life.db", faults(list(blocked))) as life:
        life.run(RUN_S)
        found = life.findings()
        assert life.collector.repairer.facts.problem == "The exchange does not serve this location (HTTP 451)."
    assert found.bad == []
    assert found.gaps == {"open": 2}
    assert all(found.unknown[timeframe_s] > 0 for timeframe_s in (1, 5, 15, 60, 300))


def test_the_comparison_sees_every_kind_of_untruth(recording: Recording, tmp_path: Path) -> None:
    with Life(recording, tmp_path / "life.db") as life:
        life.run(RUN_S)
        assert life.findings().bad == []
        for spoil, said in (
            ("UPDATE candles SET high = high + 0.1 WHERE timeframe_s = 60 AND open_ms % 300000 = 60000", "instead of"),
            (
                "UPDATE candles SET trade_count = trade_count - 1 WHERE timeframe_s = 5 AND open_ms % 60000 = 0",
                "instead",
            ),
            ("UPDATE candles SET open_ms = open_ms + 86400000 WHERE timeframe_s = 300", "nothing was traded"),
            ("DELETE FROM candles WHERE timeframe_s = 15 AND open_ms % 60000 = 15000", "no gap says so"),
            ("UPDATE trades SET qty = qty * 1.0001 WHERE trade_id % 1000 = 0", "is not what happened"),
            ("DELETE FROM trades WHERE trade_id % 1000 = 1", "no gap says so"),
        ):
            before = set(life.findings().bad)
            with closing(sqlite3.connect(tmp_path / "life.db")) as database, database:
                assert database.execute(spoil).rowcount > 0
            news = set(life.findings().bad) - before
            assert any(said in line for line in news)
