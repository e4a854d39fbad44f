"""What kind of market is made: who follows whom, how far spreads swing, and what is arranged around the start.

The default market holds, on purpose:

==============  ==========  ======================================================================
pair            relation    log spread
==============  ==========  ======================================================================
ETHUSDT~BTCUSDT tied        AR(1), half-life 20 min, sd 26 bps: a relation at 1 and 5 minutes
ADAUSDT~XRPUSDT tied        AR(1), half-life 20 s, sd 14 bps: a relation at seconds
LTCUSDT~BCHUSDT tied        AR(1), half-life 4 h, sd 90 bps: a relation at 15 minutes and 1 hour
AVAXUSDT~SOLUSDT breaks     half-life 15 min, sd 30 bps; every 36 h it wanders off for 8 h, then heals
all others      none        the common factor plus walks of their own: correlated, not cointegrated
==============  ==========  ======================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from core.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Tie:
    """``ln follower = const + slope · ln leader + spread``; the spread is AR(1), in log units."""

    follower: str
    leader: str
    slope: float = 1.0
    half_life_s: float = 1200.0
    sd: float = 0.0026
    broken_every_h: int = 0  # 0: it never breaks
    broken_for_h: int = 0


@dataclass(frozen=True, slots=True)
class Shift:
    """A symbol's log price moves by ``height``, evenly over ``rise_s``, ``at_s`` after the start, and stays."""

    symbol: str
    at_s: float
    rise_s: float
    height: float


@dataclass(frozen=True, slots=True)
class Pin:
    """A follower's spread is drawn to ``level`` standard deviations between two moments, seconds after the start."""

    follower: str
    from_s: float
    to_s: float
    level: float
    ramp_s: float = 600.0
    strength: float = 0.85


@dataclass(frozen=True, slots=True)
class Swing:
    """From the start on a follower's spread goes to ``level`` standard deviations and back, again and again.

    Each round takes ``every_s``: away within a tenth of it, held, back, at rest near 0; the sides alternate. Each round
    is an excursion of its own, so that a rule that enters once an excursion has something to enter.
    """

    follower: str
    every_s: float = 480.0
    level: float = 2.8
    strength: float = 0.9


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that makes one market different from another, apart from its seed."""

    about: str
    ties: tuple[Tie, ...] = ()
    shifts: tuple[Shift, ...] = ()
    pins: tuple[Pin, ...] = ()
    swings: tuple[Swing, ...] = ()
    volatility: float = 1.0
    history_days: float = 200.0
    silent: tuple[str, ...] = field(default=())  # listed and trading, yet without a single record


_TIES: Final = (
    Tie("ETHUSDT", "BTCUSDT", 1.15, 1_200.0, 0.0026),
    Tie("ADAUSDT", "XRPUSDT", 1.0, 20.0, 0.0014),
    Tie("LTCUSDT", "BCHUSDT", 0.9, 14_400.0, 0.0090),
    Tie("AVAXUSDT", "SOLUSDT", 1.1, 900.0, 0.0030, broken_every_h=36, broken_for_h=8),
)


def _with(pair: str, **changes: float) -> tuple[Tie, ...]:
    return tuple(replace(tie, **changes) if tie.follower == pair else tie for tie in _TIES)  # type: ignore[arg-type]


SCENARIOS: Final = {
    "default": Scenario("correlated coins; some pairs tied, one that breaks and heals, the rest not", _TIES),
    "tradable": Scenario(
        "ETHUSDT~BTCUSDT returns reliably in a lively market, and swings every 15 minutes from the start on",
        _with("ETHUSDT", half_life_s=1_200.0, sd=0.0030),
        swings=(Swing("ETHUSDT", every_s=900.0, level=2.7),),
        volatility=2.0,  # the legs must still move together while the spread swings
    ),
    "stretched": Scenario(
        "ETHUSDT~BTCUSDT is tied and swings every 8 minutes, but too little to pay the fees",
        _with("ETHUSDT", half_life_s=900.0, sd=0.0007),
        swings=(Swing("ETHUSDT"),),
    ),
    "trap": Scenario(
        "ETHUSDT has run away from BTCUSDT and nothing ties them: a deviation without a relationship",
        tuple(tie for tie in _TIES if tie.follower != "ETHUSDT"),
        shifts=(Shift("ETHUSDT", -3_000.0, 3_600.0, 0.06),),
    ),
    "break": Scenario(
        "ETHUSDT~BTCUSDT was tied for days and wanders off from two minutes after the start",
        _TIES,
        shifts=(Shift("ETHUSDT", 120.0, 10_800.0, 0.08),),
    ),
    "quiet": Scenario(
        "everything tied stays near its mean in a calm market",
        _TIES,
        pins=tuple(Pin(tie.follower, -3_600.0, 86_400.0, 0.0) for tie in _TIES),
        volatility=0.4,
    ),
    "fast": Scenario(
        "ETHUSDT~BTCUSDT returns within seconds: a relation at the 1 s timeframe",
        _with("ETHUSDT", half_life_s=20.0, sd=0.0030),
    ),
    "young": Scenario("every contract was listed two hours before the start", _TIES, history_days=2 / 24),
    "old": Scenario("as default, every contract listed for more than a year", _TIES, history_days=400.0),
    "silent": Scenario("ETHUSDT is listed and trading, but not one record of it arrives", _TIES, silent=("ETHUSDT",)),
}


def scenario(name: str) -> Scenario:
    """A scenario by name; SettingsError where there is none."""
    if name not in SCENARIOS:
        raise SettingsError(f"--scenario must be one of {', '.join(SCENARIOS)}, was {name!r}")
    return SCENARIOS[name]
