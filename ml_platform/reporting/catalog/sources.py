"""What the catalog shows of a source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ml_platform.core.errors import PlatformError
from ml_platform.core.formatting import span_text
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.reader import ReaderSpec
from ml_platform.declarations.wording import known_sentence
from ml_platform.project import Project
from ml_platform.reporting.catalog.artifact_status import checks_of, current_artifact, declaration_of, stored_state
from ml_platform.reporting.catalog.node_facts import Link
from ml_platform.reporting.catalog.profiles import source_null_shares
from ml_platform.reporting.catalog.source_facts import DirtyRowsFact, SourceColumn, SourceFacts
from ml_platform.reporting.catalog.usage import column_readers, users_of
from ml_platform.sources.ingest_history import last_ingest
from ml_platform.sources.upstream import Upstream, read_upstream
from ml_platform.storage.artifact_kinds.quarantine import QuarantineManifest
from ml_platform.storage.artifact_kinds.source import SourceManifest
from ml_platform.storage.manifest import Artifact


def source_facts(project: Project, name: str, artifact: Artifact | None = None) -> SourceFacts:
    """Return what the catalog shows of a source.

    Parameters
    ----------
    artifact
        Its rows; what was made last by default.
    """
    spec, node = project.spec.sources[name], NodeName("source", name)
    problem = ""
    if artifact is None:
        artifact, problem = current_artifact(project, node, "source")
    shares, unread = _null_shares(project, artifact)
    about = SourceManifest.of(artifact) if artifact else None
    ingest = last_ingest(project.database, name)
    upstream = read_upstream(ingest.upstream) if ingest else Upstream()
    return SourceFacts(
        name=name,
        description=spec.description,
        owner=spec.owner,
        declared=declaration_of(project, node),
        reader=_reader(spec.reader),
        key=spec.key,
        event_timestamp=spec.event_timestamp,
        known=known_sentence(spec),
        freshness=span_text(spec.freshness) if spec.freshness else "",
        stored=stored_state(project, node, artifact, about.newest if about else None, problem or unread),
        events=_instants(about.events if about else None),
        ingests=ingest.number if ingest else 0,
        new_rows=ingest.new_rows if ingest else None,
        waiting=(upstream.waiting, (upstream.until or "")[:16].replace("T", " ")),
        notes=upstream.notes(),
        columns=_columns(project, name, shares),
        checks=checks_of(project, node, spec.expectations),
        used_by=users_of(project.spec, Link("sources", name)),
        dirty=_dirty(project, upstream),
    )


def _dirty(project: Project, upstream: Upstream) -> tuple[DirtyRowsFact, ...]:
    try:
        counts = QuarantineManifest.of(project.store.get("quarantine", upstream.dirty)).dirty if upstream.dirty else ()
    except PlatformError:  # the notes count them; verify names the damage
        counts = ()
    return tuple(DirtyRowsFact(item.reason, item.column or "", item.handled, item.rows) for item in counts or ())


def _null_shares(project: Project, artifact: Artifact | None) -> tuple[Mapping[str, float], str]:
    try:
        return (source_null_shares(project, artifact), "") if artifact else ({}, "")
    except PlatformError as error:
        return {}, str(error)


def _reader(reader: ReaderSpec) -> str:
    return f"{reader.name}: {reader.label}"


def _instants(events: Sequence[str] | None) -> tuple[datetime, datetime] | None:
    if events is None:
        return None
    first, last = (datetime.fromisoformat(text) for text in events)
    return first, last


def _columns(project: Project, name: str, shares: Mapping[str, float]) -> tuple[SourceColumn, ...]:
    readers = column_readers(project.spec, name)
    return tuple(
        SourceColumn(
            name=column,
            type=declared.type,
            unit=declared.unit or "",
            description=declared.description,
            required=declared.required,
            null_share=shares.get(column),
            used_by=readers[column],
        )
        for column, declared in project.spec.sources[name].columns.items()
    )
