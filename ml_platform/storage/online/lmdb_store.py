"""The online store in a folder: LMDB, whose pages all processes of one machine share.

The folder holds one LMDB environment, in a folder whose name is a number. LMDB leaves what was removed in free pages;
`purge` writes the content again, under the next number, and notes so in the former one, which readers then leave.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import lmdb

from ml_platform.core.private_files import private_folder
from ml_platform.storage.online.description import NOTHING, Description, from_bytes, to_bytes
from ml_platform.storage.online.layout import Buffer
from ml_platform.storage.online.lmdb_folder import FolderClosed, LmdbFolder, close_folder, lmdb_folder, unavailable
from ml_platform.storage.online.store import Change, View

_GENERATION, _DESCRIPTION = b"\0generation", b"\0description"
_MOVED = b"moved"


class LmdbStore:
    """An online store in a folder that only its owner can enter.

    Parameters
    ----------
    folder
        Created at the first publication.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._current: Path | None = None
        self._last = NOTHING

    def view(self) -> AbstractContextManager[View]:
        """Return a view of what was published last."""
        current = self._current or self._newest()
        return nullcontext(_Nothing()) if current is None else _View(self, current)

    def publish(self, changes: Iterable[Change], description: Description) -> None:
        """Change records and replace the description in one transaction.

        Where the map is full, the transaction is given up, and done again in a map of twice the size.
        """
        private_folder(self._folder)
        current = self._newest() or self._folder / "1"
        self._leave_older(current)
        shared = lmdb_folder(current, create=True)
        shared.environment.reader_check()  # frees the slots of readers that were killed
        while True:
            try:
                return _write(shared, changes, description)
            except lmdb.MapFullError:
                shared.grow()
            except lmdb.Error as error:
                raise unavailable(self._folder, error) from None

    def purge(self) -> None:
        """Write the content again, record by record: what was removed is still in free parts of pages."""
        current = self._newest()
        if current is None:
            return
        made, following = self._folder / "new", self._folder / str(int(current.name) + 1)
        shutil.rmtree(made, ignore_errors=True)
        try:
            lmdb_folder(current).copy_records(made)
        except lmdb.Error as error:
            raise unavailable(self._folder, error) from None
        made.rename(following)
        self._leave_older(following)

    def close(self) -> None:
        """Close the folder in this process."""
        for path in self._environments():
            close_folder(path)
        self._current = None

    def moved(self, path: Path) -> Path:
        """Return where the content is that was moved from a path."""
        close_folder(path)
        newest = self._newest()
        if newest is None or newest == path:
            raise unavailable(self._folder, "its content was moved, and is not there")
        return newest

    def described(self, number: Buffer | None, transaction: Any) -> Description:
        """Return the description that a transaction sees; the last one is kept."""
        if number is None:
            return NOTHING
        if self._last.generation != int.from_bytes(number, "big"):
            self._last = from_bytes(transaction.get(_DESCRIPTION))
        return self._last

    def _newest(self) -> Path | None:
        self._current = max(self._environments(), key=lambda path: int(path.name), default=None)
        return self._current

    def _environments(self) -> list[Path]:
        """Return the environments that are there; a killed publisher may have left a folder without one."""
        return [path.parent for path in self._folder.glob("*/data.mdb") if path.parent.name.isdecimal()]

    def _leave_older(self, current: Path) -> None:
        """Send readers of former environments to the current one, and remove these."""
        for path in self._environments():
            if path != current:
                with lmdb_folder(path).writing() as transaction:
                    transaction.put(_GENERATION, _MOVED)
                close_folder(path)
                path.rename(self._folder / f"former_{path.name}")
        self._current = current
        for path in self._folder.glob("former_*"):
            shutil.rmtree(path, ignore_errors=True)


def _write(shared: LmdbFolder, changes: Iterable[Change], description: Description) -> None:
    with shared.writing() as transaction:
        for change in changes:
            with transaction.cursor() as cursor:
                cursor.putmulti(change.writes)
            for key in change.removals:
                transaction.delete(key)
        transaction.put(_DESCRIPTION, to_bytes(description))
        transaction.put(_GENERATION, description.generation.to_bytes(8, "big"))


class _Nothing:
    """The view of a store that was never published."""

    description = NOTHING

    def get(self, keys: Sequence[bytes]) -> list[Buffer | None]:
        """Return nothing for each key."""
        return [None] * len(keys)

    def keys(self, prefix: bytes) -> Iterator[bytes]:
        """Yield nothing."""
        return iter(())


class _View:
    """A read transaction."""

    __slots__ = ("_path", "_shared", "_store", "_transaction", "description")

    description: Description

    def __init__(self, store: LmdbStore, path: Path) -> None:
        self._store, self._path = store, path

    def __enter__(self) -> _View:
        while True:
            try:
                self._shared = lmdb_folder(self._path)
                self._transaction = self._shared.begin()
            except FolderClosed:  # another thread left it
                self._path = self._store.moved(self._path)
                continue
            number = self._transaction.get(_GENERATION)
            if number == _MOVED:
                self._shared.end(self._transaction)
                self._path = self._store.moved(self._path)
                continue
            try:
                self.description = self._store.described(number, self._transaction)
            except BaseException:
                self._shared.end(self._transaction)
                raise
            return self

    def __exit__(self, *error: object) -> None:
        self._shared.end(self._transaction)

    def get(self, keys: Sequence[bytes]) -> list[Buffer | None]:
        """Return the record of each key, or None."""
        read = self._transaction.get
        return [read(key) for key in keys]

    def keys(self, prefix: bytes) -> Iterator[bytes]:
        """Yield the key of every record that begins with `prefix`."""
        with self._transaction.cursor() as cursor:
            if not cursor.set_range(prefix):
                return
            for key in cursor.iternext(values=False):
                stored_key: bytes = key
                if not stored_key.startswith(prefix):
                    return
                yield stored_key
