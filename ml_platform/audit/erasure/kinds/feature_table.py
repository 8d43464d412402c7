"""Erasing cells of a feature table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_platform.audit.erasure.kinds.row_erasure import Remainder, RowErasure
from ml_platform.storage.artifact_kinds.feature_table import FeatureTableManifest


class FeatureTableRows(RowErasure):
    """Cells leave their chunks. The id then follows from what is left, and no longer from what was declared."""

    name = FeatureTableManifest.name

    @classmethod
    def take_out(cls, remainder: Remainder) -> None:
        """Take the cells out of each chunk."""
        chunks = []
        for chunk in remainder.about["chunks"]:
            rows = chunk["rows"]
            for name in chunk["objects"]:
                rows = remainder.filter(name, rows)
            chunks.append(chunk if rows == chunk["rows"] else _chunk_about(chunk, rows))
        if chunks != remainder.about["chunks"]:
            remainder.about.pop("declared", None)
            remainder.about |= {"chunks": chunks, "rows": sum(chunk["rows"] for chunk in chunks)}


def _chunk_about(chunk: Mapping[str, Any], rows: int) -> dict[str, Any]:
    about = {name: value for name, value in chunk.items() if name != "ids"} | {"rows": rows}
    return about if rows else about | {"events": None, "known": None}
