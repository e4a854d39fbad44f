"""A run's trades and settings as tables: for the screen, for the file, for the sheet to keep. No Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa

from analytics.backtest import WalkForward
from analytics.round_trips import REASONS, RoundTrip
from analytics.sensitivity import Sensitivity
from ui import formats


@lru_cache(maxsize=1)  # of one run: its candles are held by whatever is kept here
def trades_table(run: WalkForward) -> pa.Table:
    """Every trade in full, oldest first. Money in quote currency; times are UTC."""
    step_ms = run.report.step_ms

    def column(of: str) -> list[float | None]:
        return [getattr(t, of) for t in run.trades]

    def moments(ms: Sequence[int]) -> pa.Array:
        return pa.array(ms, pa.timestamp("ms"))

    legs: dict[str, pa.Array] = {}
    for leg in ("y", "x"):
        trips = [getattr(t, leg) for t in run.trades]
        legs |= {
            f"qty_{leg}": pa.array([trip.qty for trip in trips], pa.float64()),
            f"in_{leg}": pa.array([trip.entry.price for trip in trips], pa.float64()),
            f"in_{leg}_utc": moments([trip.entry.ms for trip in trips]),
            f"out_{leg}": pa.array([trip.exit.price for trip in trips], pa.float64()),
            f"out_{leg}_utc": moments([trip.exit.ms for trip in trips]),
        }
    numbers = (
        "z", "exit_z", "alpha", "beta", "resid_sd", "hedge", "gross", "given_up", "fees", "half_spreads", "funding",
        "net", "net_bps", "shown_bps", "promised_bps", "middle_bps",
    )  # fmt: skip
    return pa.table(
        {
            "look_utc": moments([t.look_ms + step_ms for t in run.trades]),
            "exit_look_utc": moments([t.exit_look_ms + step_ms for t in run.trades]),
            "spread": pa.array(["sold" if t.side > 0 else "bought" for t in run.trades], pa.string()),
            "left": pa.array([REASONS[t.reason] for t in run.trades], pa.string()),
            **{name: pa.array(column(name), pa.float64()) for name in numbers},
            **legs,
        }
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One line of where the money went, or of a variant; cells as they are read."""

    name: str
    cells: tuple[str, ...]
    own: bool = False


MONEY_HEAD = ("Quote currency", "in all", "bps a trade")


def money(run: WalkForward) -> list[Line]:
    """From what the closes would have returned to what was left: quote currency, and bps a trade."""
    s = run.summary
    gross = s.gross + s.given_up

    def line(name: str, amount: float, own: bool = False) -> Line:
        each = amount / s.trades / run.report.params.notional * 1e4 if s.trades else None
        return Line(name, (formats.number(amount, 2, sign=True), formats.number(each, 2, sign=True)), own)

    return [
        line("Gross at the next closes, as the record has it", gross),
        line("Filled at the chosen moment instead", -s.given_up),
        line("Fees", -s.fees),
        line("Half price-spreads", -s.half_spreads),
        line("Funding", -s.funding),
        line("Net", s.net, own=True),
    ]


def settings(tried: Sensitivity) -> list[Line]:
    """Every setting in its fixed order, this run's own first: days, trades, net a trade, Sharpe."""
    lines = []
    for v in tried.variants:
        s = v.summary
        sharpe = (
            f"{formats.number(s.sharpe.annual, 1, sign=True)} ± {formats.number(s.sharpe.annual_se, 1)}"
            if s.sharpe
            else formats.UNKNOWN
        )
        cells = (
            formats.number(s.days, 1), formats.count(s.trades), formats.number(s.net_bps, 1, sign=True),
            formats.number(s.net, 2, sign=True), sharpe,
        )  # fmt: skip
        lines.append(Line(v.setting.changed or "this run", cells, own=not v.setting.changed))
    return lines


SETTINGS_HEAD = ("Setting", "days", "trades", "net a trade, bps", "won, quote", "Sharpe, a year")


def trade_cells(t: RoundTrip, step_ms: int) -> tuple[str, ...]:
    """A trade as the sheet lists it."""
    return (
        formats.stamp(t.look_ms + step_ms), formats.stamp(t.exit_look_ms + step_ms),
        "sold" if t.side > 0 else "bought", REASONS[t.reason], formats.z_score(t.z), formats.z_score(t.exit_z),
        formats.number(t.gross, 2, sign=True), formats.number(t.cost, 2), formats.number(t.net, 2, sign=True),
        formats.number(t.net_bps, 1, sign=True),
    )  # fmt: skip


TRADES_HEAD = ("Look, UTC", "left by the look of", "spread", "why left", "z", "z then", "gross", "cost", "net", "bps")
