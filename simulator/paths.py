"""Fair prices of the seeded market, second by second: common factor, own walks, ties. A function of seed and time.

Time is cut into UTC hours. The values at the hours are drawn in one go from the epoch on; the seconds of an hour are a
bridge between them, made when asked for. So any hour can be had at once, and it is the same whoever asks and when.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import numpy as np

from core.types import Floats
from simulator.scenarios import Scenario, Swing, Tie
from simulator.universe import Listing
from simulator.walks import ar1, brownian_bridge, ou_bridge, rng_for

EPOCH_HOUR: Final = 482_136  # 2025-01-01T00:00Z, in hours since 1970
AHEAD_HOURS: Final = 400 * 24  # how long after its start a market can run
HOUR_S: Final = 3600
FACTOR_DAILY_VOL: Final = 0.025
PULL_HOURS: Final = 60 * 24  # half-life of walks towards their base: keeps prices in a sane range over years
JUMP_SHARE: Final = 0.002  # of seconds and hours that move several times as far: fat tails
JUMP_SIZE: Final = 6.0
WANDER: Final = 1.5  # an untied spread moves this many sd an hour
KEPT_PATHS: Final = 96


def fat(rng: np.random.Generator, n: int, jump_rng: np.random.Generator | None = None) -> Floats:
    """Standardised shocks with fat tails, (n,): normal, a few of them several times as large.

    With a generator for each draw, a longer call begins with what a shorter one gave.
    """
    shocks = rng.standard_normal(n, dtype=np.float32).astype(np.float64)
    jumps = (jump_rng or rng).random(n, dtype=np.float32) < JUMP_SHARE
    shocks[jumps] *= JUMP_SIZE
    return shocks / float(np.sqrt(1 + JUMP_SHARE * (JUMP_SIZE**2 - 1)))


def swung(t: Floats, swing: Swing) -> tuple[Floats, Floats]:
    """Where a swing draws the spread at seconds ``t`` after the start, in standard deviations, and how strongly.

    >>> target, pull = swung(np.array([-600.0, 12.0, 192.0, 672.0]), Swing("ETHUSDT", every_s=480.0, level=2.0))
    >>> target, pull
    (array([ 0.,  0.,  2., -2.]), array([0. , 0.9, 0.9, 0.9]))
    """
    turn, phase = np.divmod(t / swing.every_s, 1.0)
    away = np.clip(np.minimum((phase - 0.05) / 0.1, (0.7 - phase) / 0.2), 0.0, 1.0)
    side = np.where(turn % 2 == 0, 1.0, -1.0)
    begun = np.clip(1 + t / 300.0, 0.0, 1.0)
    return np.where(t >= 0, swing.level * side * away, 0.0), swing.strength * begun


class Walk:
    """The factor or a symbol's own part: values at the hours, bridges within. Its volatility clusters."""

    def __init__(self, seed: int, name: str, daily_vol: float, hours: int) -> None:
        self._seed, self._name = seed, name
        rng = rng_for(seed, "walk", name)
        phi = 2 ** (-1 / 12)
        clustering = ar1(phi, 0.35 * float(np.sqrt(1 - phi**2)) * rng.standard_normal(hours))
        of_day = 0.3 * np.sin(2 * np.pi * (np.arange(hours) % 24 - 8) / 24)
        self.liveliness = np.exp(clustering + of_day - 0.06)  # mean about 1
        self._second_vol = daily_vol / float(np.sqrt(86_400)) * self.liveliness
        shocks = fat(rng_for(seed, "walk-steps", name), hours, rng_for(seed, "walk-jumps", name))
        steps = shocks * self._second_vol * float(np.sqrt(HOUR_S))
        self._at = np.concatenate([[0.0], ar1(2 ** (-1 / PULL_HOURS), steps)])

    def pace(self, hour: int) -> Floats:
        """How lively each minute of an hour is, (60,), mean about 1."""
        rng = rng_for(self._seed, "pace", self._name, hour)
        phi = 2 ** (-1 / 8)
        return np.exp(ar1(phi, 0.4 * float(np.sqrt(1 - phi**2)) * rng.standard_normal(60)) - 0.08)

    def seconds(self, hour: int) -> Floats:
        """Values at the seconds of an hour, (3600,), log units."""
        rng = rng_for(self._seed, "seconds", self._name, hour)
        steps = fat(rng, HOUR_S) * np.repeat(self.pace(hour), 60) * self._second_vol[hour]
        return brownian_bridge(float(self._at[hour]), float(self._at[hour + 1]), steps)


class Spread:
    """The log spread of a tie: mean-reverting, or wandering while it is broken."""

    def __init__(self, seed: int, tie: Tie, hours: int) -> None:
        self._seed, self._tie = seed, tie
        self._rho = 2 ** (-1 / tie.half_life_s)
        phi = self._rho**HOUR_S
        noise = tie.sd * rng_for(seed, "spread", tie.follower).standard_normal(hours + 1)
        fresh = float(np.sqrt(1 - phi**2))
        at = ar1(phi, noise * np.where(np.arange(hours + 1) == 0, 1.0, fresh))
        if tie.broken_every_h:
            for h in range(1, hours + 1):  # what a broken hour adds stays until the tie is back
                at[h] = at[h - 1] + WANDER * noise[h] if self.broken(h - 1) else at[h - 1] * phi + noise[h] * fresh
        self._at = at

    def broken(self, hour: int) -> bool:
        """Whether the tie does not hold in an hour, counted from the epoch."""
        every, lasting = self._tie.broken_every_h, self._tie.broken_for_h
        return bool(every) and hour % every >= every - lasting

    def seconds(self, hour: int) -> Floats:
        """Values at the seconds of an hour, (3600,), log units."""
        rng = rng_for(self._seed, "spread-seconds", self._tie.follower, hour)
        shocks = rng.standard_normal(HOUR_S, dtype=np.float32).astype(np.float64)
        start, end = float(self._at[hour]), float(self._at[hour + 1])
        if self.broken(hour):
            return brownian_bridge(start, end, shocks * self._tie.sd * WANDER / float(np.sqrt(HOUR_S)))
        return ou_bridge(start, end, self._rho, shocks * self._tie.sd * float(np.sqrt(1 - self._rho**2)))


class Paths:
    """Log prices of every symbol at every second. Hours are counted from the epoch; not thread-safe."""

    def __init__(self, listings: Sequence[Listing], scenario: Scenario, seed: int, start_s: int) -> None:
        hours = max(1, start_s // HOUR_S - EPOCH_HOUR) + AHEAD_HOURS
        self._scenario, self._start_s = scenario, start_s
        self._listings = {entry.instrument.symbol: entry for entry in listings}
        self._ties = {tie.follower: tie for tie in scenario.ties if tie.leader in self._listings}
        self._factor = Walk(seed, "factor", FACTOR_DAILY_VOL * scenario.volatility, hours)
        self._walks = {
            symbol: Walk(seed, symbol, entry.daily_vol * scenario.volatility, hours)
            for symbol, entry in self._listings.items()
        }
        self._spreads = {f: Spread(seed, tie, hours) for f, tie in self._ties.items() if f in self._listings}
        self._kept: OrderedDict[tuple[str, int], Floats] = OrderedDict()

    def liveliness(self, symbol: str) -> Floats:
        """How busy each hour since the epoch is, mean about 1."""
        liveliness: Floats = np.sqrt(self._factor.liveliness * self._walks[symbol].liveliness)
        return liveliness

    def pace(self, symbol: str, hour: int) -> Floats:
        """How busy each minute of an hour is, (60,)."""
        return self._walks[symbol].pace(hour)

    def log_price(self, symbol: str, hour: int) -> Floats:
        """Natural log of the fair price at the seconds of an hour, (3600,). Not to be written to."""
        entry = self._listings[symbol]
        return float(np.log(entry.price)) + self._relative(symbol, hour)

    def _relative(self, symbol: str, hour: int) -> Floats:
        key = (symbol, hour)
        path = self._kept.get(key)
        if path is None:
            path = self._shifted(symbol, hour, self._make(symbol, hour))
            self._kept[key] = path
            if len(self._kept) > KEPT_PATHS:
                self._kept.popitem(last=False)
        return path

    def _make(self, symbol: str, hour: int) -> Floats:
        tie = self._ties.get(symbol)
        if tie is None:
            return self._listings[symbol].market_beta * self._factor_seconds(hour) + self._walks[symbol].seconds(hour)
        spread = self._spreads[symbol].seconds(hour)
        for pin in self._scenario.pins:
            if pin.follower == symbol:
                t = self._since_start(hour)
                rise = np.clip((t - pin.from_s + pin.ramp_s) / pin.ramp_s, 0, 1)
                pull = pin.strength * np.minimum(rise, np.clip((pin.to_s + pin.ramp_s - t) / pin.ramp_s, 0, 1))
                spread = spread + pull * (pin.level * tie.sd - spread)
        for swing in self._scenario.swings:
            if swing.follower == symbol:
                target, pull = swung(self._since_start(hour), swing)
                spread = spread + pull * (target * tie.sd - spread)
        return tie.slope * self._relative(tie.leader, hour) + spread

    def _factor_seconds(self, hour: int) -> Floats:
        key = ("", hour)
        if key not in self._kept:
            self._kept[key] = self._factor.seconds(hour)
        return self._kept[key]

    def _shifted(self, symbol: str, hour: int, path: Floats) -> Floats:
        for shift in self._scenario.shifts:
            if shift.symbol == symbol:
                since = self._since_start(hour) - shift.at_s
                path = path + shift.height * np.clip(since / shift.rise_s, 0, 1)
        return path

    def _since_start(self, hour: int) -> Floats:
        return (EPOCH_HOUR + hour) * HOUR_S - self._start_s + np.arange(HOUR_S, dtype=np.float64)
