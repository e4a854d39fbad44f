"""Feed, numbering and repair together against an exchange where things go wrong: no second is wrong.

A real recording is replayed at many times its speed; times of waiting are shortened alike.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import RestError
from core.types import Batch, Gap, Ticks
from ingestion import binance, repair
from ingestion.answers import Answers
from ingestion.continuity import Continuity, Taken
from ingestion.feed import Feed
from ingestion.repair import fill
from ingestion.rest import Rest
from ingestion.times import FeedTimes
from ingestion.transport import connect
from simulator.faults import faults
from simulator.limits import Limits
from simulator.recording import Recording, read_recording
from simulator.running import SimulatedExchange
from tests.ingestion.tape import candles

pytestmark = pytest.mark.recording

SYMBOLS = ("BTCUSDT", "ETHUSDT")
SPEED = 80.0
RECORDS = 4_500  # three minutes of it
TIMES = FeedTimes(
    ping_every_s=0.4, answer_within_s=0.3, silent_least_s=0.3, silent_unknown_s=0.6, learned_after_s=1e9,
    watch_every_s=0.05, healthy_after_s=0.2, overlap_least_s=0.1, overlap_s=0.5, hold_s=0.15, give_up_s=0.75,
)  # fmt: skip


@pytest.fixture(scope="module")
def recording(shared_data: Path) -> Recording:
    whole = read_recording(shared_data / "ticks_usdm_btcusdt_ethusdt_20240718T2357_20240719T0005.csv.gz")
    return Recording(whole.items[:RECORDS], whole.instruments)


@pytest.fixture(autouse=True)
def everything_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "SETTLING_S", 0.05)


@dataclass
class Desk:
    """Keeps what arrives, fills what does not, as the real one does, with a dict for a store."""

    rest: Rest
    numbering: dict[str, Continuity] = field(default_factory=lambda: {s: Continuity(s, times=TIMES) for s in SYMBOLS})
    stored: dict[str, dict[int, Ticks]] = field(default_factory=lambda: {s: {} for s in SYMBOLS})
    gaps: dict[str, list[Gap]] = field(default_factory=lambda: {s: [] for s in SYMBOLS})
    lost: dict[str, list[Gap]] = field(default_factory=lambda: {s: [] for s in SYMBOLS})
    first_ms: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def batch(self, batch: Batch) -> None:
        with self.lock:
            for records in batch.records:
                self._note(records.symbol, self.numbering[records.symbol].take(records, time.monotonic()))

    def tick(self) -> bool:
        """Whether anything is still held back."""
        with self.lock:
            taken = [(symbol, one.tick(time.monotonic())) for symbol, one in self.numbering.items()]
            for symbol, found in taken:
                self._note(symbol, found)
            return any(found.pending for _, found in taken)

    def _note(self, symbol: str, taken: Taken) -> None:
        if len(taken.records) and symbol not in self.first_ms:
            self.first_ms[symbol] = int(taken.records.ts_ms[0])
        self._keep(symbol, taken.records.trades())
        if taken.fillers is not None:
            self._keep(symbol, taken.fillers.trades())
        self.gaps[symbol] += [gap for gap in taken.gaps if gap not in taken.healed]

    def _keep(self, symbol: str, ticks: Ticks) -> None:
        for at, trade_id in enumerate(ticks.trade_id.tolist()):
            self.stored[symbol].setdefault(trade_id, ticks.take(slice(at, at + 1)))

    def ticks(self, symbol: str) -> Ticks:
        rows = [self.stored[symbol][trade_id] for trade_id in sorted(self.stored[symbol])]
        if not rows:
            return Ticks.empty(symbol)
        names = ("trade_id", "first_id", "ts_ms", "price", "qty", "buyer_is_maker")
        return Ticks(symbol, *(np.concatenate([getattr(row, name) for row in rows]) for name in names))

    def read(self, symbol: str, from_ms: int, to_ms: int) -> Ticks:
        ticks = self.ticks(symbol)
        return ticks.take((ticks.ts_ms >= from_ms) & (ticks.ts_ms <= to_ms))

    def repair(self) -> None:
        """Fill every gap; a REST that refuses is asked again."""
        for symbol in SYMBOLS:
            for gap in self.gaps[symbol]:
                for attempt in range(20):
                    try:
                        found = fill(gap, Answers(self.rest), self.read)
                        break
                    except RestError:
                        if attempt == 19:
                            raise
                        time.sleep(0.2)  # the only clock here is the simulator's
                self._keep(symbol, found.ticks)
                self.lost[symbol] += found.lost


@dataclass
class Run:
    exchange: SimulatedExchange
    desk: Desk
    feed: Feed

    def finish(self) -> None:
        """Until the recording is over, all is taken, and every gap was tried."""
        assert self.exchange.finished.wait(60)
        deadline_s = time.monotonic() + 10
        while self.desk.tick() or self.feed.status().state != "live":
            assert time.monotonic() < deadline_s, self.feed.status()
            time.sleep(0.02)
        assert self.feed.stop()
        self.desk.tick()
        self.desk.repair()

    def truth(self, symbol: str) -> Ticks:
        rows = [row for row in self.exchange.truth(symbol) if row.kind == "MARKET"]
        ids = np.array([row.id for row in rows])
        return Ticks(
            symbol, ids, ids, np.array([row.trade_ms for row in rows]), np.array([float(row.price) for row in rows]),
            np.array([float(row.qty) for row in rows]), np.array([row.buyer_is_maker for row in rows]),
        )  # fmt: skip

    def wrong(self) -> tuple[int, int, int]:
        """Seconds that are wrong, right, and known to be unknown."""
        wrong = right = unknown = 0
        for symbol in SYMBOLS:
            got, truth = candles(self.desk.ticks(symbol)), candles(self.truth(symbol))
            newest = max(got, default=0)  # what came after the newest record cannot be missed yet
            for at, candle in truth.items():
                if not self.desk.first_ms[symbol] // 1_000 * 1_000 < at < newest:
                    continue
                if any(lost.from_ms < at + 1_000 and lost.to_ms >= at for lost in self.desk.lost[symbol]):
                    unknown += 1
                elif got.get(at) == candle:
                    right += 1
                else:
                    wrong += 1
            assert not got.keys() - truth.keys(), "a candle where nothing was traded"
        return wrong, right, unknown


@pytest.fixture
def run_of(recording: Recording) -> Iterator[Any]:
    ends: list[Run] = []

    def start(*schedule: dict[str, Any]) -> Run:
        exchange = SimulatedExchange.replaying(
            recording, speed=SPEED, faults=faults(list(schedule)), limits=Limits(settle_s=0.05)
        )
        bases = exchange.start()
        rest = Rest(bases.rest_url, waits=lambda: iter([0.1] * 9), timeouts_s=(2.0, 1.0), patience_s=5.0)
        desk = Desk(rest)
        trades = Feed(
            "feed-trades",
            wire=binance,
            base=bases.ws_url,
            route="/public",
            other_route=binance.UNROUTED,
            connect=connect,
            on_batch=desk.batch,
            waits=lambda: iter([0.05] * 1_000),
            times=TIMES,
        )
        trades.subscribe(SYMBOLS, "trade")
        trades.expect("trade", dict.fromkeys(SYMBOLS, 86_400 * 1_000.0))
        trades.start()
        ends.append(Run(exchange, desk, trades))
        return ends[-1]

    yield start
    for run in ends:
        run.feed.stop()
        run.desk.rest.close()
        run.exchange.stop()


AT = {"after_records": 1_200}
GARBAGE = ("json", "utf8", "binary", "types", "empty")
SCHEDULES: dict[str, list[dict[str, Any]]] = {
    "nothing": [],
    "drop": [AT | {"do": "drop"}],
    "three drops": [{"after_records": at, "do": "drop", "how": "fin"} for at in (800, 1_900, 3_100)],
    "close 1008": [AT | {"do": "close"}],
    "daily cut": [AT | {"do": "cut"}],
    "half-open stall": [AT | {"do": "stall"}],
    "stall within a frame": [AT | {"do": "midframe"}],
    "garbage": [AT | {"do": "garbage", "how": how, "count": 20} for how in GARBAGE],
    "oversized": [AT | {"do": "oversized"}],
    "oversized, only announced": [AT | {"do": "oversized", "how": "header"}],
    "one silent symbol": [AT | {"do": "silent", "symbol": "ETHUSDT", "heals": "resubscribe"}],
    "one silent symbol until a new connection": [AT | {"do": "silent", "symbol": "ETHUSDT", "heals": "reconnect"}],
    "one silent symbol on one route": [AT | {"do": "silent", "symbol": "ETHUSDT", "route": "routed"}],
    "late records": [AT | {"do": "late", "for_s": 0.5}],
    "non-trades": [AT | {"do": "na_burst", "symbol": symbol, "count": 80} for symbol in SYMBOLS],
    "duplicates": [AT | {"do": "duplicate", "count": 300, "distance": 40}],
    "reordering": [AT | {"do": "reorder", "count": 40, "distance": 9}],
    "refused": [AT | {"do": "refuse", "status": 503, "for_s": 0.5}, AT | {"do": "drop"}],
    "drop while REST fails": [AT | {"do": "drop"}, AT | {"do": "rest_status", "for_s": 3.0}],
    "drop while REST limits": [
        AT | {"do": "drop"},
        AT | {"do": "rest_status", "status": 429, "retry_after_s": 1, "for_s": 3.0},
    ],
    "drop while REST is slow": [AT | {"do": "drop"}, AT | {"do": "rest_slow", "delay_s": 0.3, "for_s": 9.0}],
    "drop and a wrong clock": [{"after_records": 10, "do": "clock_off"}, AT | {"do": "drop"}],
    "non-trades lost in a drop": [
        {"after_records": 1_190, "do": "na_burst", "symbol": "BTCUSDT", "count": 30},
        AT | {"do": "drop"},
        {"after_records": 1_210, "do": "na_burst", "symbol": "BTCUSDT", "count": 30},
    ],
}  # fmt: skip
HARMLESS = ("nothing", "garbage", "late records", "non-trades", "duplicates", "reordering")


ALWAYS = (
    "drop",
    "half-open stall",
    "garbage",
    "one silent symbol on one route",
    "reordering",
    "drop while REST limits",
)
CASES = [name if name in ALWAYS else pytest.param(name, marks=pytest.mark.long) for name in SCHEDULES]


@pytest.mark.parametrize("name", CASES)
def test_after_every_fault_each_second_is_right_or_known_to_be_unknown(run_of: Any, name: str) -> None:
    run = run_of(*SCHEDULES[name])
    run.finish()
    wrong, right, unknown = run.wrong()
    assert wrong == 0
    assert right > 250
    assert unknown <= right // 5
    assert any(run.desk.gaps.values()) == (name not in HARMLESS), "the fault did what it should"


def test_without_repair_a_drop_leaves_seconds_that_are_wrong(run_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Desk, "repair", lambda desk: None)
    run = run_of(AT | {"do": "drop"})
    run.finish()
    assert run.wrong()[0] > 0


def shuffled(seed: int) -> list[dict[str, Any]]:
    """Some faults at random moments."""
    rng = random.Random(seed)
    plain = [fault for schedule in SCHEDULES.values() for fault in schedule]
    chosen = rng.sample(plain, rng.randint(2, 6))
    return [fault | {"after_records": rng.randint(50, RECORDS - 1_000)} for fault in chosen]


@pytest.mark.parametrize("seed", range(2))
def test_after_faults_at_random_no_second_is_wrong(run_of: Any, seed: int) -> None:
    run = run_of(*shuffled(seed))
    run.finish()
    assert run.wrong()[0] == 0


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 40))
def test_after_many_faults_at_random_no_second_is_wrong(run_of: Any, seed: int) -> None:
    test_after_faults_at_random_no_second_is_wrong(run_of, seed)
