"""The collecting process is killed again and again, under load: the file is whole, and what is missing is repaired.

``python -m desk``, a process of its own, beside a replay of the real recording over real sockets, five times as dense.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

import numpy as np
import pytest

from analytics.params import Params
from core.types import Ints
from simulator.limits import Limits
from simulator.recording import Recording
from simulator.running import SimulatedExchange
from storage.reader import StoreReader
from tests.desk.killed import WATCHED, WRITTEN_S, Collecting, Killed, X, Y, dense
from tests.desk.replayed import until
from tests.desk.said_again import differing, said_again
from tests.desk.truth import Findings, examine

pytestmark = pytest.mark.recording

DENSE: Final = 5  # two hundred and fifty trades a second
REPAIRED_S: Final = 90.0
MOST_AGAIN: Final = 200  # looks of one journal that are said again


@dataclass
class Journal:
    """What a journal holds, against what it should."""

    looks: int = 0
    said_again: int = 0
    noted: int = 0
    missing: list[int] = field(default_factory=list)
    extra: list[int] = field(default_factory=list)
    out_of_order: list[int] = field(default_factory=list)
    differing: list[object] = field(default_factory=list)
    verdicts: set[str] = field(default_factory=set)


def integrity(path: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("PRAGMA integrity_check").fetchall()


def unknown(store: StoreReader, timeframe_s: int, opens: dict[str, Ints]) -> Ints:
    """Opens of the intervals of either leg that stay without a candle, by the table of gaps."""
    ms = timeframe_s * 1000
    spans = [
        np.setdiff1d(np.arange(gap.from_ms // ms * ms, gap.to_ms // ms * ms + 1, ms, dtype=np.int64), opens[symbol])
        for symbol in (Y, X)
        for gap in store.gaps(symbol)
        if gap.state != "repaired"
    ]
    return np.unique(np.concatenate(spans)) if spans else np.empty(0, np.int64)


def journal(store: StoreReader, params: Params) -> Journal:
    """One look a candle of both legs since it began, none twice, in order, each as the pure functions say it."""
    opens = {symbol: store.candles(symbol, params.timeframe_s).open_ms for symbol in (Y, X)}
    rows = store.looks(f"{Y}/{X}", params.timeframe_s, params.key)
    assert rows
    at = [row.candle_ms for row in rows]
    due = [t for t in sorted(set(opens[Y].tolist()) & set(opens[X].tolist())) if at[0] <= t <= at[-1]]
    holes = unknown(store, params.timeframe_s, opens)
    found = Journal(looks=len(rows), verdicts={row.verdict for row in rows})
    found.missing, found.extra = sorted(set(due) - set(at)), sorted(set(at) - set(due))
    found.out_of_order = [b.candle_ms for a, b in pairwise(rows) if b.written_ms < a.written_ms]
    for row in rows[:: max(1, len(rows) // MOST_AGAIN)]:
        if row.note:
            found.noted += 1
            continue
        found.said_again += 1
        found.differing += [(row.candle_ms, *one) for one in differing(row, said_again(store, row, params, holes))]
    return found


def truth_of(exchange: SimulatedExchange, store: StoreReader) -> Findings:
    newest = [trade.ts_ms for symbol in (Y, X) if (trade := store.last_trade(symbol)) is not None]
    return examine(store, {symbol: exchange.truth(symbol) for symbol in (Y, X)}, max(newest, default=0))


def looked_at(store: StoreReader) -> int:
    """Up to which candle each of the journals has come."""
    newest = [store.looks(f"{Y}/{X}", params.timeframe_s, params.key, limit=1) for params in WATCHED]
    return min(rows[-1].candle_ms if rows else 0 for rows in newest)


def killed_again_and_again(exchange: SimulatedExchange, path: Path, kills: int, random: Random) -> list[Killed]:
    """Kill it so many times, some of them before it has received anything, and let the last one repair all."""
    seen = []
    with Collecting(exchange, path) as collecting:
        for _ in range(kills):
            collecting.start()
            if random.random() < 0.2:  # while it starts, migrates, catches up
                time.sleep(random.uniform(0.5, 3.0))
            else:
                collecting.wait_live()
                time.sleep(random.uniform(0.0, 4.0))
            seen.append(collecting.kill())
            assert integrity(path) == [("ok",)]
            time.sleep(random.choice([0.0, 0.0, 2.0]))
        began_ms = max(exchange.exchange.tapes[symbol].last_ms for symbol in (Y, X))
        collecting.start()
        collecting.wait_live()
        with StoreReader.open_reader(path) as store:
            assert until(lambda: looked_at(store) > began_ms, REPAIRED_S), collecting.words
            assert until(lambda: collecting.gaps_open == 0, REPAIRED_S), collecting.words
            until(lambda: not truth_of(exchange, store).bad, 20.0)
        collecting.stop()
        assert not [word for word in collecting.words if " ERROR " in word], collecting.words
    return seen


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.long)])
def test_however_often_the_process_is_killed_all_is_found_again(
    recording: Recording, tmp_path: Path, kills: int
) -> None:
    path = tmp_path / "killed.db"
    copies = 2 + kills // 4
    with SimulatedExchange.replaying(
        dense(recording, DENSE, copies), limits=Limits(weight_per_minute=1_000_000)
    ) as exchange:
        seen = killed_again_and_again(exchange, path, kills, Random(kills))
        assert not exchange.finished.is_set(), "the recording was too short"
        with StoreReader.open_reader(path) as store:
            found, journals = truth_of(exchange, store), [journal(store, params) for params in WATCHED]
    assert integrity(path) == [("ok",)]
    _tell(seen, found, journals)
    assert [one.lost_ms for one in seen] == [0] * kills
    assert found.bad == []
    assert found.right.total() > 0
    assert found.gaps["open"] == 0
    assert found.gaps["repaired"] > 0
    for one in journals:
        assert (one.missing, one.extra, one.out_of_order, one.differing) == ([], [], [], [])
    assert journals[0].looks < 100 or len(journals[0].verdicts) > 1  # there was something to judge


def _tell(seen: list[Killed], found: Findings, journals: list[Journal]) -> None:
    """Figures, with -s."""
    behind = sorted(one.behind_ms for one in seen if one.behind_ms is not None)
    lines = [
        f"killed {len(seen)} times, {len(behind)} of them after more than {WRITTEN_S:g} s of records",
        f"newest stored trade behind what was sent: median {median(behind or [0]):.0f} ms,"
        f" most {max(behind or [0])} ms",
        f"gaps {dict(found.gaps)}; candles right {found.right.total()}, unknown {found.unknown.total()},"
        f" wrong or missing {len(found.bad)}; trades {found.trades}",
        *(
            f"journal: {one.looks} looks, {len(one.missing)} missing, {len(one.extra)} extra, {one.said_again} said"
            f" again of which {len(one.differing)} differ, {one.noted} noted; {sorted(one.verdicts)}"
            for one in journals
        ),
        *found.bad,
        *(str(each) for one in journals for each in one.differing),
    ]
    print("\n" + "\n".join(lines))  # noqa: T201 (figures for a report)
