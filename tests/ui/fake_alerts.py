"""Alerts that stand in for the desk's: rules, channels and a history in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from core.alerts import Alert, AlertRule, AlertsView, ChannelStatus, Delivery
from core.errors import PairsightError
from core.types import WatchedPair
from core.wishes import Wish

NOW_MS = 1_721_401_200_000
WATCHED = WatchedPair("ETHUSDT", "BTCUSDT")
PAIR = WATCHED.pair
RULES = (
    AlertRule("tradable", cooldown_s=900, id=1),
    AlertRule("live_z", PAIR, 2.5, 1.0, 300, 1320, 360, id=2),
    AlertRule("stale", enabled=False, id=3),
)
CHANNELS = (
    ChannelStatus("env1", "Telegram", "tgram://…", "environment 1", False, sent_ms=NOW_MS - 60_000),
    ChannelStatus("page1", "JSON", "json://…", "my hook", True, "failing", "it answered 503", 2),
)
ALERTS = (
    Alert(3, 1, "Becomes TRADABLE", PAIR, 60, NOW_MS, f"{PAIR} 1m: TRADABLE. z = -2.50 <now>.", "waiting"),
    Alert(2, 2, "Live |z| ≥ 2.5", PAIR, 60, NOW_MS - 60_000, f"{PAIR} 1m: LIVE z = +2.51.", "sent"),
    Alert(1, 3, "Feed is stale", "ETHUSDT", 0, NOW_MS - 90_000, "The feed is stale.", "too late"),
)
DELIVERIES = (
    Delivery(2, "env1", "sent", 1, 0, NOW_MS - 59_000),
    Delivery(2, "page1", "sent", 1, 0, NOW_MS - 58_000),
    Delivery(3, "env1", "sent", 1, 0, NOW_MS),
    Delivery(3, "page1", "waiting", 2, NOW_MS + 10_000, NOW_MS, "it answered 503"),
)


@dataclass
class FakeAlerts:
    """AlertsPort by hand. ``calls`` notes what was asked of it."""

    rules: tuple[AlertRule, ...] = ()
    channels: tuple[ChannelStatus, ...] = ()
    alerts: tuple[Alert, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    watched: tuple[WatchedPair, ...] = ()
    named: tuple[WatchedPair, ...] = ()
    wishes: tuple[Wish, ...] = ()
    elsewhere: str = ""
    read_only: str = ""
    refuse: str = ""
    calls: list[str] = field(default_factory=list)

    @classmethod
    def full(cls) -> FakeAlerts:
        """One of everything."""
        return cls(RULES, CHANNELS, ALERTS, DELIVERIES, (WATCHED,))

    def view(self) -> AlertsView:
        """All of it."""
        return AlertsView(
            self.rules, self.channels, self.alerts, self.deliveries, self.watched, self.named, self.wishes,
            self.elsewhere, self.read_only,
        )  # fmt: skip

    def newest(self, after_id: int, limit: int = 200) -> tuple[Alert, ...]:
        """After one."""
        return tuple(alert for alert in self.alerts if alert.id > after_id)[:limit]

    def newest_id(self) -> int:
        """0: none."""
        return max((alert.id for alert in self.alerts), default=0)

    def save(self, rule: AlertRule) -> None:
        """Keep it."""
        self._may()
        if rule.id:
            self.rules = tuple(rule if r.id == rule.id else r for r in self.rules)
        else:
            self.rules = (*self.rules, replace(rule, id=len(self.rules) + 1))

    def enable(self, rule_id: int, on: bool) -> None:
        """Change nothing else."""
        self._may()
        self.rules = tuple(replace(r, enabled=on) if r.id == rule_id else r for r in self.rules)

    def drop(self, rule_id: int) -> None:
        """Forget it."""
        self._may()
        self.rules = tuple(r for r in self.rules if r.id != rule_id)

    def add_channel(self, url: str, label: str) -> None:
        """Keep what is not a secret."""
        self._may()
        self.calls.append(f"add {label}")
        self.channels = (*self.channels, ChannelStatus("page9", "Test", "test://…", label, True))

    def drop_channel(self, name: str) -> None:
        """Forget it."""
        self._may()
        self.channels = tuple(c for c in self.channels if c.name != name)

    def test(self, name: str) -> None:
        """Note it."""
        self._may()
        self.calls.append(f"test {name}")

    def _may(self) -> None:
        if self.refuse:
            raise PairsightError(self.refuse)
