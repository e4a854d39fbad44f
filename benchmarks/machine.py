"""What a benchmark ran on, and its tables: for the first lines of every output."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import version


def heading(title: str, *packages: str) -> str:
    """Title, machine, versions and how busy the machine is now."""
    versions = [f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"]
    versions += [f"{name} {version(name)}" for name in packages]
    return f"{title}\n{os.cpu_count()} cores, {platform.system()}; {', '.join(versions)}; {load()}\n"


def load() -> str:
    """The load average where the system keeps one; above the number of cores, figures are low by others' doing."""
    if not hasattr(os, "getloadavg"):
        return "load average not known"
    return f"load average {os.getloadavg()[0]:.1f}"


def goal(held: bool) -> str:
    """How a goal fared."""
    return "held" if held else "MISSED"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, columns padded so that it reads in a terminal too."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join([line(head), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows)])
