"""Rows of one reading that share key and known-at: an error, or as the source declares under `duplicates`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from ml_platform.core.clock import from_micros, to_micros
from ml_platform.core.engines import DuckDB
from ml_platform.core.engines.ibis_functions import row_hash
from ml_platform.core.errors import DuplicateKey
from ml_platform.core.hashing import format_instant
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.dirty_rows import DIRTY, duplicates_table
from ml_platform.sources.read_changed import PLACE
from ml_platform.sources.source_log import KNOWN
from ml_platform.sources.staging import Staging


@dataclass(frozen=True)
class WithoutDuplicates:
    """Rows of a reading of which no two share key and known-at.

    Attributes
    ----------
    rows
        They, for Ibis.
    dropped
        The numbers in the reading of those that were left out, in order.
    quarantined
        How many of them are in quarantine: another row of the same key replaces each of the others.
    waiting
        How many of them become known later.
    """

    rows: Any
    dropped: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    quarantined: int = 0
    waiting: int = 0

    @property
    def merged(self) -> int:
        """How many were left out because another row of the same key replaces them."""
        return len(self.dropped) - self.quarantined


def without_duplicates(
    engine: DuckDB,
    staging: Staging,
    spec: SourceSpec,
    read: Any,
    repeated: Any,
    now: datetime,
    part_of: Callable[[int], tuple[str, int]],
) -> WithoutDuplicates:
    """Return what was read without rows that share key and known-at; those for the quarantine join the staged `DIRTY`.

    Parameters
    ----------
    read
        All rows that were read, for Ibis.
    repeated
        The keys of which the read has several rows, for Ibis.
    part_of
        Returns the part that a row was read from and its number in it, by its number in the reading.

    Raises
    ------
    DuplicateKey
        Unless the source declares otherwise.
    """
    by = [*spec.key, KNOWN]
    rows = read.semi_join(repeated, list(spec.key))
    rows = rows.mutate(_content=row_hash([rows[name] for name in spec.columns]))
    counted = rows.group_by(by).aggregate(
        _rows=rows.count(), _contents=rows["_content"].nunique(), _first=rows[PLACE].min(), _last=rows[PLACE].max()
    )
    several = staging.keep("rows_of_one_key", counted.filter(counted["_rows"] > 1))
    if not engine.run(several.limit(1)).num_rows:
        return WithoutDuplicates(read)
    if spec.duplicates in (None, "fail"):
        raise _error(engine, spec, several, part_of)
    refused = several.filter(several["_contents"] > 1) if spec.duplicates == "quarantine" else several.limit(0)
    merging = several.filter(several["_contents"] == 1) if spec.duplicates == "quarantine" else several
    refused_rows = rows.semi_join(refused, by).select(*spec.columns, PLACE)
    quarantined = 0
    for batch in engine.batches(refused_rows.order_by(PLACE)):
        places = [part_of(place) for place in batch[PLACE].to_pylist()]
        staging.append(DIRTY, duplicates_table(spec, batch, places))
        quarantined += batch.num_rows
    duplicate = rows.semi_join(several, by).select(PLACE, KNOWN)
    kept = merging.select(**{PLACE: merging["_last"]})
    dropped = staging.keep("dropped_rows", duplicate.anti_join(kept, PLACE))
    refused_rows = engine.run(dropped.order_by(PLACE))
    waiting = pc.sum(pc.greater(refused_rows[KNOWN], to_micros(now))).as_py() or 0
    return WithoutDuplicates(read.anti_join(dropped, PLACE), refused_rows[PLACE].to_numpy(), quarantined, waiting)


def _error(engine: DuckDB, spec: SourceSpec, several: Any, part_of: Callable[[int], tuple[str, int]]) -> DuplicateKey:
    row = engine.run(several.order_by([KNOWN, *spec.key]).limit(1)).to_pylist()[0]
    key = ", ".join(f"{name} {row[name]!r}" for name in spec.key)
    first, last = ("{}: row {}".format(*part_of(row[name])) for name in ("_first", "_last"))
    known = format_instant(from_micros(row[KNOWN]))
    return DuplicateKey(
        spec.name,
        f"key {key}",
        f"{row['_rows']} rows are known at {known} ({first} and {last})",
        "Remove all but one, add the column that distinguishes them to the key, or declare duplicates: keep_latest.",
    )
