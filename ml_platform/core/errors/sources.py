"""Errors of ingest: sources, files, rows, and the engine that reads them."""

from __future__ import annotations

from collections.abc import Sequence

from ml_platform.core.errors.base import PlatformError, listed


class SourceError(PlatformError):
    """Rows of a source cannot be ingested. Nothing was written; what was there stays.

    Where a declared column is not met, `column` names it, and `declared_at` adds the place of its declaration.
    """

    def __init__(self, source: str, where: str, problem: str, remedy: str, *, column: str | None = None) -> None:
        self.source, self.column = source, column
        self._parts = (where, problem, remedy)
        super().__init__(f"source {source}: {where}: {problem}. {remedy}")

    def declared_at(self, place: str) -> SourceError:
        """Return the same error with the file and line where the column is declared."""
        where, problem, remedy = self._parts
        return type(self)(self.source, where, f"{problem} (declared in {place})", remedy, column=self.column)


class MissingFile(SourceError):
    """A file that a source reads from does not exist."""


class SchemaChanged(SourceError):
    """A source's columns or types differ from its declaration."""

    read_as: str | None = None
    """The type of a column of which no value that was read fits its declaration; None where some do."""

    def beside(self, other: str) -> SchemaChanged:
        """Return the same error with how the column is in another part of the source, such as ``b.csv has it``."""
        where, problem, remedy = self._parts
        return type(self)(self.source, where, f"{problem}; {other}", remedy, column=self.column)


class ColumnChanged(SchemaChanged):
    """A part of a source lacks a declared column, or has it in another type, or has a new one."""


class DuplicateKey(SourceError):
    """Two rows of one read have the same key and the same known-at timestamp."""


class TooManyDirtyRows(SourceError):
    """More of the rows that were read do not fit their declaration than the source accepts."""

    def __init__(self, source: str, read: int, dirty: int, limit: str, reasons: Sequence[str]) -> None:
        self.dirty = dirty
        problem = f"{dirty:,} of {read:,} rows read are dirty, and quarantine.at_most is {limit}: {'; '.join(reasons)}"
        super().__init__(source, "its rows", problem, "Correct the data, or raise quarantine.at_most.")


class NaiveTimestamp(SourceError):
    """A timestamp has no time zone and its declaration names none."""


class TooManyDeletions(SourceError):
    """A load lacks more rows than its source's declaration lets it delete."""


class EmptySource(SourceError):
    """A source has no row at all where rows are needed."""


class BrokenInput(PlatformError):
    """An input failed a blocking check, so what depends on it does not run."""

    def __init__(self, node: str, upstream: str, checks: Sequence[str]) -> None:
        self.node, self.upstream, self.checks = node, upstream, tuple(checks)
        super().__init__(
            f"{node}: input {upstream} failed {listed(checks)}. Nothing was computed from it, and what was "
            f"deployed stays. Repair the data and materialize {upstream} again."
        )


class NotMaterialized(PlatformError):
    """An input does not exist yet."""

    def __init__(self, node: str, upstream: str) -> None:
        super().__init__(f"{node}: input {upstream} does not exist yet. Materialize {upstream} first.")


class EngineUnavailable(PlatformError):
    """The engine that the project declares cannot be started or reached. Nothing was computed."""

    def __init__(self, engine: str, problem: str, remedy: str) -> None:
        super().__init__(f"engine {engine.partition(';')[0]}: {problem}. {remedy}.")


class ValueTooLarge(PlatformError):
    """A number does not fit into the type that the engine computes it in."""


class MemoryExhausted(PlatformError):
    """The engine needs more memory than it may take, also with what it can spill."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"the engine has too little memory: {problem}. Nothing was changed. Raise memory in project.yaml, lower "
            "threads (each takes its share), or free space in the folder for temporary files."
        )
