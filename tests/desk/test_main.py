"""python -m desk as a server runs it: a process, watched over HTTP, stopped by a signal, read by others meanwhile."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from analytics.params import Params
from core.settings import Settings
from desk.__main__ import main
from desk.desk import Desk
from simulator.limits import Limits
from simulator.market import MarketPlan
from simulator.running import SimulatedExchange
from storage.reader import StoreReader
from tests.desk.test_health import get

ROOT = Path(__file__).parents[2]
WAIT_S = 60.0
PAIR, PARAMS = ("ETHUSDT", "BTCUSDT"), Params(timeframe_s=1)


@pytest.fixture(scope="module")
def exchange() -> Iterator[SimulatedExchange]:
    with SimulatedExchange.making(MarketPlan(seed=5, rate=200.0), limits=Limits(weight_per_minute=100_000)) as exchange:
        yield exchange


@pytest.fixture
def env(exchange: SimulatedExchange, tmp_path: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PAIRSIGHT_")}
    return ours | {
        "PAIRSIGHT_WS_URL": exchange.ws_url,
        "PAIRSIGHT_REST_URL": exchange.rest_url,
        "PAIRSIGHT_DB": str(tmp_path / "served.db"),
        "PAIRSIGHT_SYMBOLS": "BTCUSDT",
        "PAIRSIGHT_WATCH": "ETHUSDT/BTCUSDT@1s",
    }


class Served:
    """One process, and what it says on standard error."""

    def __init__(self, env: dict[str, str], *arguments: str) -> None:
        command = [sys.executable, "-m", "desk", "--health-port", "0", "--log", "json", *arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True, encoding="utf-8")
        self.lines: list[dict[str, object]] = []
        self._port: queue.Queue[int] = queue.Queue()
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()
        self.url = f"http://127.0.0.1:{self._port.get(timeout=WAIT_S)}/healthz"

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            said = json.loads(line)
            self.lines.append(said)
            found = re.search(r"health at http://127.0.0.1:(\d+)/", str(said["message"]))
            if found:
                self._port.put(int(found[1]))

    def end(self) -> int:
        """Ask it to end, as a service manager does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        return code


@contextmanager
def served(env: dict[str, str], *arguments: str) -> Iterator[Served]:
    desk = Served(env, *arguments)
    try:
        yield desk
    finally:
        if desk.process.poll() is None:
            desk.process.kill()
            desk.process.wait()
        if desk.process.stderr is not None:
            desk.process.stderr.close()


def until(true: Callable[[], bool]) -> None:
    """Poll: another process has no event for us."""
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, "did not come true"
        time.sleep(0.05)


def looks(path: str) -> int:
    try:
        with StoreReader.open_reader(path) as store:
            return len(store.looks("/".join(PAIR), 1, PARAMS.key))
    except Exception:  # noqa: BLE001 (the file may be in the making)
        return 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a process can answer")
def test_a_signal_ends_it_with_everything_written_and_the_next_start_misses_only_the_pause(
    env: dict[str, str],
) -> None:
    path = env["PAIRSIGHT_DB"]
    with served(env) as desk:
        until(lambda: looks(path) >= 3)
        until(lambda: get(desk.url)[0] == 200)
        before_ms = time.time_ns() // 1_000_000
        assert desk.end() == 0
        after_ms = time.time_ns() // 1_000_000
    assert desk.lines[-1]["message"] == "stopped; everything is written"
    assert not [line for line in desk.lines if line["level"] in {"ERROR", "CRITICAL"}]
    with StoreReader.open_reader(path) as store:
        last = {symbol: store.last_trade(symbol) for symbol in PAIR}
        assert not store.gaps(state="open")
    for trade in last.values():  # what had been received when the signal came is stored: a second of quiet is luck
        assert trade is not None
        assert before_ms - 2_000 < trade.ts_ms <= after_ms
    with served(env) as desk:
        until(lambda: get(desk.url)[0] == 200)
        with StoreReader.open_reader(path) as store:
            until(lambda: bool(store.gaps()) and not store.gaps(state="open"))
            ends = {symbol: trade.trade_id for symbol, trade in last.items() if trade is not None}
            for gap in store.gaps():  # each begins where the other process had ended
                assert gap.after_id is not None
                assert gap.after_id >= ends[gap.symbol]
        assert desk.end() == 0


def test_screens_read_while_it_writes_and_nobody_waits_for_anybody(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(env, "--every", "0.5") as desk:
        until(lambda: get(desk.url)[0] == 200)
        in_this_process(env, monkeypatch)
        screens = [Desk(Settings.from_env()) for _ in range(2)]
        try:
            for screen in screens:
                screen.start()
            newest: list[set[int]] = [set(), set()]
            said: list[set[int]] = [set(), set()]

            def read() -> bool:
                for n, screen in enumerate(screens):
                    look = screen.look(*PAIR, PARAMS)
                    newest[n].add(look.report.newest_ms or 0)
                    said[n].update(row.candle_ms for row in screen.journal(*PAIR, PARAMS, limit=100))
                return all(len(seen) >= 4 for seen in (*newest, *said))

            until(read)
            assert all(screen.status().store.state == "reading" for screen in screens)
            until(lambda: all(screen.status().running for screen in screens))
            code, body = get(desk.url)
            capsys.readouterr()
            until(lambda: main(["--status"]) == 0 or not capsys.readouterr())  # what it last said may be of its start
            told = json.loads(capsys.readouterr().out)
            assert (told["collector"], told["problems"], told["engine"]["watched"]) == ("running", [], 1)
            assert (code, body["store"]) == (200, {"state": "writing", "queued": body["store"]["queued"], "dropped": 0})  # type: ignore[index]
        finally:
            for screen in screens:
                screen.close()
        until(lambda: any(line["message"] == "status" for line in desk.lines))
    status = next(line for line in desk.lines if line["message"] == "status")["data"]
    assert isinstance(status, dict)
    assert status["engine"]["watched"] == 1


def in_this_process(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its settings; the hooks and the log stay pytest's."""
    for name, value in env.items():
        if name.startswith("PAIRSIGHT_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr("desk.__main__.set_up", lambda kind: None)


def test_a_port_that_is_taken_is_a_sentence_and_may_be_free_at_the_next_try(env: dict[str, str]) -> None:
    with served(env) as desk:
        port = desk.url.rsplit(":", 1)[1].split("/")[0]
        second = subprocess.run(
            [sys.executable, "-m", "desk", "--health-port", port],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
    assert second.returncode == 1
    assert f"ERROR desk Port {port} of 127.0.0.1 cannot be used" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["--health-port", port])
    assert refused.value.code == 2
    assert "--health-port" in capsys.readouterr().err


def test_a_setting_that_cannot_be_used_is_one_line_of_the_log_and_code_2(env: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "desk", "--log", "json"],
        cwd=ROOT,
        env=env | {"PAIRSIGHT_SYMBOLS": "BTCUSDT,BTCUSDT"},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    (said,) = (json.loads(line) for line in done.stderr.splitlines())
    assert (done.returncode, said["level"]) == (2, "ERROR")
    assert said["message"].startswith("PAIRSIGHT_SYMBOLS must name each symbol once")


def test_a_desk_that_may_only_read_is_none(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    in_this_process(env | {"PAIRSIGHT_ROLE": "read"}, monkeypatch)
    assert main([]) == 2
    assert caplog.records[-1].getMessage() == "PAIRSIGHT_ROLE=read is for screens: python -m desk collects"


def test_a_desk_of_a_user_who_may_not_collect_is_none(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    in_this_process(env, monkeypatch)
    monkeypatch.setattr("desk.__main__.stopped_by_signals", threading.Event)
    Desk(Settings.from_env()).close()
    monkeypatch.setattr(os, "access", lambda name, mode: False)
    assert main([]) == 1
    assert "may not be written by this user, who cannot collect" in caplog.messages[-1]


@pytest.mark.parametrize(
    ("written", "code", "says"),
    [(True, 0, "stopped; everything is written"), (False, 1, "stopped; not everything could be written")],
)
def test_what_could_not_be_written_at_the_end_is_said_and_fails(
    env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    written: bool,
    code: int,
    says: str,
) -> None:
    class Full(Desk):
        def close(self) -> bool:
            return super().close() and written

    in_this_process(env, monkeypatch)
    monkeypatch.setattr("desk.__main__.Desk", Full)
    monkeypatch.setattr("desk.__main__.run", lambda *_: None)
    monkeypatch.setattr("desk.__main__.stopped_by_signals", threading.Event)
    with caplog.at_level("INFO", logger="desk"):
        assert main(["--every", "60"]) == code
    assert caplog.records[-1].getMessage().startswith(says)


@pytest.mark.parametrize("every", ["0", "-1", "nan", "inf", "soon"])
def test_a_pause_that_is_none_is_refused(every: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["--every", every])
    assert refused.value.code == 2
    assert "--every" in capsys.readouterr().err
