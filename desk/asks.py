"""What a screen that only reads may ask of the desk that collects, as values; done as by the desk's own page."""

from __future__ import annotations

from typing import Protocol

import msgspec

from core.alerts import AlertRule
from core.types import WatchedPair


class AskedAlerts(Protocol):
    """The desk's alerts, as its own page changes them. Each raises PairsightError where it cannot be done."""

    def save(self, rule: AlertRule) -> None: ...
    def enable(self, rule_id: int, on: bool) -> None: ...
    def drop(self, rule_id: int) -> None: ...
    def add_channel(self, url: str, label: str) -> None: ...
    def drop_channel(self, name: str) -> None: ...
    def test(self, name: str) -> None: ...


class Asked(Protocol):
    """The desk that is asked."""

    @property
    def alerts(self) -> AskedAlerts: ...
    def watch(self, entry: WatchedPair, keep: bool) -> None: ...


class SaveRule(msgspec.Struct, frozen=True, tag=True):
    """Store a rule, or another form of one."""

    rule: AlertRule

    def do(self, desk: Asked) -> None:
        """Raises PairsightError where it cannot be done, as all of these do."""
        desk.alerts.save(self.rule)


class EnableRule(msgspec.Struct, frozen=True, tag=True):
    """Switch a rule on or off."""

    rule_id: int
    on: bool

    def do(self, desk: Asked) -> None:
        """Change nothing else of it."""
        desk.alerts.enable(self.rule_id, self.on)


class DropRule(msgspec.Struct, frozen=True, tag=True):
    """Forget a rule."""

    rule_id: int

    def do(self, desk: Asked) -> None:
        """What it told stays."""
        desk.alerts.drop(self.rule_id)


class AddChannel(msgspec.Struct, frozen=True, tag=True):
    """Keep a channel's address, which is a secret."""

    url: str
    label: str

    def __repr__(self) -> str:
        return f"AddChannel(label={self.label!r})"

    def do(self, desk: Asked) -> None:
        """Checked anew there."""
        desk.alerts.add_channel(self.url, self.label)


class DropChannel(msgspec.Struct, frozen=True, tag=True):
    """Forget a channel's address."""

    name: str

    def do(self, desk: Asked) -> None:
        """What still waits for it is given up."""
        desk.alerts.drop_channel(self.name)


class TryChannel(msgspec.Struct, frozen=True, tag=True):
    """Send a test."""

    name: str

    def do(self, desk: Asked) -> None:
        """The channel's status says how it went."""
        desk.alerts.test(self.name)


class Watch(msgspec.Struct, frozen=True, tag=True):
    """Put a pair on the watch-list, or take it off."""

    entry: WatchedPair
    keep: bool

    def do(self, desk: Asked) -> None:
        """Its symbols are streamed from then on."""
        desk.watch(self.entry, self.keep)


Ask = SaveRule | EnableRule | DropRule | AddChannel | DropChannel | TryChannel | Watch
