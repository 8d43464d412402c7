"""The environment of the process that tries an experiment: what programs need, and no secret that it does not need."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from ml_platform.declarations.project import ProjectSpec
from ml_platform.operations.experiments.space import Space

_PLAIN = re.compile(
    r"PATH|LANG|LC_[A-Z]+|TZ|PYTHON(PATH|HASHSEED|UTF8|WARNINGS|DONTWRITEBYTECODE)|LD_LIBRARY_PATH|VIRTUAL_ENV|JAVA_HOME|"
    r"(OMP|OPENBLAS|MKL|NUMEXPR|VECLIB)_[A-Z_]+"
)
_REMOTE = re.compile(r"(AWS|AZURE|GOOGLE|GCS|S3|FSSPEC|ARROW|SSL|REQUESTS)_[A-Z_]+|.*_PROXY", re.IGNORECASE)
_REFERENCE = re.compile(r"\$\{([^}$]*)\}")
_NO_PROCESSES = {"JOBLIB_MULTIPROCESSING": "0"}
"""A confined process has no shared memory for a pool of processes, of which joblib would warn."""


def child_environment(
    environ: Mapping[str, str], spec: ProjectSpec, space: Space, sources: Collection[str], *, remote: bool
) -> dict[str, str]:
    """Return the environment of the process that tries an experiment.

    Parameters
    ----------
    sources
        The sources that are read again: what the addresses of their connections refer to is kept.
    remote
        Whether the store of production, or a source, is on another machine: the keys of cloud storage are kept then.
    """
    names = {name for name in environ if _PLAIN.fullmatch(name) or (remote and _REMOTE.fullmatch(name))}
    names |= _of_connections(spec, sources) & environ.keys()
    kept = {name: environ[name] for name in sorted(names)}
    folders = {"HOME": str(space.work), "TMPDIR": str(space.work), "MPLCONFIGDIR": str(space.work)}
    return kept | folders | _NO_PROCESSES


def _of_connections(spec: ProjectSpec, sources: Collection[str]) -> set[str]:
    """Return the names of the environment that the connections of some sources refer to."""
    used = {spec.sources[name].reader.connection for name in sources}
    file = _project_file(spec.root)
    connections = file.get("connections") if isinstance(file, Mapping) else None
    texts = [str(text) for name, text in (connections or {}).items() if name in used]
    return {name for text in texts for name in _REFERENCE.findall(text)}


def _project_file(root: Path) -> Any:
    return yaml.safe_load((root / "project.yaml").read_bytes())
