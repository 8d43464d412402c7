"""Writing the site: into a folder beside its place, which then takes the place in one step.

A folder is replaced only if the site wrote every file in it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ml_platform.core.errors import NotASite, SiteNotWritten
from ml_platform.core.private_files import shared_as_wanted
from ml_platform.reporting.site.facts import SiteFacts
from ml_platform.reporting.site.pages import site_files
from ml_platform.reporting.site.recorded import MARKER

FACTS = "catalog.json"


def write_site(facts: SiteFacts, folder: Path, state: str = "") -> Path:
    """Write the site into a folder, in place of an older one, and return its first page.

    Parameters
    ----------
    state
        What was recorded when the facts were gathered (`recorded_state`).

    Raises
    ------
    NotASite
        Where the folder holds anything that the site has not written. Nothing is changed.
    SiteNotWritten
        Where the folder cannot be written. An older site stays as it was.
    """
    written = site_files(facts) | {FACTS: json.dumps(facts.catalog.as_json(), indent=1, allow_nan=False) + "\n"}
    try:
        target = folder.resolve()
        require_written_by_site(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        with shared_as_wanted(), tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as beside:
            new = Path(beside) / "new"
            _write(new, written, state)
            _take_place(new, target, Path(beside) / "old")
    except OSError as error:
        raise SiteNotWritten(folder, error.strerror or str(error)) from None
    return target / "index.html"


def require_written_by_site(folder: Path) -> None:
    """Refuse a folder that holds anything that the site has not written.

    Raises
    ------
    NotASite
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise NotASite(folder, "is a file")
    written = _files_of_site(folder)
    present = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if not path.is_dir())
    foreign = next((name for name in present if name not in written), None)
    if foreign is not None:
        raise NotASite(folder, f"holds {foreign}, which `ml-platform site` did not write")


def _files_of_site(folder: Path) -> set[str]:
    try:
        listed = json.loads((folder / MARKER).read_text(encoding="utf-8"))["files"]
        return {MARKER, *map(str, listed)}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return set()


def _write(folder: Path, written: Mapping[str, str], state: str) -> None:
    for name, text in written.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / MARKER).write_text(
        json.dumps({"files": sorted(written), "state": state}, indent=1) + "\n", encoding="utf-8"
    )


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
