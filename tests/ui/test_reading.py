"""What a page takes from the desk at one tick."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.costs import CostSplit
from analytics.live import score_live
from analytics.params import Params, Preset
from analytics.ticket import price_at
from core.types import DeskStatus, FeedStatus, StreamStatus
from tests.ui.fakes import FakeDesk
from tests.ui.seeded import END_MS, look, report, said
from ui.chart_data import marks
from ui.panels import banner, metrics, snapshot, trigger
from ui.panels.banner import feed_words
from ui.reading import Reading, bars_since_crossing, deciding_z, exchange_now_ms, quantity_ratio, take

NOTHING = "connected, nothing heard yet"


def reading(desk: FakeDesk, params: Params | None = None) -> Reading:
    return take(desk, desk.status(), ("ETHUSDT", "BTCUSDT"), params or Params(), 500)


def test_the_clock_is_the_streams_own_and_runs_on_between_frames() -> None:
    status = DeskStatus(trades=FeedStatus(watermark_ms=1_000_000, last_frame_age_s=2.5))
    assert exchange_now_ms(status) == 1_002_500
    assert exchange_now_ms(DeskStatus()) is None


def test_the_clock_runs_on_without_a_line_and_after_another_that_has_brought_nothing_yet() -> None:
    streams = (StreamStatus("A", 1, 990_000, 42.0), StreamStatus("B", 1, 1_000_000, 30.0), StreamStatus("C"))
    for feed in (
        FeedStatus("waiting", watermark_ms=1_000_000, streams=streams),
        FeedStatus("live", watermark_ms=1_000_000, last_frame_age_s=0.5, streams=streams),
    ):
        assert exchange_now_ms(DeskStatus(trades=feed)) == 1_032_000
    assert exchange_now_ms(DeskStatus(trades=FeedStatus("waiting", watermark_ms=1_000_000))) is None  # not made up


def test_an_open_line_is_no_new_trade() -> None:
    feed = FeedStatus("live", last_frame_age_s=0.1, streams=(StreamStatus("A", 1, 1_000, 31.0), StreamStatus("B")))
    assert feed_words(feed, DeskStatus(running=True)) == "silent, newest trade 31 s ago, 0/s"
    assert feed_words(replace(feed, streams=(StreamStatus("B"),)), DeskStatus(running=True)) == NOTHING


def test_the_age_of_a_candle_counts_from_its_end() -> None:
    assert reading(FakeDesk("wait")).candle_age_s == pytest.approx(4.4)


def test_the_live_z_is_on_the_scale_of_the_z_that_decides() -> None:
    for preset, field in (("evidence", "z"), ("classic", "z_roll")):
        now = reading(FakeDesk("wait"), Params(preset=preset))  # type: ignore[arg-type]
        assert now.live is not None
        assert now.live_z == getattr(now.live, field)


def test_evidence_decides_by_the_log_fit_even_where_prices_are_shown() -> None:
    r = report("ETHUSDT", "BTCUSDT", Params(price_units=True))
    assert deciding_z(r) is r.log_fits.z


def test_crossings_are_counted_back_to_the_last_change_of_side() -> None:
    r = report("ETHUSDT", "BTCUSDT", Params())
    z = np.array([0.0, 2.5, 2.1, 1.0, 0.5, 0.1])
    assert bars_since_crossing(replace(r, log_fits=replace(r.log_fits, z=z)), 2.0) == 2
    assert bars_since_crossing(replace(r, log_fits=replace(r.log_fits, z=z[1:3])), 2.0) is None


def test_the_hedge_in_units_follows_the_units_of_beta() -> None:
    logs, prices = report("ETHUSDT", "BTCUSDT", Params()), report("ETHUSDT", "BTCUSDT", Params(price_units=True))
    assert quantity_ratio(logs) == pytest.approx(logs.beta[-1] * logs.y[-1] / logs.x[-1])
    assert quantity_ratio(prices) == prices.beta[-1]
    assert quantity_ratio(logs) == pytest.approx(quantity_ratio(prices), rel=0.2)


def test_said_since_goes_back_to_the_first_look_of_the_same_verdict() -> None:
    rows = said("tradable", "ETHUSDT", "BTCUSDT", Params())
    verdict = look("tradable", "ETHUSDT", "BTCUSDT", Params()).decision.verdict
    assert banner.since_ms(rows, verdict) == rows[-3].candle_ms
    assert banner.since_ms(rows[:-1], verdict) == rows[-3].candle_ms
    assert banner.since_ms((), verdict) is None


def test_every_tile_is_always_there_in_the_same_order() -> None:
    orders = {
        tuple(t.key for t in metrics.tiles(reading(FakeDesk(s)))) for s in ("tradable", "trap", "warming", "empty")
    }
    assert len(orders) == 1


def test_live_and_confirmed_tiles_are_told_apart_by_kind() -> None:
    kinds = {t.key: t.kind for t in metrics.tiles(reading(FakeDesk("wait")))}
    assert kinds["z_live"] == "live"
    assert kinds["z"] == "confirmed"


def test_a_cost_of_which_a_term_is_not_known_is_a_least_one() -> None:
    now = replace(reading(FakeDesk("wait")), past=True)  # of the past there is a tile of the cost, too
    told = replace(now.look, decision=replace(now.look.decision, cost_bps=10.5, expected_net_bps=None))
    for costs, cost, net in (
        (CostSplit(10.0, 0.5, None), "at least 10.5 bps", "not known yet, at least 10.5 bps cost"),
        (CostSplit(10.0, 0.5, 0.0), "10.5 bps", "not known yet, 10.5 bps cost"),
        (None, "–", "not known yet, at least 10.5 bps cost"),  # the fees alone
    ):
        tiles = {t.key: t for t in metrics.tiles(replace(now, look=replace(told, costs=costs)))}
        assert (tiles["cost"].text, tiles["net"].sub) == (cost, net)


def test_snapshot_rows_are_the_journals_where_it_has_them() -> None:
    now = reading(FakeDesk("wait"))
    told = replace(now.said[-2], z=9.99, verdict="TRAP", note="repaired")
    rows = snapshot.rows(now.report, (*now.said[:-2], told, now.said[-1]), now.look.decision)
    assert (rows[1].z, rows[1].said, rows[1].note) == (9.99, "TRAP", "repaired")


def test_a_row_of_the_journal_shows_the_z_that_its_look_was_decided_by() -> None:
    params = Params(price_units=True)
    now = reading(FakeDesk("wait"), params)
    old = replace(now.said[-2], z=9.99, checks='[{"key": "stretched", "value": 1.25}]')  # the z of prices was kept then
    assert snapshot.rows(now.report, (*now.said[:-2], old, now.said[-1]), now.look.decision)[1].z == 1.25
    changed = replace(old, verdict="TRAP")
    assert [m.z for m in marks((now.said[-3], changed), params)] == [1.25]


def test_without_a_journal_only_the_newest_row_carries_a_verdict() -> None:
    now = reading(FakeDesk("wait"))
    rows = snapshot.rows(now.report, (), now.look.decision)
    assert [r.said for r in rows] == ["WAIT", *[""] * 9]
    assert rows[0].end_ms == END_MS
    assert rows[0].z == now.report.z[-1]


def test_the_snapshot_always_has_its_eleven_rows() -> None:
    for scenario in ("wait", "warming", "empty"):
        assert snapshot.markup(reading(FakeDesk(scenario))).count("<tr") == 12  # with the heading


def test_a_live_z_beyond_entry_has_no_distance_left() -> None:
    now = reading(FakeDesk("tradable"))
    assert trigger.live_distance(now) == (0.0, 0.0)


@pytest.mark.parametrize("price_units", [False, True])
@pytest.mark.parametrize("preset", ["evidence", "classic"])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_live_distance_is_to_where_entry_is_now(preset: Preset, price_units: bool, side: float) -> None:
    params = Params(preset=preset, price_units=price_units)
    now = reading(FakeDesk("wait"), params)
    x = 1.004 * float(now.report.x[-1])  # X has moved since the close
    y = price_at(now.report, side * 1.5, x)
    now = replace(now, live=score_live(now.report, y, x, END_MS))
    in_z, in_bps = trigger.live_distance(now)
    assert in_z == pytest.approx(0.5, rel=1e-6)
    assert in_bps == pytest.approx(1e4 * abs(price_at(now.report, side * 2.0, x) / y - 1))


def test_a_hair_before_entry_is_not_nothing() -> None:
    now = reading(FakeDesk("wait"))
    y, x = price_at(now.report, 1.9996, float(now.report.x[-1])), float(now.report.x[-1])
    assert "0.0004 z" in trigger.markup(replace(now, live=score_live(now.report, y, x, END_MS)))


def test_a_trend_with_a_hole_is_drawn_as_two_strokes() -> None:
    import base64

    image = metrics.trend_image(np.array([1.0, 2.0, np.nan, 3.0, 4.0]))
    assert base64.b64decode(image.split(",")[1]).decode().count("M") == 2
    assert metrics.trend_image(np.array([np.nan, 1.0])) == ""
