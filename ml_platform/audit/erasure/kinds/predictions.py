"""Erasing logged predictions."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ml_platform.audit.erasure.kinds.row_erasure import Remainder, RowErasure
from ml_platform.core.hashing import frame_id
from ml_platform.storage.artifact_kinds.predictions import PredictionsManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.parquet import read_parquet
from ml_platform.storage.prediction_log import PREDICTION_DAYS
from ml_platform.storage.rows import update_rows


class PredictionRows(RowErasure):
    """Rows leave their segments, and the day leads to what is left."""

    name = PredictionsManifest.name

    @classmethod
    def take_out(cls, remainder: Remainder) -> None:
        """Take the rows out of each segment; the count of late rows follows."""
        names = sorted(name for name in remainder.objects if name.startswith("segment_"))
        segments, late = [], 0
        for name, segment in zip(names, remainder.about["segments"], strict=True):
            rows = remainder.filter(name, segment["rows"])
            changed = {"rows": rows, "id": frame_id(remainder.read(name))}
            if rows != segment["rows"]:
                former = read_parquet(remainder.store, remainder.artifact.objects[name])
                late += _late_rows(former) - _late_rows(remainder.read(name))
            segments.append(segment if rows == segment["rows"] else {**segment, **changed})
        if segments != remainder.about["segments"]:
            remainder.about |= {"segments": segments, "rows": sum(segment["rows"] for segment in segments)}
        if late:
            remainder.about["late"] -= late

    @classmethod
    def repoint(cls, connection: sa.Connection, artifact: Artifact, new: Artifact) -> None:
        """Let the day of predictions lead to the new artifact."""
        here = PREDICTION_DAYS.c.artifact == artifact.id
        update_rows(connection, PREDICTION_DAYS, here, {"artifact": new.id, "rows": PredictionsManifest.of(new).rows})


def _late_rows(rows: pa.Table) -> int:
    return int(pc.sum(rows["late"]).as_py() or 0)
