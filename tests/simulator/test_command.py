"""python -m simulator as its users start it: the line they read, how it ends, what it says when it cannot start."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulator.__main__ import main
from tests.simulator.clients import WAIT_S, Client, rows

ROOT = Path(__file__).parents[2]
LINES = (
    '{"symbol":"BTCUSDT","ts":"2025-12-15T08:43:15.443Z","price":89806.8,"size":0.002}\n'
    '{"symbol":"BTCUSDT","ts":"2025-12-15T08:43:15.500Z","price":0,"size":0}\n'
)


@contextmanager
def command(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "simulator", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture
def refused(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What it says on its way out with code 2; in this process, whose signals stay as they are."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def said(*arguments: str) -> str:
        try:
            code: object = main(list(arguments))
        except SystemExit as end:
            code = end.code
        out, err = capfd.readouterr()
        assert (code, out) == (2, "")
        return err

    return said


def ready(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    word, *pairs = process.stdout.readline().split()
    assert word == "READY"
    return dict(pair.split("=", 1) for pair in pairs)


def test_it_says_where_it_is_and_how_to_use_it_and_ends_with_its_parent() -> None:
    with command("--port", "0", "--seed", "3", "--rate", "200", "--exit-with-parent") as process:
        at = ready(process)
        assert at["mode"] == "market"
        assert process.stdout is not None
        assert [process.stdout.readline().strip() for _ in range(3)] == [
            "Use it with:",
            f"PAIRSIGHT_WS_URL={at['ws']}",
            f"PAIRSIGHT_REST_URL={at['rest']}",
        ]
        assert rows(at["rest"], "ping") == {}
        with Client(at["ws"] + "/public/ws/btcusdt@trade") as c:
            assert c.read()["s"] == "BTCUSDT"
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(WAIT_S) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_peace(which: signal.Signals) -> None:
    with command("--port", "0", "--rate", "20") as process:
        ready(process)
        process.send_signal(which)
        assert process.wait(WAIT_S) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_replay_with_faults_says_so_and_logs_its_end(tmp_path: Path) -> None:
    recording, schedule = tmp_path / "ticks.ndjson", tmp_path / "faults.json"
    recording.write_text(LINES, encoding="utf-8")
    schedule.write_text('[{"after_records": 1, "do": "na_burst", "symbol": "BTCUSDT", "count": 2}]', encoding="utf-8")
    arguments = ["--port", "0", "--replay", str(recording), "--speed", "max", "--faults", str(schedule)]
    with command(*arguments, "--exit-with-parent") as process:
        at = ready(process)
        assert at["mode"] == "replay"
        with Client(at["ws"] + "/public/ws/btcusdt@trade") as c:
            assert [c.read()["X"] for _ in range(4)] == ["MARKET", "NA", "NA", "NA"]
        assert process.stderr is not None
        assert "the recording has ended: 4 records" in process.stderr.readline()


def test_a_port_in_use_is_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with command("--port", str(taken.getsockname()[1]), "--rate", "20") as process:
            said, told = process.communicate(timeout=WAIT_S)
    assert (process.returncode, said) == (2, "")
    assert "Traceback" not in told
    assert "Cannot listen on 127.0.0.1:" in told
    assert "choose another --port" in told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot be read"),
        ("", "holds no trades"),
        ("hello\n", "broken at line 1"),
        (
            LINES + '{"symbol":"BTCUSDT","ts":"2025-12-15T08:43:15.443Z","price":89806.8}\n',
            "broken at line 3: no 'size'",
        ),
        (LINES.replace("Z", ""), "ts must carry its zone"),
        ("trade_time_ms,symbol,price\n1,A,2\n", "no column trade_id"),
        (
            "trade_time_ms,symbol,trade_id,price,quantity,buyer_is_maker,trade_type\n1,A,1,2\n",
            "line 2: 4 fields under 7 columns",
        ),
        (
            "trade_time_ms,symbol,trade_id,price,quantity,buyer_is_maker,trade_type\n1,A,1,x,1,true,MARKET\n",
            "broken at line 2",
        ),
    ],
)
def test_a_recording_that_cannot_be_used_is_a_sentence(
    refused: Callable[..., str], tmp_path: Path, text: str | None, says: str
) -> None:
    path = tmp_path / "recording.csv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    said = refused("--replay", str(path))
    assert str(path) in said
    assert says in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--faults", "nosuch.json"], "nosuch.json cannot be read"),
        (["--speed", "max"], "needs a recording"),
        (["--speed", "0"], "must be above 0"),
        (["--rate", "-1"], "must be above 0"),
        (["--symbols", "0"], "--symbols must be"),
        (["--symbols", "BTCUSDT,BTCUSDT"], "names BTCUSDT twice"),
        (["--port", "70000"], "port"),
        (["--scenario", "nosuch"], "invalid choice"),
        (["--host", "999.1.1.1"], "Cannot listen"),
    ],
)
def test_a_command_line_that_cannot_be_used_is_a_sentence(
    refused: Callable[..., str], arguments: list[str], says: str
) -> None:
    assert says in refused(*arguments)
