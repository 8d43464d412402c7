"""Removing files of the store in two steps, so that no reader or writer has to be stopped for it.

A file is first set aside: moved to ``aside/INSTANT/`` under its own path. A reader that needs it brings it back, and a
writer that finds the same bytes there uses them. Only what has stayed aside for a grace period, and is still
not needed then, is removed for good.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from ml_platform.storage.store_paths import is_store_path

_ASIDE = "aside"
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "created")
_INSTANT = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True)
class StoredFile:
    """A file below the store's root.

    Attributes
    ----------
    written_at
        By the clock of the machine that keeps it; of what was set aside, when that was.
    """

    path: str
    size: int
    written_at: datetime

    @property
    def name(self) -> str:
        """The last part of the path: the hash of an object."""
        return self.path.rpartition("/")[2]


class Removal:
    """Sets files of a store aside, brings them back, and removes them."""

    def __init__(self, fs: Any, root: str) -> None:
        self._fs, self._root = fs, root
        self._local = isinstance(fs, LocalFileSystem)

    def files(self, folder: str) -> Iterator[StoredFile]:
        """Yield the files in a folder and below, in order."""
        root = f"{self._root}/{folder}"
        self._fs.invalidate_cache()
        if self._fs.exists(root):
            for path, info in sorted(self._fs.find(root, detail=True).items()):
                place = str(path)[str(path).index(root) + len(self._root) + 1 :]
                yield StoredFile(place, int(info["size"]), _written(info))

    def set_aside(self, path: str, at: datetime) -> bool:
        """Move a file aside; False where it is gone already."""
        return self._move(f"{self._root}/{path}", f"{self._root}/{_ASIDE}/{at.astimezone(UTC):{_INSTANT}}/{path}")

    def bring_back(self, path: str) -> bool:
        """Move a file that was set aside back to its place; False where it is not there after that."""
        folder = f"{self._root}/{_ASIDE}"
        self._fs.invalidate_cache()
        if not self._fs.exists(folder):
            return False
        for batch in sorted(map(str, self._fs.ls(folder, detail=False)), reverse=True):
            if self._move(f"{batch}/{path}", f"{self._root}/{path}"):
                return True
        return bool(self._fs.exists(f"{self._root}/{path}"))  # somebody else may have been first

    def aside(self) -> Iterator[tuple[StoredFile, str]]:
        """Yield what was set aside, with its path at that time and since when; and where it lies now."""
        for file in filter(lambda file: is_store_path(file.path), self.files(_ASIDE)):
            _, batch, path = file.path.split("/", 2)
            since = datetime.strptime(batch, _INSTANT).replace(tzinfo=UTC)
            yield StoredFile(path, file.size, since), file.path

    def remove(self, path: str) -> None:
        """Remove a file for good; one that somebody has brought back meanwhile stays."""
        with suppress(FileNotFoundError):
            self._fs.rm_file(f"{self._root}/{path}")

    def _move(self, path: str, to: str) -> bool:
        try:
            if self._local:
                Path(to).parent.mkdir(parents=True, exist_ok=True)
                Path(path).replace(to)
            else:  # a copy first: a reader in between finds the file in one place or in both
                self._fs.copy(path, to)
                self._fs.rm_file(path)
        except (FileNotFoundError, NotADirectoryError):  # among the folders may be a file that somebody put there
            return False
        return True


def _written(info: dict[str, Any]) -> datetime:
    instant = next(
        info[name] for name in ("mtime", "LastModified", "last_modified", "updated", "created") if name in info
    )
    if isinstance(instant, str):
        instant = datetime.fromisoformat(instant)
    if isinstance(instant, int | float):
        return datetime.fromtimestamp(instant, UTC)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)  # type: ignore[no-any-return]
