"""All entities that have a record, with which of its blocks know each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.engines.exact_sums import combined
from ml_platform.declarations.source import ColumnType

ARROW: Mapping[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
}


class KnownTo:
    """Entities, and for each block the place of each among those that the block knows.

    Attributes
    ----------
    keys
        The key of each entity once, in their order.
    """

    def __init__(self, types: Mapping[str, ColumnType], blocks: Sequence[pa.Table]) -> None:
        schema = pa.schema([(name, ARROW[kind]) for name, kind in types.items()])
        places = [f"_place_{number}" for number in range(len(blocks))]
        parts = []
        for number, block in enumerate(blocks):
            part = block.select(list(types)).cast(schema)
            for other, name in enumerate(places):
                row_numbers = np.arange(len(part)) if other == number else None
                part = part.append_column(
                    name, pa.array(row_numbers) if row_numbers is not None else pa.nulls(len(part), pa.int64())
                )
            parts.append(part)
        grouped = pa.concat_tables(parts).group_by(list(types)).aggregate([(name, "max") for name in places])
        grouped = grouped.sort_by([(name, "ascending") for name in types])
        self.keys = grouped.select(list(types))
        self._places = [combined(grouped[f"{name}_max"]) for name in places]

    def __len__(self) -> int:
        return len(self.keys)

    def knows(self, block: int, start: int, size: int) -> np.ndarray:
        """Return whether a block knows each of some entities."""
        is_known: np.ndarray = pc.is_valid(self._places[block].slice(start, size)).to_numpy(zero_copy_only=False)
        return is_known

    def places(self, block: int, start: int, size: int) -> pa.Array:
        """Return which row of a block is that of each of some entities; null where there is none."""
        return self._places[block].slice(start, size)

    def count(self, block: int) -> int:
        """Return how many entities a block knows."""
        return len(self) - int(self._places[block].null_count)
