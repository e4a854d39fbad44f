"""A feed against a server over real sockets, and what it told."""

from dataclasses import dataclass, field
from queue import Queue

from core.types import Batch
from ingestion.feed import Feed
from tests.ingestion.wire_server import Peer, WireServer


@dataclass
class Heard:
    """What the feed told, each thing on a queue of its own, so that a test waits for it and for nothing else."""

    ids: Queue[int] = field(default_factory=Queue)
    batches: Queue[Batch] = field(default_factory=Queue)
    ups: Queue[None] = field(default_factory=Queue)
    downs: Queue[str] = field(default_factory=Queue)

    def batch(self, batch: Batch) -> None:
        self.batches.put(batch)
        for records in batch.records:
            for record_id in records.record_id.tolist():
                self.ids.put(record_id)


@dataclass
class Stage:
    server: WireServer
    feed: Feed
    heard: Heard

    def peer(self) -> Peer:
        return self.server.peer()


def ids(heard: Heard, count: int) -> list[int]:
    return [heard.ids.get(timeout=5) for _ in range(count)]
