"""What is wanted is asked for once, within the limits, on every connection anew."""

import json

import pytest

from core.types import Reply
from ingestion import binance
from ingestion.control import FRAMES_PER_S, NAMES_PER_FRAME, Control


@pytest.fixture
def control() -> Control:
    control = Control(binance.subscribe, binance.unsubscribe)
    control.want(["a@trade", "b@trade"])
    control.opened(control.opening(), now_s=0.0)
    return control


def said(frames: list[str]) -> list[tuple[str, list[str]]]:
    return [(frame["method"], frame["params"]) for frame in map(json.loads, frames)]


def test_what_the_address_names_is_not_asked_for_again(control: Control) -> None:
    assert control.due(1.0) == []


def test_changes_become_requests_with_ids_of_their_own(control: Control) -> None:
    control.want(["c@trade", "a@trade"])
    control.drop(["b@trade", "never@trade"])
    frames = control.due(1.0)
    assert said(frames) == [("UNSUBSCRIBE", ["b@trade"]), ("SUBSCRIBE", ["c@trade"])]
    assert len({json.loads(frame)["id"] for frame in frames}) == 2
    assert control.due(2.0) == []


def test_asking_again_drops_first(control: Control) -> None:
    control.again(["a@trade"])
    assert said(control.due(1.0)) == [("UNSUBSCRIBE", ["a@trade"]), ("SUBSCRIBE", ["a@trade"])]
    assert control.due(2.0) == []


def test_many_names_go_out_in_pieces_within_the_rate(control: Control) -> None:
    names = [f"s{at}@trade" for at in range(7 * NAMES_PER_FRAME)]
    control.want(names)
    sent: list[str] = []
    for tenth in range(30):
        frames = control.due(tenth / 10)
        assert len(frames) <= FRAMES_PER_S
        sent += frames
    assert [name for _, params in said(sent) for name in params] == names
    assert all(len(params) <= NAMES_PER_FRAME for _, params in said(sent))


def test_within_any_second_the_rate_stays_below_the_limit_of_the_exchange(control: Control) -> None:
    control.want([f"s{at}@trade" for at in range(60 * NAMES_PER_FRAME)])
    times = [tenth / 10 for tenth in range(100) for _ in control.due(tenth / 10)]
    assert max(sum(at <= other < at + 1 for other in times) for at in times) < 10


def test_a_new_connection_has_what_its_address_names_and_asks_for_the_rest(control: Control) -> None:
    names = [f"s{at}@trade" for at in range(NAMES_PER_FRAME + 5)]
    control.drop(["a@trade", "b@trade"])
    control.want(names)
    opening = control.opening()
    assert opening == names[:NAMES_PER_FRAME]
    control.opened(opening, now_s=9.0)
    assert said(control.due(9.0)) == [("SUBSCRIBE", names[NAMES_PER_FRAME:])]


def test_answers_are_waited_for_and_complaints_remembered(control: Control) -> None:
    control.want(["c@trade"])
    number = json.loads(control.due(1.0)[0])["id"]
    assert not control.unanswered(11.0, within_s=10.0)
    assert control.unanswered(11.1, within_s=10.0)
    control.answered(Reply(number, None, "Too many subscriptions (code 4)"))
    assert not control.unanswered(100.0, within_s=10.0)
    assert control.refused == "Too many subscriptions (code 4)"


def test_a_new_connection_owes_no_old_answers(control: Control) -> None:
    control.want(["c@trade"])
    control.due(1.0)
    control.opened(control.opening(), now_s=2.0)
    assert not control.unanswered(100.0, within_s=10.0)
