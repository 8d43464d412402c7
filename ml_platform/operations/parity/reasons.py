"""Which column makes an output differ although all features agree."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from ml_platform.declarations.source import ColumnType
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.inputs.matrix import MatrixColumn
from ml_platform.models.inputs.row import columns_of, row_of
from ml_platform.models.inputs.transforms import apply_transforms
from ml_platform.models.predictor import Predictor, load_deployed
from ml_platform.operations.parity.bits import differing
from ml_platform.operations.parity.difference import Difference
from ml_platform.operations.parity.outputs import many_rows, output_columns
from ml_platform.project import Project
from ml_platform.storage.versions import versions

_VERSIONS = 20
"""So many of the newest versions are tried."""


def cause_of_output(
    project: Project, model: str, predictor: Predictor, row: pd.DataFrame, served: pd.DataFrame, difference: Difference
) -> Difference:
    """Return a difference of an output as that of the column which makes it, where one is found.

    Parameters
    ----------
    row
        The row that was predicted, alone in its frame.
    served
        Its outputs, alone in their frame.
    """
    of_transform = _between_forms(predictor, row)
    if of_transform is not None:
        name, one, many = of_transform
        note = f"in the form for one row and in the form for many; {difference.column} differs"
        return Difference(difference.row, name, one, many, note)
    for version, column, one, many in _of_categories(project, model, predictor, row, served):
        note = f"the code of the category as {version} has it; {difference.column} differs"
        return Difference(difference.row, column, one, many, note)
    return difference


def _between_forms(predictor: Predictor, row: pd.DataFrame) -> tuple[str, Any, Any] | None:
    """Return the first column, with both values, that the form for one row gives another value than that for many."""
    read = read_columns(row, predictor.inputs)
    named, numbers = predictor.row_form().read(list(row_of(read, 0, predictor.inputs).values()))
    many = apply_transforms(read, predictor.transforms)
    columns = [column for transform in predictor.transforms for column in transform.columns]
    kinds: Mapping[str, ColumnType] = {column.name: column.type for column in columns}
    one = pd.DataFrame({name: pd.Series([named[name]], dtype=many[name].dtype) for name in kinds})
    for name, mask in differing(one, many, kinds).items():
        if mask.any():
            return name, named[name], row_of(many, 0, columns_of(many[[name]]))[name]
    encoded = predictor.encode(read).values[0]
    for column, number, other in zip(predictor.matrix, numbers, encoded, strict=True):
        if number == number and number != other:
            return column.name, number, float(other)
    return None


def _of_categories(
    project: Project, model: str, predictor: Predictor, row: pd.DataFrame, served: pd.DataFrame
) -> Iterator[tuple[str, str, float, float]]:
    """Yield the version whose categories give the served outputs, a column, and its code there and here."""
    for version in versions(project, model)[:-_VERSIONS:-1]:
        other = load_deployed(project, project.store.get("trained_model", version.id))
        swapped = _with_categories(predictor, other)
        if swapped == predictor.matrix:
            continue
        foreign = dataclasses.replace(predictor, matrix=swapped)
        columns = output_columns(predictor)
        with_categories = many_rows(foreign, row).reset_index(drop=True)
        if any(mask.any() for mask in differing(served.reset_index(drop=True), with_categories, columns).values()):
            continue
        read = read_columns(row, predictor.inputs)
        pairs = zip(predictor.matrix, foreign.encode(read).values[0], predictor.encode(read).values[0], strict=True)
        for column, one, many in pairs:
            if one != many and not (one != one and many != many):
                yield str(version), column.name, float(one), float(many)


def _with_categories(predictor: Predictor, other: Predictor) -> tuple[MatrixColumn, ...]:
    known = {column.name: column.categories for column in other.matrix}
    return tuple(
        column
        if column.categories is None or known.get(column.name) is None
        else dataclasses.replace(column, categories=known[column.name])
        for column in predictor.matrix
    )
