"""Reading rows from a function of the project: a table, a DataFrame, or a generator of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from ml_platform.core.errors import MissingFile, PlatformError, SchemaChanged, SourceError
from ml_platform.core.hashing import content_id
from ml_platform.sources.reading.reader import Reader, SourcePart

if TYPE_CHECKING:
    from ml_platform.declarations.source import SourceSpec
    from ml_platform.project import Project


class PythonReader(Reader):
    """A function of the project."""

    name: ClassVar[str] = "python"

    python: str = Field(
        description="A function of the project, module:function. It takes no arguments and returns a table or "
        "DataFrame, or yields several.",
        examples=["weather_station:read_all"],
    )
    fingerprint: str | None = Field(
        None,
        description="A second function, module:function, that returns a text. While the text is the same, nothing is "
        "read.",
        examples=["weather_station:last_change"],
    )

    @property
    def functions(self) -> Mapping[str, str]:
        """The function that returns rows, and the one that returns a fingerprint of them."""
        named = {"python": self.python, "fingerprint": self.fingerprint}
        return {name: function for name, function in named.items() if function is not None}

    @property
    def notices_changes(self) -> bool:
        """Only by a fingerprint."""
        return self.fingerprint is not None

    def parts(self, project: Project, source: SourceSpec, after: str | None = None) -> Sequence[SourcePart]:
        """Return all that the function gives, as one part."""
        state = None if self.fingerprint is None else self._fingerprint(project.root, source, self.fingerprint)
        return [SourcePart(self.python, state, partial(read_function, project.root, source, self.python))]

    def _fingerprint(self, root: Path, source: SourceSpec, reference: str) -> str:
        """Return the hash of the text that the function of `fingerprint` returns: it changes when the rows do."""
        state = _call(root, source, reference)
        if not isinstance(state, str):
            problem = f"the fingerprint is {type(state).__name__}"
            raise SourceError(source.name, reference, problem, "Return a text that changes when the rows do.")
        return content_id([self.python, state])


def read_function(root: Path, spec: SourceSpec, where: str) -> Iterator[Any]:
    """Yield the declared columns of what the function returns, or of each thing that it yields.

    Raises
    ------
    MissingFile, SchemaChanged, SourceError
    """
    import pyarrow as pa

    from ml_platform.sources.reading.batch import Batch
    from ml_platform.sources.reading.columns import require_columns

    result = _call(root, spec, where)
    several = isinstance(result, Iterator | pa.RecordBatchReader)
    for item in _items(spec, where, iter(result) if several else iter([result])):
        table = _table(item, spec, where)
        yield Batch(table.select(require_columns(table.column_names, spec, where)), columns=table.column_names)


def _call(root: Path, spec: SourceSpec, reference: str) -> Any:
    from ml_platform.declarations.user_code.version import load_function

    try:
        return load_function(root, reference)()
    except Exception as error:
        raise _reader_error(spec, reference, error) from error


def _items(spec: SourceSpec, where: str, items: Iterator[Any]) -> Iterator[Any]:
    """Yield what a function yields, and report where it fails between two of them."""
    try:
        yield from items
    except GeneratorExit:
        raise
    except Exception as error:
        raise _reader_error(spec, where, error) from error


def _reader_error(spec: SourceSpec, where: str, error: Exception) -> Exception:
    if isinstance(error, PlatformError | MemoryError):
        return error
    if isinstance(error, FileNotFoundError):
        return MissingFile(spec.name, where, f"no such file: {error.filename}", "Put the file there.")
    problem = f"the reader failed with {type(error).__name__}: {error}"
    return SourceError(spec.name, where, problem, "Repair the function.")


def _table(item: Any, spec: SourceSpec, where: str) -> Any:
    import pyarrow as pa

    if isinstance(item, pa.Table):
        return item
    if isinstance(item, pa.RecordBatch):
        return pa.Table.from_batches([item])
    import pandas as pd

    from ml_platform.sources.reading.columns import require_columns
    from ml_platform.sources.reading.pandas_columns import arrow_column

    if not isinstance(item, pd.DataFrame):
        remedy = "Return an Arrow table or a DataFrame, or yield Arrow batches, tables or DataFrames."
        raise SchemaChanged(spec.name, where, f"the reader returned {type(item).__name__}", remedy)
    names = [str(name) for name in item.columns]
    there = require_columns(names, spec, where)
    columns = {name: arrow_column(item.iloc[:, names.index(name)], spec, where, name) for name in there}
    return pa.table(columns)
