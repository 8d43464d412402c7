"""Whether a source may have something new, without reading its rows: cheap enough to check every minute."""

from __future__ import annotations

from datetime import datetime

from ml_platform.core.errors import PlatformError
from ml_platform.core.hashing import content_id, format_instant
from ml_platform.declarations.source import SourceSpec
from ml_platform.project import Project
from ml_platform.sources.reading.reader import fingerprint_of
from ml_platform.sources.reading.source_columns import source_parts


def source_fingerprints(project: Project, now: datetime) -> dict[str, str]:
    """Return, for each source, a text that changes when its files change, or when a simulated clock moves.

    For predictions of a model it changes when something was predicted.
    A simulated clock lets more rows of the same files be known. What a database, or a Python reader that declares no
    fingerprint, has cannot be known without reading it: on the wall clock the text never changes, and the
    scheduled refreshes read it.
    """
    clock = None if project.spec.file.clock == "wall" else format_instant(now)
    return {name: content_id([clock, _seen(project, spec)])[:32] for name, spec in project.spec.sources.items()}


def _seen(project: Project, spec: SourceSpec) -> str | None:
    try:
        return fingerprint_of(source_parts(project, spec)) if spec.reader.notices_changes else None
    except PlatformError as error:  # a change too: the ingest will report what is wrong
        return str(error)
