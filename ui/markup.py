"""Small HTML with every text escaped: the only place where markup is put together."""

from __future__ import annotations

from html import escape


class Markup(str):
    """Text that is HTML already. Any other ``str`` is escaped when it becomes a child or an attribute."""

    __slots__ = ()


def el(name: str, *children: str, cls: str = "", **attributes: str | None) -> Markup:
    """One element. ``data_key="x"`` becomes ``data-key="x"``; an attribute of None is left out.

    >>> el("b", "1 < 2", cls="ps-n", title='"')
    '<b class="ps-n" title="&quot;">1 &lt; 2</b>'
    """
    named = {"class": cls or None, **attributes}
    opened = "".join(f' {k.replace("_", "-")}="{escape(v)}"' for k, v in named.items() if v is not None)
    return Markup(f"<{name}{opened}>{join(*children)}</{name}>")


def join(*children: str) -> Markup:
    """Children one after another, plain text escaped."""
    return Markup("".join(c if isinstance(c, Markup) else escape(c) for c in children))
