"""The online store in a folder: LMDB, whose pages all processes of one machine share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import lmdb

from ml_platform.storage.online.description import NOTHING, Description, from_bytes, to_bytes
from ml_platform.storage.online.layout import Buffer
from ml_platform.storage.online.lmdb_folder import LmdbFolder, close_folder, lmdb_folder, unavailable
from ml_platform.storage.online.store import Change

_GENERATION, _DESCRIPTION = b"\0generation", b"\0description"


class LmdbStore:
    """An online store in a folder that only its owner can enter.

    Parameters
    ----------
    folder
        Created where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._last = NOTHING

    def view(self) -> _View:
        """Return a view of what was published last."""
        return _View(self, lmdb_folder(self._folder))

    def publish(self, changes: Iterable[Change], description: Description) -> None:
        """Change records and replace the description in one transaction.

        Where the map is full, the transaction is given up, and done again in a map of twice the size.
        """
        shared = lmdb_folder(self._folder)
        shared.environment.reader_check()  # frees the slots of readers that were killed
        while True:
            try:
                return _write(shared, changes, description)
            except lmdb.MapFullError:
                shared.grow()
            except lmdb.Error as error:
                raise unavailable(self._folder, error) from None

    def close(self) -> None:
        """Close the folder in this process."""
        close_folder(self._folder)

    def described(self, transaction: Any) -> Description:
        """Return the description that a transaction sees; the last one is kept."""
        number = transaction.get(_GENERATION)
        if number is None:
            return NOTHING
        if self._last.generation != int.from_bytes(number, "big"):
            self._last = from_bytes(transaction.get(_DESCRIPTION))
        return self._last


def _write(shared: LmdbFolder, changes: Iterable[Change], description: Description) -> None:
    with shared.writing() as transaction:
        for change in changes:
            with transaction.cursor() as cursor:
                cursor.putmulti(change.writes)
            for key in change.removals:
                transaction.delete(key)
        transaction.put(_DESCRIPTION, to_bytes(description))
        transaction.put(_GENERATION, description.generation.to_bytes(8, "big"))


class _View:
    """A read transaction; its buffers end with it."""

    __slots__ = ("_shared", "_store", "_transaction", "description")

    description: Description

    def __init__(self, store: LmdbStore, shared: LmdbFolder) -> None:
        self._store, self._shared = store, shared

    def __enter__(self) -> _View:
        self._transaction = self._shared.begin()
        try:
            self.description = self._store.described(self._transaction)
        except BaseException:
            self._shared.end(self._transaction)
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._shared.end(self._transaction)

    def get(self, keys: Sequence[bytes]) -> list[Buffer | None]:
        """Return the record of each key, or None."""
        found = self._transaction.get
        return [found(key) for key in keys]

    def keys(self, prefix: bytes) -> Iterator[bytes]:
        """Yield the key of every record that begins with `prefix`."""
        with self._transaction.cursor() as cursor:
            if not cursor.set_range(prefix):
                return
            for key in cursor.iternext(values=False):
                found = bytes(key)
                if not found.startswith(prefix):
                    return
                yield found
