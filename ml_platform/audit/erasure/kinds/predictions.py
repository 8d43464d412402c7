"""Erasing logged predictions."""

from __future__ import annotations

import sqlalchemy as sa

from ml_platform.audit.erasure.kinds.row_erasure import Remainder, RowErasure
from ml_platform.core.hashing import frame_id
from ml_platform.storage.artifact_kinds.predictions import PredictionsManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.prediction_log import PREDICTION_DAYS
from ml_platform.storage.rows import update_rows


class PredictionRows(RowErasure):
    """Rows leave their segments, and the day leads to what is left."""

    name = PredictionsManifest.name

    @classmethod
    def take_out(cls, remainder: Remainder) -> None:
        """Take the rows out of each segment."""
        names = sorted(name for name in remainder.objects if name.startswith("segment_"))
        segments = []
        for name, segment in zip(names, remainder.about["segments"], strict=True):
            rows = remainder.filter(name, segment["rows"])
            changed = {"rows": rows, "id": frame_id(remainder.read(name))}
            segments.append(segment if rows == segment["rows"] else {**segment, **changed})
        if segments != remainder.about["segments"]:
            remainder.about |= {"segments": segments, "rows": sum(segment["rows"] for segment in segments)}

    @classmethod
    def repoint(cls, connection: sa.Connection, artifact: Artifact, new: Artifact) -> None:
        """Let the day of predictions lead to the new artifact."""
        here = PREDICTION_DAYS.c.artifact == artifact.id
        update_rows(connection, PREDICTION_DAYS, here, {"artifact": new.id, "rows": PredictionsManifest.of(new).rows})
