"""The version of the code that makes an artifact: ours by a declared integer, a project's by its source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ml_platform.core.hashing import bytes_hash, content_id
from ml_platform.declarations.node_kinds import node_kind
from ml_platform.declarations.user_code.load import load_function
from ml_platform.declarations.user_code.locate import local_modules, split_reference

__all__ = ["code_version", "load_function"]


def code_version(kind: str, root: Path | None = None, functions: Sequence[str] = ()) -> str:
    """Return the version of the code that makes a kind of node, such as ``snapshot-1``.

    Parameters
    ----------
    kind
        The name of a kind of node, whose class has the integer.
    root
        The project's folder; needed with `functions`.
    functions
        The project's own functions and classes that take part, as ``module:name``. The source of their
        modules, and of every module of the project that those import, becomes part of the version.

    Raises
    ------
    ProjectCodeError
        Where a module is missing or cannot be parsed.
    """
    declared = f"{kind}-{node_kind(kind).version}"
    if not functions:
        return declared
    if root is None:
        raise TypeError("functions of a project need its root")
    files = {path for reference in functions for path in local_modules(root, split_reference(reference)[0])}
    sources = {path.relative_to(root).as_posix(): bytes_hash(_normal(path.read_bytes())) for path in files}
    return f"{declared}-{content_id([list(functions), sources])[:16]}"


def _normal(source: bytes) -> bytes:
    return source.replace(b"\r\n", b"\n")
