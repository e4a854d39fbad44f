"""What makes a desk unwell, and that whoever asks over HTTP hears it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.engine import EngineStatus
from core.settings import Settings
from core.types import DeskStatus, FeedStatus, StoreStatus, StreamStatus
from desk.alerts import Alerts
from desk.collector import Collector
from desk.desk import Desk
from desk.health import PATH, HealthEndpoint, problems
from storage.sqlite import TradeStore

NOW_MS = 1_700_000_000_000
STREAMS = (StreamStatus("BTCUSDT", 1, NOW_MS, age_s=0.2), StreamStatus("THINUSDT", 1, NOW_MS, age_s=500.0))
MARKS = (StreamStatus("BTCUSDT", age_s=0.4, kind="markPrice"), StreamStatus("THINUSDT", age_s=40.0, kind="markPrice"))
WELL = DeskStatus(
    running=True,
    trades=FeedStatus(state="live", streams=STREAMS),
    market=FeedStatus(state="live", streams=MARKS),
    store=StoreStatus(state="writing"),
    engine=EngineStatus(watched=3, at_ms=NOW_MS - 900),
)


def test_a_desk_that_collects_stores_and_looks_is_well_though_a_thin_symbol_is_silent() -> None:
    assert problems(WELL, NOW_MS) == ()


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (replace(WELL, running=False), "The feed is stopped."),
        (replace(WELL, trades=FeedStatus(state="waiting", reason="The exchange is gone.")), "The exchange is gone."),
        (replace(WELL, trades=FeedStatus(state="live", streams=(StreamStatus("A"),))), "no stream has delivered yet"),
        (replace(WELL, trades=FeedStatus(state="live", streams=STREAMS[1:])), "the newest came 500 s ago"),
        (replace(WELL, market=FeedStatus(state="connecting")), "No mark prices: connecting to the exchange."),
        (replace(WELL, market=FeedStatus(state="live")), "No mark prices: no stream has delivered yet."),
        (
            replace(WELL, market=FeedStatus(state="live", streams=MARKS[1:])),
            "mark prices are stale: the newest came 40",
        ),
        (
            replace(WELL, market=FeedStatus(state="live", streams=(*STREAMS, *MARKS[1:]))),  # aggregates are no prices
            "mark prices are stale: the newest came 40 s ago.",
        ),
        (replace(WELL, store=StoreStatus(state="failing", reason="the disk is full")), "Nothing is stored: the disk"),
        (replace(WELL, store=StoreStatus(state="reading")), "Another Pairsight collects"),
        (replace(WELL, alerts_problem="Alerts have to wait: it is away."), "Alerts have to wait"),
        (replace(WELL, track_problem="The track record has to wait: it is away."), "The track record has to wait"),
        (replace(WELL, engine=EngineStatus(3, 40, True, at_ms=NOW_MS)), "40 looks owed for 3 pairs"),
        (replace(WELL, engine=EngineStatus(3, at_ms=NOW_MS - 61_000)), "not finished a round for 61 s"),
        (replace(WELL, engine=EngineStatus(3)), "The engine was not started"),
        (replace(WELL, engine=EngineStatus(3, at_ms=NOW_MS, failing=("A/B 1m",))), "No look can be made at A/B 1m;"),
        (
            replace(WELL, engine=EngineStatus(9, at_ms=NOW_MS, failing=tuple(f"A/B{n} 1s" for n in range(7)))),
            "A/B0 1s, A/B1 1s, A/B2 1s, A/B3 1s, A/B4 1s and 2 more;",
        ),
    ],
)
def test_each_way_to_be_unwell_has_its_sentence(status: DeskStatus, says: str) -> None:
    (only,) = problems(status, NOW_MS)
    assert says in only


def test_one_that_waits_for_another_that_does_not_collect_says_what_to_do() -> None:
    waits = replace(WELL, running=False, store=StoreStatus(state="reading"))
    assert problems(waits, NOW_MS)[1:] == (
        "Another Pairsight has the database and does not collect: start its feed, or end it.",
    )


def test_the_alerts_trouble_is_the_desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(Settings(ws_url="ws://127.0.0.1:9", rest_url="http://127.0.0.1:9", db=tmp_path / "a.db"))
    assert isinstance(desk.alerts, Alerts)
    assert desk.status().alerts_problem == ""
    monkeypatch.setattr(desk.alerts.watch, "problem", lambda: "Alerts have to wait: it is away.")
    assert desk.status().alerts_problem == "Alerts have to wait: it is away."
    desk.close()


def test_the_track_records_trouble_is_the_desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    station = Collector(Settings(db=tmp_path / "a.db"), TradeStore(tmp_path / "a.db"))
    assert station.status().track_problem == ""
    monkeypatch.setattr(station.track, "problem", lambda: "The track record is not kept: KeyError, see the log.")
    assert station.status().track_problem == "The track record is not kept: KeyError, see the log."
    station.close()


@contextmanager
def endpoint(statuses: list[DeskStatus]) -> Iterator[str]:
    """Answers with the last of these; with none there is no status to be had."""
    served = HealthEndpoint(lambda: statuses[-1], "127.0.0.1", 0)
    served.start()
    try:
        yield f"http://127.0.0.1:{served.port}"
    finally:
        served.stop()


def get(url: str, method: str = "GET") -> tuple[int, dict[str, object]]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, method=method), timeout=10) as answer:
            code, text = answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            code, text = refusal.code, refusal.read()
    return code, json.loads(text) if text else {}


def well_now() -> DeskStatus:
    return replace(WELL, engine=EngineStatus(watched=3, at_ms=time.time_ns() // 1_000_000))


def test_the_endpoint_answers_200_while_it_is_well_and_503_with_the_reason_when_not() -> None:
    statuses = [well_now()]
    with endpoint(statuses) as base:
        code, body = get(base + PATH)
        assert (code, body["healthy"], body["problems"], body["silent"]) == (200, True, [], ["THINUSDT"])
        statuses.append(replace(well_now(), store=StoreStatus(state="failing", reason="the disk is full")))
        code, body = get(base + PATH)
        assert (code, body["problems"]) == (503, ["Nothing is stored: the disk is full."])
        assert get(base + PATH, "HEAD") == (503, {})


def test_a_desk_that_cannot_even_say_how_it_is_is_not_well(caplog: pytest.LogCaptureFixture) -> None:
    with endpoint([]) as base:
        code, body = get(base + PATH)
    assert (code, body["healthy"]) == (503, False)
    assert "the desk's status cannot be had" in caplog.text


def test_nothing_else_is_served() -> None:
    with endpoint([well_now()]) as base:
        assert get(base + "/")[0] == 404
        assert get(base + "/../etc/passwd")[0] == 404
