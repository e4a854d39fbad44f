"""What alerts ask of the writer: rules, channels, what is told and how it fares. Each request is one step, whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from core.alerts import AlertRule, Delivery, Event
from core.clock import DAY_MS, now_ms
from storage.work import Ledger

UNSENT: Final = "state IN ('waiting', 'sending')"
# What became of an alert on all of its channels, in a word.
_SUM_UP: Final = f"""
    UPDATE alerts SET delivery = (
        SELECT CASE WHEN sum({UNSENT}) THEN 'waiting' WHEN sum(state = 'sent') = count(*) THEN 'sent'
            WHEN sum(state = 'sent') THEN 'sent in part' ELSE 'given up' END
        FROM deliveries WHERE alert_id = alerts.id)
    WHERE id = ?"""  # noqa: S608 (the words are the program's own)

KEEP_MS: Final = 90 * DAY_MS
KEEP_ROWS: Final = 10_000
FORGET_ROWS: Final = 100  # at once, when something is told: more than come
_OLD: Final = """
    SELECT id FROM alerts
    WHERE delivery <> 'waiting' AND (told_ms < ? OR id <= (SELECT max(id) FROM alerts) - ?) ORDER BY id LIMIT ?"""


@dataclass(frozen=True, slots=True)
class ToTell:
    """An event, and where it goes. Without channels ``delivery`` says why."""

    event: Event
    channels: tuple[str, ...] = ()
    not_before_ms: int = 0
    delivery: str = "no channel"


@dataclass(frozen=True, slots=True)
class StateOf:
    """Where a rule, as it was made then, stands with one pair; as JSON."""

    rule_id: int
    made_ms: int
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class PutRule:
    """Store a rule, or change the one of its id: it then begins anew, and what was before is not told."""

    rule: AlertRule
    rows: ClassVar[int] = 1

    def do(self, ledger: Ledger) -> None:
        r = self.rule
        values = (
            r.kind, r.pair, r.level, r.rearm, r.cooldown_s, r.quiet_from_min, r.quiet_to_min, r.quiet_zone,
            int(r.enabled), r.made_ms,
        )  # fmt: skip
        if r.id:
            ledger.connection.execute(
                "UPDATE alert_rules SET kind = ?, pair = ?, level = ?, rearm = ?, cooldown_s = ?, quiet_from_min = ?,"
                " quiet_to_min = ?, quiet_zone = ?, enabled = ?, made_ms = ? WHERE id = ?",
                (*values, r.id),
            )
            ledger.connection.execute("DELETE FROM alert_states WHERE rule_id = ?", (r.id,))
        else:
            ledger.connection.execute(
                "INSERT INTO alert_rules (kind, pair, level, rearm, cooldown_s, quiet_from_min, quiet_to_min,"
                " quiet_zone, enabled, made_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )


@dataclass(frozen=True, slots=True)
class DropRule:
    """Forget a rule and where it stood; what it told stays."""

    rule_id: int
    rows: ClassVar[int] = 1

    def do(self, ledger: Ledger) -> None:
        ledger.connection.execute("DELETE FROM alert_rules WHERE id = ?", (self.rule_id,))
        ledger.connection.execute("DELETE FROM alert_states WHERE rule_id = ?", (self.rule_id,))


@dataclass(frozen=True, slots=True)
class PutChannel:
    """Store a channel's address. It is a secret, and stands in the file as it is."""

    url: str
    label: str
    made_ms: int
    rows: ClassVar[int] = 1

    def do(self, ledger: Ledger) -> None:
        ledger.connection.execute(
            "INSERT INTO alert_channels (url, label, made_ms) VALUES (?, ?, ?)", (self.url, self.label, self.made_ms)
        )

    def __repr__(self) -> str:
        return f"PutChannel(label={self.label!r})"


@dataclass(frozen=True, slots=True)
class DropChannel:
    """Forget a channel's address."""

    channel_id: int
    rows: ClassVar[int] = 1

    def do(self, ledger: Ledger) -> None:
        ledger.connection.execute("DELETE FROM alert_channels WHERE id = ?", (self.channel_id,))


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nothing more goes to a channel that is there no longer: what has waited since before ``before_ms``, or all."""

    channel: str
    before_ms: int | None = None
    rows: ClassVar[int] = 1

    def do(self, ledger: Ledger) -> None:
        which = f"channel = ?1 AND {UNSENT} AND (?2 IS NULL OR changed_ms < ?2)"
        found = ledger.connection.execute(
            f"SELECT alert_id FROM deliveries WHERE {which}",  # noqa: S608
            (self.channel, self.before_ms),
        ).fetchall()
        ledger.connection.execute(
            f"UPDATE deliveries SET state = 'given up', changed_ms = ?3, reason = ?4 WHERE {which}",  # noqa: S608
            (self.channel, self.before_ms, now_ms(), "the channel was removed"),
        )
        ledger.connection.executemany(_SUM_UP, found)


@dataclass(frozen=True, slots=True)
class Tell:
    """Store what is to be told and where the rules stand after it, together: neither is ever there without the other.

    An event whose key is there was told; its state is stored all the same.
    """

    events: tuple[ToTell, ...]
    states: tuple[StateOf, ...] = ()

    @property
    def rows(self) -> int:
        return len(self.events) + len(self.states)

    def do(self, ledger: Ledger) -> None:
        at_ms = now_ms()
        for told in self.events:
            self._tell(ledger, told, at_ms)
        if self.events:
            self._forget(ledger, at_ms)
        # A rule dropped or changed meanwhile leaves nothing behind.
        ledger.connection.executemany(
            "INSERT OR REPLACE INTO alert_states SELECT id, ?3, ?4 FROM alert_rules WHERE id = ?1 AND made_ms = ?2",
            [(s.rule_id, s.made_ms, s.subject, s.body) for s in self.states],
        )

    def _tell(self, ledger: Ledger, told: ToTell, at_ms: int) -> None:
        e = told.event
        stored = ledger.connection.execute(
            "INSERT INTO alerts (rule, pair, timeframe_s, time_ms, text, delivery, rule_id, event_key, told_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (event_key) DO NOTHING",
            (
                e.rule, e.pair, e.timeframe_s, e.time_ms, e.text, "waiting" if told.channels else told.delivery,
                e.rule_id, e.key, at_ms,
            ),
        )  # fmt: skip
        if stored.rowcount:
            ledger.connection.executemany(
                "INSERT INTO deliveries VALUES (?, ?, 'waiting', 0, ?, ?, '')",
                [(stored.lastrowid, channel, told.not_before_ms, at_ms) for channel in told.channels],
            )

    def _forget(self, ledger: Ledger, at_ms: int) -> None:
        """Alerts of long ago leave, a few at a time; what waits for a channel stays."""
        old = ledger.connection.execute(_OLD, (at_ms - KEEP_MS, KEEP_ROWS, FORGET_ROWS)).fetchall()
        ledger.connection.executemany("DELETE FROM deliveries WHERE alert_id = ?", old)
        ledger.connection.executemany("DELETE FROM alerts WHERE id = ?", old)


@dataclass(frozen=True, slots=True)
class PutDelivery:
    """Say how an alert fares on a channel.

    What is settled stays, so that a channel removed while it was sending has nothing waiting again; but what it took
    after all it has.
    """

    delivery: Delivery
    rows: ClassVar[int] = 1

    def do(self, ledger: Ledger) -> None:
        d = self.delivery
        ledger.connection.execute(
            "UPDATE deliveries SET state = ?, attempts = ?, next_ms = ?, changed_ms = ?, reason = ?"  # noqa: S608
            f" WHERE alert_id = ? AND channel = ? AND ({UNSENT} OR ?1 = 'sent')",
            (d.state, d.attempts, d.next_ms, d.changed_ms, d.reason, d.alert_id, d.channel),
        )
        ledger.connection.execute(_SUM_UP, (d.alert_id,))
