"""From texts and counts to timestamps, by a declared format."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.timestamp_formats import EPOCH_UNITS
from ml_platform.sources.exact_integers import ints_of_text
from ml_platform.sources.local_times import INSTANT

_YEAR_1001 = datetime(1001, 1, 1, tzinfo=UTC)


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
    if "%Y" in pattern:
        times = pc.if_else(_is_short_year(values, times, pattern), pa.scalar(None, times.type), times)
    return times, pc.and_(pc.is_null(times), pc.is_valid(values))


def _is_short_year(values: pa.ChunkedArray, times: pa.ChunkedArray, pattern: str) -> pa.Array:
    """Return where a year has fewer than four digits: 15.12.24 is of this century, and not of the year 24."""
    early = pc.fill_null(pc.less(times, pa.scalar(_YEAR_1001, times.type)), False).combine_chunks()
    places, short = np.flatnonzero(early), np.zeros(len(early), bool)
    for place, text in zip(places, values.take(pa.array(places)).to_pylist(), strict=True):
        try:
            datetime.strptime(str(text).strip(), pattern)
        except ValueError:
            short[place] = True
    return pa.array(short)


def _counted(values: pa.ChunkedArray, factor: int) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    is_count = pc.fill_null(pc.match_substring_regex(values.cast(pa.string()), r"^[+-]?\d{1,18}$"), False)
    nothing = pa.scalar(None, pa.string())
    counts = ints_of_text(pc.if_else(is_count, values.cast(pa.string()), nothing))
    limit = (2**63 - 1) // factor
    fits = pc.and_(is_count, pc.fill_null(pc.and_(pc.less(counts, limit), pc.greater(counts, -limit)), False))
    counts = pc.if_else(fits, counts, pa.scalar(None, pa.int64()))
    return pc.multiply(counts, factor).cast(INSTANT), pc.and_not(pc.is_valid(values), fits)
