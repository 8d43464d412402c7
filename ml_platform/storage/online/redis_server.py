"""The Redis server of an online store: connections, the names of a project's keys, and what a failure means."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ml_platform.core.errors import OnlineStoreUnavailable
from ml_platform.core.secrets import without_credentials

_SECONDS, _READ_SECONDS, _PAUSE = 5.0, 1.0, 1.0


class RedisServer:
    """Connections of one process.

    Parameters
    ----------
    url
        ``redis://`` or ``rediss://``.
    project
        Its keys begin with ``ml_platform:{project}:``, so that projects share a server, and each is on one node of a
        cluster.

    Attributes
    ----------
    prefix
        What every key begins with.
    client, reading
        The connections of who publishes, and of who answers a request meanwhile: that one waits a second at most.
    """

    def __init__(self, url: str, project: str) -> None:
        self._where = without_credentials(url)
        try:
            import redis
        except ImportError:
            raise self._unavailable("the package redis is missing. Run `pip install ml-platform[redis]`") from None
        try:
            self.client, self.reading = (_connected(url, seconds) for seconds in (_SECONDS, _READ_SECONDS))
        except ValueError as error:
            raise self._unavailable(error) from None
        self._failure = redis.RedisError
        self.prefix = f"ml_platform:{{{project}}}:online:"
        self._failed: tuple[float, str] = (-_PAUSE, "")

    @contextmanager
    def publishing(self) -> Iterator[Any]:
        """Give the connection of who publishes.

        Raises
        ------
        OnlineStoreUnavailable
            Where the server fails within the block.
        """
        try:
            yield self.client
        except self._failure as error:
            raise self._unusable(error) from None

    @contextmanager
    def answering(self) -> Iterator[Any]:
        """Give the connection of who answers a request.

        After a failure the server is not asked for a second: one that does not answer would hold up every request in
        turn.

        Raises
        ------
        OnlineStoreUnavailable
            Where the server fails within the block, or failed a moment ago.
        """
        at, problem = self._failed
        if time.monotonic() < at + _PAUSE:
            raise OnlineStoreUnavailable(problem)
        try:
            yield self.reading
        except self._failure as error:
            unusable = self._unusable(error)
            self._failed = (time.monotonic(), str(unusable))
            raise unusable from None

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        self.reading.close()

    def _unusable(self, error: Exception) -> OnlineStoreUnavailable:
        return self._unavailable(f"{error}. Start the server, or correct storage.online in project.yaml")

    def _unavailable(self, problem: object) -> OnlineStoreUnavailable:
        return OnlineStoreUnavailable(f"the online store {self._where} cannot be used: {problem}.")


def _connected(url: str, seconds: float) -> Any:
    """Return a client that asks once more where a connection ended, and does not wait in between."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    retry = Retry(NoBackoff(), 1)
    return redis.Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=retry)
