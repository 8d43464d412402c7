"""The row form of a transform: a function ``NAME_row`` beside ``NAME``, for a dictionary of one row.

It gets every column that the transform gets, as plain values: floats (null is NaN), ints, bools, texts and datetimes
in UTC (null is None). It returns a dictionary of the new columns. Training compares it with the transform itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from ml_platform.core.errors import PredictionError, TrainingError, listed
from ml_platform.models.inputs.columns import InputColumn
from ml_platform.models.inputs.row import columns_of, rows_of, value_reader

_COMPARED = 10_000


def row_caller(
    reference: str, columns: Sequence[InputColumn], call: Callable[[dict[str, Any]], Any]
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return what calls a row form and reads its columns.

    It raises `PredictionError` where the function fails, or gives other columns or types than the transform.
    """
    name = f"{reference}_row"
    prefix = f"{reference.partition(':')[2]}."
    readers = {column.name: value_reader(column) for column in columns}

    def add(named: Mapping[str, Any]) -> dict[str, Any]:
        try:
            added = call(dict(named))
        except Exception as error:
            raise PredictionError(f"transform {name} failed with {type(error).__name__}: {error}") from error
        if not isinstance(added, Mapping):
            raise PredictionError(f"transform {name} gave a {type(added).__name__}. Return a dictionary of columns.")
        outputs = {key if key in readers else f"{prefix}{key}": value for key, value in added.items()}
        if outputs.keys() != readers.keys():
            raise PredictionError(
                f"transform {name} gave {listed(sorted(outputs))}; {reference} gives {listed(sorted(readers))}. Both "
                "give the same columns."
            )
        return {key: read(outputs[key]) for key, read in readers.items()}

    return add


def require_row_form(
    reference: str,
    call: Callable[[dict[str, Any]], Any],
    columns: Sequence[InputColumn],
    frame: pd.DataFrame,
    together: pd.DataFrame,
) -> None:
    """Compare a row form with its transform on training rows: 10,000 of them, and the extremes of each column.

    Parameters
    ----------
    frame, together
        The rows, without and with the columns that the transform gives them.

    Raises
    ------
    TrainingError
        Naming the column and both values, where they differ in any bit or the row form fails.
    """
    add = row_caller(reference, columns, call)
    places = _places(frame)
    rows, answers = rows_of(frame, places, columns_of(frame)), rows_of(together, places, columns)
    for place, row, expected in zip(places, rows, answers, strict=True):
        try:
            of_row = add(row)
        except PredictionError as error:
            raise TrainingError(str(error)) from error
        for column in columns:
            if not same_bits(of_row[column.name], expected[column.name]):
                raise TrainingError(
                    f"transform {reference}_row gives {column.name} as {of_row[column.name]!r} for training row "
                    f"{place}, {reference} gives {expected[column.name]!r}. Both must give the same value to the last "
                    "bit."
                )


def same_bits(left: Any, right: Any) -> bool:
    """Return whether two plain values are the same: null as null, a float in every bit."""
    if isinstance(left, float) and isinstance(right, float):
        signs = math.copysign(1, left) == math.copysign(1, right)
        return (left == right and signs) or (left != left and right != right)
    return type(left) is type(right) and bool(left == right)


def _places(frame: pd.DataFrame) -> list[int]:
    """Return places of rows: evenly spread ones, and of each column the first null, the least and the greatest."""
    places = set(range(0, len(frame), max(len(frame) // _COMPARED, 1)))
    for name in frame.columns:
        nulls = frame[name].isna().to_numpy()
        if nulls.any():
            places.add(int(nulls.argmax()))
        if frame[name].dtype != object and not nulls.all():
            places |= {int(frame[name].argmin()), int(frame[name].argmax())}
    return sorted(places)
