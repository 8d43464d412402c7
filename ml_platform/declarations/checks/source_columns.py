"""Checks of the names that columns have in the input."""

from __future__ import annotations

from collections.abc import Iterator

from ml_platform.core.errors import FaultKind
from ml_platform.declarations.checks.problems import Place, Problem
from ml_platform.declarations.source import SourceSpec


def check_source_columns(where: str, source: SourceSpec) -> Iterator[Problem]:
    """Yield where two columns are read from one, and where the reader gives columns their names itself."""
    reader, readers = source.reader, dict[str, str]()
    for name, column in source.columns.items():
        place: Place = ("columns", name, "source_column")
        other = readers.setdefault(column.source_column or name, name)
        if other != name:
            text = f"{name} and {other} both read the column {column.source_column or name}. Remove one"
            yield Problem(where, place if column.source_column else place[:2], text, kind=FaultKind.TAKEN_NAME)
        if column.source_column is None:
            continue
        if reader.takes_posts or reader.model is not None:
            text = f"rows of the reader {reader.name} have the declared names. Remove source_column"
            yield Problem(where, place, text, kind=FaultKind.NEEDLESS_KEY)
        elif reader.inputs:
            text = f"a query names its columns itself. Remove source_column, and write AS {name} in the query"
            yield Problem(where, place, text, kind=FaultKind.NEEDLESS_KEY)
