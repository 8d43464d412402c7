"""The engine: Ibis expressions, compiled for DuckDB, which runs inside the process.

Declarations become Ibis expressions over tables known by name and schema alone; what
runs them is chosen here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from ml_platform.core.engines.engine import in_declared_types
from ml_platform.core.engines.scratch import scratch_folder
from ml_platform.core.errors import MemoryExhausted, ValueTooLarge
from ml_platform.core.private_files import private_temporary_folder


class DuckDB:
    """One DuckDB connection in memory, in UTC; tables are files or Arrow tables by name.

    Parameters
    ----------
    threads
        How many threads it uses. No result depends on it.
    memory
        How much memory it may take before it spills to disk, such as ``2GB``; by default most of the machine's.
    """

    shares_memory = True

    def __init__(self, threads: int, memory: str | None = None) -> None:
        import duckdb

        self._stack = ExitStack()
        spill = self._stack.enter_context(scratch_folder(private_temporary_folder()))
        limit = {"memory_limit": memory} if memory else {}
        self._connection = duckdb.connect(config={"threads": threads, "temp_directory": str(spill), **limit})
        self._connection.execute("SET TimeZone = 'UTC'")

    def __enter__(self) -> DuckDB:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()
        self._stack.close()

    def parquet(self, name: str, paths: Sequence[Path], places: tuple[str, str] | None = None) -> Any:
        """Register Parquet files of one schema as `name`, read where they are needed, and return the table for Ibis.

        Parameters
        ----------
        places
            Names of two more columns: of each row's file, without its folder, and of its 0-based place in it.
        """
        files = ", ".join(_quoted(str(path)) for path in paths)
        columns, read = "*", f"read_parquet([{files}])"
        if places is not None:
            file, row = places
            columns = f"* EXCLUDE (filename, file_row_number), parse_filename(filename) AS {file}"
            columns += f", file_row_number AS {row}"
            read = f"read_parquet([{files}], filename = true, file_row_number = true)"
        self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT {columns} FROM {read}")
        return self._known(name)

    def arrow(self, name: str, table: pa.Table) -> Any:
        """Register an Arrow table as `name`, and return it for Ibis."""
        self._connection.register(name, table)
        return self._known(name)

    def view(self, name: str, query: Any) -> Any:
        """Register a query, an Ibis table or SQL, as `name`, computed where it is needed, and return it for Ibis."""
        sql = query if isinstance(query, str) else _sql(query)
        with _translate_errors():
            self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")
        return self._known(name)

    def keep(self, name: str, query: Any) -> Any:
        """Compute an Ibis table once, keep it under `name`, and return it for Ibis."""
        with _translate_errors():
            self._awaited(self._connection.execute, f"CREATE OR REPLACE TEMP TABLE {name} AS {_sql(query)}")
        return self._known(name)

    def copy(self, query: Any, path: Path) -> None:
        """Write the rows of an Ibis table into a Parquet file of the caller's."""
        with _translate_errors():
            groups = "ROW_GROUP_SIZE 20480"
            copy = f"COPY ({_sql(query)}) TO {_quoted(str(path))} (FORMAT parquet, {groups})"
            self._awaited(self._connection.execute, copy)

    def run(self, query: Any) -> pa.Table:
        """Return the rows of an Ibis table."""
        with _translate_errors():
            return in_declared_types(self._awaited(self._connection.sql(_sql(query)).to_arrow_table), query)

    def batches(self, query: Any, rows: int = 20_000) -> Iterator[pa.RecordBatch]:
        """Yield the rows of an Ibis table in batches, as they are computed; run nothing else meanwhile."""
        with _translate_errors():
            yield from self._connection.sql(_sql(query)).to_arrow_reader(rows)

    def _awaited(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Let another thread wait for a query, so that Ctrl-C reaches this one and ends it."""
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(work, *arguments)
            try:
                return done.result()
            finally:
                if not done.done():
                    self._connection.interrupt()

    def _known(self, name: str) -> Any:
        import ibis

        described = self._connection.execute(f"DESCRIBE {name}").fetchall()
        return ibis.table({column: _dtype(kind) for column, kind, *_ in described}, name=name)


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Turn the engine's errors about numbers that do not fit, and about memory, into errors of the platform."""
    import duckdb

    try:
        yield
    except (duckdb.OutOfRangeException, duckdb.ConversionException, pa.ArrowInvalid) as error:
        raise ValueTooLarge(str(error).splitlines()[0]) from None
    except duckdb.OutOfMemoryException as error:
        raise MemoryExhausted(str(error).splitlines()[0]) from None


def _sql(query: Any) -> str:
    import ibis

    return str(ibis.to_sql(query, dialect="duckdb", pretty=False))


_DTYPES = {
    "VARCHAR": "string",
    "DOUBLE": "float64",
    "BIGINT": "int64",
    "INTEGER": "int32",
    "HUGEINT": "decimal(38, 0)",
    "UBIGINT": "uint64",
    "BOOLEAN": "boolean",
    "TIMESTAMP WITH TIME ZONE": "timestamp('UTC')",
}


def _dtype(kind: str) -> Any:
    """Return the type of a column for Ibis, by its name or, of a list, as itself."""
    if kind.endswith("[]"):
        from ibis.backends.sql.datatypes import DuckDBType

        return DuckDBType.from_string(kind)
    return _DTYPES.get(kind) or kind.lower()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
