"""A line at another address beside the connection, for streams that stay silent on their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from core.errors import LineDown
from ingestion.channel import Channel
from ingestion.control import Names
from ingestion.dialler import Dialler
from ingestion.opening import Beside, Opening
from ingestion.pulse import StreamKey
from ingestion.times import FeedTimes
from ingestion.transport import Line

READ_S: Final = 0.01  # it is read in turn with the connection


class Detour:
    """Open for as long as a stream is sent here; the connection, and what flows on it, goes on untouched.

    Here a stream is asked for in addition: whatever both lines bring are doubles, which their ids show. It is not
    renewed: when the exchange ends it after a day, its streams are silent, and are sent here again.
    """

    def __init__(
        self,
        dialler: Dialler,
        route: str,
        *,
        deliver: Callable[[Line, list[bytes], float], Iterable[StreamKey]],
        opened: Callable[[], None],
        ended: Callable[[LineDown, list[StreamKey]], None],
        now_s: Callable[[], float],
        beside: Beside,
        times: FeedTimes,
    ) -> None:
        """``ended`` hears why the line ended or could not be opened, and which streams it never brought."""
        self._dialler = dialler
        self._route = route
        self._deliver = deliver
        self._opened = opened
        self._ended = ended
        self._now_s = now_s
        self._beside = beside
        self._times = times
        self._streams: Mapping[StreamKey, str] = {}
        self._names: Names = {}
        self._opening: Opening | None = None
        self._channel: Channel | None = None
        self._brought: set[StreamKey] = set()

    def ask(self, streams: Mapping[StreamKey, str]) -> None:
        """Ask for these, by their names on the wire, and for nothing else. From any thread."""
        self._streams, self._names = streams, dict.fromkeys(streams.values())

    @property
    def streams(self) -> Mapping[StreamKey, str]:
        """What is asked for here."""
        return self._streams

    @property
    def open(self) -> bool:
        """Whether there is a line to read."""
        return self._channel is not None

    def turn(self) -> None:
        """Do what is due: open it, read it, or close it. On the feed's thread."""
        if not self._streams:
            self.close()
            self._brought.clear()
            return
        try:
            if self._channel is not None:
                self._read(self._channel)
            elif self._opening is None:
                self._opening = Opening(lambda: self._dialler.dial(self._route, self._names), self._beside)
            elif (line := self._opening.line()) is not None:
                self._opening, self._channel = None, Channel(line, self._now_s(), self._times)
                self._opened()
        except LineDown as down:
            self.close()
            missed = [key for key in self._streams if key not in self._brought]
            self._brought.clear()
            self._ended(down, missed)

    def close(self) -> None:
        """End it; what arrived before the end counts."""
        opening, self._opening = self._opening, None
        channel, self._channel = self._channel, None
        if opening is not None:
            opening.leave()
        if channel is not None:
            try:
                self._hand_on(channel.line, channel.rest())
            finally:
                channel.line.close()

    def _read(self, channel: Channel) -> None:
        messages = channel.line.read(channel.patience_s(READ_S, self._now_s()))
        now_s = self._now_s()
        channel.arrived(messages, now_s)
        self._hand_on(channel.line, channel.due(now_s))
        channel.check(now_s)
        self._dialler.tend(channel.line, self._names, now_s)

    def _hand_on(self, line: Line, messages: list[bytes]) -> None:
        if messages:
            self._brought.update(self._deliver(line, messages, self._now_s()))
