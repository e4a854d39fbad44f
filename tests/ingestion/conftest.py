"""Feeds for the tests of what a feed does."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ingestion import binance
from ingestion.feed import Feed
from ingestion.transport import connect
from tests.ingestion.stages import Heard, Stage
from tests.ingestion.wire_server import WireServer


@pytest.fixture
def stage_for() -> Iterator[Callable[..., Stage]]:
    """Builds a feed against a server; ends both."""
    stages: list[Stage] = []

    def build(server: WireServer, **options: Any) -> Stage:
        heard = Heard()
        server.__enter__()
        feed = Feed(
            "feed-trades",
            wire=binance,
            base=server.url,
            route="/public",
            connect=options.pop("connect", connect),
            on_batch=heard.batch,
            on_line_up=lambda: heard.ups.put(None),
            on_line_down=heard.downs.put,
            waits=lambda: itertools.repeat(0.01),
            **options,
        )
        stages.append(Stage(server, feed, heard))
        return stages[-1]

    yield build
    for stage in stages:
        assert stage.feed.stop()
        stage.server.__exit__(None, None, None)
