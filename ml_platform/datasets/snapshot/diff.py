"""What differs between two snapshots: rows, columns, cells and distributions.

Days are compared one by one, and days that are one object are not read: two days at most are held in memory. For the
distributions a bounded number of columns is read at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.frames import to_frame
from ml_platform.core.statistics.histograms import choose_bins, count_values
from ml_platform.core.statistics.population_stability import largest_shift, psi, psi_sampling_bound
from ml_platform.datasets.exclusions import PREDICTION_TIME
from ml_platform.datasets.labels.states import LABEL
from ml_platform.datasets.snapshot.boundaries import PARTS
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.chunks import read_chunks
from ml_platform.storage.manifest import Artifact

EXAMPLES = 3
_CELLS_AT_ONCE = 20_000_000
_CHANCE = 0.002
_LEFT, _RIGHT = "_left", "_right"


@dataclass(frozen=True)
class Moved:
    """How far a column's distribution has moved; see `ml_platform.core.statistics.population_stability`.

    Attributes
    ----------
    psi
        Population stability index, over the deciles or commonest values of the first snapshot.
    noise
        The limit that the index stays below by chance, if the rows of both come from the same distribution.
    where
        The bin whose share changed most.
    """

    column: str
    psi: float
    noise: float
    where: str


@dataclass
class ComparedDays:
    """The results of a comparison day by day so far; `examples` are few."""

    same: int = 0
    compared: int = 0
    added: int = 0
    gone: int = 0
    changed: int = 0
    cells: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    added_examples: list[dict[str, Any]] = field(default_factory=list)
    gone_examples: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class SnapshotDiff:
    """What differs between two snapshots, the second beside the first.

    Attributes
    ----------
    stretches
        Rows of each stretch, in the first and in the second.
    purged
        Rows between the stretches, whose labels reach into the next one, in the first and in the second.
    facts
        Facts of the manifest that differ, such as the boundaries, with both values.
    days
        Rows by entity key and effective time, purged ones among them, and cells of columns that both have.
    moved
        Every column that both have with the same type, the one that moved furthest first.
    """

    first: str
    second: str
    stretches: Mapping[str, tuple[int, int]]
    purged: tuple[int, int]
    facts: Mapping[str, tuple[Any, Any]]
    columns_added: Mapping[str, str]
    columns_gone: Mapping[str, str]
    columns_retyped: Mapping[str, tuple[str, str]]
    days: ComparedDays
    moved: tuple[Moved, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the difference in JSON types."""
        days = asdict(self.days) | {"cells": dict(self.days.cells)}
        return asdict(self) | {"days": days, "moved": [asdict(item) for item in self.moved]}


def diff_snapshots(project: Project, first: Artifact, second: Artifact) -> SnapshotDiff:
    """Compare two snapshots.

    Parameters
    ----------
    first, second
        Artifacts of kind ``snapshot``; of one model, for rows to be matched.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
    """
    one, other = SnapshotManifest.of(first), SnapshotManifest.of(second)
    before, after = one.columns, other.columns
    both = [name for name in before if before[name] == after.get(name)]
    return SnapshotDiff(
        first=first.id,
        second=second.id,
        stretches={part: (one.rows[part], other.rows[part]) for part in PARTS},
        purged=(one.dropped["purged"], other.dropped["purged"]),
        facts=dict(_facts(first, second)),
        columns_added={name: kind for name, kind in after.items() if name not in before},
        columns_gone={name: kind for name, kind in before.items() if name not in after},
        columns_retyped={n: (kind, after[n]) for n, kind in before.items() if after.get(n, kind) != kind},
        days=_days(project.store, first, second, both),
        moved=tuple(sorted(_moved(project.store, first, second, both), key=lambda item: (-item.psi, item.column))),
    )


def _facts(first: Artifact, second: Artifact) -> Iterator[tuple[str, tuple[Any, Any]]]:
    one, other = SnapshotManifest.of(first).as_json(), SnapshotManifest.of(second).as_json()
    for name in ("model", "as_of", "boundaries", "dropped", "negatives", "label", "declared", "code"):
        if one[name] != other[name]:
            yield name, (one[name], other[name])


# Day by day ----------------------------------------------------------------


def _days(store: ArtifactStore, first: Artifact, second: Artifact, columns: Sequence[str]) -> ComparedDays:
    keys = [name for name in columns if "." not in name and name not in (PREDICTION_TIME, LABEL)]
    comparison = ComparedDays()
    for day in sorted({*first.objects, *second.objects}):
        one, other = first.objects.get(day), second.objects.get(day)
        if one == other:
            comparison.same += 1
            continue
        comparison.compared += 1
        tables = [None if item is None else read_chunks(store, [item]) for item in (one, other)]
        _compare_day(comparison, tables[0], tables[1], keys, columns)
    return comparison


def _compare_day(
    comparison: ComparedDays, one: pa.Table | None, other: pa.Table | None, keys: Sequence[str], columns: Sequence[str]
) -> None:
    if one is None or other is None:
        _only(comparison, one, other, keys)
        return
    matched = _places(one, keys, _LEFT).merge(_places(other, keys, _RIGHT), on=list(keys), how="outer")
    alone, joined = matched[_RIGHT].isna(), matched.dropna(subset=[_LEFT, _RIGHT])
    gone = one.take(pa.array(matched.loc[alone, _LEFT].astype("int64")))
    new = other.take(pa.array(matched.loc[matched[_LEFT].isna(), _RIGHT].astype("int64")))
    _only(comparison, gone, new, keys)
    left, right = (pa.array(joined[side].astype("int64")) for side in (_LEFT, _RIGHT))
    _compare_cells(comparison, one.take(left), other.take(right), keys, columns)


def _places(rows: pa.Table, keys: Sequence[str], name: str) -> Any:
    return to_frame(rows.select(list(keys))).assign(**{name: range(rows.num_rows)})


def _only(comparison: ComparedDays, gone: pa.Table | None, new: pa.Table | None, keys: Sequence[str]) -> None:
    for rows, examples in ((gone, comparison.gone_examples), (new, comparison.added_examples)):
        if rows is not None:
            examples += rows.select(list(keys)).slice(0, EXAMPLES - len(examples)).to_pylist()
    comparison.gone += 0 if gone is None else gone.num_rows
    comparison.added += 0 if new is None else new.num_rows


def _compare_cells(
    comparison: ComparedDays, one: pa.Table, other: pa.Table, keys: Sequence[str], columns: Sequence[str]
) -> None:
    changed = pa.array([False] * one.num_rows)
    for name in columns:
        differs = _differs(one[name].combine_chunks(), other[name].combine_chunks())
        count = pc.sum(differs).as_py() or 0
        if not count:
            continue
        comparison.cells[name] += count
        changed = pc.or_(changed, differs)
        examples = comparison.examples.setdefault(name, [])
        for place in pc.indices_nonzero(differs)[: EXAMPLES - len(examples)].to_pylist():
            key = one.select(list(keys)).slice(place, 1).to_pylist()[0]
            examples.append({**key, "from": one[name][place].as_py(), "to": other[name][place].as_py()})
    comparison.changed += pc.sum(changed).as_py() or 0


def _differs(one: pa.Array, other: pa.Array) -> pa.Array:
    """Return where two columns differ; null equals null, and no number equals no number."""
    if pa.types.is_floating(one.type):
        one, other = pc.if_else(pc.is_nan(one), None, one), pc.if_else(pc.is_nan(other), None, other)
    both = pc.fill_null(pc.not_equal(one, other), False)
    return pc.or_(both, pc.xor(pc.is_null(one), pc.is_null(other)))


# Distributions -------------------------------------------------------------


def _moved(store: ArtifactStore, first: Artifact, second: Artifact, columns: Sequence[str]) -> Iterator[Moved]:
    if first.objects == second.objects:
        return
    watched = [
        name for name in columns if SnapshotManifest.of(first).columns[name] != "timestamp" and _is_value(name, columns)
    ]
    largest = max(sum(SnapshotManifest.of(artifact).rows.values()) for artifact in (first, second))
    step = max(1, _CELLS_AT_ONCE // max(1, largest))
    for start in range(0, len(watched), step):
        names = watched[start : start + step]
        before, after = (to_frame(read_chunks(store, _in_order(item), names)) for item in (first, second))
        for name in names:
            yield _distance(name, before[name], after[name])


def _is_value(name: str, columns: Sequence[str]) -> bool:
    """Return whether a column is the label, a feature or a value of the population, and no key."""
    return name == LABEL or ("." in name and name.partition(".")[2] not in columns)


def _in_order(artifact: Artifact) -> list[Any]:
    return [artifact.objects[day] for day in sorted(artifact.objects)]


def _distance(name: str, before: Any, after: Any) -> Moved:
    bins = choose_bins(before)
    one, other = count_values(before, bins), count_values(after, bins)
    return Moved(name, psi(one, other), psi_sampling_bound(one, other, _CHANCE), largest_shift(one, other))
