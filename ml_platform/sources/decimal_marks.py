"""Numbers that are written with a decimal comma."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def with_points(cells: pa.ChunkedArray, mark: str) -> pa.ChunkedArray:
    """Return cells with a point in place of the decimal mark; a cell with a point of its own becomes no number.

    Such a point may be another decimal mark or separate thousands.

    >>> with_points(pa.chunked_array([["1,5", "2", "1.5", None]]), ",").to_pylist()
    ['1.5', '2', '1..5', None]
    """
    return pc.replace_substring(pc.replace_substring(cells, ".", ".."), mark, ".")
