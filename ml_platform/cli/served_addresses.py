"""Where `ml-platform up` serves a project: a file that exists while it runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ml_platform.project import Project
from ml_platform.storage.atomic_write import write_durably

_FILE = "served.json"


def _file(project: Project) -> Path:
    return project.state / _FILE


@contextmanager
def serving_at(project: Project, addresses: Mapping[str, str]) -> Iterator[None]:
    """Keep the addresses of the servers in a file for as long as the block takes."""
    file = _file(project)
    write_durably(file, json.dumps({"process": os.getpid(), **addresses}).encode())
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def served_addresses(project: Project) -> dict[str, str] | None:
    """Return where the project is served now; None where `up` does not run, or was killed."""
    try:
        addresses = json.loads(_file(project).read_text(encoding="utf-8"))
        process = int(addresses.pop("process"))
        os.kill(process, 0)
    except (FileNotFoundError, ValueError, KeyError, ProcessLookupError):
        return None
    except PermissionError:  # it runs, and belongs to another user
        pass
    return {str(name): str(address) for name, address in addresses.items()}
