"""What decides a node: the part of its declaration, and the project's code that takes part, as its kind defines.

A changed description or owner changes nothing here; a changed window does.
"""

from __future__ import annotations

from typing import Any

from ml_platform.core.hashing import content_id
from ml_platform.declarations.node_kinds import node_kind
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.user_code.version import code_version


def deciding_part(spec: ProjectSpec, kind: str, subject: str) -> dict[str, Any]:
    """Return what decides in the declarations of one node.

    Parameters
    ----------
    kind
        The node's kind, such as ``snapshot``.
    subject
        The name of its source, feature table or model.
    """
    return node_kind(kind).deciding(spec, subject)


def project_functions(spec: ProjectSpec, kind: str, subject: str) -> tuple[str, ...]:
    """Return the project's own code (``module:name``) that takes part in making a node."""
    return node_kind(kind).functions(spec, subject)


def deciding_of(spec: ProjectSpec, kind: str, subject: str) -> dict[str, Any]:
    """Return what decides a node: ``declaration``, the deciding part of it, and ``code``, the code that makes it."""
    code = code_version(kind, spec.root, project_functions(spec, kind, subject))
    return {"declaration": deciding_part(spec, kind, subject), "code": code}


def files_version(spec: ProjectSpec) -> str:
    """Return the hash of the files of all declarations as they were read, descriptions included."""
    return content_id(spec.files)


def node_version(spec: ProjectSpec, kind: str, subject: str) -> str:
    """Return the hash of what decides a node."""
    return content_id(deciding_of(spec, kind, subject))[:16]
