"""--status says how whoever collects does, and what waits in the database; its exit code says whether all is well."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from core.engine import EngineStatus
from core.settings import Settings
from core.types import DeskStatus
from desk.__main__ import main
from desk.collector import HEALTH
from desk.told import told
from storage.sqlite import TradeStore
from tests.desk.alerting import tell as tell_alerts
from tests.desk.test_health import WELL
from tests.storage.test_paper import TRADE


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(db=tmp_path / "store.db")


def say(store: TradeStore, status: DeskStatus, ago_s: float = 0.0) -> None:
    """As a collecting process does, so long ago."""
    at_ms = round((time.time() - ago_s) * 1000)
    status = replace(status, engine=EngineStatus(watched=3, at_ms=at_ms))
    store.put_note(HEALTH, msgspec.json.encode(status).decode(), at_ms)
    assert store.flush()


def test_one_that_collects_and_is_well_is_healthy(store: TradeStore, settings: Settings) -> None:
    say(store, WELL)
    said = told(settings)
    assert (said["collector"], said["healthy"], said["problems"]) == ("running", True, ())
    assert said["engine"]["watched"] == 3  # type: ignore[index]
    assert said["told_s_ago"] == pytest.approx(0.0, abs=5.0)


def test_a_clock_that_was_set_a_little_takes_nobody_for_dead(store: TradeStore, settings: Settings) -> None:
    say(store, WELL, -4.0)
    assert (told(settings)["collector"], told(settings)["healthy"]) == ("running", True)


@pytest.mark.parametrize(
    ("status", "ago_s", "collector", "problem"),
    [
        (replace(WELL, alerts_problem="Alerts have to wait."), 0.0, "running", "Alerts have to wait."),
        (replace(WELL, running=False), 9_000.0, "stopped", "The Pairsight that collects into {db} is stopped."),
        (WELL, 60.0, "silent", "The Pairsight that collects into {db} has said nothing for 60 s."),
        (
            WELL,
            -3_600.5,  # it died, and the clock was set back
            "silent",
            "The Pairsight that collects into {db} spoke last 3600 s in the future: the clock was set back, and nothing"
            " was said since.",
        ),
    ],
)
def test_one_that_is_not_well_says_why(
    store: TradeStore, settings: Settings, status: DeskStatus, ago_s: float, collector: str, problem: str
) -> None:
    say(store, status, ago_s)
    said = told(settings)
    assert (said["collector"], said["healthy"]) == (collector, False)
    assert list(said["problems"]) == [problem.format(db=settings.db)]  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("note", "problem"), [("", "Nobody has collected into"), ('{"running":"perhaps"}', "The note “health”")]
)
def test_one_of_which_nothing_is_known_is_not_called_well(
    store: TradeStore, settings: Settings, note: str, problem: str
) -> None:
    if note:
        store.put_note(HEALTH, note, 1)
        store.flush()
    said = told(settings)
    assert (said["collector"], said["healthy"]) == ("unknown", False)
    assert problem in str(said["problems"])


def test_what_is_watched_waits_and_is_open_is_told(store: TradeStore, settings: Settings) -> None:
    store.put_note("watch-list", '[{"symbol_y":"ETHUSDT","symbol_x":"BTCUSDT","timeframe_s":300}]', 1)
    store.put_paper([replace(TRADE, state="open")])
    tell_alerts(store, "one", "two", channels=("page1",))
    said = told(settings)
    assert said["watched"] == ["ETHUSDT/BTCUSDT 5m Evidence"]
    assert said["alerts_waiting"] == {"page1": 2}
    assert said["open_trades"] == ["YUSDT/XUSDT 1m Evidence, TRADABLE: open"]


def test_the_exit_code_says_whether_all_is_well(
    store: TradeStore, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAIRSIGHT_DB", str(settings.db))
    monkeypatch.setattr("desk.__main__.set_up", lambda kind: None)
    for status, code in ((WELL, 0), (replace(WELL, running=False), 1)):
        say(store, status)
        assert main(["--status"]) == code
        assert json.loads(capsys.readouterr().out)["healthy"] is (code == 0)
    monkeypatch.setenv("PAIRSIGHT_DB", str(settings.db.with_name("none.db")))
    assert main(["--status"]) == 1
