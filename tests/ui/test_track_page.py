"""The Track record page: what it concludes, what it refuses to conclude, and what its tables and file hold."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from analytics.bootstrap import FEW
from analytics.paper_account import Account, account
from analytics.paper_settings import settings_of
from analytics.paper_view import TrackView, figures
from analytics.params import Params
from core.errors import StoreError
from core.types import DeskStatus
from tests.ui import paper_trades
from tests.ui.fakes import FakeDesk
from tests.ui.page_tree import parts
from tests.ui.stage import markup, play, shown, words
from ui import track_charts
from ui.panels import track_head, track_list, track_open, track_tables
from ui.track_words import REFUSED, conclusion

MANY, FEW_TRADES = paper_trades.many(), paper_trades.few()


def page(view: TrackView) -> AppTest:
    desk = FakeDesk(paper=view)
    app = play(desk, "track-record")
    assert not app.exception
    return app


def test_without_a_trade_it_says_that_nothing_can_be_concluded() -> None:
    app = page(TrackView())
    text = words(app)
    assert "No TRADABLE trade is closed yet: nothing can be concluded." in text
    assert "No refused trade is closed yet: nothing can be concluded." in text
    assert "Nothing is ever sent" in text
    assert shown(app, "said_net") == "–"
    assert shown(app, "open_trades") == "0"


def test_with_few_trades_it_says_how_many_and_that_nothing_can_be_concluded() -> None:
    text = words(page(FEW_TRADES))
    assert f"2 closed TRADABLE trades: nothing can be concluded from so few. {FEW} are the least." in text
    assert "1 closed refused trade: nothing can be concluded" in text
    assert "no interval with fewer than 10 days" in text


def test_many_trades_are_summed_up_with_their_interval_and_the_hit_rate_is_said_to_prove_nothing() -> None:
    app = page(MANY)
    said = figures(MANY.trades).said.score
    assert said.interval is not None
    assert said.net_bps is not None
    assert shown(app, "said_closed") == "49"
    assert shown(app, "said_net") == f"{said.net_bps:+.1f} bps".replace("-", "−")
    text = words(app)
    assert "proves nothing: many small gains can hide one large loss" in text
    assert "1 of them, of unknown net" in text
    assert "Over 48 closed TRADABLE trades the mean net lies between" in text
    assert text.count("CONFIRMED") == 3  # both sides, and the open trades' closes


@pytest.mark.parametrize(
    ("mean", "ends"),
    [
        (30.0, "above zero, in this stretch of market."),
        (-30.0, "They lost money."),
        (0.0, "cannot be told from nothing."),
    ],
)
def test_a_conclusion_claims_no_more_than_the_interval(mean: float, ends: str) -> None:
    trades = [paper_trades.trade(20_000 - 400 * i, mean + (40.0 if i % 2 else -40.0)) for i in range(40)]
    score = figures(trades).said.score
    assert conclusion(score, "TRADABLE").endswith(ends)
    worth = {30.0: "To refuse them cost money.", -30.0: "To refuse them saved money.", 0.0: ends}
    assert conclusion(score, "refused").endswith(worth[mean])


def test_wins_without_a_loss_or_of_few_days_conclude_nothing() -> None:
    wins = figures([paper_trades.trade(20_000 - 400 * i, 30.0) for i in range(40)]).said.score
    assert conclusion(wins, "TRADABLE").endswith("above zero, but no loss seen yet: its size is unknown.")
    crowd = figures([paper_trades.trade(10_000 - i, 30.0 * (-1) ** i) for i in range(40)]).said.score
    assert "40 closed TRADABLE trades on 1 day: those of one day share their market." in conclusion(crowd, "TRADABLE")


def test_open_trades_show_a_confirmed_and_a_live_number_with_their_marks() -> None:
    desk = FakeDesk(paper=MANY)
    on = next(t for t in MANY.on if t.said and t.state == "open")
    desk.paper_worth = {on.key: Account(10_000.0, 31.0, 10.0, 0.0, 0.0)}
    app = play(desk, "track-record")
    assert shown(app, "open_trades") == "3"
    text = words(app)
    assert "+21.0 bps" in text  # 31 − 10, of 10,000
    assert "TRAP: not related" in text
    assert "waits for its fill" in text
    html = markup(app)
    assert "LIVE</span></th>" in html
    assert "CONFIRMED</span></th>" in html
    desk = FakeDesk(paper=MANY, source="SIMULATED")
    assert "SIMULATED</span></th>" in markup(play(desk, "track-record"))
    assert "STALE" in str(track_open.markup(MANY.on, {}, FakeDesk("stopped").status()))


def test_each_refusal_is_judged_by_what_its_trades_returned() -> None:
    found = figures(MANY.trades)
    assert {key for key, _ in found.checks} == {"record", "related", "corr"}
    table = str(track_tables.checks(found.checks))
    assert table.count('data-key="refusal"') == 3
    assert REFUSED["record"] in table
    assert "saved money" in table
    assert "too few to tell" in str(track_tables.checks(figures(FEW_TRADES.trades).checks))


def test_pairs_and_presets_have_a_row_each() -> None:
    html = markup(page(MANY))
    groups = {(t.pair, t.preset) for t in MANY.trades}
    assert html.count('data-key="pair_score"') == len(groups)


def test_the_choice_of_pair_and_preset_leaves_only_those() -> None:
    app = page(MANY)
    app.selectbox(key="track_pair").select("SOLUSDT/ETHUSDT").run()
    assert not app.exception
    mine = [t for t in MANY.trades if t.pair == "SOLUSDT/ETHUSDT" and t.state == "closed" and t.said]
    assert shown(app, "said_closed") == str(len(mine))


def test_what_a_sidebar_changed_counts_only_where_it_is_chosen() -> None:
    experiment = replace(paper_trades.trade(60, 900.0), params=Params(entry_z=1.2).key)
    app = page(TrackView.of([*MANY.trades, experiment]))
    assert shown(app, "said_closed") == "49"
    assert "1 trade of other settings, or of an earlier version of the rule, not counted here." in words(app)
    choice = app.selectbox(key="track_settings")
    assert len(choice.options) == 3
    choice.select("all settings").run()
    assert shown(app, "said_closed") == "50"
    assert "not counted here" not in words(app)
    app.selectbox(key="track_settings").select(settings_of(experiment)).run()
    assert not app.exception
    assert shown(app, "said_closed") == "1"
    assert settings_of(experiment) in words(app)


def test_a_desk_with_a_fee_of_its_own_has_the_rules_own_trades_at_that_fee() -> None:
    cheap = replace(paper_trades.trade(60, 9.0), params=Params(fee_bps=4.0).key)
    app = page(TrackView.of([*FEW_TRADES.trades, cheap], fee_bps=4.0))
    assert shown(app, "said_closed") == "1"


def test_rows_that_are_not_drawn_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    for panel, name in ((track_open, "SHOWN"), (track_tables, "PAIRS"), (track_list, "SHOWN")):
        monkeypatch.setattr(panel, name, 2)
    html = markup(page(MANY))
    told = {part.key: part.text for part in parts(html) if part.key.startswith("more_")}
    closed = sum(t.state == "closed" for t in MANY.trades)
    assert told == {
        "more_open": "and 1 more",
        "more_pairs": "and 4 more",
        "more_closed": f"and {closed - 2} more; all are in the file",
    }
    monkeypatch.setattr(track_head, "MOST", len(MANY.trades))
    assert f"Only the newest {len(MANY.trades)} trades are read." in words(page(MANY))


def test_looks_that_were_never_filled_are_in_the_file_and_no_trade_on_the_page() -> None:
    late = replace(paper_trades.trade(60, 0.0), in_ms=0, in_fill="", reason="late", out_fill="")
    view = TrackView.of([*FEW_TRADES.trades, late])
    app = page(view)
    assert shown(app, "said_closed") == "2"
    assert "1 never filled (said too late, or no candle of both legs within 3)" in words(app)
    assert len(app.dataframe[0].value) == 3
    row = next(csv.DictReader(io.StringIO(track_list.file_of([late]).decode())))
    assert (row["reason"], row["net"]) == ("late", "")


def test_a_score_that_is_not_kept_is_told_on_its_page() -> None:
    class Troubled(FakeDesk):
        def status(self) -> DeskStatus:
            return replace(super().status(), track_problem="The track record is not kept: KeyError, see the log.")

    assert "The track record is not kept: KeyError" in words(play(Troubled(paper=FEW_TRADES), "track-record"))


def test_bins_and_both_charts_have_what_was_closed() -> None:
    found = figures(MANY.trades)
    assert [b.count for b in found.said.bins] == [12, 12, 12, 12]
    assert track_charts._equity("TRADABLE", found.said.equity).num_rows == 1 + 48  # from nothing at the first entry on
    assert sum(len(v) for v in track_charts.data(found).values()) > 1_000
    for spec in (track_charts.equity_spec(), track_charts.below_spec(), track_charts.calibration_spec()):
        assert spec["usermeta"]


def test_the_file_has_every_trade_and_what_is_not_known_is_empty() -> None:
    text = track_list.file_of(MANY.trades).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(MANY.trades)
    by_key = {(r["pair"], r["params"], int(r["look_ms"])): r for r in rows}
    for trade in MANY.trades:
        money, row = account(trade), by_key[trade.pair, trade.params, trade.look_ms]
        known = money is not None and money.net_bps is not None
        assert bool(row["net_bps"]) == known
        if known:
            assert money is not None
            assert float(row["net_bps"]) == pytest.approx(money.net_bps)
    assert "inputs" not in rows[0]


def test_the_file_holds_what_is_final_only(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bytes] = []
    monkeypatch.setattr("streamlit.download_button", lambda label, data, *rest, **more: made.append(data))
    assert not play(FakeDesk(paper=MANY), "track-record").exception
    rows = list(csv.DictReader(io.StringIO(made[0].decode())))
    assert {r["state"] for r in rows} == {"closed"}
    assert len(rows) == sum(t.state == "closed" for t in MANY.trades) < len(MANY.trades)


def test_open_trades_that_cannot_be_read_any_more_are_said_in_their_place() -> None:
    class Breaking(FakeDesk):
        def paper_now(self) -> Mapping[tuple[str, int, str, int], Account]:
            raise StoreError("data/pairsight.db cannot be read: check the disk")

    app = play(Breaking(paper=MANY), "track-record")
    assert not app.exception
    assert "cannot be read: check the disk" in words(app)
    assert shown(app, "said_closed") == "49"  # what was read before stays


def test_a_store_that_cannot_be_read_is_said_in_its_place() -> None:
    class Broken(FakeDesk):
        def track_record(self) -> TrackView:
            raise StoreError("data/pairsight.db cannot be read: check the disk")

    app = play(Broken(), "track-record")
    assert not app.exception
    assert "cannot be read: check the disk" in words(app)


def test_a_desk_without_data_shows_the_page_too() -> None:
    for scenario in ("unreachable", "stopped", "empty"):
        app = play(FakeDesk(scenario), "track-record")
        assert not app.exception
