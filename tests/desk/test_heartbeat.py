"""The heartbeat goes on at its pace, through a beat that failed, until it is stopped."""

from __future__ import annotations

import logging
import threading

import pytest

import desk.heartbeat
from desk.heartbeat import Heartbeat


def test_it_beats_until_it_is_stopped_and_again_once_started(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.heartbeat, "EVERY_S", 0.001)
    monkeypatch.setattr(desk.heartbeat, "AGAIN_S", 0.002)
    beats, enough = 0, threading.Event()

    def beat() -> None:
        nonlocal beats
        beats += 1
        if beats == 2:
            raise ValueError("out of step")
        if beats >= 4:
            enough.set()

    heart = Heartbeat(beat)
    for _ in range(2):
        enough.clear()
        with caplog.at_level(logging.ERROR):
            heart.start()
            heart.start()
            assert enough.wait(60)
        heart.stop()
        stopped_at = beats
        assert "heartbeat" not in {thread.name for thread in threading.enumerate()}
    assert beats == stopped_at
    assert len(caplog.records) == 1
