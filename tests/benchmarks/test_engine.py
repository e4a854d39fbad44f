"""The engine's benchmark counts what it says it counts, in a small run."""

from __future__ import annotations

import re

import pytest

from benchmarks import engine


@pytest.mark.long  # most of a minute, nearly all of it history for five pairs
def test_a_small_run_says_every_look_and_misses_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engine, "PROBE_S", 1.0)
    monkeypatch.setattr(engine, "SETTLE_S", 1.0)
    assert engine.main(["--pairs", "5", "--rate", "300", "--seconds", "4"]) == 0
    printed = capsys.readouterr().out
    looks = re.search(r"looks +\| (\d+) of 5 pairs", printed)
    assert looks is not None
    assert int(looks[1]) >= 5
    assert re.search(r"missed +\| 0 ", printed)


def test_pairs_are_as_many_as_asked_for_and_all_different() -> None:
    pairs = engine.watched([f"S{n}" for n in range(21)], 200, 1)
    assert len(set(pairs)) == 200
    assert all(pair.symbol_y != pair.symbol_x for pair in pairs)
