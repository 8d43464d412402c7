"""What has changed in a declaration since a node was made by it, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml_platform.core.errors import listed
from ml_platform.declarations.node_kinds import node_kind

_MISSING = object()


def declared_change(before: Mapping[str, Any] | None, after: Mapping[str, Any], kind: str) -> list[str]:
    """Return reasons why a change of a node's declaration, or of its code, requires computing the node again.

    Parameters
    ----------
    before, after
        What decided the node when it was made, and what decides it now
        (`ml_platform.declarations.graph.deciding_of`); None where the former was not recorded.

    >>> before = {"declaration": {"split": {"train": "28d"}}, "code": "snapshot-1"}
    >>> declared_change(before, {"declaration": {"split": {"train": "56d"}}, "code": "snapshot-1"}, "snapshot")
    ['its declaration changed (split.train)']
    """
    if before is None:
        return []
    paths = [node_kind(kind).change(path) for path in changed_keys(before["declaration"], after["declaration"])]
    reasons = [f"its declaration changed ({listed(paths)})"] if paths else []
    if before["code"] != after["code"]:
        same_code = _platform(before["code"]) == _platform(after["code"])
        whose = "its project code changed" if same_code else "this version of the platform computes it differently"
        reasons.append(whose)
    return reasons


def changed_keys(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield the dotted keys at which two declarations differ, each as short as possible."""
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        if before != after:
            yield path
        return
    for key in dict.fromkeys((*after, *before)):
        inner = f"{path}.{key}" if path else str(key)
        yield from changed_keys(before.get(key, _MISSING), after.get(key, _MISSING), inner)


def _platform(code: str) -> list[str]:
    return code.split("-")[:2]
