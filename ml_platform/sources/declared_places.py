"""Where a column is declared, in errors about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ml_platform.core.errors import SourceError
from ml_platform.declarations.project import ProjectSpec


@contextmanager
def declared_places(spec: ProjectSpec, source: str) -> Iterator[None]:
    """Add to errors about a declared column of a source the place where it is declared."""
    try:
        yield
    except SourceError as error:
        location = spec.locations.get(f"sources/{source}.columns.{error.column}") if error.column else None
        if location is None:
            raise
        raise error.declared_at(f"{location.file}:{location.line}") from None
