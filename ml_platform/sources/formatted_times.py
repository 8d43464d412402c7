"""From texts and counts to timestamps, by a declared format."""

from __future__ import annotations

from contextlib import closing

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.timestamp_formats import EPOCH_UNITS
from ml_platform.sources.exact_integers import ints_of_text
from ml_platform.sources.local_times import INSTANT


def times_of_format(values: pa.ChunkedArray, pattern: str) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Return the timestamps of texts, or of integers, and which of them are not of the format.

    Parameters
    ----------
    pattern
        A pattern of strptime, or one of `EPOCH_UNITS`.

    Returns
    -------
    tuple
        Instants in UTC where the format has an offset, else times without a zone; null where the value is null or bad.
    """
    if pattern in EPOCH_UNITS:
        return _counted(values, EPOCH_UNITS[pattern])
    import duckdb

    table = pa.table({"value": values.cast(pa.string())})
    with closing(duckdb.connect(config={"threads": 1})) as engine:
        engine.register("cells", table)
        query = engine.sql("SELECT try_strptime(value, ?) AS time FROM cells", params=[pattern])
        times: pa.ChunkedArray = query.to_arrow_table()["time"]
    times = times.cast(pa.timestamp("us") if times.type.tz is None else INSTANT)
    return times, pc.and_(pc.is_null(times), pc.is_valid(values))


def _counted(values: pa.ChunkedArray, factor: int) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    is_count = pc.fill_null(pc.match_substring_regex(values.cast(pa.string()), r"^[+-]?\d{1,18}$"), False)
    nothing = pa.scalar(None, pa.string())
    counts = ints_of_text(pc.if_else(is_count, values.cast(pa.string()), nothing))
    limit = (2**63 - 1) // factor
    fits = pc.and_(is_count, pc.fill_null(pc.and_(pc.less(counts, limit), pc.greater(counts, -limit)), False))
    counts = pc.if_else(fits, counts, pa.scalar(None, pa.int64()))
    return pc.multiply(counts, factor).cast(INSTANT), pc.and_not(pc.is_valid(values), fits)
