"""A collecting process of its own that is killed and started again, beside a replay over real sockets."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from analytics.params import Params
from simulator.recording import Recording
from simulator.records import Record
from simulator.running import SimulatedExchange
from storage.reader import StoreReader
from tests.desk.schedules import SYMBOLS

ROOT: Final = Path(__file__).parents[2]
Y, X = "ETHUSDT", "BTCUSDT"
FLUSH_MS: Final = 250
# After so long, what was received is written: a flush interval, and the rest for a machine that has other things to do.
WRITTEN_S: Final = 2.0
READY_WITHIN_S: Final = 120.0

# python -m desk itself, which looks at a pair by the second besides, with a window that is soon full.
COMMAND: Final = f"""
import sys
from analytics.params import Params
from desk import __main__ as command
from desk.desk import Desk

class Quick(Desk):
    def start(self):
        self.look("{Y}", "{X}", Params(timeframe_s=1, fit_bars=60, z_bars=30))
        super().start()

command.Desk = Quick
command.summary = lambda status: [status.trades.watermark_ms, status.gaps_open]
sys.exit(command.main(["--every", "0.5"]))
"""
WATCHED: Final = (Params(timeframe_s=1, fit_bars=60, z_bars=30), Params(timeframe_s=5))


def dense(recording: Recording, times: int, copies: int) -> Recording:
    """So many times as many trades a second, one copy after the other, so that it lasts."""
    records = recording.records
    start_ms = records[0].event_ms
    span_ms = (records[-1].event_ms - start_ms) // times + 1
    ids = {s: 1 + max(r.id for r in records if r.symbol == s) - min(r.id for r in records if r.symbol == s)
           for s in SYMBOLS}  # fmt: skip

    def moved(record: Record, copy: int) -> Record:
        shift_ms = start_ms + copy * span_ms
        return record._replace(
            id=record.id + copy * ids[record.symbol],
            trade_ms=shift_ms + (record.trade_ms - start_ms) // times,
            event_ms=shift_ms + (record.event_ms - start_ms) // times,
        )

    return replace(recording, items=tuple(moved(record, copy) for copy in range(copies) for record in records))


@dataclass(frozen=True, slots=True)
class Killed:
    """What a killed process left."""

    behind_ms: int | None  # the newest stored trade behind what the exchange had sent; None: it had received none
    lost_ms: int  # behind what the process said so long before that it must have been written


class Collecting:
    """One database, and the processes that collect into it, one after the other."""

    def __init__(self, exchange: SimulatedExchange, path: Path) -> None:
        self.exchange = exchange
        self.path = path
        self._process: subprocess.Popen[str] | None = None
        self._live = threading.Event()
        self._received: list[tuple[float, int]] = []  # when it said so, and up to which time it had received
        self.gaps_open = -1  # as the process last said; -1: it has not spoken yet
        self.words: list[str] = []  # what it logged as a warning or worse
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PAIRSIGHT_")},
            "PAIRSIGHT_WS_URL": exchange.ws_url,
            "PAIRSIGHT_REST_URL": exchange.rest_url,
            "PAIRSIGHT_DB": str(path),
            "PAIRSIGHT_SYMBOLS": ",".join(SYMBOLS),
            "PAIRSIGHT_WATCH": f"{Y}/{X}@5s",
            "PAIRSIGHT_FLUSH_MS": str(FLUSH_MS),
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }

    def start(self) -> None:
        """A new process."""
        self._live, self._received, self.gaps_open = threading.Event(), [], -1
        self._process = subprocess.Popen(
            [sys.executable, "-c", COMMAND],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        threading.Thread(target=self._listen, args=(self._process, self._live, self._received), daemon=True).start()

    def wait_live(self) -> None:
        """Wait until it has received something."""
        assert self._live.wait(READY_WITHIN_S), self.words
        assert self._process is not None
        assert self._process.poll() is None, self.words

    def kill(self) -> Killed:
        """SIGKILL, or what stands for it."""
        assert self._process is not None
        assert self._process.poll() is None, self.words
        sent_ms = max(self.exchange.exchange.tapes[symbol].last_ms for symbol in SYMBOLS)
        now_s, received = time.monotonic(), list(self._received)
        self._process.kill()
        self._process.wait()
        if not received:
            return Killed(None, 0)
        with StoreReader.open_reader(self.path) as store:
            newest_ms = max((trade.ts_ms for s in SYMBOLS if (trade := store.last_trade(s)) is not None), default=0)
        due_ms = max((ms for said_s, ms in received if said_s < now_s - WRITTEN_S), default=0)
        first_s = received[0][0]
        return Killed(
            behind_ms=sent_ms - newest_ms if now_s - first_s > WRITTEN_S else None,
            lost_ms=max(0, due_ms - newest_ms),
        )

    def stop(self) -> None:
        """End it in peace, where that can be asked for from outside; what is left is then as after a kill."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait()

    def __enter__(self) -> Collecting:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _listen(self, process: subprocess.Popen[str], live: threading.Event, received: list[tuple[float, int]]) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                _, is_status, said = line.partition(" desk status ")
                if is_status:
                    watermark_ms, self.gaps_open = (int(part) for part in said.strip("[]\n").split(","))
                    if watermark_ms:
                        received.append((time.monotonic(), watermark_ms))
                        live.set()
                elif " INFO " not in line:
                    self.words.append(line.rstrip())
        live.set()
