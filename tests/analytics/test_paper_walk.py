"""The trades on paper of a journal are those of the walk-forward engine over the same candles, to the cent."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest

from analytics.backtest import Frictions, walk_forward
from analytics.costs import CostSplit, round_trip
from analytics.decision import Freshness, decide
from analytics.fills import Execution
from analytics.funding import FundingRates
from analytics.journal import row_of
from analytics.look import Look
from analytics.paper import Book, scored
from analytics.paper_account import account, funded
from analytics.params import Params, Preset
from analytics.record import Record, advance, record_of
from analytics.report import analyse
from analytics.ticket import deciding_z, legs_of
from core.journal import JournalRow
from core.paper import PaperTrade, Settlement
from core.types import Candles, Floats, Ints
from tests.analytics.test_backtest import MINUTES, changing_rates, related_legs

HALF = 0.5


def journal_of(y: Candles, x: Candles, params: Params, costs: Frictions) -> list[JournalRow]:
    """What the desk would have journalled, candle by candle, each look from the candles up to it."""
    opens = np.intersect1d(y.open_ms, x.open_ms)
    record: Record | None = None
    rows = []
    for open_ms in opens[params.need_bars - 1 :].tolist():
        upto = (leg.take(leg.open_ms <= open_ms) for leg in (y, x))
        cut = [leg.take(slice(-(params.need_bars + 20), None)) for leg in upto]
        report = analyse(cut[0], cut[1], params)
        record = record_of(report) if record is None else advance(record, report)
        summary, now_ms, legs = record.summary(), open_ms + report.step_ms, legs_of(report, deciding_z(report))
        told: CostSplit | None = None
        if legs is not None:
            told = round_trip(
                legs, fee_y_bps=params.fee_bps, fee_x_bps=params.fee_bps, half_y_bps=HALF, half_x_bps=HALF,
                funding_y=costs.funding_y.known_at(now_ms), funding_x=costs.funding_x.known_at(now_ms),
                now_ms=now_ms, hold_s=summary.mean_hold_s,
            )  # fmt: skip
        fresh = Freshness.as_of(report.newest_y_ms, report.newest_x_ms, timeframe_s=params.timeframe_s)
        rows.append(row_of(Look(report, decide(report, freshness=fresh, costs=told, record=summary), told, summary)))
    return rows


def paper_trades(rows: list[JournalRow], params: Params, settled: dict[str, dict[int, Settlement]]) -> list[PaperTrade]:
    """Every TRADABLE look's trade that was closed."""
    book = Book()
    found: dict[object, PaperTrade] = {}
    for row in rows:
        book, changed = scored(book, row, params, hours=(1, 1))
        found.update((t.key, t) for t in changed)
    return [funded(t, settled, 0) for t in found.values() if t.said and t.state == "closed"]


def settlements(symbol: str, rates: FundingRates, open_ms: Ints, close: Floats) -> dict[int, Settlement]:
    """As the engine has them: the close of the newest candle that had ended stands for the mark price."""
    ends = open_ms + MINUTES
    return {
        ms: Settlement(symbol, ms, rate, float(close[np.searchsorted(ends, ms, side="right") - 1]))
        for ms, rate in zip(rates.settle_ms.tolist(), rates.rate.tolist(), strict=True)
        if ms >= ends[0]
    }


STOPS = {"entry_z": 1.5, "stop_z": 2.0, "exit_z": 0.3}


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    ("preset", "changes", "bars"),
    [("evidence", {}, 1_500), ("evidence", STOPS, 1_000), ("classic", {}, 500)],
    ids=["evidence", "evidence that stops", "classic"],
)
def test_a_stored_journal_gives_the_walk_forward_engines_trades(
    preset: Preset, changes: dict[str, float], bars: int, times: int
) -> None:
    bars *= times
    y, x = related_legs(3, bars)
    costs = Frictions(HALF, HALF, changing_rates(1, bars), changing_rates(2, bars))
    params = Params(fit_bars=60, z_bars=20, preset=preset, fee_bps=1.0, **changes)  # type: ignore[arg-type]
    run = walk_forward(y, x, params, costs, execution=Execution("close"))
    engine = [t for t in run.trades if t.reason != "end"]
    settled = {
        "YUSDT": settlements("YUSDT", costs.funding_y, run.report.open_ms, run.report.y),
        "XUSDT": settlements("XUSDT", costs.funding_x, run.report.open_ms, run.report.x),
    }
    ours = paper_trades(journal_of(y, x, params, costs), params, settled)
    assert len(engine) >= 8
    assert len({t.reason for t in engine}) >= (2 if preset == "evidence" and changes else 1)
    assert [(t.look_ms, t.exit_look_ms, t.side, t.reason) for t in ours] == [
        (t.look_ms, t.exit_look_ms, t.side, t.reason) for t in engine
    ]
    for mine, theirs in zip(ours, engine, strict=True):
        money = account(mine)
        assert money is not None
        assert [mine.in_ms, mine.out_ms] == [theirs.y.entry.ms, theirs.y.exit.ms]
        assert [money.gross, money.fees, money.half_spreads, money.funding] == pytest.approx(
            [theirs.gross, theirs.fees, theirs.half_spreads, theirs.funding], rel=1e-9, abs=1e-9
        )
        assert money.net == pytest.approx(theirs.net, abs=1e-8)
        assert mine.shown_bps == pytest.approx(theirs.shown_bps)
        for ours_bps, engines_bps in ((mine.promised_bps, theirs.promised_bps), (mine.middle_bps, theirs.middle_bps)):
            assert ours_bps == pytest.approx(nan if engines_bps is None else engines_bps, nan_ok=True)
    assert any(t.promised_bps is not None for t in engine)
    assert any(money.funding for t in ours if (money := account(t)) is not None)


@pytest.mark.parametrize(("preset", "changes", "bars"), [("evidence", STOPS, 1_000), ("classic", {}, 500)])
def test_neither_fills_an_entry_whose_next_candle_comes_late(
    preset: Preset, changes: dict[str, float], bars: int
) -> None:
    y, x = related_legs(3, bars)
    costs = Frictions(HALF, HALF, changing_rates(1, bars), changing_rates(2, bars))
    params = Params(fit_bars=60, z_bars=20, preset=preset, fee_bps=1.0, **changes)  # type: ignore[arg-type]
    whole = walk_forward(y, x, params, costs, execution=Execution("close"))
    silent = {t.look_ms + i * MINUTES for t in whole.trades[1:8:3] for i in range(1, 4)}  # nobody traded for 3 minutes
    y, x = (leg.take(~np.isin(leg.open_ms, list(silent))) for leg in (y, x))
    run = walk_forward(y, x, params, costs, execution=Execution("close"))
    ours = paper_trades(journal_of(y, x, params, costs), params, {})
    assert {t.look_ms for t in whole.trades} - {t.look_ms for t in run.trades}
    assert [(t.look_ms, t.exit_look_ms, t.reason) for t in ours if not t.dropped] == [
        (t.look_ms, t.exit_look_ms, t.reason) for t in run.trades if t.reason != "end"
    ]
    assert run.unfilled == sum(t.dropped for t in ours) > 0
    assert whole.unfilled == 0


def test_whatever_is_refused_is_no_trade_of_the_engine() -> None:
    y, x = related_legs(3, 700)
    params = Params(fit_bars=60, z_bars=20, fee_bps=1.0)
    rows = journal_of(y, x, params, Frictions(HALF, HALF, changing_rates(1, 700), changing_rates(2, 700)))
    book = Book()
    refused: dict[int, PaperTrade] = {}
    for row in rows:
        book, changed = scored(book, row, params)
        refused.update((t.look_ms, t) for t in changed if not t.said)
    said = {row.candle_ms for row in rows if row.verdict == "TRADABLE"}
    assert refused
    assert not refused.keys() & said
    assert {t.failed for t in refused.values()} <= {"record", "related", "corr", "clean", "hedgeable"}
