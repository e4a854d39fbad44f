"""Whatever a desk says on standard error is a line that a collector of logs can read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TROUBLE = """
import threading, warnings
from desk.log_lines import set_up

set_up("json")
warnings.warn("an old way")
thread = threading.Thread(target=lambda: 1 / 0, name="feed-trades")
thread.start()
thread.join()
raise OSError("no such disk")
"""


def test_warnings_and_what_ends_a_thread_are_json_lines_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TROUBLE], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["level"], line["thread"]) for line in said] == [
        ("WARNING", "MainThread"), ("CRITICAL", "feed-trades"), ("CRITICAL", "MainThread"),
    ]  # fmt: skip
    assert "an old way" in said[0]["message"]
    assert said[1]["message"] == "thread feed-trades ended"
    assert "ZeroDivisionError" in said[1]["error"]
    assert "no such disk" in said[2]["error"]
    assert done.returncode == 1
