"""Files in and out, in a real browser: a good upload and every kind of bad one; every export in both forms, parsed."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import App
from tests.ui.candle_files import kline, prices
from tests.ui.test_candle_file import BAD

pytestmark = pytest.mark.browser

AT_ONCE = 4  # files that the page takes
TOLD = [why for why in BAD if why not in {"too large", "blank lines only", "empty"}]  # those a browser lets through
LOTS = [tuple(TOLD[i : i + AT_ONCE]) for i in range(0, len(TOLD), AT_ONCE)]
FORMS = {"CSV": "csv", "Parquet": "parquet"}
KINDS = ("candles", "analytics", "journal", "trades")


def upload(app: App, page: Page, files: dict[str, bytes]) -> None:
    """Give the Offline page these files."""
    page.goto(f"{app.url}/offline")
    page.locator("[data-key=forms]").wait_for()
    given = [{"name": name, "mimeType": "text/csv", "buffer": data} for name, data in files.items()]
    page.locator("input[type=file]").set_input_files(given)  # type: ignore[arg-type]


def test_two_good_files_are_judged_and_nothing_of_them_is_stored(quiet: App, page: Page) -> None:
    n = 1_400
    upload(quiet, page, {f"{s}-1m-2024-07.csv": kline(s, n) for s in ("ETHUSDT", "BTCUSDT")})
    verdict = page.locator("[data-key=verdict]")
    verdict.wait_for()
    assert page.locator("[data-key=source]").first.get_attribute("data-value") == "OFFLINE"
    y, x = (np.log([float(row[3]) for row in prices(n, s)][-1_000:]) for s in ("ETHUSDT", "BTCUSDT"))
    beta, alpha = np.polyfit(x, y, 1)
    residual = y - alpha - beta * x
    z = residual[-1] / np.sqrt((residual**2).sum() / (len(y) - 2))
    assert float(page.locator("[data-key=beta]").get_attribute("data-value") or "nan") == pytest.approx(beta, rel=1e-8)
    assert float(page.locator("[data-key=z]").get_attribute("data-value") or "nan") == pytest.approx(z, rel=1e-6)
    with closing(sqlite3.connect(Path(quiet.env["PAIRSIGHT_DB"]).as_uri() + "?mode=ro", uri=True)) as db:
        began = 1_721_347_200_000
        until = began + n * 60_000
        for sql in (
            "SELECT count(*) FROM candles WHERE open_ms BETWEEN ? AND ?",
            "SELECT count(*) FROM decisions WHERE candle_ms BETWEEN ? AND ?",
        ):
            assert db.execute(sql, (began, until)).fetchone() == (0,)


@pytest.mark.parametrize("several", LOTS, ids=lambda whys: whys[0])
def test_a_bad_file_is_refused_with_its_line_and_a_sentence(quiet: App, page: Page, several: tuple[str, ...]) -> None:
    upload(quiet, page, {f"BTCUSDT-1m-{i}.csv": BAD[why][0]() for i, why in enumerate(several)})
    told = page.locator("[data-key=problems]")
    expect(told).to_have_count(len(several))
    for i, why in enumerate(several):
        _, line, says = BAD[why]
        words = told.filter(has_text=f"BTCUSDT-1m-{i}.csv").inner_text()
        assert f"line {line}" in words if line else "file" in words, (why, words)
        assert says in words, (why, words)
    expect(page.locator("[data-key=verdict]")).to_have_count(0)
    assert "Traceback" not in page.content()


def test_there_are_twenty_kinds_of_bad_files() -> None:
    assert len(TOLD) >= 20


def table(data: bytes, form: str) -> pd.DataFrame:
    """A file as a table, as a researcher would read it."""
    return pd.read_csv(io.BytesIO(data)) if form == "CSV" else pd.read_parquet(io.BytesIO(data))


def stored(app: App, sql: str, *values: object) -> pd.DataFrame:
    """What the database says."""
    with closing(sqlite3.connect(Path(app.env["PAIRSIGHT_DB"]).as_uri() + "?mode=ro", uri=True)) as db:
        return pd.read_sql_query(sql, db, params=values)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", FORMS)
def test_every_file_downloads_parses_and_holds_what_is_stored(quiet: App, page: Page, form: str) -> None:
    page.goto(f"{quiet.url}/?tf=1m")
    page.locator("[data-key=row]").first.wait_for()
    page.locator(".st-key-file_kind").get_by_text(form, exact=True).click()
    page.get_by_role("button", name="Make the files").click()
    expect(page.locator("[data-key=files]")).not_to_contain_text("Trades take longer")
    files = {}
    for kind in KINDS:
        with page.expect_download() as waiting:
            page.locator(f".st-key-export_{kind} button").click()
        name = waiting.value.suggested_filename
        assert name.startswith(f"pairsight_{kind}_ETHUSDT-BTCUSDT_1m_")
        assert name.endswith(f"Z.{FORMS[form]}")
        files[kind] = table(Path(waiting.value.path()).read_bytes(), form)

    candles = files["candles"]
    truth = stored(quiet, "SELECT name AS symbol, c.* FROM candles c JOIN symbols ON symbols.id = symbol_id"
                   " WHERE timeframe_s = 60 AND open_ms BETWEEN ? AND ?",
                   int(candles.open_ms.min()), int(candles.open_ms.max()))  # fmt: skip
    assert set(candles.symbol) == {"ETHUSDT", "BTCUSDT"}
    both = candles.merge(truth, on=["symbol", "open_ms"], suffixes=("", "_stored"))
    assert len(both) == len(candles) > 1_000
    for column in ("open", "high", "low", "close", "volume", "trade_count", "provenance"):
        assert (both[column] == both[f"{column}_stored"]).all(), column

    shown = {
        row.get_attribute("data-value"): row.inner_text().split("\t") for row in page.locator("[data-key=row]").all()
    }
    analytics = files["analytics"].set_index("open_ms")
    for end_ms, cells in shown.items():
        known = analytics.loc[int(end_ms or 0) - 60_000] if int(end_ms or 0) - 60_000 in analytics.index else None
        if known is not None:
            assert float(cells[3]) == pytest.approx(known.beta, abs=5e-5)
            assert float(cells[5].replace("−", "-")) == pytest.approx(known.z, abs=5e-3)
    assert set(shown) & {str(t + 60_000) for t in analytics.index}

    journal = files["journal"]
    said = stored(quiet, "SELECT * FROM decisions WHERE pair = 'ETHUSDT/BTCUSDT' AND timeframe_s = 60")
    assert len(journal) >= 1
    same = journal.merge(said, on=["candle_ms", "params"], suffixes=("", "_stored"))
    assert len(same) == len(journal)
    assert (same.verdict == same.verdict_stored).all()
    assert (same.z == same.z_stored).all()

    trades = files["trades"]
    assert len(trades) > 100
    kept = stored(
        quiet, "SELECT name AS symbol, trade_id, price, qty FROM trades JOIN symbols ON symbols.id = symbol_id"
    )
    known_trades = trades.merge(kept, on=["symbol", "trade_id"], suffixes=("", "_stored"))
    assert len(known_trades) == len(trades)
    assert (known_trades.price == known_trades.price_stored).all()
    assert (known_trades.qty == known_trades.qty_stored).all()
