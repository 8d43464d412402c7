"""Trying a version out before it serves: rows of every kind, through the form for one row and the form for many."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from ml_platform.core.errors import ArtifactDamaged
from ml_platform.models.inputs.columns import InputColumn
from ml_platform.models.predictor import Predictor
from ml_platform.serving.served_model import ServedModel

_ROWS = 50
_TYPES: dict[str, Any] = {
    "int": "Int64",
    "float": "float64",
    "bool": "boolean",
    "timestamp": "datetime64[us, UTC]",
    "string": object,
}
_START = datetime(2000, 1, 1, tzinfo=UTC)


def try_out(served: ServedModel) -> None:
    """Predict some made-up rows in both forms, and let other threads run in between.

    Raises
    ------
    ArtifactDamaged
        Where both forms differ in a bit.
    """
    predictor = served.predictor
    rows = trial_rows(predictor, _ROWS)
    expected = predictor.predict(trial_frame(rows, predictor.inputs))
    several = len(predictor.classes) > 2
    columns = [f"score.{label}" for label in predictor.classes] if several else ["score"]
    for at, row in enumerate(rows):
        predicted = served.predict_values(row)
        wanted = [float(expected[name].iloc[at]) for name in columns]
        scores = [predicted.score] if predicted.score is not None else list(predicted.scores)
        if [score.hex() for score in scores] != [score.hex() for score in wanted]:
            raise ArtifactDamaged(f"{served.version}: the prediction of a row alone", str(wanted), str(scores))
        time.sleep(0)  # requests are answered by another thread meanwhile


def trial_rows(predictor: Predictor, count: int, seed: int = 0) -> list[list[Any]]:
    """Return rows that a predictor takes, drawn without data: numbers of all sizes, known and new texts, nulls."""
    known = {column.name: column.categories for column in predictor.matrix}
    return drawn_rows(predictor.inputs, known, count, seed)


def drawn_rows(
    inputs: Sequence[InputColumn], known: Mapping[str, tuple[str, ...] | None], count: int, seed: int = 0
) -> list[list[Any]]:
    """Return rows of some columns, with texts that are known or new."""
    drawn = random.Random(seed)
    return [[_value(column, known.get(column.name), drawn) for column in inputs] for _ in range(count)]


def _value(column: InputColumn, categories: tuple[str, ...] | None, drawn: random.Random) -> Any:
    if drawn.random() < 0.1:
        return None
    if column.type == "string":
        return drawn.choice([*(categories or ()), "a text that training never saw"])
    if column.type == "bool":
        return drawn.random() < 0.5
    if column.type == "timestamp":
        return _START + timedelta(minutes=drawn.randrange(20 * 365 * 24 * 60))
    size = 10.0 ** drawn.randrange(-3, 7)
    return drawn.randrange(-5, int(size) + 10) if column.type == "int" else drawn.gauss(0.0, size)


def trial_frame(rows: Sequence[Sequence[Any]], inputs: Sequence[InputColumn]) -> pd.DataFrame:
    """Return rows as a frame whose columns have their types, which takes a tenth of the time of converting objects."""
    columns = zip(inputs, zip(*rows, strict=True), strict=True)
    return pd.DataFrame({column.name: pd.array(values, dtype=_TYPES[column.type]) for column, values in columns})
