"""What a predictor makes of rows, many at once or each alone, in the form that the prediction log keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ml_platform.core.frames import to_frame
from ml_platform.declarations.source import ColumnType
from ml_platform.models.capacity import BEST_ACTION
from ml_platform.models.control import CONTROL
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.inputs.transforms import apply_transforms
from ml_platform.models.predictor import Predictor
from ml_platform.models.row_form import RowPrediction
from ml_platform.operations.predictions.rows import ARROW_TYPES, UNLEARNED_NULLS


def output_columns(predictor: Predictor) -> dict[str, ColumnType]:
    """Return the type of each output."""
    several = len(predictor.classes) > 2
    scores = [f"score.{label}" for label in predictor.classes] if several else ["score"]
    named: dict[str, ColumnType] = dict.fromkeys(scores, "float")
    if several:
        named["predicted"] = "string"
    return {**named, "action": "string", "expected_value": "float", UNLEARNED_NULLS: "string"}


def transform_columns(predictor: Predictor) -> dict[str, ColumnType]:
    """Return the type of each column that the predictor's transforms add."""
    return {column.name: column.type for transform in predictor.transforms for column in transform.columns}


def many_rows(predictor: Predictor, rows: pd.DataFrame) -> pd.DataFrame:
    """Return columns of transforms, and outputs, of the predictor for many rows."""
    predicted, read = predictor.predict(rows), read_columns(rows, predictor.inputs)
    if "predicted" in predicted.columns:
        predicted["predicted"] = predicted["predicted"].map(str)
    predicted["expected_value"] = _finite(predicted["expected_value"])
    predicted[UNLEARNED_NULLS] = predictor.unlearned_nulls(read)
    return apply_transforms(read, predictor.transforms)[list(transform_columns(predictor))].join(predicted)


def as_recommended(predictor: Predictor, rows: pd.DataFrame, predicted: pd.DataFrame) -> pd.DataFrame:
    """Return outputs as they are recommended: not the best action where a row was held out, or had no place of the day.

    A row that was held out gets the default action. The log alone knows who had no place: a row whose logged action is
    not the best one. It gets the best of the other actions.
    """
    if BEST_ACTION not in rows:
        return predicted
    held = rows.get(CONTROL, pd.Series(False, rows.index)).astype("boolean").fillna(False).to_numpy(bool)
    denied = ((rows[BEST_ACTION] == predicted["action"]) & (rows["action"] != rows[BEST_ACTION])).to_numpy(bool) & ~held
    if not (held | denied).any():
        return predicted
    expected = predictor.expected_values(read_columns(rows, predictor.inputs))
    names, worth = np.array(expected.columns, dtype=object), expected.to_numpy(dtype="float64")
    best = names[None, :] == predicted["action"].to_numpy(dtype=object)[:, None]
    place = np.argmax(np.where(best | np.isnan(worth), -np.inf, worth), axis=1)
    place = np.where(held, list(names).index(predictor.decision.do_nothing), place)
    changed = pd.Series(held | denied, rows.index)
    value = pd.Series(worth[np.arange(len(rows)), place], rows.index)
    return predicted.assign(
        action=predicted["action"].mask(changed, pd.Series(names[place], rows.index)),
        expected_value=predicted["expected_value"].mask(changed, _finite(value)),
    )


def row_by_row(predictor: Predictor, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the same for rows of plain values, each given to the form for one row."""
    form, names = predictor.row_form(), [column.name for column in predictor.inputs]
    values = [[row.get(name) for name in names] for row in rows]
    named, predicted = [form.read(row)[0] for row in values], [form.predict(row) for row in values]
    kinds = transform_columns(predictor)
    added = to_frame(typed_table(kinds, {name: [row[name] for row in named] for name in kinds}))
    return pd.concat([added, _outputs(predictor, predicted)], axis=1)


def typed_table(kinds: Mapping[str, ColumnType], values: Mapping[str, Sequence[Any]]) -> pa.Table:
    """Return plain values, NaN among them as null, as a table."""
    return pa.table(
        {
            name: pa.array([None if value != value else value for value in values[name]], ARROW_TYPES[kind])
            for name, kind in kinds.items()
        }
    )


def _outputs(predictor: Predictor, predicted: Sequence[RowPrediction]) -> pd.DataFrame:
    several = len(predictor.classes) > 2
    names = [name for name in output_columns(predictor) if name.startswith("score")]
    scores = [item.scores if several else (item.score,) for item in predicted]
    columns: dict[str, pd.Series] = {}
    for at, name in enumerate(names):
        columns[name] = pd.Series([row[at] for row in scores], dtype="float64")
    if several:
        columns["predicted"] = pd.Series([str(item.predicted) for item in predicted], dtype=object)
    columns["action"] = pd.Series([item.action for item in predicted], dtype=object)
    columns["expected_value"] = _finite(pd.Series([item.expected_value for item in predicted], dtype="float64"))
    columns[UNLEARNED_NULLS] = pd.Series([item.unlearned_nulls for item in predicted], dtype=object)
    return pd.DataFrame(columns)


def _finite(values: pd.Series) -> pd.Series:
    """Return numbers with null for what is not finite, as the log has it."""
    numbers = values.astype("float64")
    return numbers.where(np.isfinite(numbers))
