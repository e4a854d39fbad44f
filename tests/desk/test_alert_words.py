"""What an alert says: enough to act on without the screen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.alerts import AlertKind, AlertRule
from core.journal import JournalRow
from desk.alert_words import of_look
from tests.analytics.looks import PARAMS, look

SAID = replace(look(0, 2.5, 200.0, 50.0, "TRADABLE", hedge=0.25), reason="Its record supports it.")
TRADE = (
    " At its closes: sell 40 YUSDT, buy 40 XUSDT, not rounded to the exchange's steps, 10,000 gross; out at z = 0,"
    " stop at |z| = 4, limit 40 candles (0.667 h)."
)


def words(row: JournalRow, kind: AlertKind = "tradable", since_ms: int | None = None) -> str:
    return of_look(AlertRule(kind, level=2.0, rearm=1.0), row, row.z, "", "LIVE", since_ms)


def test_a_tradable_look_says_legs_quantities_exit_stop_and_limit() -> None:
    assert words(SAID) == (
        f"YUSDT/XUSDT 1m: TRADABLE. Its record supports it.{TRADE} (CONFIRMED candle 2023-11-15 00:00:00 UTC)"
    )
    other_side = replace(SAID, z=-2.5)
    assert "buy 40 YUSDT, sell 40 XUSDT" in words(other_side)


@pytest.mark.parametrize("kind", ["left", "trap", "z", "regime"])
def test_no_other_alert_speaks_of_a_trade(kind: AlertKind) -> None:
    assert "At its closes" not in words(SAID, kind)


@pytest.mark.parametrize(
    "inputs", ["{}", "cut o", '{"params": {"of": "another version"}}', '{"params": null}', "[]", "null"]
)
def test_a_look_that_does_not_tell_its_trade_is_told_all_the_same(inputs: str) -> None:
    assert words(replace(SAID, inputs=inputs)) == (
        "YUSDT/XUSDT 1m: TRADABLE. Its record supports it. (CONFIRMED candle 2023-11-15 00:00:00 UTC)"
    )
    assert "At its closes" not in words(look(0, 2.5, 200.0, 50.0, "TRADABLE", params=PARAMS, hedge=None))
