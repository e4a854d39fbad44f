"""A walk-forward through the whole desk: fetched, stored, run, and the same as the pure function over those candles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.backtest import walk_forward
from analytics.params import Params
from analytics.trial import TrialAsk
from core.errors import PairsightError
from core.settings import Settings
from desk.desk import Desk
from simulator.limits import Limits
from simulator.market import MarketPlan
from simulator.running import SimulatedExchange
from tests.desk.test_desk import wait_until

PAIR = ("ETHUSDT", "BTCUSDT")
DAYS = 20
ASK = TrialAsk(*PAIR, Params(timeframe_s=300, fee_bps=1.0), DAYS, redraws=0)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with SimulatedExchange.making(MarketPlan(seed=3, rate=200.0), limits=Limits(weight_per_minute=100_000)) as exchange:
        yield Settings(
            ws_url=exchange.ws_url, rest_url=exchange.rest_url, db=tmp_path / "desk.db", symbols=("BTCUSDT", "ETHUSDT")
        )


def test_what_is_fetched_is_run_and_comes_to_what_the_pure_function_says(settings: Settings) -> None:
    desk = Desk(settings)
    desk.start()
    try:
        desk.fetch_history(PAIR, 300, DAYS)
        wait_until(lambda: desk.history_load(PAIR, 300, DAYS).ended, desk)
        load = desk.history_load(PAIR, 300, DAYS)
        assert (load.stage, load.problem) == ("done", "")
        desk.walk(ASK)
        wait_until(lambda: (now := desk.walked(ASK)) is not None and now.ended, desk)
        done = desk.walked(ASK)
        assert done is not None
        assert (done.stage, done.problem) == ("done", "")
        run = done.run
        assert run is not None
        assert run.report.have_bars == pytest.approx(DAYS * 288, abs=3)
        assert "settlements from the exchange" in done.funding_note
        assert len(run.frictions.funding_y.settle_ms) >= DAYS * 3
        opens = run.report.open_ms
        y, x = (desk.candles(s, 300, from_ms=int(opens[0]), to_ms=int(opens[-1]) + 1) for s in PAIR)
        again = walk_forward(y, x, ASK.params, run.frictions)
        assert again.trades == run.trades
        assert again.summary == run.summary
        # Another process that only looks on can run what is stored, and fetches nothing.
        other = Desk(settings)
        try:
            with pytest.raises(PairsightError, match="fetch there"):
                other.fetch_history(PAIR, 300, DAYS)
            other.walk(ASK)
            wait_until(lambda: (now := other.walked(ASK)) is not None and now.ended, other)
            assert "Assume a rate" in other.walked(ASK).problem  # type: ignore[union-attr]
        finally:
            other.close()
    finally:
        desk.close()
