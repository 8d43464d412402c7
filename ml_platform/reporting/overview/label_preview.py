"""The label of a model at a look: over the test period that a training would have now, without a training.

Sources and feature tables are read as a run made them last. Nothing is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from ml_platform.core.errors import NotMaterialized
from ml_platform.core.plain_values import json_value
from ml_platform.datasets.exclusions import EFFECTIVE_TIME
from ml_platform.datasets.frame import Frame
from ml_platform.datasets.labels.labels import label_facts, with_labels
from ml_platform.datasets.labels.states import LABEL, LABEL_STATE
from ml_platform.datasets.snapshot.boundaries import Boundaries
from ml_platform.declarations.graph import build_graph
from ml_platform.declarations.node_name import NodeName
from ml_platform.project import Project
from ml_platform.storage.outputs import current_output


@dataclass(frozen=True)
class LabelPreview:
    """The label of a model.

    Attributes
    ----------
    formula
        The label, as the declaration has it.
    start, end
        The batch runs that are looked at: ``(start, end]``, the test period of a training now.
    questions
        How many questions they have.
    states
        How many of them have which state of their label (`LABEL_STATES`).
    excluded
        How many more are not asked, by reason.
    label
        Rows by class under ``classes``, or figures of numbers; empty where no label is known.
    newest
        The newest questions, each with the entity's key, its times, its label and the state of it.
    """

    model: str
    formula: str
    start: datetime
    end: datetime
    questions: int
    states: Mapping[str, int]
    excluded: Mapping[str, int]
    label: Mapping[str, Any]
    newest: tuple[Mapping[str, Any], ...]


def preview_label(project: Project, name: str, now: datetime, rows: int = 5) -> LabelPreview:
    """Return the label of a model at a look.

    Parameters
    ----------
    rows
        How many of the newest questions to return.

    Raises
    ------
    PlatformError
        Where there is no such model.
    NotMaterialized
        Where no run has made a source or a feature table that it needs.
    """
    project.require_model(name)
    model, bounds = project.spec.models[name], Boundaries.of(project.spec.models[name], now)
    inputs, keys = _inputs(project, name), list(project.spec.file.entities[model.population.entity])
    source = inputs[NodeName("source", model.label.source)]
    states, excluded, labels = Counter[str](), Counter[str](), []
    newest: pa.Table | None = None
    with project.engine() as engine:
        frame = Frame(project, name, inputs, engine)
        for period in frame.periods(bounds.test_start, bounds.end):
            asked, reasons = frame.counted_rows(*period)
            labelled = with_labels(project, name, source, asked, engine, now)
            states.update(labelled[LABEL_STATE].to_pylist())
            excluded.update(reasons)
            labels.append(labelled[LABEL].drop_null())
            kept = labelled.select([*keys, "prediction_time", EFFECTIVE_TIME, LABEL, LABEL_STATE])
            newest = kept if newest is None else pa.concat_tables([newest, kept])
            newest = newest.slice(max(newest.num_rows - rows, 0))
    known = pa.chunked_array([chunk for label in labels for chunk in label.chunks] or [pa.array([], pa.float64())])
    return LabelPreview(
        model=name,
        formula=model.label.formula,
        start=bounds.test_start,
        end=bounds.end,
        questions=states.total(),
        states=dict(states),
        excluded={reason: count for reason, count in excluded.items() if count},
        label=json_value(label_facts(known, model.task in ("regression", "quantile"))) if len(known) else {},
        newest=tuple(json_value(row) for row in reversed(newest.to_pylist())) if newest is not None else (),
    )


def _inputs(project: Project, model: str) -> dict[str, str]:
    """Return the newest artifact of each source and feature table that a snapshot of a model is made from."""
    node = next(node for node in build_graph(project.spec) if node.name == NodeName("snapshot", model))
    ids = {str(name): current_output(project.database, name) for name in node.inputs}
    for name, id in ids.items():
        if id is None:
            raise NotMaterialized(node.name, NodeName.parse(name))
    return {name: id for name, id in ids.items() if id is not None}
