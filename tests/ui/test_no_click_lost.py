"""No control is drawn anew by a timer: a click between two redraws would find another button than the one aimed at."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.testing.v1 import local_script_runner
from streamlit.testing.v1.element_tree import ElementTree, parse_tree_from_messages

from analytics.trial import Trial
from tests.ui.fake_alerts import FakeAlerts
from tests.ui.fakes import FakeDesk
from tests.ui.seeded import END_MS, Scenario
from tests.ui.stage import play
from tests.ui.test_every_state import PAGES, STATES

# Value-less output; everything else is pressed, typed into, or carried away.
SHOWN_ONLY = {"markdown", "html", "vega_lite_chart", "empty", "skeleton", "toast", "alert", "heading"}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[ForwardMsg]:
    """What the newest run sent to the browser."""
    messages: list[ForwardMsg] = []

    def noted(new: Sequence[ForwardMsg]) -> ElementTree:
        messages[:] = new
        return parse_tree_from_messages(list(new))

    monkeypatch.setattr(local_script_runner, "parse_tree_from_messages", noted)
    return messages


def redrawn(messages: Sequence[ForwardMsg]) -> set[str]:
    """The controls that a timer draws anew."""
    timed = {m.auto_rerun.fragment_id for m in messages if m.HasField("auto_rerun")}
    deltas = [m.delta for m in messages if m.HasField("delta") and m.delta.HasField("new_element")]
    return {str(d.new_element.WhichOneof("type")) for d in deltas if d.fragment_id in timed} - SHOWN_ONLY


@pytest.mark.parametrize("scenario", STATES)
@pytest.mark.parametrize("page", PAGES)
def test_no_control_of_a_page_is_drawn_anew_by_a_timer(page: str, scenario: Scenario, sent: list[ForwardMsg]) -> None:
    play(FakeDesk(scenario, alerts=FakeAlerts.full()), page)
    assert redrawn(sent) == set()


def test_nor_is_one_that_ends_a_run_or_a_fetch(sent: list[ForwardMsg]) -> None:
    desk = FakeDesk("wait")
    app = play(desk, "walk-forward")
    app.button(key="walk_fetch").click().run()
    app.button(key="walk_run").click().run()
    (ask,) = desk.walks
    desk.walks[ask] = Trial(ask, "running")
    app.run()
    assert {b.key for b in app.button if b.label == "Cancel"} == {"walk_cancel_fetch", "walk_cancel_run"}
    assert redrawn(sent) == set()


def test_while_the_past_plays_only_its_slider_can_be_moved(sent: list[ForwardMsg]) -> None:
    desk = FakeDesk("wait")
    app = play(desk, "replay")
    app.select_slider(key="replay_at").set_value(END_MS - 9 * 60_000).run()
    app.button(key="replay_play").click().run()
    assert redrawn(sent) == {"slider", "button"}
    assert all(app.button(key=key).disabled for key in ("replay_back", "replay_forward"))
