"""The image and the service unit say what the program does: same command, same port, same folder; linters agree."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.types import DeskStatus
from desk.__main__ import parsed
from desk.health import PATH, HealthEndpoint
from tests.test_layers import ALLOWED

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
UNIT = (ROOT / "deploy" / "pairsight-desk.service").read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, continued lines joined, comments left out."""
    lines = [line for line in DOCKERFILE.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def of(word: str) -> list[str]:
    return [" ".join(rest.split()) for name, rest in instructions() if name == word]


def unit() -> dict[str, list[str]]:
    """The unit's keys with their values, in order."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", UNIT, re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def arguments(command: str) -> list[str]:
    """What follows ``python -m desk``."""
    words = re.findall(r'[^\s",\[\]]+', command)
    assert words[1:3] == ["-m", "desk"]
    return words[3:]


def test_the_image_holds_every_package_and_nothing_of_the_tests() -> None:
    copied = {rest.split()[0] for rest in of("COPY")}
    assert copied == {*ALLOWED, "app.py", "requirements.txt", ".streamlit/config.toml"}
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split() if line[0] == "!"}
    assert allowed == copied


def test_the_image_runs_as_nobody_in_particular_and_keeps_its_data_outside() -> None:
    names = [name for name, _ in instructions()]
    assert of("USER") == ["10001:10001"]
    assert names.index("USER") > max(i for i, name in enumerate(names) if name in {"RUN", "COPY"})
    assert of("VOLUME") == ["/data"]
    assert "PAIRSIGHT_DB=/data/" in of("ENV")[0]


def test_what_asks_after_its_health_asks_where_it_answers() -> None:
    asked = parsed(arguments(of("CMD")[0]))
    assert (asked.log, asked.health_host) == ("json", "127.0.0.1")
    assert f"http://127.0.0.1:{asked.health_port}{PATH}" in of("HEALTHCHECK")[0]


def test_what_asks_after_its_health_asks_no_proxy() -> None:
    """Its settings may name one for the exchange; this machine is not behind it."""
    served = HealthEndpoint(DeskStatus, "127.0.0.1", 0)
    served.start()
    try:
        command = json.loads(of("HEALTHCHECK")[0].partition("CMD ")[2])
        assert command[0] == "python"
        asks = [sys.executable, *command[1:2], command[2].replace(":9711/", f":{served.port}/")]
        away = os.environ | {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
        done = subprocess.run(asks, env=away, capture_output=True, text=True, timeout=60, check=False)
    finally:
        served.stop()
    assert done.returncode == 1  # a desk that does nothing is not well
    assert "HTTP Error 503" in done.stderr


def test_the_service_starts_the_same_command_and_ends_it_gently() -> None:
    keys = unit()
    (start,) = keys["ExecStart"]
    assert parsed(arguments(start)) == parsed(arguments(of("CMD")[0]))
    assert keys["KillSignal"] == ["SIGTERM"]
    assert int(keys["TimeoutStopSec"][0]) >= 30  # it writes what is queued, and the threads end first
    assert keys["Restart"] == ["on-failure"]
    assert keys["RestartPreventExitStatus"] == ["2"]  # settings and arguments; else it would try for ever
    (folder,) = keys["StateDirectory"]
    assert f"PAIRSIGHT_DB=/var/lib/{folder}/pairsight.db" in keys["Environment"]


def test_the_service_may_do_little() -> None:
    keys = unit()
    for key in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "RestrictSUIDSGID"):
        assert keys[key] == ["yes"], key
    assert keys["ProtectSystem"] == ["strict"]
    assert keys["User"] not in (["root"], ["0"])
    assert keys["CapabilityBoundingSet"] == [""]


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("there is no hadolint here (requirements-dev.txt brings it)")
    done = subprocess.run([hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    verifier = shutil.which("systemd-analyze")
    if verifier is None:
        pytest.skip("there is no systemd-analyze here")
    here = UNIT.replace("/opt/pairsight/.venv/bin/python", sys.executable).replace("/opt/pairsight", str(ROOT))
    copy = tmp_path / "pairsight-desk.service"
    copy.write_text(here, encoding="utf-8")
    done = subprocess.run([verifier, "verify", str(copy)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
