"""One record of everything that took part in a training beside its snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_platform.core.errors import DirtyTree
from ml_platform.declarations.project import ProjectSpec
from ml_platform.models.provenance.machine import machine
from ml_platform.models.provenance.packages import installed, lock_files, platform_code
from ml_platform.models.provenance.repository import commit_of

_LISTED = 50


def provenance(spec: ProjectSpec, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the record: JSON types only.

    Parameters
    ----------
    files
        The declared files that take part (`declared_files`).

    Returns
    -------
    ``git`` (``commit``, ``dirty``, ``changed``; None outside a repository), ``lock`` (hash by lock file),
    ``packages`` (version by name), ``platform`` (hash of the platform's code), ``machine`` and ``threads``.

    Raises
    ------
    DirtyTree
        Where a file differs from the commit and the project declares ``audit: {dirty_tree: refuse}``.
    """
    commit = commit_of(spec.root, files)
    if commit is not None and commit.dirty and spec.file.audit.dirty_tree == "refuse":
        raise DirtyTree(commit.id, commit.changed)
    git = {"commit": commit.id, "dirty": commit.dirty, "changed": list(commit.changed[:_LISTED])} if commit else None
    return {"git": git, "lock": lock_files(spec.root), **equipment(spec.file.threads)}


def equipment(threads: int) -> dict[str, Any]:
    """Return what a fit in this process runs with: ``packages``, ``platform``, ``machine`` and ``threads``."""
    return {"packages": installed(), "platform": platform_code(), "machine": machine(), "threads": threads}
