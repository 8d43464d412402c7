"""The one rule of what a question sees, in its three forms, beside the sentence that states it."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from ml_platform.features.visibility import is_after_start, is_in_window, is_known

INSTANTS = st.integers(-40, 40)
ROWS = st.lists(st.tuples(INSTANTS, INSTANTS, st.integers(0, 20)), min_size=1, max_size=12)


def seen(row: tuple[int, int, int], tick: int, start: int | None, end: int) -> tuple[bool, bool]:
    """Return whether a version (event, known, for how long) is known at a tick, and in the window: by enumeration."""
    event, known, lasts = row
    first = -200 if start is None else tick + start + 1
    return tick in range(known, known + lasts), event in range(first, tick + end + 1)


@given(ROWS, INSTANTS, st.none() | st.integers(-30, 0), st.integers(-10, 10))
def test_numbers_and_arrays_follow_the_rule(
    rows: list[tuple[int, int, int]], tick: int, start: int | None, end: int
) -> None:
    expected = [seen(row, tick, start, end) for row in rows]
    event, known, lasts = (np.array(column, "int64") for column in zip(*rows, strict=True))
    assert is_known(known, known + lasts, tick).tolist() == [known for known, _ in expected]
    assert is_in_window(event, tick, start, end).tolist() == [inside for _, inside in expected]
    for (at, since, how_long), (is_seen, inside) in zip(rows, expected, strict=True):
        assert is_known(since, since + how_long, tick) == is_seen
        assert is_in_window(at, tick, start, end) == inside


def test_columns_of_an_engine_follow_the_rule() -> None:
    rows = [(event, known, lasts) for event in range(-4, 5) for known in (-2, 0, 2) for lasts in (0, 1, 3)]
    frame = pd.DataFrame([(*row, tick) for row in rows for tick in range(-3, 4)], columns=["e", "k", "n", "t"])
    table, engine = ibis.memtable(frame), ibis.duckdb.connect()
    for start, end in ((None, 0), (-2, 0), (-3, 1), (0, 2), (-3, -1)):
        outcome = engine.execute(
            table.select(
                known=is_known(table.k, table.k + table.n, table.t), inside=is_in_window(table.e, table.t, start, end)
            )
        )
        expected = [seen((e, k, n), t, start, end) for e, k, n, t in frame.itertuples(index=False)]
        assert list(outcome.itertuples(index=False, name=None)) == expected
    starts = engine.execute(table.select(is_after_start(table.e, table.t, -2).name("after")))["after"]
    assert starts.tolist() == [e in range(t - 1, 10) for e, t in zip(frame.e, frame.t, strict=True)]
