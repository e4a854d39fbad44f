"""What is wanted is asked for once, within the limits, on every connection anew."""

import json

import pytest

from core.types import Reply
from ingestion import binance
from ingestion.control import FRAMES_PER_S, NAMES_PER_FRAME, Control, opening

Wanted = dict[str, None]
AB = dict.fromkeys(["a@trade", "b@trade"])


def line(wanted: Wanted, now_s: float = 0.0) -> Control:
    """That of a line just opened for these."""
    return Control(binance.subscribe, binance.unsubscribe, opening(wanted), now_s)


@pytest.fixture
def control() -> Control:
    return line(AB)


def said(frames: list[str]) -> list[tuple[str, list[str]]]:
    return [(frame["method"], frame["params"]) for frame in map(json.loads, frames)]


def test_what_the_address_names_is_not_asked_for_again(control: Control) -> None:
    assert control.due(AB, 1.0) == []


def test_changes_become_requests_with_ids_of_their_own(control: Control) -> None:
    wanted = dict.fromkeys(["a@trade", "c@trade"])
    frames = control.due(wanted, 1.0)
    assert said(frames) == [("UNSUBSCRIBE", ["b@trade"]), ("SUBSCRIBE", ["c@trade"])]
    assert len({json.loads(frame)["id"] for frame in frames}) == 2
    assert control.due(wanted, 2.0) == []


def test_what_was_asked_for_on_one_line_is_asked_for_on_the_other_too(control: Control) -> None:
    other, wanted = line(AB), AB | {"c@trade": None}
    for its in (other, control):
        assert said(its.due(wanted, 1.0)) == [("SUBSCRIBE", ["c@trade"])]


def test_asking_again_drops_first(control: Control) -> None:
    control.again(["a@trade", "asked for on another line@trade"])
    assert said(control.due(AB, 1.0)) == [("UNSUBSCRIBE", ["a@trade"]), ("SUBSCRIBE", ["a@trade"])]
    assert control.due(AB, 2.0) == []


def test_many_names_go_out_in_pieces_within_the_rate() -> None:
    wanted = dict.fromkeys(f"s{at}@trade" for at in range(7 * NAMES_PER_FRAME))
    control = line({})
    sent: list[str] = []
    for tenth in range(30):
        frames = control.due(wanted, tenth / 10)
        assert len(frames) <= FRAMES_PER_S
        sent += frames
    assert [name for _, params in said(sent) for name in params] == list(wanted)
    assert all(len(params) <= NAMES_PER_FRAME for _, params in said(sent))


def test_within_any_second_the_rate_stays_below_the_limit_of_the_exchange(control: Control) -> None:
    wanted = dict.fromkeys(f"s{at}@trade" for at in range(60 * NAMES_PER_FRAME))
    times = [tenth / 10 for tenth in range(100) for _ in control.due(wanted, tenth / 10)]
    assert max(sum(at <= other < at + 1 for other in times) for at in times) < 10


def test_a_new_line_has_what_its_address_names_and_asks_for_the_rest() -> None:
    wanted = dict.fromkeys(f"s{at}@trade" for at in range(NAMES_PER_FRAME + 5))
    names = list(wanted)
    assert opening(wanted) == names[:NAMES_PER_FRAME]
    assert said(line(wanted, 9.0).due(wanted, 9.0)) == [("SUBSCRIBE", names[NAMES_PER_FRAME:])]


def test_answers_are_waited_for(control: Control) -> None:
    number = json.loads(control.due(AB | {"c@trade": None}, 1.0)[0])["id"]
    assert not control.unanswered(11.0, within_s=10.0)
    assert control.unanswered(11.1, within_s=10.0)
    control.answered(Reply(number, None, "Too many subscriptions (code 4)"))
    assert not control.unanswered(100.0, within_s=10.0)


def test_a_complaint_that_does_not_say_about_what_answers_the_oldest_request(control: Control) -> None:
    control.due(AB | {"c@trade": None}, 1.0)
    control.due(AB | {"c@trade": None, "d@trade": None}, 2.0)
    complaint = Reply(None, None, "Invalid request: too many parameters (code 2)")
    control.answered(complaint)
    assert not control.unanswered(11.5, within_s=10.0)
    assert control.unanswered(12.1, within_s=10.0)
    for _ in range(2):  # one more than was asked
        control.answered(complaint)
    assert not control.unanswered(100.0, within_s=10.0)
