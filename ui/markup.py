"""Small HTML with every text escaped: the only place where markup is put together."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape


class Markup(str):
    """Text that is HTML already. Any other ``str`` is escaped when it becomes a child or an attribute."""

    __slots__ = ()


def el(name: str, *children: str, cls: str = "", **attributes: str | None) -> Markup:
    """One element. ``data_key="x"`` becomes ``data-key="x"``; an attribute of None is left out.

    >>> el("b", "1 < 2", cls="ps-n", title='"')
    '<b class="ps-n" title="&quot;">1 &lt; 2</b>'
    """
    return Markup(f"{_opened(name, {'class': cls or None, **attributes})}{join(*children)}</{name}>")


def void(tag: str, /, **attributes: str | None) -> Markup:
    """An element that holds nothing and has no end tag.

    >>> void("meta", charset="utf-8")
    '<meta charset="utf-8">'
    """
    return Markup(_opened(tag, attributes))


def style(css: str) -> Markup:
    """A style sheet of our own. Raises ValueError for one that would end its element early."""
    if "</" in css:
        raise ValueError("a style sheet must not hold an end tag")
    return Markup(f"<style>{css}</style>")


def join(*children: str) -> Markup:
    """Children one after another, plain text escaped."""
    return Markup("".join(c if isinstance(c, Markup) else escape(c) for c in children))


def _opened(name: str, attributes: Mapping[str, str | None]) -> str:
    given = (f' {key.replace("_", "-")}="{escape(value)}"' for key, value in attributes.items() if value is not None)
    return f"<{name}{''.join(given)}>"
