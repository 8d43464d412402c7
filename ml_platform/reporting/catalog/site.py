"""Writing the site: into a folder beside its place, which then takes the place in one step.

A folder is replaced only if every file in it is the catalog's own.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ml_platform.core.errors import CatalogNotWritten, NotACatalog
from ml_platform.core.private_files import shared_as_wanted
from ml_platform.reporting.catalog.facts import CatalogFacts
from ml_platform.reporting.catalog.pages import catalog_files

MARKER = ".ml_platform_catalog"
"""The file by which a folder is known as a catalog; it lists what else was written."""
FACTS = "catalog.json"


def write_catalog(facts: CatalogFacts, folder: Path) -> Path:
    """Write the site into a folder, in place of an older one, and return its first page.

    Raises
    ------
    NotACatalog
        Where the folder holds anything that the catalog has not written. Nothing is changed.
    CatalogNotWritten
        Where the folder cannot be written. An older site stays as it was.
    """
    written = catalog_files(facts) | {FACTS: json.dumps(facts.as_json(), indent=1, allow_nan=False) + "\n"}
    try:
        target = folder.resolve()
        require_own(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        with shared_as_wanted(), tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as beside:
            new = Path(beside) / "new"
            _write(new, written)
            _take_place(new, target, Path(beside) / "old")
    except OSError as error:
        raise CatalogNotWritten(folder, error.strerror or str(error)) from None
    return target / "index.html"


def require_own(folder: Path) -> None:
    """Refuse a folder that holds anything that the catalog has not written.

    Raises
    ------
    NotACatalog
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise NotACatalog(folder, "is a file")
    own = _own_files(folder)
    found = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if not path.is_dir())
    foreign = next((name for name in found if name not in own), None)
    if foreign is not None:
        raise NotACatalog(folder, f"holds {foreign}, which the catalog did not write")


def _own_files(folder: Path) -> set[str]:
    try:
        listed = json.loads((folder / MARKER).read_text(encoding="utf-8"))["files"]
        return {MARKER, *map(str, listed)}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return set()


def _write(folder: Path, written: Mapping[str, str]) -> None:
    for name, text in written.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / MARKER).write_text(json.dumps({"files": sorted(written)}, indent=1) + "\n", encoding="utf-8")


def _take_place(new: Path, target: Path, old: Path) -> None:
    """Put `new` where `target` is; where that fails, `target` is as it was."""
    if not target.exists():
        new.rename(target)
        return
    shutil.copymode(target, new)
    target.rename(old)
    try:
        new.rename(target)
    except OSError:
        old.rename(target)
        raise
