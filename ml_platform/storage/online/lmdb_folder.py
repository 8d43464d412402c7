"""LMDB folders that this process has open: each once, again after a fork, in a map that grows."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lmdb

from ml_platform.core.errors import OnlineStoreUnavailable
from ml_platform.core.private_files import private_folder

FIRST_SIZE = 2**28
_MAX_READERS = 1024


class FolderClosed(Exception):
    """The folder is closed, or is not there any more: its content was moved."""


class LmdbFolder:
    """One LMDB environment. Its map is made larger only while no transaction of this process is open."""

    def __init__(self, path: Path, *, create: bool) -> None:
        if create:
            private_folder(path)
        elif not (path / "data.mdb").exists():
            raise FolderClosed
        self.pid = os.getpid()
        self.environment: Any = lmdb.open(
            str(path), map_size=FIRST_SIZE, mode=0o600, max_readers=_MAX_READERS, create=create
        )
        self._lock = threading.Lock()
        self._gate = threading.Condition(self._lock)
        self._active, self._resizing, self._closed = 0, False, False

    def begin(self, *, write: bool = False) -> Any:
        """Return a transaction; `end` follows."""
        while True:
            with self._lock:
                while self._resizing:
                    self._gate.wait()
                if self._closed:
                    raise FolderClosed
                self._active += 1
            try:
                return self.environment.begin(write=write)
            except lmdb.MapResizedError:  # another process made the map larger
                self._leave()
                self.resize(0)
            except BaseException:
                self._leave()
                raise

    def end(self, transaction: Any, *, commit: bool = False) -> None:
        """Commit a transaction, or give it up."""
        try:
            transaction.commit() if commit else transaction.abort()
        finally:
            self._leave()

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Give a transaction that is committed with the block, and given up where the block fails."""
        transaction = self.begin(write=True)
        try:
            yield transaction
        except BaseException:
            self.end(transaction)
            raise
        self.end(transaction, commit=True)

    def resize(self, size: int) -> None:
        """Give the map another size when no transaction is open; 0 means the size that another process gave it."""
        with self._gate:
            while self._resizing:
                self._gate.wait()
            self._resizing = True
            while self._active:
                self._gate.wait()
            try:
                self.environment.set_mapsize(size)
            finally:
                self._resizing = False
                self._gate.notify_all()

    def grow(self) -> None:
        """Double the map."""
        self.resize(2 * self.environment.info()["map_size"])

    def copy_records(self, target: Path) -> None:
        """Write all records into a new folder."""
        private_folder(target)
        size = self.environment.info()["map_size"]
        with lmdb.open(str(target), map_size=size, mode=0o600) as copy:
            transaction = self.begin()
            try:
                with copy.begin(write=True) as writing, writing.cursor() as into, transaction.cursor() as records:
                    into.putmulti(records.iternext(), append=True)
            finally:
                self.end(transaction)

    def close(self) -> None:
        """Close it when no transaction is open; where a parent process opened it, only in this process."""
        if self.pid != os.getpid():
            self.environment.close()
            return
        with self._gate:
            self._closed = True
            while self._active:
                self._gate.wait()
            self.environment.close()

    def _leave(self) -> None:
        with self._lock:
            self._active -= 1
            if not self._active and (self._resizing or self._closed):
                self._gate.notify_all()


_open: dict[Path, LmdbFolder] = {}
"""LMDB refuses to open a folder twice in one process, so this one registry is the process's, not an object's."""
_registry = threading.Lock()


def lmdb_folder(path: Path, *, create: bool = False) -> LmdbFolder:
    """Return a folder as this process has it open; one that was opened before a fork is opened again.

    Raises
    ------
    FolderClosed
        Where it is not there, and not to be created.
    OnlineStoreUnavailable
        Where it cannot be opened.
    """
    folder = _open.get(path)
    if folder is not None and folder.pid == os.getpid():
        return folder
    with _registry:
        folder = _open.get(path)
        if folder is not None and folder.pid != os.getpid():
            folder.close()
            del _open[path]
            folder = None
        if folder is None:
            try:
                folder = _open[path] = LmdbFolder(path, create=create)
            except (lmdb.Error, OSError) as error:
                if not create and not (path / "data.mdb").exists():
                    raise FolderClosed from None  # its content was moved while it was opened
                raise unavailable(path, error) from None
        return folder


def close_folder(path: Path) -> None:
    """Close a folder in this process, where it is open."""
    with _registry:
        folder = _open.pop(path, None)
        if folder is not None:
            folder.close()


def unavailable(path: Path, problem: object) -> OnlineStoreUnavailable:
    """Return the error of a folder that LMDB cannot use."""
    return OnlineStoreUnavailable(
        f"the online store in {path} cannot be used: {problem}. Free space or give the right to write; where the file "
        "is damaged, remove the folder and publish again."
    )
