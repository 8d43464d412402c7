"""Tables on disk while a read is compared with a log: the engine sorts and joins files with less memory than tables."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from ml_platform.core.engines import DuckDB
from ml_platform.core.engines.scratch import scratch_folder
from ml_platform.core.private_files import private_temporary_folder

_GROUP_ROWS = 50_000
"""The engine reads groups of rows at once, one with each of its threads."""


class Staging:
    """A temporary folder of Parquet files, which goes when it is closed.

    Parameters
    ----------
    engine
        What reads them; it must be closed after this.
    """

    def __init__(self, engine: DuckDB) -> None:
        self._engine = engine
        self._stack = ExitStack()
        self._folder = self._stack.enter_context(scratch_folder(private_temporary_folder()))
        self._writers: dict[str, Any] = {}

    def __enter__(self) -> Staging:
        return self

    def __exit__(self, *error: object) -> None:
        for writer in self._writers.values():
            writer.close()
        self._stack.close()

    def append(self, name: str, rows: pa.Table) -> None:
        """Add rows to a table; all have the schema of the first ones."""
        if name not in self._writers:
            lean = {"compression": "lz4", "write_statistics": False}
            self._writers[name] = pa.parquet.ParquetWriter(self._path(name), rows.schema, **lean)
        self._writers[name].write_table(rows, row_group_size=_GROUP_ROWS)

    def table(self, name: str) -> Any:
        """Return a table that is complete, for Ibis."""
        if name in self._writers:
            self._writers.pop(name).close()
        return self._engine.parquet(name, [self._path(name)])

    def keep(self, name: str, query: Any) -> Any:
        """Compute an Ibis table once, into a file, and return it for Ibis."""
        self._engine.copy(query, self._path(name))
        return self._engine.parquet(name, [self._path(name)])

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.parquet"
