"""After every fault, each stored candle and trade is what really happened, or is absent and in the table of gaps.

On the desk's own threads, over real sockets. `test_faults` has every fault, and fates at random, where time is made.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from simulator.faults import faults
from simulator.recording import Recording
from tests.desk.replayed import Replayed, hurried
from tests.desk.schedules import fate
from tests.desk.test_faults import CANDLES, EVERYTHING, count, no_worse

pytestmark = pytest.mark.recording

# What differs most between a socket and a made line.
ON_SOCKETS = (
    "nothing",
    "drop",
    "close 1008",
    "half-open stall",
    "stall within a frame",
    "one silent symbol until a new connection",
    "oversized",
    "garbage",
    "refused",
    "drop while REST limits",
)


@pytest.mark.parametrize(
    "name", [name if name in ON_SOCKETS else pytest.param(name, marks=pytest.mark.long) for name in EVERYTHING]
)
def test_after_every_fault_on_sockets_what_is_stored_is_what_happened(
    recording: Recording, tmp_path: Path, name: str
) -> None:
    with Replayed(recording, tmp_path / "replayed.db", hurried(faults(list(EVERYTHING[name])))) as replayed:
        found = replayed.finish()
    no_worse(found, name)
    assert found.unknown.total() <= found.right.total() // 5  # edges of aggregates that nobody can divide


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1_000, 1_020))
def test_after_random_faults_on_sockets_what_is_stored_is_what_happened(
    recording: Recording, tmp_path: Path, tally: Counter[str], seed: int
) -> None:
    its = fate(seed)
    with Replayed(recording, tmp_path / "fate.db", hurried(its.schedule), stream=its.stream) as replayed:
        found = replayed.finish()
    count(tally, found)
    assert found.bad == []
    assert found.right.total() > CANDLES // 2
