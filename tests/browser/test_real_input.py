"""A real recording, replayed over a real socket into the running app: database and screen hold the truth."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from playwright.sync_api import Page
from statsmodels.tsa.stattools import adfuller

from core.types import TIMEFRAMES_S
from simulator.running import SimulatedExchange
from tests.browser.conftest import App, app_at, comes_true

pytestmark = [
    pytest.mark.browser,
    pytest.mark.recording,
]

RECORDING = "ticks_usdm_btcusdt_ethusdt_20240718T2357_20240719T0005.csv.gz"
WITH_ZEROS = "ticks_2025-12-15T08-50-11.076Z.ndjson.gz"
SPEED = 40
N, W = 120, 60
GRACE_MS = 500


@pytest.fixture
def replayed(request: pytest.FixtureRequest, shared_data: Path, tmp_path: Path) -> Iterator[App]:
    """The app, collecting the recording that the test names."""
    with (
        SimulatedExchange.replaying(shared_data / request.param, speed=SPEED) as exchange,
        app_at(exchange, tmp_path, PAIRSIGHT_SYMBOLS="BTCUSDT,ETHUSDT") as app,
    ):
        yield app


def table(app: App, sql: str) -> pd.DataFrame:
    """What the database says to anybody who asks while the app runs."""
    path = Path(app.env["PAIRSIGHT_DB"]).as_uri() + "?mode=ro"
    with closing(sqlite3.connect(path, uri=True)) as db:
        return pd.read_sql_query(sql, db)


def wait_for_trades(app: App, page: Page, count: int) -> set[str]:
    """Wait until so many trades are stored; returns the verdicts that stood on the screen meanwhile."""
    page.locator("[data-key=verdict]").wait_for()
    seen: set[str] = set()

    def all_there() -> bool:
        nonlocal seen
        seen |= {str(v) for v in page.locator("[data-key=verdict]").evaluate_all("a => a.map(e => e.dataset.value)")}
        return int(table(app, "SELECT count(*) AS n FROM trades").n[0]) >= count

    assert comes_true(page, all_there), app.log
    return seen


def resampled(trades: pd.DataFrame, timeframe_s: int) -> pd.DataFrame:
    """Candles by pandas alone: another way than the app's own."""
    ms = timeframe_s * 1000
    groups = trades.sort_values("trade_id").groupby(["symbol", trades.trade_time_ms // ms * ms])
    candles = groups.agg(
        open=("price", "first"), high=("price", "max"), low=("price", "min"), close=("price", "last"),
        volume=("quantity", "sum"), trade_count=("price", "size"),
    )  # fmt: skip
    return candles.rename_axis(["symbol", "open_ms"]).reset_index()


def shown(page: Page, key: str) -> float:
    """The number a tile shows, as the page carries it for whoever checks."""
    return float(page.locator(f"[data-key={key}]").first.get_attribute("data-value") or "nan")


@pytest.mark.parametrize("replayed", [RECORDING], indirect=True)
def test_the_recording_arrives_whole_and_the_screen_says_what_the_table_says(
    replayed: App, page: Page, shared_data: Path
) -> None:
    page.goto(f"{replayed.url}/?y=ETHUSDT&x=BTCUSDT&tf=1s&preset=Classic&n={N}&w={W}")
    recorded = pd.read_csv(shared_data / RECORDING)
    verdicts = wait_for_trades(replayed, page, len(recorded))
    assert len(recorded) == 24_356
    assert verdicts & {"NOT TRADABLE", "TRAP", "WAIT", "TRADABLE"}, verdicts
    assert page.locator("[data-key=source]").first.get_attribute("data-value") == "REPLAY"

    # Trades: exactly those, to the last digit.
    stored = table(
        replayed,
        "SELECT name AS symbol, trade_id, first_id, ts_ms, price, qty, buyer_is_maker FROM trades"
        " JOIN symbols ON symbols.id = symbol_id ORDER BY symbol, trade_id",
    )
    expected = recorded.sort_values(["symbol", "trade_id"]).reset_index(drop=True)
    for column, source in [
        ("symbol", "symbol"), ("trade_id", "trade_id"), ("first_id", "trade_id"), ("ts_ms", "trade_time_ms"),
        ("price", "price"), ("qty", "quantity"), ("buyer_is_maker", "buyer_is_maker"),
    ]:  # fmt: skip
        assert (stored[column] == expected[source]).all(), column
    assert table(replayed, "SELECT count(*) AS n FROM gaps").n[0] == 0

    # Candles: every field of every one, and none is missing between the first partial one and the last confirmed one.
    newest_event_ms = int(recorded.event_time_ms.max())
    first_ms = recorded.groupby("symbol").trade_time_ms.min()
    truths = {}
    for timeframe_s in TIMEFRAMES_S:
        truth = resampled(recorded, timeframe_s)
        truths[timeframe_s] = truth[truth.open_ms + timeframe_s * 1000 + GRACE_MS <= newest_event_ms]
    whole = sum((truth.symbol.map(first_ms) < truth.open_ms).sum() for truth in truths.values())
    count = "SELECT count(*) AS n FROM candles WHERE provenance = 'trades'"
    assert comes_true(page, lambda: bool(table(replayed, count).n[0] >= whole))
    candles = table(replayed, "SELECT * FROM candles JOIN symbols ON symbols.id = symbol_id")
    for timeframe_s, truth in truths.items():
        mine = candles[candles.timeframe_s == timeframe_s].sort_values(["name", "open_ms"]).reset_index(drop=True)
        began = truth.symbol.map(first_ms) < truth.open_ms
        # A partial first minute is the exchange's to tell, below that nobody can.
        wanted = truth[(began | truth.set_index(["symbol", "open_ms"]).index.isin(
            mine.set_index(["name", "open_ms"]).index[mine.provenance == "kline"]
        ))].reset_index(drop=True)  # fmt: skip
        assert list(zip(mine.name, mine.open_ms, strict=True)) == list(zip(wanted.symbol, wanted.open_ms, strict=True))
        for column in ("open", "high", "low", "close", "trade_count"):
            assert (mine[column] == wanted[column]).all(), (timeframe_s, column)
        np.testing.assert_allclose(mine.volume, wanted.volume, rtol=1e-12)

    # The numbers on screen, by hand with statsmodels from the table.
    ones = candles[candles.timeframe_s == 1]
    pair = ones.pivot(index="open_ms", columns="name", values="close").dropna().sort_index()
    y, x = np.log(pair.ETHUSDT.to_numpy()), np.log(pair.BTCUSDT.to_numpy())
    fit = sm.OLS(y[-N:], sm.add_constant(x[-N:])).fit()
    residuals = fit.resid
    tail = residuals[-W:]
    z = (residuals[-1] - tail.mean()) / tail.std(ddof=1)
    returns = np.diff(np.c_[y, x], axis=0)[-W:]
    page.wait_for_function(
        "z => Math.abs(Number(document.querySelector('[data-key=z]')?.dataset.value) - z) < 1e-6", arg=z
    )
    assert shown(page, "z") == pytest.approx(z, rel=1e-7)
    assert shown(page, "beta") == pytest.approx(fit.params[1], rel=1e-8)
    assert shown(page, "spread") == pytest.approx(residuals[-1], rel=1e-6)
    assert shown(page, "corr") == pytest.approx(np.corrcoef(returns.T)[0, 1], rel=1e-8)
    adf = adfuller(residuals, result_object=True)
    assert shown(page, "check_adf") == pytest.approx(adf.pvalue, rel=1e-6)

    # The live row: the newest trades against that fit.
    newest = recorded.sort_values("trade_id").groupby("symbol").price.last()
    live = np.log(newest.ETHUSDT) - fit.params[0] - fit.params[1] * np.log(newest.BTCUSDT)
    assert shown(page, "z_live") == pytest.approx((live - tail.mean()) / tail.std(ddof=1), rel=1e-6)


@pytest.mark.parametrize("replayed", [WITH_ZEROS], indirect=True)
def test_a_recording_with_records_that_are_no_trades_gives_no_zero_low(
    replayed: App, page: Page, shared_data: Path
) -> None:
    with gzip.open(shared_data / WITH_ZEROS, "rt", encoding="utf-8") as lines:
        sizes = [msgspec.json.decode(line)["size"] for line in lines]
    assert sizes.count(0) == 98
    page.goto(f"{replayed.url}/?tf=1s&preset=Classic&n={N}&w={W}")
    wait_for_trades(replayed, page, len(sizes) - 98)
    kinds = "SELECT timeframe_s, min(low) AS low, count(*) AS n FROM candles GROUP BY timeframe_s"
    assert comes_true(page, lambda: bool(table(replayed, kinds).n.sum() > 500))
    assert table(replayed, "SELECT count(*) AS n, min(price) AS p, min(qty) AS q FROM trades").iloc[0].tolist()[0] == (
        len(sizes) - 98
    )
    lows = table(replayed, kinds)
    assert (lows.low > 1_000).all()
    assert table(replayed, "SELECT count(*) AS n FROM gaps").n[0] == 0
