"""A small world for alerts: looks said by hand, prices by hand, channels that note what they get."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from analytics.params import Params
from core.journal import JournalRow
from core.types import Source
from desk.alert_survey import Prices, Survey
from desk.apprise_sender import Sender
from desk.engine import Key
from storage.sqlite import TradeStore

PARAMS = Params()
PAIR = Key("ETHUSDT", "BTCUSDT", PARAMS)
OTHER = Key("SOLUSDT", "BTCUSDT", PARAMS)
BAR_MS = 60_000
BEGIN_MS = 1_700_000_040_000  # a whole minute


def row(n: int, verdict: str = "WAIT", z: float = 0.0, key: Key = PAIR, related: str = "passed") -> JournalRow:
    """The look at the n-th candle; its fit makes z of the log of Y's price."""
    return JournalRow(
        key.pair, 60, BEGIN_MS + n * BAR_MS, key.params.key, "evidence 1", verdict, f"Because of {verdict}.",
        regime="As tested.", alpha=0.0, beta=0.0, resid_sd=1.0, z=z, z_roll=-z, z_mean=0.0, z_sd=2.0,
        checks=json.dumps([{"key": "related", "state": related}]), written_ms=BEGIN_MS + (n + 1) * BAR_MS,
    )  # fmt: skip


@dataclass
class World:
    """What the watch sees; set by a test."""

    keys: list[Key] = field(default_factory=lambda: [PAIR])
    prices: dict[Key, Prices] = field(default_factory=dict)
    ages: dict[str, float | None] = field(default_factory=dict)
    watermark_ms: int = 0
    source: Source = "LIVE"
    clock_ms: int = BEGIN_MS

    def survey(self) -> Survey:
        return Survey(
            keys=lambda: self.keys,
            prices=self.prices.get,
            ages=lambda: self.ages,
            problem=lambda: "",
            watermark_ms=lambda: self.watermark_ms,
            source=lambda: self.source,
        )


def say(store: TradeStore, hear: Callable[[Key, JournalRow], None], rows: Sequence[JournalRow]) -> None:
    """As the engine does: into the journal, then to whoever listens."""
    store.put_looks(rows)
    for said in rows:
        y, x = said.pair.split("/")
        hear(Key(y, x, PARAMS), said)


class Phone:
    """A channel by hand: it takes what it gets unless it is down."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.tries = 0
        self.down = ""  # why nothing is taken
        self.changed = threading.Condition()

    def open(self, url: str) -> Sender:
        return Sender("Phone", self.send)

    def send(self, title: str, text: str) -> str:
        with self.changed:
            self.tries += 1
            if not self.down:
                self.got.append(text)
            self.changed.notify_all()
            return self.down

    def wait(self, enough: Callable[[], bool], timeout_s: float = 20.0) -> None:
        with self.changed:
            assert self.changed.wait_for(enough, timeout_s), self.got
