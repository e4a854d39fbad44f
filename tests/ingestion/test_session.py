"""One connection: what it hands on, when it is dead, and a renewal without a seam."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from core.errors import LineDown, LineRefused
from ingestion.channel import FLUSH_MESSAGES, FLUSH_S
from ingestion.opening import Beside
from ingestion.pulse import StreamKey
from ingestion.session import Session, Wish
from ingestion.times import THE_EXCHANGE as TIMES
from ingestion.transport import Line
from tests.ingestion.lines import Clock, ScriptedLine


@dataclass
class Stage:
    """A session on scripted lines. ``at`` is called at each turn and may end it."""

    clock: Clock = field(default_factory=Clock)
    lines: list[ScriptedLine | LineDown] = field(default_factory=list)
    opened: list[ScriptedLine] = field(default_factory=list)
    runs: list[list[bytes]] = field(default_factory=list)
    wish: Wish = ""
    stop: threading.Event = field(default_factory=threading.Event)
    at: Callable[[], None] = lambda: None
    beside: Beside = lambda work: work()

    def line(self) -> ScriptedLine:
        """One more line for the session to open."""
        line = ScriptedLine(self.clock)
        self.lines.append(line)
        return line

    def run(self) -> Session:
        session = self.session()
        session.run(self.stop)
        return session

    def session(self) -> Session:
        return Session(
            open_line=self._open,
            deliver=self._deliver,
            tend=lambda line, now_s: None,
            advise=self._advise,
            now_s=self.clock,
            uniform=lambda: 0.0,
            beside=self.beside,
        )

    def _open(self) -> Line:
        line = self.lines.pop(0)
        if isinstance(line, LineDown):
            raise line
        self.opened.append(line)
        return line

    def _deliver(self, line: Line, messages: list[bytes], now_s: float) -> list[StreamKey]:
        self.runs.append(messages)
        return [(message.decode()[:3], "trade") for message in messages]

    def _advise(self, now_s: float) -> Wish:
        self.at()
        wish, self.wish = self.wish, ""
        return wish


@pytest.fixture
def stage() -> Stage:
    return Stage()


def until(stage: Stage, seconds: float) -> Callable[[], None]:
    end_s = stage.clock.s + seconds

    def at() -> None:
        if stage.clock.s >= end_s:
            stage.stop.set()

    return at


def test_messages_are_handed_on_in_runs_and_in_order(stage: Stage) -> None:
    line = stage.line()
    line.script += [[b"1"], [b"2"], [b"3", b"4"], None, None, [b"5"]]
    stage.at = until(stage, 1.0)
    stage.run()
    assert stage.runs == [[b"1", b"2", b"3", b"4"], [b"5"]]
    assert line.closed


def test_a_message_waits_no_longer_than_the_flush_time(stage: Stage) -> None:
    line = stage.line()
    line.script += [[b"%d" % at] for at in range(200)]  # one a millisecond
    stage.at = until(stage, 1.0)
    stage.run()
    assert max(len(run) for run in stage.runs) <= FLUSH_S / 0.001 + 2


def test_many_messages_do_not_wait_for_the_flush_time(stage: Stage) -> None:
    line = stage.line()
    line.script += [[b"x"] * FLUSH_MESSAGES, [b"y"]]
    stage.at = until(stage, 0.2)
    stage.run()
    assert [len(run) for run in stage.runs] == [FLUSH_MESSAGES, 1]


def test_what_arrived_before_the_end_is_handed_on(stage: Stage) -> None:
    line = stage.line()
    line.script += [[b"last"], LineDown("gone")]
    with pytest.raises(LineDown, match="gone"):
        stage.run()
    assert stage.runs == [[b"last"]]
    assert line.closed


def test_a_silent_line_that_answers_pings_lives(stage: Stage) -> None:
    line = stage.line()
    stage.at = until(stage, 10 * TIMES.ping_every_s)
    stage.run()
    assert 9 <= line.pings <= 10


def test_a_line_that_answers_no_ping_is_dead(stage: Stage) -> None:
    line = stage.line()
    line.answers_pings = False
    began_s = stage.clock.s
    with pytest.raises(LineDown, match="dead"):
        stage.run()
    assert stage.clock.s - began_s == pytest.approx(TIMES.ping_every_s + TIMES.answer_within_s, abs=0.6)


def test_data_counts_as_an_answer(stage: Stage) -> None:
    line = stage.line()
    line.answers_pings = False
    for _ in range(400):
        line.script += [[b"x"], None]
    stage.at = until(stage, 60.0)
    stage.run()
    assert line.pings >= 2


def test_a_stall_within_a_frame_is_found_without_a_ping(stage: Stage) -> None:
    line = stage.line()
    line.script += [[b"x"]]
    line.mid_frame = True
    began_s = stage.clock.s
    with pytest.raises(LineDown, match="stalled"):
        stage.run()
    assert stage.clock.s - began_s < TIMES.answer_within_s + 1.0
    assert line.pings == 0


def test_a_refusal_at_the_opening_is_passed_on(stage: Stage) -> None:
    stage.lines.append(LineRefused("no", 451))
    with pytest.raises(LineRefused):
        stage.run()


# Renewal


def busy(line: ScriptedLine, symbols: bytes, count: int) -> None:
    """Every symbol speaks once in each read."""
    line.script += [[symbols[i : i + 3] for i in range(0, len(symbols), 3)] for _ in range(count)]


def test_before_a_day_is_over_a_new_line_takes_over(stage: Stage) -> None:
    old, new = stage.line(), stage.line()
    stage.at = until(stage, TIMES.renew_after_s + TIMES.overlap_s + 2)
    stage.run()
    assert [line.closed for line in stage.opened] == [True, True]
    assert stage.opened == [old, new]


def test_the_old_line_stays_until_the_new_one_delivers_all_that_is_alive(stage: Stage) -> None:
    old, new = stage.line(), stage.line()
    busy(old, b"btceth", 3_000)
    new.script += [[b"btc"]] * 1_500 + [[b"eth"]] * 1_500
    stage.wish = "renew"
    seen: list[tuple[bool, bool]] = []

    def at() -> None:
        eth_on_new = 0 < len(new.script) < 1_500
        seen.append((old.closed, eth_on_new))
        if not new.script:
            stage.stop.set()

    stage.at = at
    stage.run()
    closed_at = next(i for i, (closed, _) in enumerate(seen) if closed)
    assert not any(eth for closed, eth in seen[: max(0, closed_at - 200)] if closed)
    assert seen[closed_at][1], "it closed only after the second stream was there"


def test_nothing_is_lost_when_the_old_line_dies_during_its_renewal(stage: Stage) -> None:
    old, new = stage.line(), stage.line()
    busy(old, b"btc", 5)
    old.script.append(LineDown("24 hours are over"))
    busy(new, b"btc", 40)
    stage.wish = "renew"
    stage.at = until(stage, 2.0)
    stage.run()
    assert sum(map(len, stage.runs)) == 45


def test_a_renewal_that_fails_leaves_the_old_line_alone_and_is_tried_again(stage: Stage) -> None:
    old = stage.line()
    stage.lines.append(LineDown("busy"))
    new = stage.line()
    stage.wish = "renew"
    stage.at = until(stage, TIMES.renew_again_s + TIMES.overlap_s + 5)
    stage.run()
    assert stage.opened == [old, new]


def test_a_new_line_that_dies_at_once_does_not_end_the_session(stage: Stage) -> None:
    old, new = stage.line(), stage.line()
    new.script.append(LineDown("no"))
    busy(old, b"btc", 100)
    stage.wish = "renew"
    stage.at = until(stage, 3.0)
    stage.run()
    assert sum(map(len, stage.runs)) == 100
    assert new.closed


def test_records_go_on_while_the_new_line_does_not_answer(stage: Stage) -> None:
    old, new = stage.line(), stage.line()
    busy(old, b"btc", 3_000)
    busy(new, b"btc", 3_000)
    asked: list[Callable[[], None]] = []
    stage.beside = asked.append
    stage.wish = "renew"
    handed_on: list[int] = []

    def at() -> None:
        if len(stage.runs) >= 5 and asked:
            handed_on.append(sum(map(len, stage.runs)))
            asked.pop()()  # only now does the handshake end
        if old.closed:
            stage.stop.set()

    stage.at = at
    stage.run()
    assert handed_on[0] > 100
    assert stage.opened == [old, new]


def test_a_line_that_opens_after_the_end_is_closed(stage: Stage) -> None:
    stage.line()
    new = stage.line()
    asked: list[Callable[[], None]] = []
    stage.beside = asked.append
    stage.wish = "renew"
    stage.at = until(stage, 1.0)
    stage.run()
    asked.pop()()
    assert new.closed


def test_a_new_line_that_brings_less_than_the_old_one_is_left(stage: Stage) -> None:
    old, worse = stage.line(), stage.line()
    for _ in range(20_000):
        old.script += [[b"btc", b"eth"], None]
    busy(worse, b"btc", 6_000)
    stage.wish = "renew"
    stage.at = until(stage, TIMES.overlap_s + 5)
    stage.run()
    assert worse.closed
    assert stage.runs[-1][-1] == b"eth"
    assert stage.opened == [old, worse]


def test_a_new_line_that_lags_behind_takes_over_though_ever_more_thin_streams_speak_first_on_the_old(
    stage: Stage,
) -> None:
    old, new = stage.line(), stage.line()
    thin = [b"%03d" % at for at in range(200)]
    for n in range(200):  # a new one in each quarter of a second; there they come five seconds later
        old.script += [[thin[n]], *[None] * 12]
        new.script += [[thin[n - 20]] if n >= 20 else [], *[None] * 12]
    stage.wish = "renew"
    end_s, closed = stage.clock.s + TIMES.overlap_s + 2, list[tuple[bool, bool]]()

    def at() -> None:
        if old.closed or new.closed or stage.clock.s > end_s:
            closed.append((old.closed, new.closed))
            stage.stop.set()

    stage.at = at
    stage.run()
    assert closed == [(True, False)]


def test_after_a_failed_renewal_nobodys_wish_brings_the_next_one_at_once(stage: Stage) -> None:
    stage.line()
    stage.lines.append(LineDown("busy"))
    stage.line()
    began_s = stage.clock.s
    opened_s: list[float] = []

    def at() -> None:
        stage.wish = "renew" if len(stage.opened) == 1 else ""
        if len(stage.opened) == 2:
            opened_s.append(stage.clock.s)
            stage.stop.set()

    stage.at = at
    stage.run()
    assert opened_s[0] - began_s >= TIMES.renew_again_s


def test_a_wish_during_a_renewal_is_fulfilled_after_it(stage: Stage) -> None:
    old = stage.line()
    stage.line()
    stage.line()
    busy(old, b"btc", 400)
    stage.wish = "renew"
    wishes: Iterator[Wish] = iter(["renew"])

    def at() -> None:
        if len(stage.opened) == 2:
            stage.wish = next(wishes, "")
        if len(stage.opened) == 3:
            stage.stop.set()

    stage.at = at
    stage.run()
    assert len(stage.opened) == 3


def test_a_stream_that_fell_silent_on_the_old_line_is_not_waited_for(stage: Stage) -> None:
    old, new = stage.line(), stage.line()
    old.script += [[b"eth"], *[None] * 50]  # 12 s
    busy(old, b"btc", 3_000)
    busy(new, b"btc", 3_000)
    closed_s: list[float] = []

    def at() -> None:
        if len(stage.opened) == 1 and stage.clock.s > 1_012:
            stage.wish = "renew"
        if old.closed:
            closed_s.append(stage.clock.s)
            stage.stop.set()

    stage.at = at
    stage.run()
    assert closed_s[0] < 1_012 + TIMES.overlap_s / 2


def test_close_from_another_thread_ends_it(stage: Stage) -> None:
    stage.line()
    session = stage.session()
    stage.at = session.close
    with pytest.raises(LineDown):
        session.run(stage.stop)
