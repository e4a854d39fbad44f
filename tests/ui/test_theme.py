"""One visual language that everybody can see: contrast on both backgrounds, apart without colour vision."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from analytics.verdict import CheckState
from ui import theme

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
CSS = theme.STYLE.read_text(encoding="utf-8")
LINES = {"leg y": theme.LEG_Y, "leg x": theme.LEG_X, "entry": theme.ENTRY, "stop": theme.STOP, "rolling": theme.ROLLING}
# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
DEFICIENT = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


def linear(colour: str) -> np.ndarray:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb.clip(0, 1)
    f = np.cbrt(xyz / [0.9505, 1.0, 1.089])
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def pairs_of_variables() -> list[tuple[str, str, str]]:
    return re.findall(r"--ps-(\w[\w-]*): light-dark\((#\w{6}), (#\w{6})\)", CSS)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("colour", LINES.values(), ids=LINES)
def test_every_line_stands_out_from_both_backgrounds(colour: str, mode: str) -> None:
    assert contrast(colour, CONFIG["theme"][mode]["backgroundColor"]) >= 3


@pytest.mark.parametrize("kind", DEFICIENT)
def test_the_two_legs_stay_apart_without_colour_vision(kind: str) -> None:
    seen = [lab(np.array(DEFICIENT[kind]) @ linear(c)) for c in (theme.LEG_Y, theme.LEG_X)]
    assert np.linalg.norm(seen[0] - seen[1]) > 40


@pytest.mark.parametrize(("at", "mode"), [(1, "light"), (2, "dark")])
def test_every_text_colour_can_be_read_on_its_surface(at: int, mode: str) -> None:
    variables = {name: colours for name, *colours in pairs_of_variables()}
    surface = variables["surface"][at - 1]
    page = CONFIG["theme"][mode]["backgroundColor"]
    for name in ("ink", "soft", "live", "good", "bad", "warn", "wait", "mute"):
        for under in (surface, page):
            assert contrast(variables[name][at - 1], under) >= 4.5, (name, mode, under)


def test_every_verdict_and_state_has_a_symbol_of_its_own() -> None:
    marks = dict(re.findall(r"\.ps-glyph-(\w+) \{ --m: var\(--ps-(mark-\w+)\)", CSS))
    used = [marks[style] for style in theme.VERDICT_STYLE.values()]
    assert len(set(used)) == len(used)
    assert len({marks[s] for s in get_args(CheckState)}) == 3


def test_the_style_sheet_survives_the_browsers_sanitiser() -> None:
    assert "<" not in CSS


def test_the_style_sheet_fetches_nothing() -> None:
    addresses = re.findall(r"url\('([^']+)", CSS)
    assert addresses
    assert all(a.startswith("data:") for a in addresses)


def test_every_class_that_is_drawn_is_styled() -> None:
    source = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "ui").rglob("*.py"))
    drawn = set(itertools.chain(*(c.split() for c in re.findall(r'cls="(ps-[\w -]+)"', source))))
    plain = {"ps-scroll", "ps-check", "ps-banner-main", "ps-leg-symbol", "ps-empty-row", "ps-num", "ps-trigger"}
    assert not {c for c in drawn - plain if f".{c}" not in CSS}


def test_what_nobody_foresaw_sends_nobody_to_a_search_engine() -> None:
    hidden = re.search(r'\[data-testid="stExceptionMessage"\] ~ \* \{ display: none; \}', CSS)
    assert hidden, "Streamlit's own box links to Google and ChatGPT"
    assert "Reload the page" in CSS
