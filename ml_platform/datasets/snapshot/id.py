"""The id of a snapshot: of its rows, day by day, and of where its stretches begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml_platform.core.hashing import content_id


def snapshot_id(about: Mapping[str, Any], chunks: Sequence[Sequence[str]]) -> str:
    """Return a snapshot's id.

    Parameters
    ----------
    about
        What its manifest says of it, with ``model``, ``boundaries`` and ``columns``.
    chunks
        For each day in order, its name and the hash of its rows (`frame_id`).
    """
    content = {name: about[name] for name in ("model", "boundaries", "columns")}
    return content_id({"kind": "snapshot", **content, "chunks": [list(chunk) for chunk in chunks]})
