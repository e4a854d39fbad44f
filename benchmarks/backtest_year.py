"""A year of 1-minute candles by the way a user takes: REST within the budget, the store, the run, memory and time.

    python -m benchmarks.backtest_year [--days 365] [--timeframe 60] [--rest URL] [--db FILE] [--redraws 0]

Without ``--rest`` a local simulator is started and asked: then the prices are made up, and what is measured is the path
and its cost, not the rule. With ``--rest https://fapi.binance.com`` the same is done with real candles. What is in
``--db`` already is not fetched again.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from analytics.params import Params
from analytics.trial import Trial, TrialAsk
from benchmarks.backtest import PRESETS, figures, peak_mib
from benchmarks.machine import goal, heading, table
from core.errors import PairsightError
from core.types import Ints
from desk.local_exchange import LocalExchange
from desk.trials import steps, stored
from desk.year import Year
from ingestion.rest import Rest
from storage.sqlite import TradeStore

POLL_S = 0.2
HEAD = ["preset", "days", "trades", "gross bps", "cost bps", "net bps", "95 %", "promised", "hits", "exposure",
        "Sharpe ± se", "drawdown bps", "s"]  # fmt: skip
MIB_ALLOWED = 1024.0


def main() -> None:
    """Fetch, run, print."""
    args = argparse.ArgumentParser(prog="python -m benchmarks.backtest_year", description=__doc__.splitlines()[0])
    args.add_argument("--days", type=int, default=365)
    args.add_argument("--timeframe", type=int, default=60, help="seconds a candle")
    args.add_argument("--pair", default="ETHUSDT/BTCUSDT")
    args.add_argument("--rest", default="", help="base of the exchange's REST; a local simulator without it")
    args.add_argument("--scenario", default="old", help="of the simulator; 'old' has more than a year")
    args.add_argument("--db", type=Path, help="kept there; a file of its own without it")
    args.add_argument("--redraws", type=int, default=0)
    chosen = args.parse_args()
    print(heading("A year by the way a user takes", "numpy", "pandas"))
    y, x = chosen.pair.split("/")
    ask = TrialAsk(y, x, Params(timeframe_s=chosen.timeframe), chosen.days, redraws=chosen.redraws)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        db = chosen.db or Path(folder) / "year.db"
        if chosen.rest:
            measured(ask, chosen.rest, db)
            return
        exchange = LocalExchange(["--scenario", chosen.scenario])
        exchange.start()
        print(f"a local simulator's made-up prices, scenario {chosen.scenario}\n")
        try:
            measured(ask, exchange.rest_url, db)
        finally:
            exchange.stop()


def measured(ask: TrialAsk, rest_url: str, db: Path) -> None:
    """Fetch what is missing into the database, then run both presets over what is there."""
    rest, store = Rest(rest_url), TradeStore(db)
    try:
        fetched(ask, rest, store)
        lines = [ran(ask, preset, rest, store) for preset in PRESETS]
    finally:
        rest.close()
        store.close()
    print(table(HEAD, lines), "\n")
    print(f"at most {MIB_ALLOWED:,.0f} MiB at the peak: {peak_mib():,.0f} MiB, {goal(peak_mib() <= MIB_ALLOWED)}")


def fetched(ask: TrialAsk, rest: Rest, store: TradeStore) -> None:
    """Fetch, saying how far it is."""
    year = Year(rest, store, closed_ms=rest.clock_ms, on_change=lambda symbol, timeframe_s: None)
    plan = ((ask.symbol_y, ask.symbol_x), ask.params.timeframe_s, ask.days)
    began = time.perf_counter()
    year.fetch(*plan)
    said = 0.0
    while not (load := year.load(*plan)).ended:
        time.sleep(POLL_S)
        if load.share >= said + 0.1:
            said = load.share
            left = "–" if load.left_s is None else f"{load.left_s:.0f} s"
            print(f"… {load.share:.0%}, {left} left", flush=True)
    year.stop()
    if load.stage != "done":
        raise SystemExit(f"The fetch ended as {load.stage}: {load.problem}")
    print(f"\n{load.missing:,} candles fetched in {time.perf_counter() - began:.0f} s, budget and all;", end=" ")
    print(f"the file has {store.status().size_bytes / 1e6:.0f} MB\n")


def ran(ask: TrialAsk, preset: str, rest: Rest, store: TradeStore) -> list[str]:
    """Run one preset; its line."""
    asked = TrialAsk(
        ask.symbol_y, ask.symbol_x, Params(timeframe_s=ask.params.timeframe_s, preset=preset), ask.days,  # type: ignore[arg-type]
        redraws=ask.redraws,
    )  # fmt: skip
    began = time.perf_counter()

    def no_holes(symbol: str, timeframe_s: int, from_ms: int) -> Ints:
        return store.candles(symbol, timeframe_s, limit=0).open_ms

    last = Trial(asked)
    try:
        for last in steps(
            asked, rest.clock_ms(), lambda a, from_ms: stored(store, no_holes, a, from_ms), rest.funding_settled
        ):
            if last.run is not None and not asked.redraws:
                break
    except PairsightError as error:
        raise SystemExit(str(error)) from error
    if last.run is None:
        raise SystemExit(last.problem)
    said = last.banner
    print(f"{preset}: {last.run.report.have_bars:,} candles of both. {last.funding_note}")
    if said is not None:
        print(f"  {said.headline} {said.text}\n")
    return [preset, *figures(last.run), f"{time.perf_counter() - began:.1f}"]


if __name__ == "__main__":
    main()
