"""The rows of a snapshot as they are made, period by period: what is written of them, and what is counted.

Only the labels of all rows are held together. The rows of a period are written when those of the next have been made,
so that a snapshot of one period is checked before anything is written.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.datasets.exclusions import EFFECTIVE_TIME
from ml_platform.datasets.labels.states import LABEL
from ml_platform.datasets.snapshot.boundaries import PARTS, Boundaries, Part
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.chunks import store_chunks
from ml_platform.storage.manifest import StoredObject


class CollectedRows:
    """The rows of a snapshot so far.

    Attributes
    ----------
    rows
        How many there are.
    nulls
        How many nulls each column has.
    objects, chunks
        What is stored: one object for each UTC day, with its name, id and number of rows.
    """

    def __init__(self, store: ArtifactStore, bounds: Boundaries) -> None:
        self._store, self._bounds = store, bounds
        self._waiting: pa.Table | None = None
        self._labels: dict[Part, list[pa.ChunkedArray]] = {part: [] for part in PARTS}
        self.rows = 0
        self.nulls: Counter[str] = Counter()
        self.objects: dict[str, StoredObject] = {}
        self.chunks: list[tuple[str, str, int]] = []
        self.schema = pa.schema([])

    def add(self, rows: pa.Table) -> None:
        """Take the labelled rows of the next period, which begins on a later UTC day than the one before."""
        if self.rows == 0:
            self.schema = rows.schema
        if not len(rows):
            return
        self.store()
        self._waiting = rows
        self.rows += rows.num_rows
        self.nulls.update({name: rows[name].null_count for name in rows.column_names})
        for part in PARTS:
            self._labels[part].append(rows.filter(self._bounds.holds(part, rows[EFFECTIVE_TIME]))[LABEL])

    def labels(self, part: Part) -> pa.ChunkedArray:
        """Return the labels of the rows of a part."""
        arrays = self._labels[part]
        return pa.chunked_array([chunk for array in arrays for chunk in array.chunks], self.schema.field(LABEL).type)

    def store(self) -> None:
        """Store the rows that wait: one object for each day, which snapshots share where a day's rows are the same."""
        if self._waiting is None:
            return
        stored = store_chunks(self._store, _days(self._waiting))
        self.objects |= {chunk.name: chunk.stored for chunk in stored}
        self.chunks += [(chunk.name, chunk.id, chunk.rows.num_rows) for chunk in stored]
        self._waiting = None


def without_label(rows: pa.Table) -> pa.Table:
    """Return the rows whose label is null."""
    return rows.filter(pc.is_null(rows[LABEL]))


def _days(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    days = rows[EFFECTIVE_TIME].cast(pa.timestamp("us")).to_numpy().astype("datetime64[D]")
    edges = [0, *(np.flatnonzero(days[1:] != days[:-1]) + 1), len(days)]
    for start, end in itertools.pairwise(edges):
        yield str(days[start]), rows.slice(int(start), int(end - start))
