"""Schedules of faults: each by itself, and many at random. For the eight recorded minutes, in exchange time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from core.types import TradeKind
from simulator.faults import KINDS, Fault, faults

Schedule = Sequence[Mapping[str, Any]]

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT")
AT: Final = {"at_sim_s": 100}
SOON: Final = {"at_sim_s": 101}
DROP: Final = SOON | {"do": "drop"}
GARBAGE: Final = ("json", "utf8", "binary", "types", "empty")

# What nothing is lost by: no record stays out.
HARMLESS: Final[Mapping[str, Schedule]] = {
    "nothing": [],
    "garbage": [AT | {"do": "garbage", "how": how, "count": 20} for how in GARBAGE],
    "late records": [AT | {"do": "late", "by_ms": 1_900, "for_s": 20}],
    "late records of one symbol": [AT | {"do": "late", "by_ms": 8_000, "for_s": 20, "symbol": "BTCUSDT"}],
    "non-trades": [AT | {"do": "na_burst", "symbol": symbol, "count": 80} for symbol in SYMBOLS],
    "duplicates": [AT | {"do": "duplicate", "count": 300, "distance": 40}],
    "reordering": [AT | {"do": "reorder", "count": 40, "distance": 9}],
    "long reordering": [AT | {"do": "reorder", "count": 40, "distance": 90}],
}
# What loses records, and repair brings back.
MENDED: Final[Mapping[str, Schedule]] = {
    "drop": [AT | {"do": "drop"}],
    "three drops": [{"at_sim_s": at, "do": "drop", "how": "fin"} for at in (60, 150, 300)],
    "close 1008": [AT | {"do": "close"}],
    "daily cut": [AT | {"do": "cut"}],
    "half-open stall": [AT | {"do": "stall"}],
    "stall within a frame": [AT | {"do": "midframe"}],
    "oversized": [AT | {"do": "oversized"}],
    "oversized, only announced": [AT | {"do": "oversized", "how": "header"}],
    "one silent symbol": [AT | {"do": "silent", "symbol": "ETHUSDT", "heals": "resubscribe"}],
    "one silent symbol until a new connection": [AT | {"do": "silent", "symbol": "ETHUSDT", "heals": "reconnect"}],
    "one silent symbol for a while": [AT | {"do": "silent", "symbol": "ETHUSDT", "for_s": 20}],
    "one silent symbol on one route": [AT | {"do": "silent", "symbol": "ETHUSDT", "route": "routed"}],
    "refused": [AT | {"do": "refuse", "status": 503, "for_s": 5}, DROP],
    "drop while REST fails": [AT | {"do": "rest_status", "status": 503, "for_s": 60}, DROP],
    "drop while REST limits": [AT | {"do": "rest_status", "status": 429, "retry_after_s": 20, "for_s": 15}, DROP],
    "drop while REST bans": [AT | {"do": "rest_status", "status": 418, "retry_after_s": 40, "for_s": 15}, DROP],
    "drop while a firewall refuses": [AT | {"do": "rest_status", "status": 403, "for_s": 15}, DROP],
    "drop while REST is slow": [AT | {"do": "rest_slow", "delay_s": 3, "for_s": 30}, DROP],
    "drop while REST hangs": [AT | {"do": "rest_hang", "for_s": 30}, DROP],
    "drop, and a clock ahead": [{"at_sim_s": 5, "do": "clock_off", "by_ms": 180_000}, DROP],
    "drop, and a clock behind": [{"at_sim_s": 5, "do": "clock_off", "by_ms": -180_000}, DROP],
    "non-trades lost in a drop": [
        {"at_sim_s": 99, "do": "na_burst", "symbol": "BTCUSDT", "count": 30},
        DROP,
        {"at_sim_s": 101.5, "do": "na_burst", "symbol": "BTCUSDT", "count": 30},
    ],
}


@dataclass(frozen=True, slots=True)
class Break:
    """The process ends: in peace, or killed. ``after_s`` of running it is away for ``away_s``."""

    after_s: float
    away_s: float
    killed: bool


@dataclass(frozen=True, slots=True)
class Fate:
    """All that happens in one run."""

    schedule: tuple[Fault, ...]
    breaks: tuple[Break, ...]
    stream: TradeKind
    wants: tuple[int, ...]  # timeframes of which history is wanted
    postponed: tuple[float, float] | None  # share of the records that come late and out of order, and how late at most


def fate(seed: int) -> Fate:
    """Faults, ends and wishes at random; the same for the same seed."""
    random = Random(seed)
    planned: list[dict[str, Any]] = []
    for _ in range(random.randint(2, 6)):
        at = random.uniform(1, 330)
        for number, one in enumerate(_some(random)):
            planned.append({**one, "at_sim_s": round(at + number * random.uniform(0, 3), 2)})
    breaks = [
        Break(random.uniform(0.5, 150), random.choice([0.5, 5.0, 40.0]), random.random() < 0.6)
        for _ in range(random.choice([0, 0, 1, 2, 4]))
    ]
    stream: TradeKind = "trade" if random.random() < 0.75 else "aggTrade"
    if stream == "aggTrade":  # that one is served elsewhere
        planned = [one | {"route": "market"} if "route" in KINDS[one["do"]] else one for one in planned]
    return Fate(
        schedule=tuple(faults(planned)),
        breaks=tuple(breaks),
        stream=stream,
        wants=random.choice([(), (60,), (60, 300, 900)]),
        postponed=random.choice([None, None, None, (0.001, 6.0), (0.02, 3.0), (0.0005, 30.0)]),
    )


def _some(random: Random) -> Schedule:
    """One fault, or two that belong together."""
    drop = {"do": "drop", "how": random.choice(["reset", "fin"])}
    long_s = random.choice([2.0, 30.0])
    symbol = random.choice(SYMBOLS)
    return random.choice(
        [
            [drop],
            [{"do": "close"}],
            [{"do": "cut"}],
            [{"do": "stall"}],
            [{"do": "midframe"}],
            [{"do": "garbage", "how": random.choice(GARBAGE), "count": random.randint(1, 30)}],
            [{"do": "oversized", "how": random.choice(["whole", "header"])}],
            [
                {
                    "do": "silent",
                    "symbol": symbol,
                    "kind": "both",
                    "heals": random.choice(["resubscribe", "reconnect", "time"]),
                    "for_s": random.choice([3.0, 20.0, 40.0]),
                }
            ],
            [
                {
                    "do": "late",
                    "by_ms": random.choice([600, 1_900, 8_000]),
                    "for_s": random.choice([1.0, 5.0, 20.0]),
                    "symbol": random.choice(["", *SYMBOLS]),
                }
            ],
            [{"do": "na_burst", "symbol": symbol, "count": random.randint(1, 100)}],
            [{"do": "duplicate", "count": random.randint(1, 300), "distance": random.choice([0, 3, 40, 300])}],
            [{"do": "reorder", "count": random.randint(1, 40), "distance": random.choice([2, 3, 9, 90])}],
            [{"do": "refuse", "status": 503, "for_s": random.choice([1.0, 10.0])}, drop],
            [{"do": "rest_status", "status": random.choice([403, 408, 500, 502, 503, 504]), "for_s": long_s}, drop],
            [
                {
                    "do": "rest_status",
                    "status": random.choice([418, 429]),
                    "retry_after_s": random.choice([3, 30]),
                    "for_s": long_s,
                },
                drop,
            ],
            [{"do": "rest_slow", "delay_s": random.choice([0.5, 4.0, 20.0]), "for_s": long_s}, drop],
            [{"do": "rest_hang", "for_s": long_s}, drop],
            [
                {
                    "do": "clock_off",
                    "by_ms": random.choice([-200_000, -90_000, 70_000, 200_000]),
                    "for_s": random.choice([0.0, 60.0]),
                }
            ],
        ]
    )
