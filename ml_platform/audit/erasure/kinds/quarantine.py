"""Erasing rows in quarantine."""

from __future__ import annotations

from ml_platform.audit.erasure.kinds.row_erasure import Remainder, RowErasure
from ml_platform.core.hashing import frame_id
from ml_platform.sources.dirty_rows import counts_in
from ml_platform.storage.artifact_kinds.quarantine import QuarantineManifest


class QuarantineRows(RowErasure):
    """Rows leave their objects; the counts of dirty rows by reason follow."""

    name = QuarantineManifest.name

    @classmethod
    def take_out(cls, remainder: Remainder) -> None:
        """Take the rows out of each object."""
        names = sorted(remainder.objects)
        rows = sum(remainder.filter(name, remainder.read(name).num_rows) for name in names)
        if remainder.changed:
            tables = [remainder.read(name) for name in names]
            remainder.about |= {"rows": rows, "ids": [frame_id(table) for table in tables]}
            if "dirty" in remainder.about:
                remainder.about["dirty"] = [count.as_json() for count in counts_in(tables)]
