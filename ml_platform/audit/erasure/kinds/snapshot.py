"""Erasing rows of a snapshot."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow.compute as pc

from ml_platform.audit.erasure.kinds.row_erasure import Remainder, RowErasure
from ml_platform.core.clock import parse_duration
from ml_platform.core.hashing import frame_id
from ml_platform.datasets.exclusions import EFFECTIVE_TIME
from ml_platform.datasets.snapshot.boundaries import PARTS, Boundaries
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest


class SnapshotRows(RowErasure):
    """Rows leave their day; the counts of the periods follow, and models trained on it are marked."""

    name = SnapshotManifest.name
    marks_learned = True

    @classmethod
    def take_out(cls, remainder: Remainder) -> None:
        """Take the rows out of each day."""
        bounds, days, counts = _boundaries(remainder.about["boundaries"]), [], dict(remainder.about["rows"])
        chunks = {day: [day, id, count] for day, id, count in remainder.about.get("chunks", ())}
        for day in sorted(remainder.objects):
            if day in chunks and not remainder.may_hold(day):
                days.append(chunks[day])
                continue
            rows = remainder.read(day)
            erased = remainder.person.rows(rows)
            lost = rows.filter(erased)
            if lost.num_rows:
                remainder.keep(day, rows, pc.invert(erased))
                rows = rows.filter(pc.invert(erased))
                for part in PARTS:
                    counts[part] -= pc.sum(bounds.holds(part, lost[EFFECTIVE_TIME])).as_py() or 0
            if rows.num_rows:
                days.append([day, frame_id(rows), rows.num_rows])
            else:
                remainder.objects.pop(day)
        if remainder.changed:
            remainder.about |= {"rows": counts, "chunks": days, "days": len(days)}


def _boundaries(written: dict[str, Any]) -> Boundaries:
    edges = [datetime.fromisoformat(written[name]) for name in ("train_start", "validate_start", "test_start", "end")]
    return Boundaries(edges[0], edges[1], edges[2], edges[3], parse_duration(written["horizon"]))
