"""The smallest change that a test would find, in the terms of the column: a shift of a number, shares of a category."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_platform.operations.monitoring.column_scale import Floats, Scale
from ml_platform.operations.monitoring.window_test import SeriesTest

_POINTS = (np.arange(200) + 0.5) / 200
_BISECTIONS = 26  # to 1e-7 of the range
_FEW = 0.05


def smallest_change(scale: Scale, tests: Sequence[SeriesTest], *, by_growth: bool = False) -> str:
    """Return what would be found, such as ``a shift by 3.2; missing 0.0% -> 0.9%``.

    Parameters
    ----------
    tests
        All tests of the column; that of missing values first.
    """
    changes = []
    if scale.is_ranked and scale.frequent > _FEW * scale.known:  # a shift would part equal values
        changes += [f"mean rank {t.expected:.2f} -> {t.expected + t.threshold:.2f}" for t in tests[1:2] if t.rows]
    elif scale.is_ranked:
        each = [smallest_shift(scale, test) for test in tests if test.series.kind in ("level", "position")]
        shift = min((shift for shift in each if shift is not None), default=None)
        of = "of the growth a day " if by_growth else ""
        changes.append("no shift" if shift is None else f"a shift {of}by {shift:.3g}")
    shares = [test for test in tests if test.series.kind == "share" and np.isfinite(test.threshold)]
    if shares:
        widest = max(shares, key=lambda test: test.threshold)
        changes.append(_share(widest.series.value, widest))
    changes += [
        _share("new values", test) for test in tests if test.series.kind == "new" and np.isfinite(test.threshold)
    ]
    if np.isfinite(tests[0].threshold):
        changes.append(_share("missing", tests[0]))
    return "; ".join(changes)


def smallest_shift(scale: Scale, test: SeriesTest) -> float | None:
    """Return by how much all values of the reference must grow for their mean rank or position to reach its threshold.

    None where no shift does so: ranks have an end.
    """
    if not np.isfinite(test.threshold):
        return None
    points = quantiles(scale)
    low, high = 0.0, 3.0 * float(points[-1] - points[0])
    needed = _mean(scale, test, points) + test.threshold
    if _mean(scale, test, points + high) < needed:
        return None
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        reached = _mean(scale, test, points + middle) >= needed
        low, high = (low, middle) if reached else (middle, high)
    return high


def _mean(scale: Scale, test: SeriesTest, numbers: Floats) -> float:
    return float((scale.ranks if test.series.kind == "level" else scale.positions)(numbers).mean())


def quantiles(scale: Scale) -> Floats:
    """Return 200 quantiles of the reference's values, finite ones only."""
    places = np.searchsorted(scale.upto, _POINTS * scale.known, side="left")
    values = np.asarray(scale.knots)[np.minimum(places, len(scale.knots) - 1)]
    return np.asarray(values[np.isfinite(values)]) if np.isfinite(values).any() else np.zeros(1)


def _share(name: str, test: SeriesTest) -> str:
    down = test.expected + test.threshold > 1.0
    other = test.expected - test.threshold if down else test.expected + test.threshold
    return f"{name} {test.expected:.1%} -> {max(other, 0.0):.1%}"
