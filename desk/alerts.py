"""Alerts of a desk that collects: the watch, its channels, and what is asked of both. Only wires and checks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from core.alerts import Alert, AlertRule, AlertsView, ChannelStatus
from core.clock import DAY_MS, HOUR_MS, now_ms
from core.errors import PairsightError, StoreError
from core.types import WatchedPair
from desk.alert_channels import Address, Channel, addresses, keep_statuses, retry_s, trouble
from desk.alert_survey import Survey
from desk.alert_watch import AlertWatch
from desk.apprise_sender import BadAddress, Sender, masked, open_sender
from desk.watchlist import watch_list
from storage.reader import StoreReader
from storage.sqlite import TradeStore

log = logging.getLogger(__name__)

MOST_RULES: Final = 100
MOST_CHANNELS: Final = 10
SHOWN: Final = 200  # alerts on the page
AWAITED_MS: Final = DAY_MS  # so long a channel of the environment that is not there now may come back
ABSENT_EVERY_MS: Final = HOUR_MS  # what waits for channels that are not there is looked at so often
FIRST_RULES: Final = tuple(AlertRule(kind, cooldown_s=900) for kind in ("tradable", "stale", "gap"))
NO_ROOM: Final = f"only the first {MOST_CHANNELS} channels are used"
SETTLE_S: Final = 10.0  # somebody waits for the page
JOIN_S: Final = 10.0  # a channel that does not answer is left behind after it


class Alerts:
    """Of the one process that collects. ``view`` and ``newest`` are cheap; what changes something waits for the disk.

    Rules are seen to between ``start`` and ``stop``; the channels carry out what waits until ``close``.
    """

    def __init__(
        self,
        store: TradeStore,
        urls: tuple[str, ...],
        around: Survey,
        *,
        stale_after_s: float,
        named: tuple[WatchedPair, ...] = (),
        open_channel: Callable[[str], Sender] = open_sender,
        wait_s: Callable[[int], float] = retry_s,
        now_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._store = store
        self._urls = urls
        self._named = named  # by the settings, beside those on the watch-list
        self._open_channel = open_channel
        self._wait_s = wait_s
        self._now_ms = now_ms
        self._channels: dict[str, Channel] = {}
        self._removed: set[str] = set()  # names of channels; an event on its way when one left may still name it
        self._left_out: tuple[ChannelStatus, ...] = ()  # there are too many
        self._noting = threading.Lock()  # guards the order of what is noted
        self._opened = False
        self._absent_ms = 0  # when that was last
        self._lock = threading.Lock()  # guards the channels, and changes to the rules
        self.watch = AlertWatch(
            store,
            around,
            channels=lambda: tuple(self._channels),
            on_told=self._wake_channels,
            stale_after_s=stale_after_s,
            now_ms=now_ms,
        )
        self.hear = self.watch.hear

    # Running

    def start(self) -> None:
        """Open the channels and see to the rules; does nothing while that is done."""
        self._open()
        self.watch.start()

    def stop(self) -> None:
        """See to the rules no longer."""
        self.watch.stop()

    def close(self) -> None:
        """Stop, and end the channels; what they have not sent is sent by the next desk."""
        self.stop()
        with self._lock:
            for channel in self._channels.values():
                channel.stop()
            deadline_s = time.monotonic() + JOIN_S
            for channel in self._channels.values():
                channel.join(max(0.0, deadline_s - time.monotonic()))
            self._channels.clear()

    # What the page shows

    def view(self) -> AlertsView:
        """Rules, channels and the newest alerts."""
        waiting = self._store.channels_waiting()
        channels = [replace(status, waiting=waiting.get(status.name, 0)) for status in self._statuses()]
        if not self._opened:
            known = addresses(self._urls, self._store.alert_channels())
            channels = [shut(address, waiting.get(address.name, 0)) for address in known]
        return seen(self._store, channels, self._named)

    def newest(self, after_id: int, limit: int = SHOWN) -> tuple[Alert, ...]:
        """What was told after one, newest first."""
        return self._store.alerts(after_id=after_id, limit=limit)

    def newest_id(self) -> int:
        """The newest alert's; 0: none."""
        return self._store.newest_alert_id()

    def problem(self) -> str:
        """Why some alert may not be told now, as a sentence; empty: nothing is wrong. Cheap."""
        return self.watch.problem() or next((why for status in self._statuses() if (why := trouble(status))), "")

    # What the page changes

    def save(self, rule: AlertRule) -> None:
        """Store a rule, or another form of one; it speaks of what is from now on. Raises PairsightError."""
        with self._lock:
            if rule.id:
                self._rule(rule.id)
            elif len(self._store.alert_rules()) >= MOST_RULES:
                raise PairsightError(f"There are {MOST_RULES} rules: drop one first.")
            self._on_disk(self._store.put_alert_rule(replace(rule, made_ms=self._now_ms())))
        self.watch.rules_changed()

    def enable(self, rule_id: int, on: bool) -> None:
        """Switch a rule on or off, as it is stored; switched on, it begins anew. Raises PairsightError."""
        with self._lock:
            rule = self._rule(rule_id)
            if rule.enabled == on:
                return
            self._on_disk(self._store.put_alert_rule(replace(rule, enabled=on, made_ms=self._now_ms())))
        self.watch.rules_changed()

    def drop(self, rule_id: int) -> None:
        """Forget a rule; what it told stays."""
        with self._lock:
            self._on_disk(self._store.drop_alert_rule(rule_id))
        self.watch.rules_changed()

    def add_channel(self, url: str, label: str) -> None:
        """Keep a channel's address in the database and open it. Raises BadAddress, which does not repeat it."""
        self._open_channel(url)
        self._open()
        with self._lock:
            if len(self._channels) >= MOST_CHANNELS:
                raise PairsightError(f"There are {MOST_CHANNELS} channels: remove one first.")
            if url.strip() in {channel.address.url.strip() for channel in self._channels.values()}:
                raise BadAddress(f"{masked(url)} with this very address is a channel already.")
            self._on_disk(self._store.put_alert_channel(url.strip(), label.strip(), self._now_ms()))
            self._take_up()
            self._on_disk(self._first_rules())
        self.watch.rules_changed()

    def drop_channel(self, name: str) -> None:
        """Forget a channel that was entered on the page; what still waits for it is given up."""
        with self._lock:
            kept = {f"page{channel.id}" for channel in self._store.alert_channels()}
            if name not in kept:
                known = name in {status.name for status in self._statuses()}
                why = "comes from PAIRSIGHT_ALERT_URLS: take it out there" if known else "is no longer there"
                raise PairsightError(f"This channel {why}.")
            self._on_disk(self._store.drop_alert_channel(int(name.removeprefix("page"))))
            channel = self._channels.pop(name, None)
            self._removed.add(name)
            if channel is not None:
                channel.stop()
            self._on_disk(self._store.give_up_deliveries(name))
            self._take_up()

    def test(self, name: str) -> None:
        """Send a test; the channel's status says how it went."""
        self._open()
        channel = self._channels.get(name)
        if channel is None:
            raise PairsightError("This channel is not there, or not used.")
        channel.test()

    def _open(self) -> None:
        with self._lock:
            if not self._opened:
                self._opened = True
                self._take_up()
                self._first_rules()
                self._give_up_absent()

    def _give_up_absent(self) -> None:
        """What waits for channels that are not there. Raises StoreError."""
        known = {address.name for address in addresses(self._urls, self._store.alert_channels())}
        for name in self._store.channels_waiting().keys() - known:
            # An address of the environment may be that of a desk that collects again after this process.
            awaited_ms = self._now_ms() - AWAITED_MS if name.startswith("env-") else None
            self._store.give_up_deliveries(name, awaited_ms)
        self._absent_ms = self._now_ms()

    def _take_up(self) -> None:
        """Start the channels that are not. What waits for one that there is no room for stays."""
        known = addresses(self._urls, self._store.alert_channels())
        left_out = tuple(
            replace(shut(address, 0), state="unusable", reason=NO_ROOM) for address in known[MOST_CHANNELS:]
        )
        for status in left_out:
            if status not in self._left_out:
                log.warning("channel %s (%s) takes nothing: %s", status.name, status.masked, NO_ROOM)
        self._left_out = left_out
        for address in known[:MOST_CHANNELS]:
            if address.name not in self._channels:
                channel = Channel(
                    address,
                    self._store,
                    open_channel=self._open_channel,
                    wait_s=self._wait_s,
                    now_ms=self._now_ms,
                    on_change=self._note,
                )
                self._channels[address.name] = channel
                channel.start()
        self._note()

    def _statuses(self) -> list[ChannelStatus]:
        return [*(channel.status() for channel in list(self._channels.values())), *self._left_out]

    def _note(self) -> None:
        """Tell the processes that only read how the channels do."""
        with self._noting:
            keep_statuses(self._store, self._statuses(), self._now_ms())

    def _first_rules(self) -> bool:
        """Plain rules for whoever has a channel and never made a rule; whoever dropped them gets none again."""
        if not self._channels or self._store.had_alert_rules():
            return True
        return all(self._store.put_alert_rule(replace(rule, made_ms=self._now_ms())) for rule in FIRST_RULES)

    def _rule(self, rule_id: int) -> AlertRule:
        """As it is stored. Raises PairsightError where it is gone."""
        for rule in self._store.alert_rules():
            if rule.id == rule_id:
                return rule
        raise PairsightError("This rule was deleted meanwhile.")

    def _wake_channels(self) -> None:
        for name in list(self._removed):
            self._store.give_up_deliveries(name)
        for channel in list(self._channels.values()):
            channel.wake()
        if self._now_ms() - self._absent_ms > ABSENT_EVERY_MS:
            self._give_up_absent()

    def _on_disk(self, accepted: bool) -> None:
        """Return once what was asked for is stored. Raises StoreError where it cannot be, or not yet."""
        if not accepted or not self._store.settle(SETTLE_S):
            raise StoreError(f"It cannot be stored now: {self._store.status().reason or 'the database is busy'}.")


def seen(store: StoreReader, channels: Sequence[ChannelStatus], named: tuple[WatchedPair, ...]) -> AlertsView:
    """What is stored, beside the channels as they are and the pairs that settings name."""
    alerts = store.alerts(limit=SHOWN)
    return AlertsView(
        store.alert_rules(),
        tuple(channels),
        alerts,
        store.deliveries([alert.id for alert in alerts]),
        tuple(dict.fromkeys((*watch_list(store), *named))),
        named,
        store.wishes(),
    )


def shut(address: Address, waiting: int) -> ChannelStatus:
    """A channel that nobody has opened here."""
    return ChannelStatus(address.name, "", masked(address.url), address.label, address.kept, waiting=waiting)
