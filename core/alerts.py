"""Alerts as values: what a trader asks to be told, what was told, and how it reached each channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.types import WatchedPair
from core.wishes import Wish

AlertKind = Literal["tradable", "left", "trap", "z", "live_z", "regime", "stale", "gap"]
LEVELLED: Final = frozenset({"z", "live_z"})  # these need a level and where they arm again
OF_STREAMS: Final = frozenset({"stale", "gap"})  # these are about symbols, watched or not
OF_LOOKS: Final = frozenset({"tradable", "left", "trap", "z", "regime"})  # decided at confirmed candles

# waiting: to be sent, perhaps again; sending: handed to the channel, and not answered yet; sent: the channel took it;
# given up: the channel took nothing for a day, refused it for good, or is no longer there.
DeliveryState = Literal["waiting", "sending", "sent", "given up"]


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One wish. Times of day are minutes after midnight in ``quiet_zone``."""

    kind: AlertKind
    pair: str = ""  # Y first, as BTCUSDT/ETHUSDT; empty: every watched pair
    level: float = 0.0  # |z| at or beyond which it speaks
    rearm: float = 0.0  # |z| below which an excursion is over, and the next may be told; < level
    cooldown_s: int = 0  # after an alert of a pair at a timeframe, nothing of it for so long; then what holds
    quiet_from_min: int | None = None  # channels are not used from here …
    quiet_to_min: int | None = None  # … to here; what falls between is held until then. None: always used
    enabled: bool = True
    made_ms: int = 0
    id: int = 0  # 0: not stored yet; never used twice
    quiet_zone: str = "UTC"  # an IANA name, as Europe/Berlin

    def __post_init__(self) -> None:
        if self.kind in LEVELLED and not 0 <= self.rearm < self.level <= 20:
            raise ValueError(f"level must be above rearm ({self.rearm:g}) and at most 20, was {self.level:g}")
        if not 0 <= self.cooldown_s <= 86_400:
            raise ValueError(f"cooldown_s must be from 0 to 86400, was {self.cooldown_s}")
        if (self.quiet_from_min is None) != (self.quiet_to_min is None):
            raise ValueError("quiet hours need a beginning and an end")
        for name, value in (("quiet_from_min", self.quiet_from_min), ("quiet_to_min", self.quiet_to_min)):
            if value is not None and not 0 <= value < 1440:
                raise ValueError(f"{name} must be from 0 to 1439, was {value}")
        if self.quiet_from_min is not None and self.quiet_from_min == self.quiet_to_min:
            raise ValueError("quiet hours must not end when they begin")
        try:
            ZoneInfo(self.quiet_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # what is not a name of a file
            raise ValueError(f"quiet_zone must be a zone such as Europe/Berlin, was {self.quiet_zone!r}") from None

    @property
    def name(self) -> str:
        """What it asks for, in words.

        >>> AlertRule("z", level=2.0, rearm=1.0).name
        'Confirmed |z| ≥ 2'
        """
        if self.kind in LEVELLED:
            return f"{'Confirmed' if self.kind == 'z' else 'Live'} |z| ≥ {self.level:g}"
        return KIND_NAMES[self.kind]


KIND_NAMES: Final[dict[AlertKind, str]] = {
    "tradable": "Becomes TRADABLE",
    "left": "Is no longer TRADABLE",
    "trap": "Becomes a TRAP",
    "z": "Confirmed |z| reaches a level",
    "live_z": "Live |z| reaches a level",
    "regime": "Mean reversion gained or lost",
    "stale": "Feed is stale",
    "gap": "Trades are lost",
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell, before it is stored. ``key`` is the same however often the same thing is seen."""

    key: str
    rule_id: int
    rule: str  # its name in words
    pair: str  # or the symbols it is about
    timeframe_s: int  # 0: of no timeframe
    time_ms: int  # when it happened: a candle's end, or now
    text: str


@dataclass(frozen=True, slots=True)
class Alert:
    """An event as it is stored. ``delivery`` sums up what became of it on the channels."""

    id: int
    rule_id: int
    rule: str
    pair: str
    timeframe_s: int
    time_ms: int
    text: str
    delivery: str
    told_ms: int = 0  # our clock


@dataclass(frozen=True, slots=True)
class Delivery:
    """One alert on its way to one channel."""

    alert_id: int
    channel: str
    state: DeliveryState = "waiting"
    attempts: int = 0
    next_ms: int = 0  # not before: the next try after one that failed, or the end of quiet hours
    changed_ms: int = 0
    reason: str = ""  # why it has not been taken


@dataclass(frozen=True, slots=True)
class KeptChannel:
    """A channel entered on the page. Its address is a secret and is shown nowhere."""

    id: int
    url: str
    label: str

    def __repr__(self) -> str:
        return f"KeptChannel(id={self.id}, label={self.label!r})"


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """A channel as the page shows it: never its address."""

    name: str  # env-5f1c88e0, page3: as in the table of deliveries
    service: str  # what it is, such as Telegram
    masked: str  # tgram://…
    label: str
    kept: bool  # entered on the page; else from the environment
    state: Literal["ready", "failing", "unusable"] = "ready"
    reason: str = ""
    waiting: int = 0
    sent_ms: int | None = None  # when it last took something
    test: str = ""  # what became of the newest test


@dataclass(frozen=True, slots=True)
class AlertsView:
    """Everything the page shows."""

    rules: tuple[AlertRule, ...] = ()
    channels: tuple[ChannelStatus, ...] = ()
    alerts: tuple[Alert, ...] = ()  # newest first
    deliveries: tuple[Delivery, ...] = ()  # of these alerts
    watched: tuple[WatchedPair, ...] = ()  # on the watch-list, and those that the settings name
    named: tuple[WatchedPair, ...] = ()  # by PAIRSIGHT_WATCH
    wishes: tuple[Wish, ...] = ()  # asked of the desk by screens that only read, in the order they came
    elsewhere: str = ""  # another process collects, and is asked for changes, as a sentence; empty: this one does
    read_only: str = ""  # why nothing can be changed from here, as a sentence; empty: it can

    @property
    def pairs(self) -> tuple[str, ...]:
        """The watched ones by name, each once."""
        return tuple(dict.fromkeys(entry.pair for entry in self.watched))
