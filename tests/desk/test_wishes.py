"""What a screen that only reads asks for is done by the desk that collects, in order, once; or the screen is told why
not."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.alerts import AlertRule, Event
from core.errors import PairsightError, StoreError
from core.settings import Settings
from core.types import WatchedPair
from core.wishes import Wish
from desk import alerts_seen
from desk.alerts_seen import AlertsSeen
from desk.apprise_sender import BadAddress
from desk.desk import Desk
from desk.watchlist import mark
from desk.wishes import ANSWER_MS, CUT_OFF, UNKNOWN, Wishes
from storage.alert_work import ToTell
from storage.reader import StoreReader
from storage.sqlite import TradeStore
from storage.wishes import put_wish
from tests.desk.alerting import Phone

ENTRY = WatchedPair("SOLUSDT", "LTCUSDT", 300, "classic")
NOW_MS = 1_700_000_000_000


@dataclass
class Doer:
    """A desk by hand: it notes what it did, and does not do what is named in ``refuse``."""

    did: list[object] = field(default_factory=list)
    refuse: str = ""
    fail: bool = False

    @property
    def alerts(self) -> Doer:
        return self

    def save(self, rule: AlertRule) -> None:
        self._do("save", rule)

    def enable(self, rule_id: int, on: bool) -> None:
        self._do("enable", rule_id, on)

    def drop(self, rule_id: int) -> None:
        self._do("drop", rule_id)

    def add_channel(self, url: str, label: str) -> None:
        self._do("add", url, label)

    def drop_channel(self, name: str) -> None:
        self._do("remove", name)

    def test(self, name: str) -> None:
        self._do("test", name)

    def watch(self, entry: WatchedPair, keep: bool) -> None:
        self._do("watch", entry, keep)

    def _do(self, *what: object) -> None:
        if self.fail:
            raise KeyError(what)
        if self.refuse:
            raise PairsightError(self.refuse)
        self.did.append(what)


@dataclass
class WishesOnly:
    """The part of a store that is asked here."""

    store: TradeStore

    def wishes(self) -> tuple[Wish, ...]:
        return self.store.wishes()

    def wish_body(self, wish_id: int) -> str:
        return self.store.wish_body(wish_id)

    def take_wish(self, wish_id: int) -> bool:
        return self.store.take_wish(wish_id)

    def refuse_wish(self, wish_id: int, answer: str) -> bool:
        return self.store.refuse_wish(wish_id, answer)

    def drop_wish(self, wish_id: int) -> bool:
        return self.store.drop_wish(wish_id)

    def settle(self, timeout_s: float) -> bool:
        return self.store.settle(timeout_s)


@pytest.fixture
def path(tmp_path: Path, store: TradeStore) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def screen(path: Path) -> Iterator[AlertsSeen]:
    """One that only reads."""
    with StoreReader.open_reader(path) as reader:
        yield AlertsSeen(reader, path, open_channel=Phone().open, now_ms=lambda: NOW_MS)


def wishes(store: TradeStore, doer: Doer, now_ms: int = NOW_MS) -> Wishes:
    return Wishes(store, doer, now_ms=lambda: now_ms)


def test_everything_that_the_page_offers_can_be_asked_and_is_done_in_order_and_once(
    store: TradeStore, screen: AlertsSeen
) -> None:
    store.put_alert_rule(AlertRule("trap"))
    store.flush()
    rule = AlertRule("z", "ETHUSDT/BTCUSDT", 2.5, 1.0, 300, 1320, 360)
    screen.save(rule)
    screen.enable(1, False)
    screen.drop(1)
    screen.add_channel(" phone://secret/1 ", "my phone")
    screen.drop_channel("page1")
    screen.test("page1")
    screen.watch(ENTRY, True)
    assert [(wish.words, wish.state) for wish in screen.view().wishes] == [
        ("New rule “Confirmed |z| ≥ 2.5”, ETHUSDT/BTCUSDT", "asked"),
        ("Switch off the rule “Becomes a TRAP”", "asked"),
        ("Delete the rule “Becomes a TRAP”", "asked"),
        ("Add the channel phone://… my phone", "asked"),
        ("Remove the channel page1", "asked"),
        ("Send a test to the channel page1", "asked"),
        ("Watch SOLUSDT/LTCUSDT 5m Classic", "asked"),
    ]
    assert "secret" not in repr(screen.view())
    doer = Doer()
    for _ in range(2):
        wishes(store, doer).turn()
    assert doer.did == [
        ("save", rule),
        ("enable", 1, False),
        ("drop", 1),
        ("add", "phone://secret/1", "my phone"),
        ("remove", "page1"),
        ("test", "page1"),
        ("watch", ENTRY, True),
    ]
    assert screen.view().wishes == ()


def test_a_wish_that_cannot_be_done_leaves_a_sentence_for_an_hour_and_the_next_is_done(
    store: TradeStore, screen: AlertsSeen
) -> None:
    screen.drop(7)
    refusing = Doer(refuse="There are 100 rules: drop one first.")
    wishes(store, refusing).turn()
    screen.drop(8)
    doer = Doer()
    wishes(store, doer).turn()
    assert [(w.words, w.state, w.answer) for w in screen.view().wishes] == [
        ("Delete a rule that is gone", "refused", refusing.refuse)
    ]
    assert doer.did == [("drop", 8)]


def test_the_answer_to_what_waited_for_hours_is_there_for_an_hour_too(store: TradeStore, screen: AlertsSeen) -> None:
    screen.drop(7)
    clock = [NOW_MS + 5 * ANSWER_MS]
    desk = Wishes(store, Doer(refuse="No."), now_ms=lambda: clock[0])
    for passed_ms, shown in ((0, 1), (1_000, 1), (ANSWER_MS, 1), (2_000, 0)):
        clock[0] += passed_ms
        desk.turn()
        store.flush()
        assert len(screen.view().wishes) == shown


def test_one_that_was_cut_off_says_so_and_is_not_done_twice(store: TradeStore, screen: AlertsSeen) -> None:
    screen.save(AlertRule("gap"))
    store.take_wish(1)  # and then the process was killed
    store.flush()
    doer = Doer()
    wishes(store, doer).turn()
    assert doer.did == []
    assert [w.answer for w in screen.view().wishes] == [CUT_OFF]


def test_nothing_is_done_that_cannot_be_written_down_as_taken(store: TradeStore, screen: AlertsSeen) -> None:
    class Full(WishesOnly):
        def take_wish(self, wish_id: int) -> bool:
            return False

    screen.save(AlertRule("gap"))
    doer = Doer()
    full = Wishes(Full(store), doer)
    with pytest.raises(StoreError):
        full.turn()
    assert doer.did == []
    full.start()
    wait_until(lambda: "nothing can be written now" in full.problem())
    full.stop()
    assert [wish.state for wish in store.wishes()] == ["asked"]


def test_nothing_is_touched_while_nothing_can_be_written(store: TradeStore, screen: AlertsSeen) -> None:
    class Failing(WishesOnly):
        def settle(self, timeout_s: float) -> bool:
            return False

    screen.save(AlertRule("gap"))
    with pytest.raises(StoreError):
        Wishes(Failing(store), Doer()).turn()
    store.flush()
    assert [wish.state for wish in store.wishes()] == ["asked"]


@pytest.mark.parametrize("body", ["{}", "[", '{"type":"SendMoney"}', '{"type":"SaveRule","rule":{"kind":"moon"}}'])
def test_what_is_not_known_here_is_refused(store: TradeStore, path: Path, screen: AlertsSeen, body: str) -> None:
    put_wish(path, "Something else", body, NOW_MS)
    wishes(store, Doer()).turn()
    assert [w.answer for w in screen.view().wishes] == [UNKNOWN]


def test_a_secret_is_in_no_log_and_leaves_the_table_before_it_is_used(
    store: TradeStore, screen: AlertsSeen, caplog: pytest.LogCaptureFixture
) -> None:
    class Looking(Doer):
        def add_channel(self, url: str, label: str) -> None:
            self.did.extend(store.wish_body(w.id) for w in store.wishes())
            super().add_channel(url, label)

    caplog.set_level(logging.DEBUG)
    doer = Looking(fail=True)
    screen.add_channel("phone://secret/1", "")
    wishes(store, doer).turn()
    assert doer.did == [""]
    assert [w.answer for w in screen.view().wishes] == ["It failed (KeyError)."]
    assert "secret" not in caplog.text
    assert "secret" not in repr(store.wishes())


def test_an_address_that_is_none_is_refused_at_the_screen_and_never_stored(path: Path, store: TradeStore) -> None:
    with StoreReader.open_reader(path) as reader, pytest.raises(BadAddress):
        AlertsSeen(reader, path).add_channel("nonsense", "")
    assert store.wishes() == ()


def test_a_screen_that_reads_shows_everything_and_says_what_is_not_to_be_written(
    store: TradeStore, path: Path, screen: AlertsSeen, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark(store, WatchedPair("ETHUSDT", "BTCUSDT"), True)
    store.put_alert_rule(AlertRule("trap"))
    store.put_alert_channel("tgram://secret/1", "phone", 1)
    store.tell_alerts([ToTell(Event("k", 1, "Becomes a TRAP", "A/B", 60, 5, "told"), ("page1",))], [])
    store.flush()
    view = screen.view()
    assert view.elsewhere == alerts_seen.ELSEWHERE
    assert view.read_only == ""
    assert [rule.kind for rule in view.rules] == ["trap"]
    assert view.pairs == ("ETHUSDT/BTCUSDT",)
    assert [(c.masked, c.label, c.waiting) for c in view.channels] == [("tgram://…", "phone", 1)]
    assert "secret" not in repr(view)
    assert ([a.text for a in screen.newest(0)], screen.newest_id()) == (["told"], 1)
    monkeypatch.setattr(alerts_seen, "may_put", lambda path: False)
    assert screen.view().rules == view.rules
    assert screen.view().read_only.endswith(f"{path} may not be written by this user.")


def test_a_file_that_cannot_be_read_has_told_nothing_and_takes_nothing(path: Path, store: TradeStore) -> None:
    reader = StoreReader.open_reader(path)
    screen = AlertsSeen(reader, path)
    reader.close()
    assert screen.newest(0) == ()
    assert screen.newest_id() == 0
    view = screen.view()
    assert view.rules == ()
    assert view.read_only.startswith(alerts_seen.NOT_HERE)


# The whole way, through two desks on one file


def wait_until(true: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Poll until it holds: the screen's process hears of it by reading."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "did not come true"
        time.sleep(0.05)


def test_a_screen_beside_a_desk_without_a_browser_sets_it_up(tmp_path: Path) -> None:
    settings = Settings(ws_url="ws://127.0.0.1:9", rest_url="http://127.0.0.1:9", db=tmp_path / "w.db")
    desk = Desk(settings)
    desk.start()
    screen = Desk(settings)
    screen.watch_pair(ENTRY, True)
    screen.alerts.save(AlertRule("trap", ENTRY.pair))
    screen.alerts.drop_channel("page9")
    wait_until(lambda: [w.state for w in screen.alerts.view().wishes] == ["refused"])
    view = screen.alerts.view()
    assert [(rule.kind, rule.pair) for rule in view.rules] == [("trap", ENTRY.pair)]
    assert view.watched == (ENTRY,)
    assert [(key.pair, key.params.timeframe_s) for key in desk.watches] == [(ENTRY.pair, 300)]
    assert view.wishes[0].answer == "This channel is no longer there."
    screen.close()
    desk.stop()
    desk.close()
