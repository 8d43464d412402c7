"""Whether a source of predictions still comes from the versions that the models that read it were trained on.

A new champion may mean something else by the same column, with or without drift. So a source reports the versions that
its rows come from, and warns while the newest is one that a champion that reads it has not seen in training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ml_platform.core.clock import from_micros
from ml_platform.core.hashing import format_instant
from ml_platform.declarations.resolve import sources_of
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform.sources.checks.results import CheckResult
from ml_platform.sources.source_log import EVENT, KNOWN, source_versions
from ml_platform.storage.artifact_kinds.source import SourceManifest
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.manifest import Artifact

UPSTREAM_VERSION = "upstream_version"
_LISTED = 5


@dataclass(frozen=True)
class VersionRows:
    """The predictions of one version in a source's log.

    Attributes
    ----------
    first, last
        The batch runs of its first and of its last prediction.
    known_from
        When the first of them could be read.
    """

    version: int
    rows: int
    first: datetime
    last: datetime
    known_from: datetime


def versions_in(project: Project, source: str, artifact: Artifact) -> tuple[VersionRows, ...]:
    """Return which versions a source of predictions comes from, oldest first.

    Parameters
    ----------
    artifact
        The source's log.
    """
    if not SourceManifest.of(artifact).rows:
        return ()
    with project.engine() as engine:
        key = project.spec.sources[source].key
        rows = source_versions(engine, project.store, artifact, key, "predicted_rows")
        counted = rows.group_by("version").aggregate(
            rows=rows.count(), first=rows[EVENT].min(), last=rows[EVENT].max(), known_from=rows[KNOWN].min()
        )
        records = engine.run(counted.order_by("version")).to_pylist()
    instants = ("first", "last", "known_from")
    return tuple(
        VersionRows(row["version"], row["rows"], *(from_micros(row[name]) for name in instants)) for row in records
    )


def check_upstream(project: Project, source: str, versions: Sequence[VersionRows]) -> CheckResult:
    """Return whether every champion that reads a source was trained on rows of the newest version; a warning if not."""
    upstream = project.spec.sources[source].reader.model
    summary = {"versions": _named(upstream, [item.version for item in versions]) if versions else "none yet"}
    if not versions:
        return CheckResult(UPSTREAM_VERSION, True, "warn", summary)
    newest = max(versions, key=lambda item: (item.last, item.version))
    outdated = list(_trained_without(project, source, versions, newest))
    if not outdated:
        return CheckResult(UPSTREAM_VERSION, True, "warn", summary)
    since = f"{upstream}@{newest.version} predicts since {format_instant(newest.first)}"
    return CheckResult(UPSTREAM_VERSION, False, "warn", {**summary, "problem": "; ".join([since, *outdated])})


def _trained_without(
    project: Project, source: str, versions: Sequence[VersionRows], newest: VersionRows
) -> Iterator[str]:
    """Yield a sentence for each champion that has seen no row of the newest version, though it reads this source."""
    upstream = project.spec.sources[source].reader.model
    for model in project.spec.models.values():
        version = champion(project, model.name) if source in sources_of(project.spec, model) else None
        if version is None:
            continue
        until = datetime.fromisoformat(
            TrainedModelManifest.of(project.store.get("trained_model", version.id)).knows_until
        )
        seen = [item.version for item in versions if item.known_from <= until]
        if newest.version not in seen:
            yield f"{version} was trained on {f'rows of {_named(upstream, seen)}' if seen else f'no row of {upstream}'}"


def _named(model: str | None, numbers: Sequence[int]) -> str:
    """Return versions as people read them: ``late@1, @2 and @3``."""
    *others, last = (f"@{number}" for number in numbers[-_LISTED:])
    return f"{model}{', '.join(others)} and {last}" if others else f"{model}{last}"
