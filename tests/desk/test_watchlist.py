"""What is kept on the watch-list is looked at from the start, by whoever collects; nobody's screen is needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analytics.market import MarketRule
from analytics.params import Params
from core.errors import NoteUnreadable, PairsightError
from core.settings import Settings
from core.types import WatchedPair
from desk import watches
from desk.__main__ import watch_something
from desk.collector import Collector
from desk.desk import Desk
from desk.watch import Key
from desk.watchlist import NOTE, mark, watch_list, watched
from storage.sqlite import TradeStore
from tests.ui.paper_trades import running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a desk that reaches nothing: what it would look at is known without an exchange."""
    return Settings(ws_url="ws://127.0.0.1:9", rest_url="http://127.0.0.1:9", db=tmp_path / "w.db", taker_fee_bps=4.0)


def test_a_marked_pair_is_looked_at_every_minute_at_once_and_after_a_restart(settings: Settings) -> None:
    key = Key("SOLUSDT", "LTCUSDT", Params(60, "evidence", fee_bps=4.0))
    desk = Desk(settings)
    desk.watch_pair(WatchedPair("SOLUSDT", "LTCUSDT"), True)
    assert desk.watches == (key,)
    desk.close()
    again = Desk(settings)
    assert again.watches == (key,)
    assert again.watch_list() == (WatchedPair("SOLUSDT", "LTCUSDT", 60, "evidence"),)
    assert again.status().symbols == (*settings.symbols, "LTCUSDT")  # streamed without having been asked for
    again.watch_pair(WatchedPair("SOLUSDT", "LTCUSDT"), False)
    assert not again.watches
    again.close()


def test_pairs_of_the_settings_are_looked_at_beside_those_of_the_list_and_never_written_into_it(
    settings: Settings,
) -> None:
    desk = Desk(settings)
    desk.watch_pair(WatchedPair("ETHUSDT", "BTCUSDT"), True)
    desk.close()
    named = (WatchedPair("ETHUSDT", "BTCUSDT"), WatchedPair("ETHUSDT", "BTCUSDT", 5, "classic"))
    served = Desk(replace(settings, watch=named))
    assert [(key.pair, key.params.timeframe_s, key.params.preset) for key in served.watches] == [
        ("ETHUSDT/BTCUSDT", 60, "evidence"),
        ("ETHUSDT/BTCUSDT", 5, "classic"),
    ]
    assert served.watch_list() == named[:1]
    served.close()


def test_each_timeframe_and_preset_of_a_pair_is_watched_and_left_by_itself(settings: Settings) -> None:
    desk = Desk(settings)
    minute, five = WatchedPair("ETHUSDT", "BTCUSDT"), WatchedPair("ETHUSDT", "BTCUSDT", 300, "classic")
    desk.watch_pair(minute, True)
    desk.watch_pair(five, True)
    assert [(key.params.timeframe_s, key.params.preset) for key in desk.watches] == [(60, "evidence"), (300, "classic")]
    desk.watch_pair(minute, False)
    assert [(key.params.timeframe_s, key.params.preset) for key in desk.watches] == [(300, "classic")]
    assert desk.watch_list() == (five,)
    desk.close()


def test_what_the_settings_name_too_is_watched_on_and_whoever_ends_it_is_told(settings: Settings) -> None:
    named = WatchedPair("ETHUSDT", "BTCUSDT", 300)
    desk = Desk(replace(settings, watch=(named,)))
    desk.watch_pair(named, True)
    with pytest.raises(PairsightError, match=r"ETHUSDT/BTCUSDT 5m Evidence is named by PAIRSIGHT_WATCH: take it out"):
        desk.watch_pair(named, False)
    assert [key.pair for key in desk.watches] == ["ETHUSDT/BTCUSDT"]
    assert desk.watch_list() == (named,)
    desk.close()


def test_a_symbol_that_a_watched_pair_needs_stays_and_the_refusal_names_the_pair(settings: Settings) -> None:
    desk = Desk(replace(settings, watch=(WatchedPair("BNBUSDT", "BTCUSDT", 300, "classic"),)))
    desk.watch_pair(WatchedPair("SOLUSDT", "LTCUSDT"), True)
    for symbol, why in (
        ("LTCUSDT", "LTCUSDT stays: SOLUSDT/LTCUSDT 1m Evidence is on the watch-list. Take it off there first."),
        ("BNBUSDT", "BNBUSDT stays: BNBUSDT/BTCUSDT 5m Classic is named by PAIRSIGHT_WATCH. Take it off there first."),
    ):
        with pytest.raises(PairsightError) as refusal:
            desk.drop_symbol(symbol)
        assert str(refusal.value) == why
    desk.watch_pair(WatchedPair("SOLUSDT", "LTCUSDT"), False)
    desk.drop_symbol("SOLUSDT")
    assert "SOLUSDT" not in desk.status().symbols
    desk.close()


def test_a_symbol_of_an_open_trade_on_paper_stays_until_it_is_closed(settings: Settings) -> None:
    trade = running(5)
    desk = Desk(settings)
    store = desk._station.store
    assert isinstance(store, TradeStore)
    store.put_paper([trade])
    store.flush()
    with pytest.raises(PairsightError, match=r"ETHUSDT stays: a trade on paper in ETHUSDT/BTCUSDT 1m is open\."):
        desk.drop_symbol("ETHUSDT")
    store.put_paper([replace(trade, state="closed")])
    store.flush()
    desk.drop_symbol("ETHUSDT")
    assert "ETHUSDT" not in desk.status().symbols
    desk.close()


def test_a_desk_without_a_browser_and_without_a_list_watches_the_first_two_symbols_and_tells_of_them(
    settings: Settings,
) -> None:
    desk = Desk(settings)
    watch_something(desk, settings)
    assert desk.watches == (Key("ETHUSDT", "BTCUSDT", Params(fee_bps=4.0)),)
    assert desk.watch_list() == (WatchedPair("ETHUSDT", "BTCUSDT"),)
    assert desk.alerts.view().pairs == ("ETHUSDT/BTCUSDT",)
    onlooker = Desk(settings)
    watch_something(onlooker, settings)  # nothing to change, and nothing to complain of
    assert onlooker.alerts.view().pairs == ("ETHUSDT/BTCUSDT",)
    onlooker.close()
    desk.close()


@pytest.mark.parametrize("named", [(WatchedPair("SOLUSDT", "BNBUSDT"),), ()], ids=["settings", "list"])
def test_who_named_a_pair_gets_no_other(settings: Settings, named: tuple[WatchedPair, ...]) -> None:
    settings = replace(settings, watch=named)
    desk = Desk(settings)
    if not named:
        desk.watch_pair(WatchedPair("SOLUSDT", "BNBUSDT"), True)
    watch_something(desk, settings)
    assert desk.alerts.view().pairs == ("SOLUSDT/BNBUSDT",)
    desk.close()


def test_pairs_that_pass_over_the_screen_make_room_and_those_on_the_list_stay(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watches, "MOST", 3)
    desk = Desk(settings)
    desk.watch_pair(WatchedPair("SOLUSDT", "BNBUSDT"), True)
    for n in range(60, 66):
        desk.look("ETHUSDT", "BTCUSDT", Params(fit_bars=n))
    assert [(key.symbol_y, key.params.fit_bars) for key in desk.watches] == [
        ("SOLUSDT", 1000),
        ("ETHUSDT", 64),
        ("ETHUSDT", 65),
    ]
    desk.close()


def test_a_list_from_before_there_were_timeframes_reads_as_one_minute(tmp_path: Path) -> None:
    with TradeStore(tmp_path / "w.db") as store:
        store.put_note(NOTE, '[["ETHUSDT","BTCUSDT"]]', 0)
        store.flush()
        assert watch_list(store) == (WatchedPair("ETHUSDT", "BTCUSDT", 60, "evidence"),)


def test_a_pair_is_listed_once_by_name_and_comes_and_goes_by_its_timeframe_and_preset(tmp_path: Path) -> None:
    entries = (WatchedPair("ETHUSDT", "BTCUSDT", 1), WatchedPair("ETHUSDT", "BTCUSDT", 300, "classic"))
    with TradeStore(tmp_path / "w.db") as store:
        body = (
            '[{"symbol_y":"ETHUSDT","symbol_x":"BTCUSDT","timeframe_s":1},'
            '{"symbol_y":"ETHUSDT","symbol_x":"BTCUSDT","timeframe_s":300,"preset":"classic"}]'
        )
        store.put_note(NOTE, body, 0)
        store.flush()
        assert watch_list(store) == entries
        assert watched(store) == (("ETHUSDT", "BTCUSDT"),)
        assert not mark(store, entries[1], True)
        assert mark(store, WatchedPair("ETHUSDT", "BTCUSDT"), True)
        assert watch_list(store) == (*entries, WatchedPair("ETHUSDT", "BTCUSDT"))
        assert mark(store, entries[0], False)
        assert not mark(store, entries[0], False)
        assert watch_list(store) == (entries[1], WatchedPair("ETHUSDT", "BTCUSDT"))


@pytest.fixture
def later(settings: Settings) -> str:
    """A watch-list as a later version might keep it."""
    body = '[{"symbol_y":"SOLUSDT","symbol_x":"LTCUSDT","timeframe_s":60,"preset":"evidence-2"}]'
    with TradeStore(settings.db) as store:
        store.put_note(NOTE, body, 1)
        store.flush()
    return body


@pytest.mark.parametrize("keep", [True, False])
def test_a_list_that_cannot_be_read_is_not_taken_for_an_empty_one_and_never_written_over(
    settings: Settings, later: str, keep: bool
) -> None:
    with TradeStore(settings.db) as store:
        with pytest.raises(NoteUnreadable, match=r"The note “watch-list” in the database cannot be read"):
            watch_list(store)
        with pytest.raises(NoteUnreadable):
            mark(store, WatchedPair("ETHUSDT", "BTCUSDT"), keep)
        store.flush()
        assert store.note(NOTE) == (later, 1)


def test_a_desk_whose_list_cannot_be_read_collects_says_so_and_watches_what_the_settings_name(
    settings: Settings, later: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(replace(settings, watch=(WatchedPair("SOLUSDT", "BNBUSDT"),)))
    assert [key.pair for key in desk.watches] == ["SOLUSDT/BNBUSDT"]
    assert [line.levelname for line in caplog.records if "the watch-list are not looked at" in line.message] == [
        "ERROR"
    ]
    view = desk.market(MarketRule())
    assert not view.pairs
    assert "“watch-list” in the database cannot be read" in view.problem
    station = desk._station
    assert isinstance(station, Collector)
    station.alerts.watch._guarded_turn()  # which pairs it should tell of is unknown
    assert "“watch-list” in the database cannot be read" in desk.status().alerts_problem
    desk.close()
    bare = Desk(settings)
    watch_something(bare, settings)  # puts no other pair in their place, and does not fail
    assert not bare.watches
    assert bare._station.store.note(NOTE) == (later, 1)
    bare.close()
