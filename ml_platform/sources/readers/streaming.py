"""Reading rows that were posted to the prediction service, in the order in which they came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from ml_platform.core.clock import from_micros
from ml_platform.core.errors import SchemaChanged
from ml_platform.core.hashing import content_id
from ml_platform.sources.reading.reader import Reader, SourcePart
from ml_platform.storage.posted_rows import RECEIVED_AT, PostedRow, PostedRows, posted_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from ml_platform.declarations.source import Column, SourceSpec
    from ml_platform.project import Project


class StreamingReader(Reader):
    """Rows that clients send to ``ml-platform serve``: ``POST /events/NAME`` and ``POST /labels/NAME``."""

    name: ClassVar[str] = "streaming"
    may_be_empty: ClassVar[bool] = True
    takes_posts: ClassVar[bool] = True
    answers: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {"known_at": {"column": RECEIVED_AT}, "duplicates": "keep_latest"}
    )
    added_columns: ClassVar[Mapping[str, str]] = MappingProxyType({RECEIVED_AT: "timestamp"})

    streaming: Literal[True] = Field(
        description="Rows are posted to the prediction service, which adds when it received them.", examples=[True]
    )

    def parts(self, project: Project, source: SourceSpec, after: str | None = None) -> Sequence[SourcePart]:
        """Return all posted rows, as one part that grows."""
        rows = posted_rows(project.state, source.name)
        last, count = rows.count()
        return [_part(rows, source, last, count)] if count else []


def _part(rows: PostedRows, spec: SourceSpec, last: int, count: int, after: int = 0, before: int = 0) -> SourcePart:
    """Return rows after a number up to the last one.

    Parameters
    ----------
    before
        How many rows there are up to the number.
    """

    def since(end: str, known: int) -> SourcePart | None:
        number = int(end)
        same = number <= last and rows.count(number)[1] == known  # else rows were erased, and all are read again
        return _part(rows, spec, last, count, number, known) if same else None

    return SourcePart(
        name=f"posted/{spec.name}",
        fingerprint=content_id([spec.name, last, count]),
        tables=partial(_tables, rows, spec, after, last),
        first_row=before,
        end=lambda: str(last),
        since=since,
    )


def _tables(rows: PostedRows, spec: SourceSpec, after: int, last: int) -> Iterator[pa.Table]:
    for batch in rows.read(after, last):
        yield _table(batch, spec)


def _table(batch: Sequence[PostedRow], spec: SourceSpec) -> pa.Table:
    import pyarrow as pa

    from ml_platform.sources.conform import TYPES

    columns = {}
    for name, column in spec.columns.items():
        try:
            columns[name] = pa.array([_value(row, name, column) for row in batch], TYPES[column.type])
        except (pa.ArrowException, TypeError, ValueError) as error:
            problem = f"column {name} is declared {column.type}, and a row was posted when it was not: {error}"
            raise SchemaChanged(spec.name, "posted rows", problem, "Declare the former type.") from None
    return pa.table(columns)


def _value(row: PostedRow, name: str, column: Column) -> Any:
    if name == RECEIVED_AT:
        return from_micros(row.received_at)
    value = row.values.get(name)
    return datetime.fromisoformat(value) if column.type == "timestamp" and value is not None else value
