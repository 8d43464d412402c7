"""What each row of an experiment earned, kept beside it: any two are compared on the rows that they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_TEST, _EARLIER = "test", "earlier"


@dataclass(frozen=True)
class EarnedRows:
    """Rows and what they earned, in the order of the model's frame.

    Attributes
    ----------
    keys
        A number for each row, from its question and its time.
    days, entities
        The UTC day, and a number for the entity, of each.
    value, nothing
        What the model's actions earned, and what doing nothing earned. NaN where a row does not count.
    """

    keys: np.ndarray
    days: np.ndarray
    entities: np.ndarray
    value: np.ndarray
    nothing: np.ndarray

    def at(self, places: np.ndarray) -> EarnedRows:
        """Return some of the rows."""
        return EarnedRows(*(array[places] for array in vars(self).values()))

    @property
    def table(self) -> pa.Table:
        """The rows as an Arrow table."""
        arrays: Mapping[str, np.ndarray] = vars(self)
        return pa.table({**arrays, "days": self.days.astype("datetime64[D]").astype("int32")})


def write_rows(file: Path, test: EarnedRows, earlier: EarnedRows) -> None:
    """Write the rows of the test period, and a sample of those before it."""
    parts = {_TEST: test.table, _EARLIER: earlier.table}
    tables = [table.append_column("part", pa.array([name] * len(table), pa.string())) for name, table in parts.items()]
    pq.write_table(pa.concat_tables(tables), file, compression="zstd", use_dictionary=["part"])


def read_rows(file: Path) -> tuple[EarnedRows, EarnedRows]:
    """Return the rows of the test period, and the sample of those before it."""
    table = pq.read_table(file, use_threads=False, memory_map=False)
    is_test = table["part"].to_numpy(zero_copy_only=False) == _TEST
    names = ("keys", "days", "entities", "value", "nothing")
    arrays = {name: table[name].to_numpy() for name in names}
    arrays["days"] = arrays["days"].astype("datetime64[D]")
    test, earlier = ({name: array[part] for name, array in arrays.items()} for part in (is_test, ~is_test))
    return EarnedRows(**test), EarnedRows(**earlier)
