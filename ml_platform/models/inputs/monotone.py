"""Monotone columns as estimator libraries take them: one sign for each column of the matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ml_platform.core.errors import TrainingError

_DIRECTIONS = {"increasing": 1, "decreasing": -1}


def monotone_signs(names: Sequence[str], declared: Mapping[str, str]) -> list[int]:
    """Return 1, -1 or 0 for each column of the matrix.

    Raises
    ------
    TrainingError
        Where a declared column is not there.

    >>> monotone_signs(["t.x", "t.y"], {"t.y": "decreasing"})
    [0, -1]
    """
    unknown = sorted(set(declared) - set(names))
    if unknown:
        raise TrainingError(f"monotone names {unknown[0]}, which is not a column of the matrix. Remove it.")
    return [_DIRECTIONS[declared[name]] if name in declared else 0 for name in names]
