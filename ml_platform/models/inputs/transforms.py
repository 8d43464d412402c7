"""Transforms: the project's own functions that add columns to the rows.

A transform takes a frame (the model's input columns, and what earlier transforms added) and returns a frame of new
columns for the same rows. It must look at one row at a time: what a row gets must not depend on its neighbors,
because production may ask for a single row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ml_platform.core.errors import PredictionError, TrainingError, listed
from ml_platform.declarations.source import ColumnType
from ml_platform.models.inputs.columns import InputColumn, column_type, read_column
from ml_platform.models.inputs.row import frame_of, row_of
from ml_platform.models.inputs.row_transforms import require_row_form, row_caller, same_bits

_NAME = re.compile(r"[A-Za-z_]\w*")
_TRIED_ALONE = 5


@dataclass(frozen=True)
class Transform:
    """One function of the project, and the columns that it added in training.

    Attributes
    ----------
    reference
        ``module:function``.
    columns
        What it adds, named ``function.column``.
    call_row
        The function ``NAME_row`` beside it, which does the same for a dictionary of one row; None where there is none.
    """

    reference: str
    columns: tuple[InputColumn, ...]
    call: Callable[[pd.DataFrame], Any] = field(compare=False, repr=False)
    call_row: Callable[[dict[str, Any]], Any] | None = field(default=None, compare=False, repr=False)

    @property
    def function(self) -> str:
        """The function's name, which its columns bear before their dot."""
        return self.reference.partition(":")[2]

    def add(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return `frame` with the transform's columns, found by name and of the types they had in training.

        Raises
        ------
        PredictionError
            When the function fails, or its columns are not those of training.
        """
        return self._beside(frame, _call(self.reference, self.call, frame))

    def of_row(self, types: Mapping[str, ColumnType]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        """Return what gives the transform's columns for one row of plain values.

        Without a row form the function is called with a frame of that row: right, but a thousand times slower.

        Parameters
        ----------
        types
            The type of each named column that a row may have.
        """
        if self.call_row is not None:
            return row_caller(self.reference, self.columns, self.call_row)
        return lambda named: row_of(self.add(frame_of(named, {name: types[name] for name in named})), 0, self.columns)

    def _beside(self, frame: pd.DataFrame, added: pd.DataFrame) -> pd.DataFrame:
        names = {column.name for column in self.columns}
        if set(added.columns) != names:
            raise PredictionError(
                f"transform {self.reference} gave {listed(sorted(added.columns))}; in training it gave "
                f"{listed(sorted(names))}. A transform gives the same columns for all rows."
            )
        typed = {column.name: read_column(added[column.name], column) for column in self.columns}
        return pd.concat([frame, pd.DataFrame(typed, index=frame.index)], axis=1)


def learn_transform(
    reference: str,
    call: Callable[[pd.DataFrame], Any],
    frame: pd.DataFrame,
    call_row: Callable[[dict[str, Any]], Any] | None = None,
) -> tuple[Transform, pd.DataFrame]:
    """Return a transform with the columns that it adds to a training frame, and the frame with them.

    Raises
    ------
    TrainingError
        When a column has no type of ours, takes a name that is there, or depends on the neighbors of its row, or when
        the row form gives something else.
    PredictionError
        When the function fails.
    """
    added = _call(reference, call, frame)
    taken = sorted(set(added.columns) & set(frame.columns))
    if taken:
        raise TrainingError(f"transform {reference} gives {taken[0]}, which is there already. Rename one of them.")
    columns = tuple(InputColumn(str(name), _type(reference, added[name])) for name in added.columns)
    transform = Transform(reference, columns, call, call_row)
    together = transform._beside(frame, added)
    _require_row_by_row(transform, frame, together)
    if call_row is not None:
        require_row_form(reference, call_row, columns, frame, together)
    return transform, together


def apply_transforms(frame: pd.DataFrame, transforms: Sequence[Transform]) -> pd.DataFrame:
    """Return `frame` with the columns of every transform, in order."""
    for transform in transforms:
        frame = transform.add(frame)
    return frame


def _call(reference: str, call: Callable[[pd.DataFrame], Any], frame: pd.DataFrame) -> pd.DataFrame:
    try:
        result = call(frame.copy())
    except Exception as error:
        raise PredictionError(f"transform {reference} failed with {type(error).__name__}: {error}") from error
    if isinstance(result, pd.Series):
        result = result.to_frame()
    if not isinstance(result, pd.DataFrame) or not result.index.equals(frame.index):
        raise PredictionError(f"transform {reference} must return a frame with the index of the frame it was given.")
    prefix = f"{reference.partition(':')[2]}."
    bare = [str(name).removeprefix(prefix) for name in result.columns]
    wrong = [name for name in bare if not _NAME.fullmatch(name)]
    if wrong or len(set(bare)) != len(bare):
        raise PredictionError(
            f"transform {reference} gives the columns {listed(bare)}. Name each once, with letters, digits and _."
        )
    return result.set_axis([prefix + name for name in bare], axis=1)


def _type(reference: str, series: pd.Series) -> ColumnType:
    kind = column_type(series)
    if kind is None or kind == "timestamp":
        raise TrainingError(
            f"transform {reference} gives {series.name} as {series.dtype}, which no model reads. "
            "Give numbers, booleans or strings."
        )
    return kind


def _require_row_by_row(transform: Transform, frame: pd.DataFrame, together: pd.DataFrame) -> None:
    step = max(len(frame) // _TRIED_ALONE, 1)
    for position in range(0, len(frame), step):
        alone = row_of(transform.add(frame.iloc[[position]]), 0, transform.columns)
        among = row_of(together, position, transform.columns)
        for column in transform.columns:
            if not same_bits(alone[column.name], among[column.name]):
                raise TrainingError(
                    f"transform {transform.reference} gives {column.name} another value for a row alone than among "
                    "others. Compute each row from itself only; what looks at other rows belongs in a feature table."
                )
