"""Who listens to which stream. A message is written once, however many listen. No socket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from simulator.encode import frame, wrapped
from simulator.streams import delivers, is_trade_stream


class Listener(Protocol):
    """One connection, as far as delivery is concerned."""

    number: int  # unlike any other connection's, of now or before
    route: str

    @property
    def combined(self) -> bool:
        """Whether payloads are wrapped."""
        ...

    def send(self, data: bytes) -> None:
        """Queue a whole frame."""
        ...


class Hub:
    """Streams and their listeners. Streams that a route does not deliver have none, whatever was acknowledged."""

    def __init__(self) -> None:
        self.listeners: dict[str, list[Listener]] = {}
        self.mute: Callable[[str, Listener], bool] | None = None  # whether a stream is withheld from a listener
        self.on_subscribe: Callable[[Listener, Sequence[str]], None] | None = None

    def add(self, listener: Listener, streams: Iterable[str]) -> bool:
        """Deliver these streams from now on; True where a trade stream is among them."""
        names, trades = list(streams), False
        if self.on_subscribe is not None:
            self.on_subscribe(listener, names)
        for stream in names:
            if delivers(listener.route, stream):
                trades = trades or is_trade_stream(stream)
                listening = self.listeners.setdefault(stream, [])
                if listener not in listening:
                    listening.append(listener)
        return trades

    def remove(self, listener: Listener, streams: Iterable[str]) -> None:
        """Deliver these streams no longer."""
        for stream in list(streams):
            listening = self.listeners.get(stream)
            if listening and listener in listening:
                listening.remove(listener)
                if not listening:
                    del self.listeners[stream]

    def publish(self, stream: str, data: bytes) -> None:
        """Send a payload to all who listen, in the mode of each."""
        listening = self.listeners.get(stream)
        if not listening:
            return
        bare: bytes | None = None
        enveloped: bytes | None = None
        for listener in listening:
            if self.mute is not None and self.mute(stream, listener):
                continue
            if listener.combined:
                if enveloped is None:
                    enveloped = frame(wrapped(stream, data))
                listener.send(enveloped)
            else:
                if bare is None:
                    bare = frame(data)
                listener.send(bare)
