"""Delivery: a thread for each channel hands over its alerts in order, again until they are taken.

What is on its way is written down before it is handed over, and that it was taken right after. A process killed
between the two does not know which it was: the next one hands the alert over again and says that it may be a repeat.
A trader can do with hearing a thing twice, not with never hearing it.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Protocol

import msgspec

from analytics.alert_rules import held_until_ms
from core.alerts import Alert, AlertRule, ChannelStatus, Delivery, KeptChannel
from core.clock import DAY_MS, HOUR_MS, now_ms
from core.errors import PairsightError
from desk.apprise_sender import FOR_GOOD, THREADS, Sender, masked, open_sender
from desk.notes import read_note
from storage.reader import StoreReader
from storage.sqlite import TradeStore

log = logging.getLogger(__name__)

OLD_MS: Final = DAY_MS  # an alert told longer ago is given up by a channel …
DOWN_MS: Final = HOUR_MS  # … that has taken nothing for so long: after a night off the first try may fail
FEW_TRIES: Final = 8  # about ten minutes of them, where the channel refuses for good
FLUSH_S: Final = 5.0
ROOM_S: Final = 2.0  # between tries to write into a store that is full
TURN_S: Final = 30.0  # what is held comes due unasked
NOTE: Final = "alert-channels"  # how they do
TEST: Final = ("Pairsight: test", "This is a test of a channel for alerts. Nothing has happened.")
REPEAT: Final = "\n(Perhaps a repeat: the desk ended while this was on its way.)"


class Post(Protocol):
    """Where deliveries stand written."""

    def next_delivery(self, channel: str, now_ms: int) -> tuple[Alert, Delivery] | None: ...
    def put_delivery(self, delivery: Delivery) -> bool: ...
    def alert_rules(self) -> tuple[AlertRule, ...]: ...
    def settle(self, timeout_s: float) -> bool: ...


def retry_s(attempts: int) -> float:
    """Seconds until the next try after so many failed ones.

    >>> [retry_s(n) for n in (1, 2, 3, 8, 40)]
    [5.0, 10.0, 20.0, 640.0, 900.0]
    """
    return min(5.0 * 2.0 ** min(attempts - 1, 10), 900.0)


@dataclass(frozen=True, slots=True)
class Address:
    """A channel by name, and its secret."""

    name: str  # env-5f1c88e0, page3
    label: str
    kept: bool
    url: str = field(repr=False)


def addresses(urls: tuple[str, ...], kept: tuple[KeptChannel, ...]) -> tuple[Address, ...]:
    """Those of the environment, each once, then those entered on the page."""
    given = (Address(name_of(url), f"environment {i}", False, url) for i, url in enumerate(dict.fromkeys(urls), 1))
    return (*given, *(Address(f"page{c.id}", c.label, True, c.url) for c in kept))


@lru_cache(maxsize=64)
def name_of(url: str) -> str:
    """What an address of the environment is called in the database: another address must never get what is its.

    Its place would not do, as that is another's once the list is changed. The name stands where the address must not,
    so it is made slowly: a password cannot be found by trying.
    """
    return f"env-{hashlib.pbkdf2_hmac('sha256', url.encode(), b'pairsight channel', 200_000, 4).hex()}"


def trouble(status: ChannelStatus) -> str:
    """Why a channel takes nothing, as a sentence; empty: it does, as far as is known."""
    if status.state == "ready":
        return ""
    return f"The channel {status.label or status.name} ({status.masked}) takes nothing: {status.reason.rstrip('.')}."


def keep_statuses(store: TradeStore, statuses: Sequence[ChannelStatus], at_ms: int) -> None:
    """Write down how the channels do, for processes that only read; it holds no address."""
    store.put_note(NOTE, msgspec.json.encode(statuses).decode(), at_ms)


def kept_statuses(store: StoreReader) -> tuple[ChannelStatus, ...]:
    """How the channels of the process that collects did when one of them changed last. Raises NoteUnreadable."""
    noted = read_note(store, NOTE, tuple[ChannelStatus, ...])
    return noted[0] if noted else ()


class Channel:
    """One channel and its thread. Whatever it does, nobody waits for it."""

    def __init__(
        self,
        address: Address,
        post: Post,
        *,
        open_channel: Callable[[str], Sender] = open_sender,
        wait_s: Callable[[int], float] = retry_s,
        now_ms: Callable[[], int] = now_ms,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.address = address
        self._post = post
        self._open = open_channel
        self._wait_s = wait_s
        self._now_ms = now_ms
        self._on_change = on_change  # its status is another
        self._sender: Sender | None = None
        self._status = ChannelStatus(address.name, "", masked(address.url), address.label, address.kept)
        self._lock = threading.Lock()  # guards the status
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._test = threading.Event()
        self._announced = 0  # the alert last written down as on its way: its state is not another life's
        self._again = False  # the channel was found to work: what failed need not wait
        self._down_ms: int | None = None  # since when it has taken nothing
        self._old_refused = ""  # why what is of yesterday was given up in this turn: no more of it is tried
        self._thread = threading.Thread(target=self._main, name=f"{THREADS}{address.name}", daemon=True)

    def start(self) -> None:
        """Start the thread, once."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something to send."""
        self._wake.set()

    def test(self) -> None:
        """Send a test as soon as may be, before all that waits; the status says how it went."""
        self._say(test="is being sent")
        self._test.set()
        self._wake.set()

    def stop(self) -> None:
        """Ask the thread to end; what waits stays written."""
        self._stop.set()
        self._wake.set()

    def join(self, timeout_s: float) -> bool:
        """Wait until it has ended; a channel that does not answer is left behind."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def status(self) -> ChannelStatus:
        """The channel at this moment; how much waits is the store's to say."""
        return self._status

    def _main(self) -> None:
        try:
            self._take_up()
            while not self._stop.is_set():
                if self._test.is_set():
                    self._test.clear()
                    self._try_out()
                self._wake.wait(self._turn())
                self._wake.clear()
        except Exception as error:  # noqa: BLE001 (top of the thread; a traceback could hold the address)
            log.error("channel %s stopped: %s", self.address.name, type(error).__name__)
            self._say(state="unusable", reason="it stopped, see the log; restart Pairsight")

    def _take_up(self) -> None:
        try:
            self._sender = self._open(self.address.url)
            self._say(service=self._sender.service)
        except PairsightError as error:
            self._say(state="unusable", reason=str(error))

    def _turn(self) -> float:
        """Hand over what is due; returns how long nothing is."""
        self._old_refused = ""
        while not self._stop.is_set() and not self._test.is_set() and self._sender is not None:
            try:
                found = self._post.next_delivery(self.address.name, self._now_ms())
                quiet_ms = self._quiet_until_ms(found[0]) if found is not None else 0
            except PairsightError as error:
                log.warning("alerts of %s have to wait: %s", self.address.name, error)
                return TURN_S
            if found is None:
                return TURN_S
            alert, delivery = found
            early_s = (delivery.next_ms - self._now_ms()) / 1000
            if early_s > 0 and not self._again:
                return min(early_s, TURN_S)
            if quiet_ms:  # it has waited into them, for a channel that was down; others may pass it
                held = replace(delivery, attempts=0, next_ms=quiet_ms, changed_ms=self._now_ms())
                if not (self._post.put_delivery(held) and self._post.settle(FLUSH_S)):
                    return TURN_S
            elif self._old_refused and self._old(alert, self._now_ms()):
                given_up = replace(delivery, state="given up", changed_ms=self._now_ms(), reason=self._old_refused)
                self._write_down(given_up)
            elif not self._hand_over(self._sender, alert, delivery):
                return TURN_S
        return TURN_S if not self._test.is_set() else 0.0

    def _quiet_until_ms(self, alert: Alert) -> int:
        """The end of its rule's quiet hours; 0: it may be sent now."""
        now_ms = self._now_ms()
        return next((held_until_ms(rule, now_ms) for rule in self._post.alert_rules() if rule.id == alert.rule_id), 0)

    def _hand_over(self, sender: Sender, alert: Alert, delivery: Delivery) -> bool:
        """One try. False: it could not be written down, and was not made."""
        repeat = delivery.state == "sending" and alert.id != self._announced
        going = replace(delivery, state="sending", attempts=delivery.attempts + 1, changed_ms=self._now_ms())
        if not self._post.put_delivery(going):
            return False
        self._announced = alert.id
        if not self._post.settle(FLUSH_S):
            return False
        text = alert.text + REPEAT * repeat
        reason = sender.send(f"Pairsight: {alert.pair}" if alert.pair else "Pairsight", text)
        now_ms = self._now_ms()
        if not reason:
            done = replace(going, state="sent", changed_ms=now_ms, reason="")
            self._well(sent_ms=now_ms)
        elif self._hopeless(alert, going.attempts, reason, now_ms):
            done = replace(going, state="given up", changed_ms=now_ms, reason=reason)
            self._say(state="failing", reason=reason)
        else:
            next_ms = now_ms + int(self._wait_s(going.attempts) * 1000)
            done = replace(going, state="waiting", changed_ms=now_ms, next_ms=next_ms, reason=reason)
            self._say(state="failing", reason=reason)
            self._again = False
        self._write_down(done)
        return True

    def _hopeless(self, alert: Alert, attempts: int, reason: str, now_ms: int) -> bool:
        """Whether an alert that was not taken is given up: it is of yesterday, or refused for good."""
        self._down_ms = now_ms if self._down_ms is None else self._down_ms
        if self._old(alert, now_ms) and now_ms - self._down_ms >= DOWN_MS:
            self._old_refused = reason
            return True
        return reason in FOR_GOOD and attempts >= FEW_TRIES

    @staticmethod
    def _old(alert: Alert, now_ms: int) -> bool:
        return now_ms - alert.told_ms > OLD_MS

    def _write_down(self, done: Delivery) -> None:
        """Nothing more is sent before this is on disk: what is not written down would be sent again."""
        accepted = self._post.put_delivery(done)
        if accepted and self._post.settle(FLUSH_S):
            return
        log.warning("what channel %s took cannot be written down; nothing more is sent until it can", done.channel)
        while not self._stop.wait(ROOM_S):
            accepted = accepted or self._post.put_delivery(done)
            if accepted and self._post.settle(FLUSH_S):
                return

    def _try_out(self) -> None:
        if self._sender is None:
            self._say(test="not sent: the address cannot be used")
            return
        reason = self._sender.send(*TEST)
        if reason:
            self._say(state="failing", reason=reason, test=f"not sent: {reason}")
        else:
            self._again = True
            self._well(test="sent", sent_ms=self._now_ms())

    def _well(self, **changed: object) -> None:
        self._down_ms = None
        self._say(state="ready", reason="", **changed)

    def _say(self, **changed: object) -> None:
        with self._lock:
            before = self._status.state
            self._status = now = replace(self._status, **changed)  # type: ignore[arg-type]
        if now.state != before and now.state == "ready":
            log.warning("channel %s (%s) takes alerts again", now.name, now.masked)
        elif now.state != before:
            log.warning("channel %s (%s) takes nothing: %s", now.name, now.masked, now.reason)
        self._on_change()
