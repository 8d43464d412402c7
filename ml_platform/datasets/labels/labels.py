"""The labels of rows, of whatever kind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ml_platform.core.engines import Engine
from ml_platform.core.frames import to_frame
from ml_platform.datasets.exclusions import EFFECTIVE_TIME
from ml_platform.datasets.labels.row_label import with_row_labels
from ml_platform.datasets.labels.states import LABEL, LABEL_STATE
from ml_platform.datasets.labels.window_label import with_window_labels
from ml_platform.declarations.label import WindowLabel
from ml_platform.declarations.resolve import feature_type
from ml_platform.project import Project
from ml_platform.sources.conform import TYPES

if TYPE_CHECKING:
    import pandas as pd


def with_labels(
    project: Project, model_name: str, source_id: str, rows: pa.Table, engine: Engine, as_of: datetime
) -> pa.Table:
    """Return rows with their ``label`` and ``label_state``, in their order.

    The label is null where it is not known (a state other than ``known``, or a negative of `NEGATIVE_STATES`).

    Parameters
    ----------
    source_id
        The artifact of the label's source.
    rows
        One row for each question, with the entity's key, ``effective_time`` and the columns of the question that the
        label reads, as they were known then; the label horizon of each has passed.
    as_of
        Rows of the label's source that became known later take no part.
    """
    is_window = isinstance(project.spec.models[model_name].label, WindowLabel)
    answer = with_window_labels if is_window else with_row_labels
    return answer(project, model_name, source_id, rows, engine, as_of)


def labels_of(project: Project, model_name: str, source_id: str, rows: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Return ``label`` and ``label_state`` of rows as `with_labels` does, under their index.

    Parameters
    ----------
    source_id
        The artifact of the label's source.
    rows
        As `label_questions` reads them, such as rows of the prediction log whose label horizon has passed.
    """
    import pandas as pd

    if rows.empty:
        return pd.DataFrame({LABEL: [], LABEL_STATE: []}, index=rows.index, dtype=object)
    asked = label_questions(project, model_name, rows)
    with project.engine() as engine:
        labels = with_labels(project, model_name, source_id, asked, engine, as_of)
    return to_frame(labels.select([LABEL, LABEL_STATE])).set_axis(rows.index)


def label_questions(project: Project, model_name: str, rows: pd.DataFrame) -> pa.Table:
    """Return what a label needs to know of questions.

    Parameters
    ----------
    rows
        With the entity's key, ``effective_time``, and the columns of the question that the label reads. A column that
        is not there is null: predictions are logged with the columns that the label read when they were made.
    """
    model = project.spec.models[model_name]
    keys = project.spec.file.entities[model.population.entity]
    times = rows[EFFECTIVE_TIME].astype("datetime64[us, UTC]")
    asked = pa.Table.from_pandas(rows[list(keys)].assign(**{EFFECTIVE_TIME: times}), preserve_index=False)
    for name in model.label.references:
        kind = TYPES[feature_type(project.spec, name, model)]
        values = pa.Array.from_pandas(rows[name], type=kind) if name in rows else pa.nulls(len(rows), kind)
        asked = asked.append_column(name, values)
    return asked


def label_facts(labels: pa.ChunkedArray, is_number: bool) -> Mapping[str, Any]:
    """Return how labels are distributed: counts by class, or mean and range of numbers."""
    import pyarrow.compute as pc

    if not is_number:
        counts = {str(item["values"]).lower(): item["counts"] for item in pc.value_counts(labels).to_pylist()}
        return {"classes": dict(sorted(counts.items()))}
    ends = pc.min_max(labels).as_py()
    quantiles = pc.quantile(labels, q=[0.05, 0.5, 0.95]).to_pylist()
    return {
        "mean": pc.mean(labels).as_py(),
        "min": float(ends["min"]),
        "max": float(ends["max"]),
        **dict(zip(("p05", "median", "p95"), quantiles, strict=True)),
    }
