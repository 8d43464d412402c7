"""What every engine offers. DuckDB is the default; Spark runs the same expressions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import pyarrow as pa


def in_declared_types(rows: pa.Table, query: Any) -> pa.Table:
    """Return rows in the types that Ibis gives a query, whatever the engine computed them in.

    Decimals stay as they are: Ibis declares two decimal places for a sum that has none.
    """
    pairs = list(zip(rows.schema, query.schema().to_pyarrow(), strict=True))
    kinds = [
        one if pa.types.is_decimal(one.type) and pa.types.is_decimal(other.type) else other for one, other in pairs
    ]
    return rows.cast(pa.schema(kinds))


@runtime_checkable
class Engine(Protocol):
    """Runs Ibis expressions over tables known by name, in UTC and microseconds; a context manager.

    Whole numbers are exact, and what does not fit is `ValueTooLarge`; no result depends on the engine, nor on how many
    threads or machines it has. (``exp`` and ``log`` of floats come from each engine's own mathematics library, and may
    differ in the last bit.)

    Attributes
    ----------
    shares_memory
        Whether it works in the memory of this process, so that NumPy over its rows beats a join of its own.
    """

    shares_memory: bool

    def __enter__(self) -> Self:
        """Return the engine."""

    def __exit__(self, *error: object) -> None:
        """Give back what the engine holds; its tables are gone."""

    def parquet(self, name: str, paths: Sequence[Path], places: tuple[str, str] | None = None) -> Any:
        """Register Parquet files of one schema as `name`, read where they are needed, and return the table for Ibis.

        Parameters
        ----------
        places
            Names of two more columns: of each row's file, without its folder, and of its 0-based place in it.
        """

    def arrow(self, name: str, table: pa.Table) -> Any:
        """Register an Arrow table as `name`, and return it for Ibis."""

    def keep(self, name: str, query: Any) -> Any:
        """Compute an Ibis table once, keep it under `name`, and return it for Ibis."""

    def run(self, query: Any) -> pa.Table:
        """Return the rows of an Ibis table."""
