"""How long one prediction takes."""

from __future__ import annotations

import statistics
import time

from ml_platform.core.plain_values import plain_value
from ml_platform.registry.measures.measure import Candidate, Measured

ROWS, REPEATS = 200, 7
"""Test rows that are predicted one by one, and how often all of them are."""


def latency(candidate: Candidate) -> Measured:
    """Return how long one prediction takes, in milliseconds: the median of repeats, each the median over rows.

    The row form is asked, which the prediction service and one-row requests use. A round before warms it up.
    """
    rows = candidate.test_rows(ROWS)
    values = [[plain_value(value) for value in row] for row in rows.itertuples(index=False, name=None)]
    row_form = candidate.predictor.row_form()
    rounds = []
    for _ in range(1 + REPEATS):
        times = []
        for row in values:
            began = time.perf_counter()
            row_form.predict(row)
            times.append(time.perf_counter() - began)
        rounds.append(1000 * statistics.median(times))
    return Measured(statistics.median(rounds[1:]))
