"""Arrow tables as pandas frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import pandas as pd


def to_frame(rows: pa.Table) -> pd.DataFrame:
    """Return a table as pandas, with types that do not depend on whether there are nulls."""
    import pandas as pd

    types = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    frame: pd.DataFrame = rows.to_pandas(types_mapper=types.get)
    return frame


def exact_frame(rows: pa.Table) -> pd.DataFrame:
    """Return a table as pandas has it, in which no whole number is rounded.

    pandas takes whole numbers with nulls beside them for floats, which have no number between 2^53 and 2^53 + 2.
    Columns with such numbers are of type Int64.

    >>> exact_frame(pa.table({"id": [2**53 + 1, None], "items": [1, None]}))["id"].tolist()
    [9007199254740993, <NA>]
    """
    import pandas as pd

    frame: pd.DataFrame = rows.to_pandas()
    for place, field in enumerate(rows.schema):
        column = rows.column(place)
        if pa.types.is_int64(field.type) and column.null_count and _is_large(column):
            frame.isetitem(
                place, column.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get).set_axis(frame.index)
            )
    return frame


def _is_large(column: pa.ChunkedArray) -> bool:
    ends = pc.min_max(column).as_py()
    return ends["min"] is not None and max(ends["max"], -ends["min"]) > _EXACT


_EXACT = 2**53
"""Every whole number up to this one is a float."""
