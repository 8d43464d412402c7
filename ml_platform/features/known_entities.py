"""Which entities feature tables know of, at any instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import MICROSECOND
from ml_platform.core.engines.exact_sums import combined
from ml_platform.core.engines.interval_index import Ints, spread_out
from ml_platform.features.entity_codes import numbered
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
    entities
        The key of each entity once, in the order of keys.
    number, since, until
        Intervals: the place of an entity, and from when until before when it is known, in microseconds since 1970 UTC.
        They are in the order of entities, and those of one entity do not overlap.
    """

    entities: pa.Table
    number: Ints
    since: Ints
    until: Ints

    def count_at(self, instant: int) -> int:
        """Return how many entities are known at an instant."""
        return int(np.count_nonzero((self.since <= instant) & (instant < self.until)))

    def at(self, instant: int) -> pa.Table:
        """Return the keys of the entities of which some row is known at an instant, each once."""
        known = (self.since <= instant) & (instant < self.until)
        return self.entities.take(pa.array(self.number[known]))

    def at_each(self, instants: Ints) -> tuple[pa.Table, Ints]:
        """Return each entity with each of some rising instants at which it is known: keys, and instants.

        They are in the order of entities, then of instants.
        """
        first, last = (np.searchsorted(instants, ends) for ends in (self.since, self.until))
        known = last - first
        keys = self.entities.take(pa.array(np.repeat(self.number, known)))
        return keys, instants[spread_out(first, known)]


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
    parts = [part for artifact in artifacts for part in _intervals(project, artifact, keys, some)]
    numbers, _ = numbered(parts, parts[0].slice(0, 0), {key: key for key in keys})
    number, rows = np.concatenate(numbers), pa.concat_tables(parts)
    order = np.argsort(number, kind="stable")
    is_first = np.ones(len(order), bool)
    is_first[1:] = np.diff(number[order]) != 0
    entities = rows.select(list(keys)).take(pa.array(order[is_first]))
    since, until = (rows[name].to_numpy()[order] for name in (_SINCE, _UNTIL))
    return KnownEntities(entities, *joined_intervals(np.cumsum(is_first) - 1, since, until))


def joined_intervals(number: Ints, since: Ints, until: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the intervals of each entity, those that overlap or meet as one, in the order of entities and time.

    Parameters
    ----------
    number
        Whole numbers from 0 that rise.

    >>> [column.tolist() for column in joined_intervals(*np.array([[0, 0, 0, 1], [5, 1, 9, 2], [7, 5, 12, 3]]))]
    [[0, 0, 1], [1, 9, 2], [7, 12, 3]]
    """
    firsts = np.flatnonzero(np.diff(number, prepend=-1))
    if len(number) and (until == until[0]).all():
        return number[firsts], np.minimum.reduceat(since, firsts), until[firsts]
    order = np.lexsort((since, number))
    since, ends = since[order], np.unique(until)
    latest = np.maximum.accumulate(number * len(ends) + np.searchsorted(ends, until[order]))
    before = ends[latest[:-1] % len(ends)]
    begins = np.flatnonzero(np.r_[True, (number[1:] != number[:-1]) | (since[1:] > before)][: len(number)])
    last = np.r_[begins[1:], len(number)][: len(begins)] - 1
    return number[begins], since[begins], ends[latest[last] % max(len(ends), 1)]


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
        rows = cells.group_by([*keys, KNOWN_UNTIL], use_threads=False).aggregate([(KNOWN_FROM, "min")])
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
