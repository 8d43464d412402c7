"""Rows that are posted to a source: checked against its declaration, and on the disk before they are acknowledged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ml_platform.core.clock import to_micros
from ml_platform.core.hashing import format_instant
from ml_platform.declarations.source import ColumnType, SourceSpec
from ml_platform.project import Project
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.row_values import RowReader, require_types
from ml_platform.sources.suppression_list import suppressed_rows
from ml_platform.storage.database_errors import DatabaseUnavailable
from ml_platform.storage.posted_rows import RECEIVED_AT, posted_rows


class PostedSource:
    """A source whose rows are posted."""

    def __init__(self, project: Project, spec: SourceSpec) -> None:
        self._project, self._spec, self._rows = project, spec, posted_rows(project.state, spec.name)
        self.columns: Mapping[str, ColumnType] = {
            name: column.type for name, column in spec.columns.items() if name != RECEIVED_AT
        }
        self._reader = RowReader(self.columns)

    @property
    def description(self) -> str:
        """What a row is."""
        return self._spec.description or self._spec.plain_description

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that each row must have: the key, the event timestamp, and what is declared ``required``."""
        declared = [name for name, column in self._spec.columns.items() if column.required]
        needed = dict.fromkeys([*self._spec.key, self._spec.event_timestamp, *declared])
        return tuple(name for name in needed if name in self.columns)  # the service adds received_at

    def check(self, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return rows as they are kept: every declared column, times in UTC.

        Raises
        ------
        RequestProblem
            For the first row that does not fit.
        """
        return [self._checked(row, number if len(rows) > 1 else None) for number, row in enumerate(rows)]

    def add(self, rows: Sequence[Mapping[str, Any]], at: datetime) -> Mapping[str, Any]:
        """Write checked rows, and return the answer. It waits for the disk, so it runs in a thread.

        Rows of entities that were erased are not written, and counted as ``erased``.

        Raises
        ------
        RequestProblem
            Where they cannot be written; none is.
        """
        try:
            is_erased = suppressed_rows(self._project, self._spec.name)
            kept = [row for row in rows if not is_erased(row)]
            new = self._rows.add(kept, self._spec.key, to_micros(at)) if kept else 0
        except (OSError, DatabaseUnavailable) as error:
            problem = error.strerror if isinstance(error, OSError) else error.problem
            text = f"the rows cannot be written ({problem}), so none is accepted."
            raise RequestProblem(503, "rows_not_written", text, 5) from None
        erased = {"erased": len(rows) - len(kept)} if len(kept) < len(rows) else {}
        return {"accepted": new, "known_before": len(kept) - new, **erased, RECEIVED_AT: format_instant(at)}

    def _checked(self, row: Mapping[str, Any], number: int | None) -> Mapping[str, Any]:
        try:
            return self._row(row)
        except RequestProblem as problem:
            where = "" if number is None else f"row {number}: "
            raise RequestProblem(problem.status, problem.code, f"{where}{problem.message}") from None

    def _row(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        for name in row:
            if name not in self.columns:
                known = ", ".join(self.columns)
                text = f"{self._spec.name} has no column {name!r:.60} that is sent. It has: {known}."
                raise RequestProblem.row("unknown_column", text)
        for name in self.required:
            if row.get(name) is None:
                raise RequestProblem.row("missing_column", f"column {name} is missing or null. Each row needs it.")
        kinds = {name: kind for name, kind in self.columns.items() if row.get(name) is not None}
        values = require_types(self._reader.read(row), kinds)
        kept = {name: format_instant(value) if isinstance(value, datetime) else value for name, value in values.items()}
        return {name: kept.get(name) for name in self.columns}


def posted_sources(project: Project) -> dict[str, PostedSource]:
    """Return the sources of a project whose rows are posted, by name."""
    return {name: PostedSource(project, spec) for name, spec in project.spec.sources.items() if spec.reader.takes_posts}
