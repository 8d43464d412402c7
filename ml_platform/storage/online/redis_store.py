"""The online store on a Redis server, for several machines that serve.

Records are written in many steps beside those that are current (`Versions`); one command makes them current. What a
killed publisher left is taken back by the next one before it begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ml_platform.core.errors import OnlineStoreUnavailable
from ml_platform.storage.online.description import NOTHING, Description, from_bytes, to_bytes
from ml_platform.storage.online.layout import Buffer
from ml_platform.storage.online.redis_server import RedisServer
from ml_platform.storage.online.store import Change
from ml_platform.storage.online.versioned import NO_VERSIONS, Versions

_AT_ONCE = 5_000


class RedisStore:
    """An online store on a Redis server."""

    def __init__(self, server: RedisServer) -> None:
        self._server, self._client, self._reading = server, server.client, server.reading
        self._records, self._generation, self._begun = self._named("records", "generation", "begun")
        self._description, self._removed, self._purged = self._named("description", "removed", "purged")
        self._last = NOTHING

    def _named(self, *parts: str) -> list[str]:
        return [f"{self._server.prefix}{part}" for part in parts]

    @contextmanager
    def view(self) -> Iterator[_View]:
        """Give a view of what was published last; it ends when the next but one publication begins."""
        with self._server.answering():
            state = (self._generation, self._begun, self._purged)
            yield _View(self._reading, self._records, state, self._described())

    def publish(self, changes: Iterable[Change], description: Description) -> None:
        """Write records beside those that are current, and make them current with the description, in one command."""
        with self._server.publishing():
            current = int(self._client.get(self._generation) or 0)
            self._clear(current)
            generation = description.generation
            self._client.set(self._begun, generation)
            for change in changes:
                self._write(dict(change.writes), current, generation)
                self._write(dict.fromkeys(change.removals), current, generation)
            commit = self._client.pipeline(transaction=True)
            commit.set(self._description, to_bytes(description))
            commit.set(self._generation, generation)
            commit.delete(self._begun)
            commit.execute()

    def purge(self) -> None:
        """Keep one version of each record, and none of those that were removed."""
        with self._server.publishing():
            current = int(self._client.get(self._generation) or 0)
            self._clear(current)
            self._client.set(self._purged, current)  # no reader of a former generation reads on
            for some in self._scanned():
                self._put({key: old._replace(before=None) for key, old in some.items() if old.before is not None})

    def close(self) -> None:
        """Close the connections of this process."""
        self._server.close()

    def _described(self) -> Description:
        """Return the current description; the last one is kept."""
        generation = int(self._reading.get(self._generation) or 0)
        if generation == 0:
            return NOTHING
        if self._last.generation != generation:
            self._last = from_bytes(self._reading.get(self._description))
        return self._last

    def _clear(self, current: int) -> None:
        """Take back what a killed publisher wrote, and drop records that were removed before."""
        if self._client.exists(self._begun):
            for some in self._scanned():
                later = {key: old for key, old in some.items() if old.generation > current}
                self._put({key: Versions(current, old.before, None) for key, old in later.items()})
                gone = [key for key, old in later.items() if old.before is None]
                if gone:
                    self._client.hdel(self._records, *gone)
            self._client.delete(self._begun)
        while removed := self._client.spop(self._removed, _AT_ONCE):
            versions = zip(removed, self._client.hmget(self._records, removed), strict=True)
            gone = [key for key, value in versions if value and Versions.from_bytes(value).at(current) is None]
            if gone:
                self._client.hdel(self._records, *gone)

    def _write(self, records: dict[bytes, bytes | None], current: int, generation: int) -> None:
        keys = list(records)
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            stored = self._client.hmget(self._records, some)
            before = [NO_VERSIONS if value is None else Versions.from_bytes(value) for value in stored]
            self._put(
                {
                    key: Versions(generation, records[key], old.at(current))
                    for key, old in zip(some, before, strict=True)
                }
            )
            removed = [key for key in some if records[key] is None]
            if removed:
                self._client.sadd(self._removed, *removed)

    def _put(self, versions: dict[bytes, Versions]) -> None:
        if versions:
            self._client.hset(self._records, mapping={key: item.to_bytes() for key, item in versions.items()})

    def _scanned(self) -> Iterator[dict[bytes, Versions]]:
        yield from _scanned(self._client, self._records)


class _View:
    """What readers of one generation see."""

    def __init__(self, client: Any, records: str, state: tuple[str, ...], description: Description) -> None:
        self._client, self._records, self._state = client, records, state
        self.description = description

    def get(self, keys: Sequence[bytes]) -> list[Buffer | None]:
        """Return the record of each key, or None."""
        if not keys:
            return []
        asked = self._client.pipeline(transaction=True)
        asked.mget(self._state)
        asked.hmget(self._records, keys)
        (now, begun, purged), values = asked.execute()
        generation = self.description.generation
        if int(now or 0) < generation:
            raise OnlineStoreUnavailable("the online store was emptied while it was read. Publish again.")
        if (
            int(now or 0) + (begun is not None) > generation + 1 or int(purged or 0) > generation
        ):  # two versions are kept at most
            raise OnlineStoreUnavailable("the online store was published twice while it was read. Ask again.")
        return [None if value is None else Versions.from_bytes(value).at(generation) for value in values]

    def keys(self, prefix: bytes) -> Iterator[bytes]:
        """Yield the key of every record that begins with `prefix`."""
        generation = self.description.generation
        for some in _scanned(self._client, self._records):
            for key, versions in some.items():
                if key.startswith(prefix) and versions.at(generation) is not None:
                    yield key


def _scanned(client: Any, records: str) -> Iterator[dict[bytes, Versions]]:
    cursor = 0
    while True:
        cursor, page = client.hscan(records, cursor, count=_AT_ONCE)
        yield {key: Versions.from_bytes(value) for key, value in page.items()}
        if cursor == 0:
            return
