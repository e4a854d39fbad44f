"""The backtest trades what the desk would have said, with nothing after the candle in the world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics import backtest
from analytics.backtest import Frictions, walk_forward
from analytics.costs import round_trip
from analytics.decision import Freshness, Verdict, decide
from analytics.excursions import entries
from analytics.fills import Execution, FillAt
from analytics.funding import FundingRates
from analytics.params import Params, Preset
from analytics.record import record_of
from analytics.report import PairReport, analyse
from analytics.ticket import deciding_z, legs_of
from analytics.verdict_rows import RowCosts, VerdictRows, verdict_rows
from core.clock import HOUR_MS
from core.types import Candles, Floats
from tests.analytics.pairs import FEES_ONLY, START_MS, candles, reverting, unrelated, walk
from tests.analytics.paper_account import replay

MINUTES = 60_000


def traded_candles(rng: np.random.Generator, symbol: str, close: Floats, gap_sd: float = 2e-4) -> Candles:
    """Candles whose open is near the close before."""
    opened = np.concatenate((close[:1], close[:-1])) * np.exp(rng.normal(0.0, gap_sd, len(close)))
    return replace(candles(symbol, close), open=opened)


def related_legs(seed: int, n: int) -> tuple[Candles, Candles]:
    """A pair that comes back within a few candles, a few candles missing in each leg."""
    rng = np.random.default_rng(seed)
    log_x = walk(rng, n, sd=4e-3)
    y = np.exp(0.8 * log_x + reverting(rng, n, 2.0, 2e-3))
    legs = traded_candles(rng, "YUSDT", y), traded_candles(rng, "XUSDT", np.exp(log_x))
    return legs[0].take(rng.random(n) > 0.01), legs[1].take(rng.random(n) > 0.01)


def changing_rates(seed: int, n: int) -> FundingRates:
    """Settled every hour, so that many positions are held through one."""
    rng = np.random.default_rng(seed)
    settle_ms = np.arange(START_MS // HOUR_MS, (START_MS + n * MINUTES) // HOUR_MS + 1) * HOUR_MS
    return FundingRates(settle_ms, rng.normal(0, 1e-4, len(settle_ms)), interval_h=1.0)


def frictions(n: int) -> Frictions:
    return Frictions(0.3, 0.7, changing_rates(1, n), changing_rates(2, n))


def small(preset: Preset = "evidence", **changes: object) -> Params:
    base = Params(fit_bars=60, z_bars=20, preset=preset, fee_bps=1.0)
    return replace(base, **changes)  # type: ignore[arg-type]


def until(leg: Candles, end_ms: int) -> Candles:
    return leg.take(leg.open_ms <= end_ms)


# ---- what was said


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("evidence", {}),
        ("evidence", {"method": "tls"}),
        ("evidence", {"exit_z": 0.5, "entry_z": 1.5}),
        ("classic", {}),
        ("classic", {"price_units": True}),
    ],
)
def test_each_look_says_what_decide_says_on_the_cut_candles(preset: Preset, changes: dict[str, object]) -> None:
    n = 3000
    y, x = related_legs(3, n)
    params, costs = small(preset, **changes), frictions(n)
    run = walk_forward(y, x, params, costs)
    opens = run.report.open_ms
    rng = np.random.default_rng(0)
    chosen = set(rng.integers(0, run.report.have_bars, 60).tolist())
    for verdict in (Verdict.TRADABLE, Verdict.WAIT, Verdict.TRAP):
        chosen |= set(rng.permutation(np.flatnonzero(run.verdicts.rows_of(verdict)))[:20].tolist())
    assert sum(run.verdicts.at(row) is Verdict.TRADABLE for row in chosen) >= 10
    for row in sorted(chosen):
        seen = analyse(until(y, opens[row]), until(x, opens[row]), params)
        assert seen.newest_ms == opens[row]
        record = record_of(seen).summary()
        legs, now_ms = legs_of(seen, deciding_z(seen)), int(opens[row]) + MINUTES
        told = None if legs is None else round_trip(
            legs, fee_y_bps=1.0, fee_x_bps=1.0, half_y_bps=0.3, half_x_bps=0.7,
            funding_y=costs.funding_y.known_at(now_ms), funding_x=costs.funding_x.known_at(now_ms),
            now_ms=now_ms, hold_s=record.mean_hold_s,
        )  # fmt: skip
        fresh = Freshness.as_of(seen.newest_y_ms, seen.newest_x_ms, timeframe_s=60)
        said = decide(seen, freshness=fresh, costs=told, record=record)
        assert run.verdicts.at(row) is said.verdict, (row, said.reason)


def test_the_cost_of_a_look_is_what_was_known_at_its_candles_end() -> None:
    n, steep = 4000, 40.0  # rates that decide: half of the looks are before one that costs more than is promised
    y, x = related_legs(3, n)
    known = changing_rates(1, n)
    rates = FundingRates(known.settle_ms, np.abs(known.rate) * steep, interval_h=1.0)
    costs = Frictions(0.0, 0.0, rates, FundingRates(rates.settle_ms, -rates.rate, interval_h=1.0))
    run = walk_forward(y, x, small(), costs)
    free = walk_forward(y, x, small(), FEES_ONLY)
    said, opens = [], run.report.open_ms
    for row in np.flatnonzero(free.verdicts.entry).tolist():
        seen = analyse(until(y, opens[row]), until(x, opens[row]), small())
        record = record_of(seen).summary()
        legs, now_ms = legs_of(seen, deciding_z(seen)), int(opens[row]) + MINUTES
        assert legs is not None
        told = round_trip(
            legs, fee_y_bps=1.0, fee_x_bps=1.0, half_y_bps=0.0, half_x_bps=0.0,
            funding_y=costs.funding_y.known_at(now_ms), funding_x=costs.funding_x.known_at(now_ms),
            now_ms=now_ms, hold_s=record.mean_hold_s,
        )  # fmt: skip
        fresh = Freshness.as_of(seen.newest_y_ms, timeframe_s=60)
        said.append(decide(seen, freshness=fresh, costs=told, record=record).verdict)
        assert run.verdicts.at(row) is said[-1], row
    assert Verdict.WAIT in said
    assert Verdict.TRADABLE in said


def test_history_before_the_test_feeds_the_record_and_is_not_traded() -> None:
    y, x = related_legs(4, 3000)
    from_ms = int(y.open_ms[1500])
    whole, late = (walk_forward(y, x, small(), frictions(3000), from_ms=ms) for ms in (None, from_ms))
    alone = walk_forward(y.take(y.open_ms >= from_ms), x.take(x.open_ms >= from_ms), small(), frictions(3000))
    assert late.report.open_ms[late.first_row] >= from_ms
    assert late.trades[0].look_ms >= from_ms
    assert (late.equity[: late.first_row] == 0).all()
    assert late.verdicts.record is not None
    assert late.verdicts.record.count[late.first_row] >= 20
    assert len(late.trades) > len(alone.trades)  # without history it waits for twenty excursions first
    assert [t for t in whole.trades if t.look_ms >= late.trades[0].look_ms] == list(late.trades)


def test_with_too_few_candles_every_row_warms_up_and_nothing_is_traded() -> None:
    y, x = related_legs(4, 60)
    run = walk_forward(y, x, small(), FEES_ONLY)
    assert run.verdicts.rows_of(Verdict.WARMING_UP).all()
    assert (run.trades, run.tested, run.summary.looks, run.summary.net_bps) == ((), 0, 0, None)
    nothing = Candles.empty("YUSDT", 60), Candles.empty("XUSDT", 60)
    assert walk_forward(*nothing, small(), FEES_ONLY).trades == ()


def test_a_rate_not_known_yet_leaves_the_cost_unknown_and_nothing_is_traded() -> None:
    n = 2500
    y, x = related_legs(3, n)
    known_from = START_MS + 2000 * MINUTES
    rates = FundingRates.flat(1e-5, known_from, START_MS + n * MINUTES, interval_h=1.0)
    run = walk_forward(y, x, small(), Frictions(0.0, 0.0, rates, FundingRates.none()))
    assert run.trades
    assert min(t.look_ms for t in run.trades) >= rates.settle_ms[0] - MINUTES


def test_classic_is_promised_its_stretch_less_the_funding_of_the_records_mean_hold() -> None:
    n = 2500
    y, x = related_legs(3, n)
    params, costs = small("classic"), frictions(n)
    run = walk_forward(y, x, params, costs)
    told, step_ms = [t for t in run.trades if t.promised_bps is not None], run.report.step_ms
    for trade in told[:: len(told) // 10]:
        seen = analyse(until(y, trade.look_ms), until(x, trade.look_ms), params)
        legs, now_ms = legs_of(seen, deciding_z(seen)), trade.look_ms + step_ms
        assert legs is not None
        cost = round_trip(
            legs, fee_y_bps=1.0, fee_x_bps=1.0, half_y_bps=0.3, half_x_bps=0.7,
            funding_y=costs.funding_y.known_at(now_ms), funding_x=costs.funding_x.known_at(now_ms),
            now_ms=now_ms, hold_s=record_of(seen).summary().mean_hold_s,
        )  # fmt: skip
        assert cost.missing == ()
        assert trade.promised_bps == pytest.approx(trade.shown_bps - cost.total_bps)
    # Before any excursion of its own is known nobody can say how long a position is held.
    assert {t.promised_bps is None for t in run.trades} == {True, False}
    assert run.trades[0].promised_bps is None
    free = walk_forward(y, x, params, FEES_ONLY)  # where nothing is ever settled no hold costs anything
    assert all(t.promised_bps == pytest.approx(t.shown_bps - 2.0) for t in free.trades)


def test_an_open_that_is_no_price_is_refused() -> None:
    y, x = related_legs(3, 300)
    opened = y.open.copy()
    opened[50] = 0.0
    with pytest.raises(ValueError, match="opens of YUSDT"):
        walk_forward(replace(y, open=opened), x, small(), FEES_ONLY)


@pytest.mark.parametrize("half", [-0.1, float("nan"), 2000.0])
def test_frictions_that_are_no_cost_are_refused(half: float) -> None:
    with pytest.raises(ValueError, match="half_x_bps"):
        Frictions(0.1, half, FundingRates.none(), FundingRates.none())


# ---- no look-ahead


def changed_by_cutting(y: Candles, x: Candles, params: Params, execution: Execution, end_ms: int) -> list[str]:
    """What of the past differs once everything after ``end_ms`` is gone. The law says: nothing."""
    costs = frictions(len(y))
    whole = walk_forward(y, x, params, costs, execution=execution)
    part = walk_forward(until(y, end_ms), until(x, end_ms), params, costs, execution=execution)
    n, differing = part.report.have_bars, []
    if n and not (part.verdicts.code == whole.verdicts.code[:n]).all():
        differing.append("verdicts")
    if n and not (part.verdicts.entry == whole.verdicts.entry[:n]).all():
        differing.append("entries")
    closed = [t for t in part.trades if t.reason != "end"]
    if closed != [t for t in whole.trades if t.reason != "end"][: len(closed)]:
        differing.append("trades")
    if n and not np.array_equal(part.equity[: n - 1], whole.equity[: n - 1]):
        differing.append("equity")
    # A position that was open at the cut was opened by the same look, at the same fills.
    still = [(t.look_ms, t.y.entry, t.x.entry) for t in part.trades[len(closed) :]]
    if still != [(t.look_ms, t.y.entry, t.x.entry) for t in whole.trades[len(closed) : len(part.trades)]]:
        differing.append("open position")
    return differing


@settings(max_examples=40)
@given(
    seed=st.integers(0, 1000),
    cut=st.integers(0, 799),
    preset=st.sampled_from(["evidence", "classic"]),
    fill=st.sampled_from(["worse", "worst", "open", "close"]),
    stop=st.booleans(),
)
def test_the_past_does_not_change_when_the_future_is_cut(
    seed: int, cut: int, preset: Preset, fill: FillAt, stop: bool
) -> None:
    y, x = related_legs(seed, 800)
    params = small(preset, fit_bars=30, z_bars=10)
    assert changed_by_cutting(y, x, params, Execution(fill, stop), START_MS + cut * MINUTES) == []


def early(report: PairReport, costs: RowCosts, **how: Any) -> VerdictRows:
    """Signals one candle before they could be known."""
    rows = verdict_rows(report, costs, **how)
    return replace(rows, entry=np.append(rows.entry[1:], False), z=np.append(rows.z[1:], rows.z[-1:]))


def hindsight(report: PairReport, costs: RowCosts, **how: Any) -> VerdictRows:
    """The common fault: each row judged by a fit that half lies in its future."""
    ahead, f = report.params.fit_bars // 2, report.log_fits
    alpha, beta, sd = (np.append(v[ahead:], np.full(min(ahead, len(v)), np.nan)) for v in (f.alpha, f.beta, f.resid_sd))
    z = (np.log(report.y) - alpha - beta * np.log(report.x)) / sd
    rows = verdict_rows(report, costs, **how)
    known = np.arange(len(z)) >= 0 if rows.record is None else ~np.isnan(rows.record.lower)
    return replace(rows, entry=entries(z, 2.0, 4.0, report.params.lookback) & known, z=z)


@pytest.mark.parametrize("preset", ["evidence", "classic"])
@pytest.mark.parametrize("leak", [early, hindsight])
def test_a_planted_leak_is_seen_by_the_property_above(
    preset: Preset, leak: Callable[..., VerdictRows], monkeypatch: pytest.MonkeyPatch
) -> None:
    y, x = related_legs(3, 2000)
    params = small(preset)
    monkeypatch.setattr(backtest, "verdict_rows", leak)
    leaking = walk_forward(y, x, params, frictions(2000))
    cuts = [t.look_ms for t in leaking.trades[3:8]]  # what it knew there, it could not know
    assert all("entries" in changed_by_cutting(y, x, params, Execution(), cut) for cut in cuts)
    monkeypatch.undo()
    assert not any(changed_by_cutting(y, x, params, Execution(), cut) for cut in cuts)


def test_hindsight_wins_on_pure_noise_and_the_rule_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    y, x = unrelated(rng, 20_000, corr=0.95)
    legs = traded_candles(rng, "YUSDT", y, 0.0), traded_candles(rng, "XUSDT", x, 0.0)

    def t_of_gross() -> float:
        run = walk_forward(*legs, small("classic"), FEES_ONLY, execution=Execution("close"))
        gross = np.array([t.gross_bps for t in run.trades])
        assert len(gross) > 100
        return float(gross.mean() / gross.std(ddof=1) * len(gross) ** 0.5)

    assert abs(t_of_gross()) < 3.0
    monkeypatch.setattr(backtest, "verdict_rows", hindsight)
    assert t_of_gross() > 5.0


# ---- arithmetic


@pytest.mark.parametrize("preset", ["evidence", "classic"])
@pytest.mark.parametrize("fill", ["worse", "worst", "open", "close"])
@pytest.mark.parametrize("stop_z", [None, 2.6])
def test_an_independent_engine_finds_the_same_trades_and_the_same_money(
    preset: Preset, fill: FillAt, stop_z: float | None
) -> None:
    n = 4000
    y, x = related_legs(11, n)
    params = small(preset, stop_z=stop_z or 4.0, fit_bars=60, exit_z=0.2)
    costs = frictions(n)
    run = walk_forward(y, x, params, costs, execution=Execution(fill, stop_z is not None))
    opens = run.report.open_ms
    both = {name: leg.take(np.isin(leg.open_ms, opens)) for name, leg in (("y", y), ("x", x))}

    def quantities(look: int) -> dict[str, float]:
        beta = float(run.report.beta[look])
        notional_y = params.notional / (1.0 + beta)
        side = 1.0 if run.verdicts.z[look] > 0 else -1.0
        return {
            "y": -side * notional_y / float(both["y"].close[look]),
            "x": side * notional_y * beta / float(both["x"].close[look]),
        }

    accounts, worth = replay(
        both, run.verdicts.entry.tolist(), run.verdicts.z, quantities, exit_z=params.exit_z, stop_z=stop_z,
        limit=params.fit_bars, fill=fill, cost_bps={"y": 1.3, "x": 1.7},
        funding={
            "y": dict(zip(costs.funding_y.settle_ms.tolist(), costs.funding_y.rate.tolist(), strict=True)),
            "x": dict(zip(costs.funding_x.settle_ms.tolist(), costs.funding_x.rate.tolist(), strict=True)),
        },
    )  # fmt: skip
    assert len(accounts) == len(run.trades) > 15
    assert {t.reason for t in run.trades} >= ({"zero", "stop"} if stop_z else {"zero"})
    for account, trade in zip(accounts, run.trades, strict=True):
        assert (opens[account.look], opens[account.exit_look]) == (trade.look_ms, trade.exit_look_ms)
        assert account.gross == pytest.approx(trade.gross, rel=1e-9, abs=1e-9)
        assert account.cash == pytest.approx(trade.net, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(run.equity, worth, rtol=0, atol=1e-9)
    assert run.equity[-1] == pytest.approx(run.summary.net, abs=1e-9)
