"""A run that outlives the wait for its end costs no later one."""

from __future__ import annotations

import logging
import threading

import pytest

from desk.worker import Worker

WAIT_S = 10.0


class Job:
    """Each run says that it has begun, and does not end before it may."""

    def __init__(self) -> None:
        self.begun: list[threading.Event] = []
        self.began = threading.Semaphore(0)
        self.may_end = threading.Event()
        self.together = 0
        self.most_together = 0
        self.worker = Worker("job", self.main, threading.Event())

    def main(self, stop: threading.Event) -> None:
        self.together += 1
        self.most_together = max(self.most_together, self.together)
        self.begun.append(stop)
        self.began.release()
        stop.wait(WAIT_S)
        self.may_end.wait(WAIT_S)
        self.together -= 1


def test_a_start_after_a_stop_that_gave_up_waiting_begins_a_run_once_the_old_one_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    job = Job()
    job.worker.start()
    job.worker.start()
    assert job.began.acquire(timeout=WAIT_S)
    with caplog.at_level(logging.WARNING):
        assert not job.worker.stop(0.01)
    assert "has not ended" in caplog.text
    job.worker.start()
    assert job.worker.stopping  # the old one is still at work, and is to end
    job.may_end.set()
    assert job.began.acquire(timeout=WAIT_S)
    assert not job.worker.stopping
    assert job.worker.stop(WAIT_S)
    assert (len(job.begun), job.most_together) == (2, 1)


def test_a_run_that_is_stopped_before_it_could_begin_ends_too() -> None:
    job = Job()
    job.worker.start()
    assert job.began.acquire(timeout=WAIT_S)
    assert not job.worker.stop(0.01)
    job.worker.start()
    assert not job.worker.stop(0.01)
    job.may_end.set()
    assert job.worker.stop(WAIT_S)
    assert all(stop.is_set() for stop in job.begun)


def test_what_never_began_is_stopped_already() -> None:
    assert Worker("idle", lambda stop: None, threading.Event()).stop(WAIT_S)
