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
