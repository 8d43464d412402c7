"""Some of the entities of a feature table, to keep the cells of these alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.engines.exact_sums import combined

_CLOSE = 2**27
Flags = np.ndarray[Any, np.dtype[np.bool_]]


class SomeEntities:
    """Entities by their keys.

    Parameters
    ----------
    keys
        The values of each key column, one for each entity.
    """

    def __init__(self, keys: Mapping[str, pa.Array]) -> None:
        self._values = {name: pc.drop_null(combined(column.unique())) for name, column in keys.items()}
        self._least = 0
        self._flags = self._by_number(*self._values.values())

    def among(self, cells: pa.Table) -> Flags:
        """Return which cells can be of one of the entities: each key column has a value of one of them."""
        if self._flags is not None:
            (name,) = self._values
            places = cells[name].to_numpy() - self._least
            np.minimum(places.view(np.uint64), len(self._flags) - 1, out=places.view(np.uint64))
            return np.asarray(self._flags[places])
        kept = (combined(pc.is_in(cells[name], values)) for name, values in self._values.items())
        return np.asarray(reduce(pc.and_, kept).to_numpy(zero_copy_only=False))

    def _by_number(self, values: pa.Array, *others: pa.Array) -> Flags | None:
        """Return a flag for each whole number from the least key on; None where keys are no numbers close together."""
        if others or not pa.types.is_int64(values.type) or not len(values):
            return None
        numbers = values.to_numpy()
        self._least, greatest = int(numbers.min()), int(numbers.max())
        if greatest - self._least >= _CLOSE:
            return None
        flags = np.zeros(greatest - self._least + 2, bool)
        flags[numbers - self._least] = True
        return flags
