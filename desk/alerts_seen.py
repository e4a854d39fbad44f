"""Alerts as a process that looks on sees them: what is to be changed is asked of the one that collects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from core.alerts import Alert, AlertRule, AlertsView
from core.clock import now_ms
from core.errors import StoreError
from core.types import WatchedPair
from desk.alert_channels import addresses, kept_statuses
from desk.alerts import SHOWN, seen, shut
from desk.apprise_sender import Sender, masked, open_sender
from desk.asks import AddChannel, Ask, DropChannel, DropRule, EnableRule, SaveRule, TryChannel, Watch
from storage.reader import StoreReader
from storage.wishes import may_put, put_wish

ELSEWHERE: Final = (
    "This screen only reads: what you change here is asked of the Pairsight that collects into this database."
)
NOT_HERE: Final = "This screen only reads, and nothing can be asked from here:"


class AlertsSeen:
    """What changes something raises PairsightError where it cannot be asked; the view says what became of the rest."""

    def __init__(
        self,
        store: StoreReader,
        path: Path,
        named: tuple[WatchedPair, ...] = (),
        *,
        open_channel: Callable[[str], Sender] = open_sender,
        now_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._store = store
        self._path = path
        self._named = named  # by the settings, which are taken to be those of the other process
        self._open_channel = open_channel
        self._now_ms = now_ms

    def view(self) -> AlertsView:
        """What the collecting process told and to whom, and what is asked of it."""
        try:
            waiting = self._store.channels_waiting()
            told = {status.name: status for status in kept_statuses(self._store)}
            entered = {a.name: told.get(a.name) or shut(a, 0) for a in addresses((), self._store.alert_channels())}
            of_environment = {name: status for name, status in told.items() if not status.kept}
            channels = [
                replace(status, waiting=waiting.get(name, 0)) for name, status in {**of_environment, **entered}.items()
            ]
            view = replace(seen(self._store, channels, self._named), elsewhere=ELSEWHERE)
        except StoreError as error:
            return AlertsView(elsewhere=ELSEWHERE, read_only=f"{NOT_HERE} {error}.")
        if not may_put(self._path):
            return replace(view, read_only=f"{NOT_HERE} {self._path} may not be written by this user.")
        return view

    def newest(self, after_id: int, limit: int = SHOWN) -> tuple[Alert, ...]:
        """What was told after one, newest first."""
        try:
            return self._store.alerts(after_id=after_id, limit=limit)
        except StoreError:
            return ()

    def newest_id(self) -> int:
        """The newest alert's; 0: none."""
        try:
            return self._store.newest_alert_id()
        except StoreError:
            return 0

    def save(self, rule: AlertRule) -> None:
        """Ask for a rule, or another form of one."""
        about = rule.pair or "all"
        self._ask(SaveRule(rule), f"{'Change the' if rule.id else 'New'} rule “{rule.name}”, {about}")

    def enable(self, rule_id: int, on: bool) -> None:
        """Ask for a rule to be switched on or off."""
        self._ask(EnableRule(rule_id, on), f"Switch {'on' if on else 'off'} {self._rule(rule_id)}")

    def drop(self, rule_id: int) -> None:
        """Ask for a rule to be forgotten."""
        self._ask(DropRule(rule_id), f"Delete {self._rule(rule_id)}")

    def add_channel(self, url: str, label: str) -> None:
        """Ask for a channel. The address waits in the database until it is taken. Raises BadAddress."""
        self._open_channel(url)
        self._ask(AddChannel(url.strip(), label.strip()), f"Add the channel {masked(url)} {label}".strip())

    def drop_channel(self, name: str) -> None:
        """Ask for a channel to be forgotten."""
        self._ask(DropChannel(name), f"Remove the channel {name}")

    def test(self, name: str) -> None:
        """Ask for a test."""
        self._ask(TryChannel(name), f"Send a test to the channel {name}")

    def watch(self, entry: WatchedPair, keep: bool) -> None:
        """Ask for a pair to be put on the watch-list, or taken off."""
        self._ask(Watch(entry, keep), f"{'Watch' if keep else 'Watch no longer'} {entry.words}")

    def _ask(self, ask: Ask, words: str) -> None:
        put_wish(self._path, words, msgspec.json.encode(ask).decode(), self._now_ms())

    def _rule(self, rule_id: int) -> str:
        name = next((rule.name for rule in self._store.alert_rules() if rule.id == rule_id), "")
        return f"the rule “{name}”" if name else "a rule that is gone"
