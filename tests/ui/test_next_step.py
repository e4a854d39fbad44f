"""The banner's last sentence: what would change the verdict, or the trade itself, from the same checks and ticket."""

from __future__ import annotations

from dataclasses import replace

from analytics.params import Params
from tests.ui.seeded import CATALOGUE, Scenario, look
from ui import formats
from ui.next_step import next_step
from ui.ticket import ticket

PAIR = ("ETHUSDT", "BTCUSDT")


def said(scenario: Scenario, params: Params | None = None) -> tuple[str, str]:
    seen = look(scenario, *PAIR, params or Params())
    return next_step(seen.decision, ticket(seen, CATALOGUE), *PAIR, 0.01)


def test_tradable_names_sides_quantities_stop_and_limit() -> None:
    made = ticket(look("tradable", *PAIR, Params()), CATALOGUE)
    assert made is not None
    label, sentence = said("tradable")
    assert label == "The trade"
    for leg in made.legs:
        assert f"{leg.side} {formats.quantity(leg.qty, leg.step)} {leg.symbol}" in sentence
    assert formats.z_score(made.stop_z) in sentence
    assert made.limit_text in sentence


def test_waiting_for_a_stretch_says_the_price_that_would_be_one() -> None:
    trigger = look("wait", *PAIR, Params()).decision.trigger
    assert trigger is not None
    _, sentence = said("wait")
    assert f"ETHUSDT at {formats.price(trigger.trigger_price_y, 0.01)}" in sentence
    assert formats.bps(trigger.distance_bps, sign=False) in sentence


def test_where_a_stretch_would_be_no_entry_no_price_is_named_as_one() -> None:
    seen = look("wait", *PAIR, Params())
    spent = replace(seen.decision, armed=False)
    waiting = next(c for c in spent.checks if c.key == "stretched")
    _, sentence = next_step(spent, ticket(seen, CATALOGUE), *PAIR, 0.01)
    assert sentence.startswith(waiting.flips)


def test_classic_waits_for_its_own_stretch() -> None:
    decision = look("wait", *PAIR, Params(preset="classic")).decision
    (waiting,) = [c for c in decision.checks if c.deciding and c.state != "passed"]
    assert waiting.key == "z_roll"
    assert "ETHUSDT at" in said("wait", Params(preset="classic"))[1]


def test_otherwise_it_is_what_would_flip_the_first_deciding_check_that_has_not_passed() -> None:
    for scenario in ("trap", "not_tradable", "thin"):
        checks = look(scenario, *PAIR, Params()).decision.checks
        first = next(c for c in checks if c.deciding and c.state != "passed")
        assert said(scenario)[1].startswith(first.flips.split(":")[0])


def test_what_would_then_still_be_open_is_named() -> None:
    checks = look("not_tradable", *PAIR, Params()).decision.checks
    waiting = [c for c in checks if c.deciding and c.state != "passed"]
    assert len(waiting) > 1
    assert waiting[1].question[1:] in said("not_tradable")[1]


def test_warming_up_has_its_progress_instead() -> None:
    assert said("warming") == ("", "")
    assert said("empty") == ("", "")


def test_without_data_it_is_data_of_both_legs() -> None:
    label, sentence = said("no_data")
    assert label
    assert "ETHUSDT" in sentence
    assert "BTCUSDT" in sentence
