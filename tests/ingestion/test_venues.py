"""Every venue keeps one contract. ``tests/data/<venue>.jsonl``: a frame, where it is from, and what it means."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadFrame
from core.types import Trade
from ingestion import VENUES

DATA = Path(__file__).parents[1] / "data"
ROWS = [
    (venue, json.loads(line))
    for venue in VENUES
    for line in (DATA / f"{venue}.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize(("venue", "row"), ROWS, ids=[f"{venue}: {row['note']}" for venue, row in ROWS])
def test_a_frame_means_what_is_written_beside_it(venue: str, row: dict[str, Any]) -> None:
    wire = VENUES[venue]
    if row["trade"] == "BadFrame":
        with pytest.raises(BadFrame):
            wire.parse_trade(row["frame"])
        assert wire.parse([row["frame"].encode()]).records == ()
        return
    expected = None if row["trade"] is None else Trade(**row["trade"])
    assert wire.parse_trade(row["frame"]) == expected
    ticks = [found.trades() for found in wire.parse([row["frame"].encode()]).records]
    assert sum(map(len, ticks)) == (expected is not None)


@pytest.mark.parametrize("venue", VENUES)
def test_names_and_addresses_are_made_of_symbols(venue: str) -> None:
    wire = VENUES[venue]
    name = wire.stream_name("BTCUSDT", "trade")
    assert name in wire.stream_url("wss://host", "/x", [name])
    for ask in (wire.subscribe, wire.unsubscribe):
        assert name in ask([name], 1)
