"""What is installed: every package with its version, the platform's own code, and the project's lock files."""

from __future__ import annotations

from functools import cache
from importlib.metadata import distributions
from importlib.resources import files
from pathlib import Path

from ml_platform.core.hashing import bytes_hash, content_id

_LOCKS = ("requirements.lock", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pixi.lock", "conda-lock.yml")


@cache
def installed() -> dict[str, str]:
    """Return the version of every installed package, by its normalized name: of the one that would be imported."""
    versions: dict[str, str] = {}
    for item in distributions():  # in the order of the import path
        about = item.metadata  # read from disk each time
        versions.setdefault((about["Name"] or "").lower().replace("_", "-"), about["Version"])
    return {name: version for name, version in sorted(versions.items()) if name}


@cache
def platform_code() -> str:
    """Return the hash of the platform's own library, file by file."""
    root = Path(str(files("ml_platform")))
    modules = sorted(root.rglob("*.py"))
    return content_id({path.relative_to(root).as_posix(): bytes_hash(path.read_bytes()) for path in modules})


def lock_files(root: Path) -> dict[str, str]:
    """Return the hash of each lock file in the nearest folder, from the project upwards, that holds one."""
    for folder in (root, *root.parents):
        hashes = {name: bytes_hash((folder / name).read_bytes()) for name in _LOCKS if (folder / name).is_file()}
        if hashes or (folder / ".git").exists():
            return hashes
    return {}
