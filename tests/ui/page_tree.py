"""A page's HTML as named parts: what each says itself, and what is said without a name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"img", "br", "hr", "input"})
SPOKEN = ("title", "aria-label")  # text that is read or hovered, not printed
MARKER = re.compile(r"left:([\d.]+)%")


@dataclass
class Part:
    """One element with a ``data-key``. ``text`` is its own: that of named parts inside it is theirs."""

    key: str
    value: str | None
    state: str | None
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What it says; what is read aloud or hovered stands in braces."""
        return plain(" ".join(self.pieces))


def plain(text: str) -> str:
    """Text without what only makes it prettier: kinds of space and minus, the space before a per cent sign."""
    text = text.replace("\N{MINUS SIGN}", "-").replace("\N{NO-BREAK SPACE}", " ").replace("\N{WORD JOINER}", "")
    return re.sub(r"\s+([%,;.])", r"\1", " ".join(text.split()))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[Part] = []
        self.loose: list[str] = []
        self._open: list[Part | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        part = next((p for p in reversed(self._open) if p is not None), None)
        key = named.get("data-key")
        if key:
            part = Part(key, named.get("data-value"), named.get("data-state"))
            self.parts.append(part)
        for name in SPOKEN:
            self._say(part, "{" + (named.get(name) or "") + "}")
        if "ps-marker" in (named.get("class") or ""):
            at = MARKER.search(named.get("style") or "")
            self._say(part, f"@{float(at[1]) if at else -1:.2f}")
        if tag not in VOID:
            self._open.append(part if key else None)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        part = next((p for p in reversed(self._open) if p is not None), None)
        if part is not None:
            part.pieces.append(data)
        elif any(c.isdigit() for c in data):
            self.loose.append(data)

    def _say(self, part: Part | None, text: str) -> None:
        """Of what is not printed only that which holds a number."""
        if not any(c.isdigit() for c in text):
            return
        if part is None:
            self.loose.append(text)
        else:
            part.pieces.append(text)


def parts(markup: str) -> list[Part]:
    """Every named part, in the page's order."""
    return _read(markup).parts


def loose(markup: str) -> list[str]:
    """Every number, with the words around it, that stands in no named part."""
    return _read(markup).loose


def _read(markup: str) -> _Reader:
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return reader
