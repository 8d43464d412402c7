"""Which entities feature tables know of, at any instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import MICROSECOND
from ml_platform.core.engines.exact_sums import combined
from ml_platform.core.engines.interval_index import Ints
from ml_platform.features.some_entities import SomeEntities
from ml_platform.features.tile_store import StoredCells
from ml_platform.features.tiles import KNOWN_FROM, KNOWN_UNTIL, Grain
from ml_platform.project import Project
from ml_platform.sources.source_log import FOREVER
from ml_platform.storage.artifact_kinds.feature_table import FeatureTableManifest
from ml_platform.storage.chunks import at_once
from ml_platform.storage.manifest import Artifact

_SINCE, _UNTIL = "_since", "_until"


@dataclass(frozen=True)
class KnownEntities:
    """The entities of which some row is known, and when.

    Attributes
    ----------
    lasting
        Each entity with a row that no later one replaced, in the order in which they became known.
    since
        From when each of these is known, in microseconds since 1970 UTC.
    ended
        The entities of rows that were replaced, with ``_since`` and ``_until``: known at t where since <= t < until.
    """

    lasting: pa.Table
    since: Ints
    ended: pa.Table

    def count_at(self, instant: int) -> int:
        """Return how many entities are known at an instant, at most: some can be counted twice."""
        return int(np.searchsorted(self.since, instant, "right")) + len(self.ended)

    def at(self, instant: int) -> pa.Table:
        """Return the keys of the entities of which some row is known at an instant, each once."""
        lasting = self.lasting.slice(0, int(np.searchsorted(self.since, instant, "right")))
        known = pc.and_(pc.less_equal(self.ended[_SINCE], instant), pc.greater(self.ended[_UNTIL], instant))
        ended = self.ended.filter(known).select(self.lasting.column_names)
        if not len(ended):
            return lasting
        return pa.concat_tables([lasting, ended]).group_by(self.lasting.column_names).aggregate([])


def known_entities(
    project: Project, artifacts: Sequence[Artifact], keys: Sequence[str], among: pa.Table | None = None
) -> KnownEntities:
    """Return which entities feature tables know of; a row is known from the first tick at which it can be read.

    Parameters
    ----------
    among
        Keys: all entities with these are returned, and few others. None means all.
    """
    some = None if among is None else SomeEntities({key: among[key] for key in keys})
    names = list(keys)
    intervals = [part for artifact in artifacts for part in _intervals(project, artifact, keys, some)]
    rows = pa.concat_tables(intervals)
    forever = pc.equal(rows[_UNTIL], FOREVER)
    lasting = rows.filter(forever).group_by(names).aggregate([(_SINCE, "min")]).sort_by(f"{_SINCE}_min")
    ended = rows.filter(pc.invert(forever)).group_by([*names, _SINCE, _UNTIL]).aggregate([])
    return KnownEntities(lasting.select(names), lasting[f"{_SINCE}_min"].to_numpy(), ended)


def _intervals(project: Project, artifact: Artifact, keys: Sequence[str], some: SomeEntities | None) -> list[pa.Table]:
    """Return from when until when each entity of a feature table is known, chunk by chunk."""
    spec = project.spec.feature_tables[FeatureTableManifest.of(artifact).table]
    grain = Grain.of(spec, keys)
    chunks = [chunk for chunk in FeatureTableManifest.of(artifact).chunks if chunk.rows]
    stored = [
        StoredCells(project.store, artifact, grain, chunk, some) for chunk in [[chunk] for chunk in chunks] or [[]]
    ]
    return at_once(lambda cells: _of_chunk(cells, keys, spec.publish_delay // MICROSECOND), stored)


def _of_chunk(stored: StoredCells, keys: Sequence[str], delay: int) -> pa.Table:
    if stored.replaced:
        cells = stored.read([*keys, KNOWN_FROM, KNOWN_UNTIL])
        rows = cells.group_by([*keys, KNOWN_UNTIL]).aggregate([(KNOWN_FROM, "min")])
        rows = rows.rename_columns({f"{KNOWN_FROM}_min": KNOWN_FROM})
    else:
        rows = first_known(stored.read([*keys, KNOWN_FROM]), keys)
    step, until = stored.grain.step, rows[KNOWN_UNTIL].to_numpy()
    since = rows[KNOWN_FROM].to_numpy() * step + delay
    until = np.where(until == FOREVER, FOREVER, np.minimum(until, FOREVER // step) * step + delay)
    return rows.select(list(keys)).append_column(_SINCE, pa.array(since)).append_column(_UNTIL, pa.array(until))


def first_known(cells: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Return when each entity became known, from cells of which none was replaced.

    Cells of an entity are beside each other, so their stretches are found without a hash table. Where they were not, an
    entity would only be there twice.
    """
    if not len(cells):
        return cells.append_column(KNOWN_UNTIL, pa.array([], pa.int64()))
    begins = np.zeros(len(cells), bool)
    begins[0] = True
    for key in keys:
        column = combined(cells[key])
        begins[1:] |= pc.not_equal(column.slice(1), column.slice(0, len(cells) - 1)).to_numpy(zero_copy_only=False)
    places = np.flatnonzero(begins)
    since = np.minimum.reduceat(cells[KNOWN_FROM].to_numpy(), places)
    rows = cells.select(list(keys)).take(pa.array(places))
    return rows.append_column(KNOWN_FROM, pa.array(since)).append_column(
        KNOWN_UNTIL, pa.array(np.full(len(places), FOREVER))
    )
