"""The rows on which an exported file is compared with its model: those of the snapshot, then drawn ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml_platform.core.errors import ArtifactMissing
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.models.inputs.columns import InputColumn, read_column, read_columns
from ml_platform.models.predictor import Predictor
from ml_platform.storage.manifest import Artifact

if TYPE_CHECKING:
    from ml_platform.project import Project

ROWS = 10_000
_NULL_SHARE = 0.02


def parity_rows(project: Project, trained: Artifact, predictor: Predictor) -> tuple[pd.DataFrame, int]:
    """Return 10,000 rows of a model's inputs, and how many of them are rows of its snapshot: the first ones.

    Each value of a drawn row is one of its column in the snapshot, or null. Where the snapshot was removed, numbers are
    drawn from a normal distribution, and texts from the categories of training.
    """
    try:
        frame = load_snapshot(project, trained.inputs["snapshot"]).frame
        known = read_columns(frame.reset_index(drop=True), predictor.inputs)
    except ArtifactMissing:
        return _drawn(_made_up(predictor), predictor, ROWS), 0
    if len(known) >= ROWS:
        return known.iloc[np.linspace(0, len(known) - 1, ROWS).astype(int)].reset_index(drop=True), ROWS
    drawn = _drawn(known, predictor, ROWS - len(known))
    return pd.concat([known, drawn], ignore_index=True), len(known)


def _drawn(known: pd.DataFrame, predictor: Predictor, count: int) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    columns = {}
    for column in predictor.inputs:
        values = known[column.name].iloc[draw.integers(0, len(known), count)].reset_index(drop=True)
        columns[column.name] = read_column(values.mask(pd.Series(draw.random(count) < _NULL_SHARE)), column)
    return pd.DataFrame(columns)


def _made_up(predictor: Predictor) -> pd.DataFrame:
    draw = np.random.default_rng(1)
    categories = {column.name: column.categories for column in predictor.matrix}
    return pd.DataFrame({item.name: _values(item, categories.get(item.name), draw) for item in predictor.inputs})


def _values(column: InputColumn, categories: tuple[str, ...] | None, draw: np.random.Generator) -> pd.Series:
    numbers = draw.normal(size=ROWS) * 10.0 ** draw.integers(-2, 5, ROWS)
    if column.type == "string":
        texts = np.array([*(categories or ()), "unseen"], dtype=object)
        values = pd.Series(texts[draw.integers(0, len(texts), ROWS)])
    elif column.type == "timestamp":
        values = pd.Series(pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.abs(numbers).astype(int), "min"))
    elif column.type == "bool":
        values = pd.Series(numbers > 0)
    else:
        values = pd.Series(np.round(numbers) if column.type == "int" else numbers)
    return read_column(values, column)
