"""The request budget of an address: weight in a clock minute, then 429, then a ban. No clock of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

LONGEST_BAN_S: Final = 3 * 86_400.0


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether a request may be answered. ``status`` 200, 429 or 418; ``used`` is the weight spent in this window."""

    status: int
    used: int
    retry_after_s: int = 0
    banned_until_ms: int = 0


@dataclass(slots=True)
class _Account:
    window: int = 0
    used: int = 0
    refusals: int = 0
    banned_until_s: float = 0.0
    next_ban_s: float = 0.0


@dataclass(slots=True)
class Budget:
    """Weights per address in windows of the UTC clock. A refused request counts, and so does a wrong one."""

    limit: int = 2_400
    window_s: int = 60
    refusals_before_ban: int = 20
    ban_s: float = 120.0
    _accounts: dict[str, _Account] = field(default_factory=dict)

    def spend(self, address: str, weight: int, now_s: float) -> Ruling:
        """Count a request.

        >>> budget = Budget(limit=10, refusals_before_ban=1)
        >>> [budget.spend("::1", 6, now_s=90.0) for _ in range(2)]
        [Ruling(status=200, used=6, ...), Ruling(status=429, used=12, retry_after_s=30, ...)]
        >>> budget.spend("::1", 6, now_s=90.0).status, budget.spend("::1", 6, now_s=211.0).status
        (418, 200)
        """
        account = self._accounts.setdefault(address, _Account(next_ban_s=self.ban_s))
        if now_s < account.banned_until_s:
            return self._banned(account, now_s)
        window = int(now_s // self.window_s)
        if window != account.window:
            account.window, account.used, account.refusals = window, 0, 0
        account.used += weight
        if account.used <= self.limit:
            return Ruling(200, account.used)
        account.refusals += 1
        if account.refusals > self.refusals_before_ban:
            account.banned_until_s = now_s + account.next_ban_s
            account.next_ban_s = min(2 * account.next_ban_s, LONGEST_BAN_S)
            return self._banned(account, now_s)
        return Ruling(429, account.used, math.ceil((window + 1) * self.window_s - now_s))

    @staticmethod
    def _banned(account: _Account, now_s: float) -> Ruling:
        until = account.banned_until_s
        return Ruling(418, account.used, math.ceil(until - now_s), int(until * 1000))
