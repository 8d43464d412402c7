"""Opening the online store that a project declares, and what counts places beside it."""

from __future__ import annotations

from pathlib import Path

from ml_platform.storage.online.places import FilePlaces, Places
from ml_platform.storage.online.store import OnlineStore


def open_online_store(url: str | None, state: Path, project: str) -> OnlineStore:
    """Return the online store of a project.

    Parameters
    ----------
    url
        ``storage.online``: ``redis://`` or ``rediss://``; None means a folder in `state`.
    state
        The project's state folder.
    project
        The project's name, which keeps projects apart that share a server.

    Raises
    ------
    OnlineStoreUnavailable
    """
    if url is None:
        from ml_platform.storage.online.lmdb_store import LmdbStore

        return LmdbStore(state / "online")
    from ml_platform.storage.online.redis_server import RedisServer
    from ml_platform.storage.online.redis_store import RedisStore

    return RedisStore(RedisServer(url, project))


def open_places(url: str | None, state: Path, project: str) -> Places:
    """Return what counts the places of limited actions, beside the online store of a project.

    Parameters
    ----------
    url, state, project
        As in `open_online_store`.

    Raises
    ------
    OnlineStoreUnavailable
    """
    if url is None:
        return FilePlaces(state / "serving" / "places")
    from ml_platform.storage.online.redis_places import RedisPlaces
    from ml_platform.storage.online.redis_server import RedisServer

    return RedisPlaces(RedisServer(url, project))
