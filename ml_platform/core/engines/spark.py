"""The engine on Spark: the same Ibis expressions, on one machine or many."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ml_platform.core.engines.engine import in_declared_types
from ml_platform.core.engines.spark_session import is_local, open_session, patiently
from ml_platform.core.errors import EngineUnavailable, ValueTooLarge

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Spark:
    """One session of Spark, in UTC and by the ANSI rules; tables are temporary views by name.

    Parameters
    ----------
    url
        A master (``local[2]``, ``spark://host:7077``) or a Spark Connect server (``sc://host:15002``). All engines of
        a process share one Spark.
    """

    shares_memory = False

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = open_session(url)
        self._views: set[str] = set()

    def __enter__(self) -> Spark:
        return self

    def __exit__(self, *error: object) -> None:
        from pyspark.errors import PySparkException

        with patiently(), suppress(PySparkException):  # a server that is gone holds nothing
            for name in self._views:
                self._session.catalog.dropTempView(name)
            if self._url.startswith("sc://"):
                self._session.stop()

    def parquet(self, name: str, paths: Sequence[Path], places: tuple[str, str] | None = None) -> Any:
        """Register Parquet files of one schema as `name`, read where they are needed, and return the table for Ibis.

        A Spark on other machines does not see the files of this one: they are sent to it.

        Parameters
        ----------
        places
            Names of two more columns: of each row's file, without its folder, and of its 0-based place in it.
        """
        if not is_local(self._url):
            return self.arrow(name, _read(paths, places))
        rows = self._session.read.parquet(*(_literally(path) for path in paths))
        if places is not None:
            named = zip(("_metadata.file_name", "_metadata.row_index"), places, strict=True)
            rows = rows.select("*", *(rows[known].alias(called) for known, called in named))
        return self._known(name, rows)

    def arrow(self, name: str, table: pa.Table) -> Any:
        """Register an Arrow table as `name`, and return it for Ibis."""
        return self._known(name, self._session.createDataFrame(table))

    def keep(self, name: str, query: Any) -> Any:
        """Compute an Ibis table once, keep it under `name`, and return it for Ibis."""
        with _translate_errors(self._url):
            return self._known(name, self._rows(query).localCheckpoint(eager=True))

    def run(self, query: Any) -> pa.Table:
        """Return the rows of an Ibis table."""
        with _translate_errors(self._url):
            return in_declared_types(self._rows(query).toArrow(), query)

    def _rows(self, query: Any) -> DataFrame:
        """Return the rows in the types that Ibis gives them; Spark counts rows in 32 bits, for one."""
        from ml_platform.core.engines.spark_sql import spark_sql, spark_type

        rows = self._session.sql(spark_sql(query))
        whole = {name: spark_type(dtype) for name, dtype in query.schema().items() if dtype.is_integer()}
        if all(whole.get(name, kind) == kind for name, kind in rows.dtypes):
            return rows
        casts = (f"CAST({_quoted(name)} AS {whole.get(name, kind)}) AS {_quoted(name)}" for name, kind in rows.dtypes)
        return rows.selectExpr(*casts)

    def _known(self, name: str, rows: DataFrame) -> Any:
        import ibis

        from ml_platform.core.engines.spark_sql import ibis_type

        rows.createOrReplaceTempView(name)
        self._views.add(name)
        return ibis.table({column: ibis_type(kind) for column, kind in rows.dtypes}, name=name)


@contextmanager
def _translate_errors(url: str) -> Iterator[None]:
    """Turn Spark's errors about numbers that do not fit, and about a lost server, into errors of the platform."""
    from pyspark.errors import PySparkException

    try:
        with patiently():
            yield
    except PySparkException as error:
        condition, message = error.getCondition() or "", str(error).splitlines()[0]
        if re.search("OVERFLOW|OUT_OF_RANGE", condition):
            raise ValueTooLarge(message) from None
        if type(error).__name__ == "SparkConnectGrpcException":
            problem = "the server answers no more, or not as it should"
            raise EngineUnavailable(url, problem, "See whether it still runs, and its log") from None
        raise


def _read(paths: Sequence[Path], places: tuple[str, str] | None) -> pa.Table:
    import pyarrow.parquet as pq

    tables = [pq.ParquetFile(path, page_checksum_verification=True).read() for path in paths]
    if places is not None:
        file, row = places
        for number, path in enumerate(paths):
            rows = tables[number].num_rows
            named = tables[number].append_column(file, pa.array([path.name] * rows, pa.string()))
            tables[number] = named.append_column(row, pa.array(range(rows), pa.int64()))
    return pa.concat_tables(tables)


def _literally(path: Path) -> str:
    """Return a path as Spark takes it, which would read some characters as a pattern."""
    return re.sub(r"([\\*?\[\]{}])", r"\\\1", str(path))


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
