"""Alerts in the store: what its reader and its writer say of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from core.alerts import Alert, AlertRule, Delivery, KeptChannel
from storage.alert_work import UNSENT, StateOf

_RULES: Final = """
    SELECT kind, pair, level, rearm, cooldown_s, quiet_from_min, quiet_to_min, enabled, made_ms, id, quiet_zone
    FROM alert_rules ORDER BY id"""
_ALERT: Final = "alerts.id, rule_id, rule, pair, timeframe_s, time_ms, text, alerts.delivery, told_ms"
_DELIVERY: Final = "alert_id, channel, state, attempts, next_ms, changed_ms, reason"


class AlertReading:
    """The part of a store's reader that knows alerts."""

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        raise NotImplementedError

    def alert_rules(self) -> tuple[AlertRule, ...]:
        """Every rule, in the order they were made."""
        return tuple(_rule(row) for row in self._rows(_RULES))

    def had_alert_rules(self) -> bool:
        """Whether a rule was ever made, dropped or not."""
        return bool(self._rows("SELECT 1 FROM sqlite_sequence WHERE name = 'alert_rules'"))

    def alert_states(self) -> tuple[StateOf, ...]:
        """Where each rule stands with each pair."""
        sql = "SELECT rule_id, made_ms, subject, body FROM alert_states JOIN alert_rules ON id = rule_id"
        return tuple(StateOf(*row) for row in self._rows(sql))

    def alert_channels(self) -> tuple[KeptChannel, ...]:
        """The channels entered on the page, addresses and all."""
        return tuple(KeptChannel(*row) for row in self._rows("SELECT id, url, label FROM alert_channels ORDER BY id"))

    def alerts(self, *, after_id: int = 0, limit: int = -1) -> tuple[Alert, ...]:
        """What was told after one, newest first, the newest ``limit`` of them."""
        sql = f"SELECT {_ALERT} FROM alerts WHERE id > ? ORDER BY id DESC LIMIT ?"  # noqa: S608
        return tuple(Alert(*row) for row in self._rows(sql, after_id, limit))

    def newest_alert_id(self) -> int:
        """0: nothing was told yet."""
        return int(self._rows("SELECT ifnull(max(id), 0) FROM alerts")[0][0])

    def deliveries(self, alert_ids: Sequence[int]) -> tuple[Delivery, ...]:
        """How these fared, by alert and channel."""
        if not alert_ids:
            return ()
        sql = f"""SELECT {_DELIVERY} FROM deliveries WHERE alert_id BETWEEN ? AND ?
            ORDER BY alert_id, channel"""  # noqa: S608
        asked = set(alert_ids)
        return tuple(d for row in self._rows(sql, min(asked), max(asked)) if (d := Delivery(*row)).alert_id in asked)

    def next_delivery(self, channel: str, now_ms: int) -> tuple[Alert, Delivery] | None:
        """The oldest alert a channel has not had, of those that are not held; it may have to wait for its next try."""
        sql = f"""SELECT {_ALERT}, {_DELIVERY} FROM deliveries JOIN alerts ON alerts.id = alert_id
            WHERE channel = ? AND {UNSENT} AND (attempts > 0 OR next_ms <= ?)
            ORDER BY alert_id LIMIT 1"""  # noqa: S608
        rows = self._rows(sql, channel, now_ms)
        return (Alert(*rows[0][:9]), Delivery(*rows[0][9:])) if rows else None

    def channels_waiting(self) -> dict[str, int]:
        """How many alerts each channel has still to get."""
        sql = f"SELECT channel, count(*) FROM deliveries WHERE {UNSENT} GROUP BY channel"  # noqa: S608
        return {str(channel): int(count) for channel, count in self._rows(sql)}


def _rule(row: tuple[Any, ...]) -> AlertRule:
    """Columns stand in the order of the fields."""
    values: list[Any] = [*row[:7], bool(row[7]), *row[8:]]
    return AlertRule(*values)
