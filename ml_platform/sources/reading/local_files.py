"""Which files a path or glob names. Hidden ones are left out, as in a shell, unless the pattern writes their dot."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import fsspec


def local_files(root: Path, pattern: str) -> list[tuple[Any, str, Mapping[str, Any]]]:
    """Return file system, path and facts of each file, in order of the paths.

    Signs of a glob mean themselves in the project's own path, and where a file has exactly this name.
    """
    plain = not glob.has_magic(pattern) or (root / pattern).exists()
    names = [pattern] if plain else glob.glob(pattern, root_dir=root, recursive=True)  # noqa: PTH207 - pathlib's takes hidden files
    files = fsspec.filesystem("file")
    paths = [Path(path) for path in sorted({str(root / name) for name in names})]
    return [
        (files, str(path), facts_of(path))
        for path in paths
        if (path.exists() or path.is_symlink()) and not path.is_dir()
    ]


def facts_of(path: Path) -> Mapping[str, Any]:
    """Return what differs when a file's content does: of a link, the facts of what it leads to."""
    try:
        facts = path.stat()
    except FileNotFoundError:
        return {"size": None, "inode": None, "link": "leads nowhere"}
    return {"size": facts.st_size, "inode": facts.st_ino, "mtime": facts.st_mtime_ns, "created": facts.st_ctime_ns}


def is_hidden(name: str, pattern: str) -> bool:
    """Return whether a part of a path begins with a dot that no part of the pattern writes."""
    written = [part for part in pattern.split("/") if part.startswith(".")]
    hidden = [part for part in name.split("/") if part.startswith(".")]
    return any(not any(fnmatch(part, one) for one in written) for part in hidden)
