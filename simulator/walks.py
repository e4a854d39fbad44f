"""Random paths that can be entered anywhere: bridges between known ends, each from its own seed. Pure."""

from __future__ import annotations

import zlib

import numpy as np

from core.types import Floats


def rng_for(seed: int, *keys: str | int) -> np.random.Generator:
    """A generator that depends on the seed and the keys alone, whoever asks, and in whatever order."""
    words = [zlib.crc32(key.encode()) if isinstance(key, str) else key for key in keys]
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, *words])))


def ar1(phi: float, noise: Floats, first: float = 0.0) -> Floats:
    """``x[0] = first + noise[0]``, then ``x[k] = phi x[k−1] + noise[k]``, (n,), by cumulative sums in safe blocks.

    >>> ar1(0.5, np.array([0.0, 1.0, 0.0, 0.0]), first=8.0)
    array([8.  , 5.  , 2.5 , 1.25])
    """
    if phi < 1e-6:
        out = noise.copy()
        out[:1] += first
        return out
    block = max(1, int(600 / max(-np.log2(phi), 1e-9)))
    out = np.empty(len(noise))
    before = first / phi
    for at in range(0, len(noise), block):
        e = noise[at : at + block]
        decay = phi ** np.arange(1, len(e) + 1)
        out[at : at + block] = decay * (before + np.cumsum(e / decay))
        before = out[min(at + block, len(noise)) - 1]
    return out


def brownian_bridge(start: float, end: float, steps: Floats) -> Floats:
    """A walk by the given steps, (n,), bent so that it leaves ``start`` and would reach ``end`` after the last step.

    Value k is where the walk stands before step k. Where the steps are larger it is bent more.
    """
    n = len(steps)
    walked = np.empty(n + 1)
    walked[0] = 0.0
    np.cumsum(steps, out=walked[1:])
    pace = np.empty(n + 1)
    pace[0] = 0.0
    np.cumsum(np.abs(steps), out=pace[1:])
    pace /= max(pace[-1], 1e-300)
    walked += start + (end - start - walked[-1]) * pace
    return walked[:-1]


def ou_bridge(start: float, end: float, rho: float, steps: Floats) -> Floats:
    """A mean-reverting walk, ``x[k+1] = rho x[k] + steps[k]``, bent so that it would reach ``end``; (n,).

    The bend is the exact one of an Ornstein-Uhlenbeck bridge. ``rho**n`` must not underflow.
    """
    n = len(steps)
    free = np.empty(n + 1)
    free[0] = start
    decay = rho ** np.arange(1, n + 1)
    free[1:] = decay * (start + np.cumsum(steps / decay))
    k = np.arange(n + 1)
    free += (end - free[-1]) * rho ** (n - k) * -np.expm1(2 * k * np.log(rho)) / -np.expm1(2 * n * np.log(rho))
    return free[:-1]
