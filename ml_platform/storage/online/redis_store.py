"""The online store on a Redis server, for several machines that serve.

Records are written in many steps beside those that are current (`Versions`); one command makes them current. What a
killed publisher left is taken back by the next one before it begins.

Readers ask in the middle of a request, so they wait a second at most. After a failure they do not ask for a second:
a server that does not answer would hold up every request in turn.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ml_platform.core.errors import OnlineStoreUnavailable
from ml_platform.core.secrets import without_credentials
from ml_platform.storage.online.description import NOTHING, Description, from_bytes, to_bytes
from ml_platform.storage.online.layout import Buffer
from ml_platform.storage.online.store import Change
from ml_platform.storage.online.versioned import NO_VERSIONS, Versions

_SECONDS, _READ_SECONDS, _PAUSE = 5.0, 1.0, 1.0
_AT_ONCE = 5_000


class RedisStore:
    """An online store on a Redis server.

    Parameters
    ----------
    url
        ``redis://`` or ``rediss://``.
    project
        Its keys begin with ``ml_platform:{project}:``, so that projects share a server, and each is on one node of a
        cluster.
    """

    def __init__(self, url: str, project: str) -> None:
        self._where = without_credentials(url)
        try:
            import redis
        except ImportError:
            raise self._unavailable("the package redis is missing. Run `pip install ml-platform[redis]`") from None
        try:
            self._client, self._reading = (_connected(url, seconds) for seconds in (_SECONDS, _READ_SECONDS))
        except ValueError as error:
            raise self._unavailable(error) from None
        self._failure = redis.RedisError
        name = f"ml_platform:{{{project}}}:online:"
        self._records, self._generation, self._begun = (f"{name}{part}" for part in ("records", "generation", "begun"))
        self._description, self._removed, self._purged = (
            f"{name}{part}" for part in ("description", "removed", "purged")
        )
        self._last = NOTHING
        self._failed: tuple[float, str] = (-_PAUSE, "")

    @contextmanager
    def view(self) -> Iterator[_View]:
        """Give a view of what was published last; it ends when the next but one publication begins."""
        at, problem = self._failed
        if time.monotonic() < at + _PAUSE:
            raise OnlineStoreUnavailable(problem)
        with self._answered(reading=True):
            state = (self._generation, self._begun, self._purged)
            yield _View(self._reading, self._records, state, self._described())

    def publish(self, changes: Iterable[Change], description: Description) -> None:
        """Write records beside those that are current, and make them current with the description, in one command."""
        with self._answered():
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
        with self._answered():
            current = int(self._client.get(self._generation) or 0)
            self._clear(current)
            self._client.set(self._purged, current)  # no reader of a former generation reads on
            for some in self._scanned():
                self._put({key: old._replace(before=None) for key, old in some.items() if old.before is not None})

    def close(self) -> None:
        """Close the connections of this process."""
        self._client.close()
        self._reading.close()

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

    @contextmanager
    def _answered(self, *, reading: bool = False) -> Iterator[None]:
        try:
            yield
        except self._failure as error:
            problem = self._unavailable(f"{error}. Start the server, or correct storage.online in project.yaml")
            if reading:
                self._failed = (time.monotonic(), str(problem))
            raise problem from None

    def _unavailable(self, problem: object) -> OnlineStoreUnavailable:
        return OnlineStoreUnavailable(f"the online store {self._where} cannot be used: {problem}.")


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


def _connected(url: str, seconds: float) -> Any:
    """Return a client that asks once more where a connection ended, and does not wait in between."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    retry = Retry(NoBackoff(), 1)
    return redis.Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=retry)


def _scanned(client: Any, records: str) -> Iterator[dict[bytes, Versions]]:
    cursor = 0
    while True:
        cursor, page = client.hscan(records, cursor, count=_AT_ONCE)
        yield {key: Versions.from_bytes(value) for key, value in page.items()}
        if cursor == 0:
            return
