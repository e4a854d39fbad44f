"""A small world for alerts: looks said by hand, prices by hand, channels that note what they get."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from analytics.params import Params
from core.alerts import AlertRule, Event
from core.journal import JournalRow
from core.types import Source
from desk.alert_channels import name_of
from desk.alert_survey import Prices, Survey
from desk.alert_watch import AlertWatch
from desk.alerts import Alerts
from desk.apprise_sender import Sender
from desk.watch import Key
from storage.alert_work import ToTell
from storage.sqlite import TradeStore

PARAMS = Params()
PAIR = Key("ETHUSDT", "BTCUSDT", PARAMS)
OTHER = Key("SOLUSDT", "BTCUSDT", PARAMS)
BAR_MS = 60_000
BEGIN_MS = 1_700_000_040_000  # a whole minute
ONE = name_of("phone://1")


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
    grace_ms: int = 0

    def survey(self) -> Survey:
        return Survey(
            keys=lambda: self.keys,
            prices=self.prices.get,
            ages=lambda: self.ages,
            problem=lambda: "",
            watermark_ms=lambda: self.watermark_ms,
            source=lambda: self.source,
            grace_ms=self.grace_ms,
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

    def wait(self, enough: Callable[[], bool], timeout_s: float = 60.0) -> None:
        with self.changed:
            assert self.changed.wait_for(enough, timeout_s), self.got


def alerts_of(store: TradeStore, *urls: str, phone: Phone | None = None) -> Alerts:
    """Alerts whose failed tries are repeated soon."""
    world = World().survey()
    if phone is None:
        return Alerts(store, urls, world, stale_after_s=15.0, wait_s=lambda attempts: 0.05)
    return Alerts(store, urls, world, stale_after_s=15.0, open_channel=phone.open, wait_s=lambda attempts: 0.05)


def tell(store: TradeStore, *texts: str, channels: tuple[str, ...] = (ONE,), time_ms: int = BEGIN_MS) -> None:
    """Alerts told just now, to be delivered."""
    store.tell_alerts([ToTell(Event(t, 1, "a rule", "ETHUSDT/BTCUSDT", 60, time_ms, t), channels) for t in texts], [])
    assert store.flush()


def states(store: TradeStore) -> list[str]:
    """Of every delivery, whether it was sent."""
    store.flush()
    return [d.state for d in store.deliveries([a.id for a in store.alerts()])]


class Desk:
    """A watch without its thread, and the life after it."""

    def __init__(self, store: TradeStore, *rules: AlertRule, world: World | None = None) -> None:
        self.store, self.world = store, world or World()
        for rule in rules:
            store.put_alert_rule(replace(rule, made_ms=self.world.clock_ms))
        store.flush()
        self.born()

    def born(self) -> AlertWatch:
        self.told = 0
        self.seconds = 0.0
        self.watch = AlertWatch(
            self.store,
            self.world.survey(),
            channels=lambda: ("env1",),
            on_told=self._on_told,
            stale_after_s=15.0,
            now_ms=lambda: self.world.clock_ms,
            monotonic=lambda: self.seconds,
        )
        self.watch.rules_changed()
        self.watch.turn()
        return self.watch

    def says(self, *rows: object) -> list[str]:
        """Have these said; all that was told so far, oldest first."""
        say(self.store, self.watch.hear, rows)  # type: ignore[arg-type]
        return self.turn()

    def turn(self) -> list[str]:
        self.watch.turn()
        self.store.flush()
        return [alert.text for alert in reversed(self.store.alerts())]

    def _on_told(self) -> None:
        self.told += 1
