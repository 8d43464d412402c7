"""Profiles: null shares and distributions of an artifact's columns, counted once for each state of it and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_platform.core.errors import FeatureError
from ml_platform.core.hashing import cache_key
from ml_platform.core.statistics.distributions import Distribution, distribution
from ml_platform.declarations.fingerprint import deciding_part
from ml_platform.declarations.user_code.version import code_version
from ml_platform.features.sample import TICK, sample_values
from ml_platform.project import Project
from ml_platform.sources.source_log import local_chunks
from ml_platform.storage.artifact_kinds.feature_table import FeatureTableManifest
from ml_platform.storage.artifact_kinds.profile import ColumnProfile, ProfileManifest
from ml_platform.storage.artifact_kinds.source import SourceManifest
from ml_platform.storage.manifest import Artifact, StoredObject

KIND = "profile"
_VERSION = "1"


@dataclass(frozen=True)
class TableProfile:
    """Of a feature table: how many values were sampled, and what they show by column."""

    rows: int
    null_shares: Mapping[str, float]
    distributions: Mapping[str, Distribution | None]


def source_null_shares(project: Project, source: Artifact) -> Mapping[str, float]:
    """Return the share of nulls in each column of a source, over all rows of its log.

    Chunks never change: only those that came since the last profile are read.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
    """
    key = _key("source", source.id, list(SourceManifest.of(source).columns))
    profile = project.store.find(KIND, key) or _count_source(project, source, key)
    rows = SourceManifest.of(source).rows
    return {name: count / rows for name, count in (ProfileManifest.of(profile).nulls or {}).items()} if rows else {}


def _count_source(project: Project, source: Artifact, key: str) -> Artifact:
    columns = list(SourceManifest.of(source).columns)
    before = source.inputs.get("previous", "")
    counted = project.store.find(KIND, _key("source", before, columns)) if before else None
    known = ProfileManifest(nulls={}, chunks=()) if counted is None else ProfileManifest.of(counted)
    done, before_nulls = set(known.chunks or ()), known.nulls or {}
    chunks = [chunk.name for chunk in SourceManifest.of(source).chunks]
    nulls = _nulls(project, {name: source.objects[name] for name in chunks if name not in done}, columns)
    nulls = {name: nulls[name] + before_nulls.get(name, 0) for name in columns}
    return project.store.add(ProfileManifest(nulls=nulls, chunks=tuple(chunks)), key, inputs={"source": source.id})


def _nulls(project: Project, objects: Mapping[str, StoredObject], columns: Sequence[str]) -> dict[str, int]:
    if not objects:
        return dict.fromkeys(columns, 0)
    with project.engine() as engine:
        rows = engine.parquet("profiled_rows", local_chunks(project.store, objects))
        counted = engine.run(rows.aggregate([rows[name].isnull().sum().name(name) for name in columns]))
    return {name: int(counted[name][0].as_py() or 0) for name in columns}  # null where there is no row


def table_profile(project: Project, table: Artifact) -> TableProfile:
    """Return null shares and distributions over time of a sample of a feature table's values.

    Raises
    ------
    FeatureError
        Where the artifact was made by an earlier declaration.
    ArtifactMissing, ArtifactDamaged
    """
    name = FeatureTableManifest.of(table).table
    key = _key("feature_table", table.id, list(project.spec.feature_tables[name].columns))
    profile = project.store.find(KIND, key) or _sample_table(project, table, key)
    manifest = ProfileManifest.of(profile)
    columns = manifest.columns or {}
    distributions = {column: facts.distribution for column, facts in columns.items()}
    return TableProfile(
        rows=manifest.rows or 0,
        null_shares={column: facts.nulls for column, facts in columns.items() if facts.nulls is not None},
        distributions={
            column: Distribution.from_json(item) if item else None for column, item in distributions.items()
        },
    )


def _sample_table(project: Project, table: Artifact, key: str) -> Artifact:
    name = FeatureTableManifest.of(table).table
    _require_as_declared(project, name, table)
    values = sample_values(project, name, table.id)
    columns = {column: _column(values, column) for column in project.spec.feature_tables[name].columns}
    return project.store.add(
        ProfileManifest(rows=values.num_rows, columns=columns), key, inputs={"feature_table": table.id}
    )


def _require_as_declared(project: Project, name: str, table: Artifact) -> None:
    """Refuse a feature table that holds other columns than are declared now, or the same ones computed otherwise."""
    declared = deciding_part(project.spec, "feature_table", name)
    key = cache_key("feature_table", declared, code_version("feature_table"), {"source": table.inputs["source"]})
    current = project.store.find("feature_table", key)
    if current is None or current.id != table.id:
        raise FeatureError(
            f"feature table {name}: {table.short_id} is from an earlier declaration. Materialize features/{name} again."
        )


def _column(values: Any, column: str) -> ColumnProfile:
    rows = values.num_rows
    spread = distribution(values[column], values[TICK]) if rows else None
    nulls = values[column].null_count / rows if rows else None
    return ColumnProfile(nulls=nulls, distribution=spread.as_json() if spread else None)


def _key(kind: str, id: str, columns: Sequence[str]) -> str:
    return cache_key(KIND, list(columns), _VERSION, {kind: id})
