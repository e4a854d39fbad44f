"""The trade ticket: sides, quantities, cost, stop. Greyed as an example unless the verdict is TRADABLE."""

from __future__ import annotations

import streamlit as st

from analytics.costs import CostSplit
from ui import formats
from ui.markup import Markup, el
from ui.ticket import RoundedLeg, Ticket


def render(ticket: Ticket | None) -> None:
    """Draw the ticket."""
    st.html(markup(ticket))


def markup(ticket: Ticket | None) -> Markup:
    """The ticket as HTML, of one height whatever it says."""
    if ticket is None:
        return el(
            "div",
            el("p", "There is no trade to name before the fit window is full.", cls="ps-ticket-none"),
            cls="ps-ticket ps-ticket-example",
        )
    head = "Example, not a signal" if ticket.example else "The rule's trade"
    return el(
        "div",
        el("div", el("span", head), el("span", "nothing is sent to the exchange"), cls="ps-ticket-head"),
        *(_leg(leg) for leg in ticket.legs),
        el("dl", *_terms(ticket), cls="ps-pairs"),
        cls="ps-ticket" + (" ps-ticket-example" if ticket.example else ""),
        data_key="ticket",
        data_state="example" if ticket.example else "trade",
    )


def _leg(leg: RoundedLeg) -> Markup:
    return el(
        "div",
        el("b", leg.side, cls=f"ps-side ps-side-{leg.side.lower()}"),
        el("span", formats.quantity(leg.qty, leg.step), cls="ps-qty"),
        el("span", leg.symbol, cls="ps-leg-symbol"),
        el("span", leg.problem or f"{formats.number(leg.notional, 2)} {leg.quote}", cls="ps-leg-note"),
        cls="ps-leg" + (" ps-leg-refused" if leg.problem else ""),
        data_key=f"leg_{leg.symbol}",
        data_value=repr(leg.qty),
    )


def _terms(t: Ticket) -> tuple[Markup, ...]:
    even = formats.UNKNOWN
    if t.break_even_z is not None:
        at_least = "at least " if t.costs is not None and t.costs.missing else ""
        even = f"{at_least}|z| {formats.number(t.break_even_z)}, if all of it came back"
    return (
        _term("Exchange minimum", _minimum(t)),
        _term("Left unhedged", _left(t)),
        _term("Cost, round trip", _cost(t.costs)),
        _term("Break-even", even),
        _term("Stop", f"z {formats.z_score(t.stop_z)}, your risk limit"),
        _term("Time limit", t.limit_text),
    )


def _left(t: Ticket) -> str:
    side = "long" if t.residual >= 0 else "short"
    share = 1e4 * abs(t.residual) / t.gross if t.gross else None
    money = f"{formats.number(abs(t.residual), 2)} {t.legs[1].quote}"
    return f"{money} net {side}, {formats.bps(share, sign=False)} of both"


def _minimum(t: Ticket) -> str:
    refused = [leg.symbol for leg in t.legs if leg.problem]
    if not all(leg.step for leg in t.legs):
        return "not checked"
    return f"not met, see {' and '.join(refused)}" if refused else "met by both legs"


def _cost(costs: CostSplit | None) -> str:
    if costs is None:
        return formats.UNKNOWN
    parts = (("fees", costs.fees_bps), ("price spread", costs.half_spreads_bps), ("funding", costs.funding_bps))
    split = ", ".join(f"{name} {formats.number(v, 1)}" for name, v in parts)
    return f"{formats.known_cost(costs.total_bps, whole=not costs.missing)} ({split})"


def _term(name: str, value: str) -> Markup:
    return el("div", el("dt", name), el("dd", value))
