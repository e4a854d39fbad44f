"""A second engine: one candle after the other, an account per position, orders that wait for the next candle. Slow.

vectorbt would bring 45 packages along (numba, plotly, IPython), backtesting.py Bokeh, and the latter trades one
instrument in whole units; a pair is two, in fractions. So the second opinion is written here, and shares nothing with
``analytics`` but the entries, the z and the quantities it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from analytics.fills import FillAt
from core.types import Candles, Floats

LEGS = ("y", "x")


@dataclass
class Account:
    """One position: its cash, with every cost and without, and what it holds."""

    side: int
    look: int
    exit_look: int = -1
    cash: float = 0.0
    gross: float = 0.0
    held: dict[str, float] = field(default_factory=lambda: dict.fromkeys(LEGS, 0.0))

    def trade(self, leg: str, qty: float, price: float, cost_bps: float) -> None:
        self.gross -= qty * price
        self.cash -= qty * price + abs(qty) * price * cost_bps / 1e4
        self.held[leg] += qty

    def settle(self, leg: str, price: float, rate: float) -> None:
        self.cash -= self.held[leg] * price * rate

    def worth(self, mark: dict[str, float]) -> float:
        return self.cash + sum(self.held[leg] * mark[leg] for leg in LEGS)


@dataclass
class Order:
    """Waits for the next candle."""

    account: Account
    qty: dict[str, float]


def replay(
    candles: dict[str, Candles],
    entry: list[bool],
    z: Floats,
    quantities: Callable[[int], dict[str, float]],
    *,
    exit_z: float,
    stop_z: float | None,
    limit: int,
    fill: FillAt,
    cost_bps: dict[str, float],
    funding: dict[str, dict[int, float]],
) -> tuple[list[Account], list[float]]:
    """Step through aligned candles of both legs: the closed positions, and what all were worth at each candle's end."""
    open_ms, step_ms = candles["y"].open_ms.tolist(), candles["y"].timeframe_s * 1000
    n = len(open_ms)
    accounts: list[Account] = []
    current: Account | None = None
    orders: list[Order] = []
    worth: list[float] = []
    mark = dict.fromkeys(LEGS, 0.0)
    due = sorted({ms for leg in LEGS for ms in funding[leg]})

    def settle(upto_ms: int) -> None:
        while due and due[0] <= upto_ms:
            at = due.pop(0)
            for account in accounts:
                for leg in LEGS:
                    account.settle(leg, mark[leg], funding[leg].get(at, 0.0))

    for i in range(n):
        settle(open_ms[i])
        at_end: list[tuple[Account, str, float, float]] = []
        for order in orders:
            bill = {
                price: sum(order.qty[leg] * float(getattr(candles[leg], price)[i]) for leg in LEGS)
                for price in ("open", "close")
            }
            for leg in LEGS:
                opened, closed, qty = float(candles[leg].open[i]), float(candles[leg].close[i]), order.qty[leg]
                dearer_at_open = {
                    "open": True, "close": False, "worse": bill["open"] > bill["close"],
                    "worst": opened > closed if qty > 0 else opened < closed,
                }[fill]  # fmt: skip
                if dearer_at_open:
                    order.account.trade(leg, qty, opened, cost_bps[leg])
                else:
                    at_end.append((order.account, leg, qty, closed))
        orders = []
        settle(open_ms[i] + step_ms - 1)  # still at the marks of the candle before
        mark = {leg: float(candles[leg].close[i]) for leg in LEGS}
        settle(open_ms[i] + step_ms)
        for account, leg, qty, price in at_end:
            account.trade(leg, qty, price, cost_bps[leg])

        if current is not None:
            away = z[i] * current.side
            stopped = stop_z is not None and away >= stop_z
            if i == n - 1:
                current.exit_look = i
                for leg in LEGS:
                    current.trade(leg, -current.held[leg], mark[leg], cost_bps[leg])
                current = None
            elif away <= exit_z or stopped or i - current.look >= limit:
                current.exit_look = i
                held = dict(current.held) if any(current.held.values()) else quantities(current.look)
                orders.append(Order(current, {leg: -held[leg] for leg in LEGS}))
                current = None
        beyond = stop_z is not None and abs(z[i]) >= stop_z
        if current is None and entry[i] and i < n - 2 and not beyond:
            current = Account(1 if z[i] > 0 else -1, i)
            accounts.append(current)
            orders.append(Order(current, quantities(i)))
        worth.append(sum(account.worth(mark) for account in accounts))
    return accounts, worth
