"""Which action was taken on predictions, as reported by the rows of a source."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from ml_platform.core.clock import to_micros
from ml_platform.core.frames import to_frame
from ml_platform.declarations.node_name import NodeName
from ml_platform.project import Project
from ml_platform.sources.source_log import KNOWN, UNTIL, source_versions
from ml_platform.storage.outputs import current_output

TAKEN = "taken"
"""The column of the action that was taken; null where no row reports one."""


def taken_node(project: Project, model_name: str) -> NodeName | None:
    """Return the source that reports which actions were taken; None where the model declares none."""
    source = project.spec.models[model_name].value.taken
    return None if source is None else NodeName("source", source)


def taken_actions(project: Project, source: NodeName, source_id: str, ids: pd.Series, now: datetime) -> pd.Series:
    """Return the action that was taken on each prediction, under the index of `ids`.

    Parameters
    ----------
    source_id
        The artifact of the source.
    ids
        Ids of predictions.
    now
        Reports that became known later take no part: of several of one prediction the last one counts.
    """
    key = project.spec.sources[source.subject].key
    instant = to_micros(now)
    with project.engine() as engine:
        artifact = project.store.get("source", source_id)
        rows = source_versions(engine, project.store, artifact, key, "taken_rows")
        rows = rows.filter((rows[KNOWN] <= instant) & (instant < rows[UNTIL]))
        reported = to_frame(engine.run(rows.select("prediction_id", "action")))
    by_id = dict(zip(reported["prediction_id"], reported["action"], strict=True))
    return pd.Series([by_id.get(id) for id in ids], index=ids.index, dtype=object)


def with_taken(project: Project, model_name: str, predictions: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Return logged predictions with `TAKEN` where the model declares who reports it; else as they are."""
    node = taken_node(project, model_name)
    if node is None:
        return predictions
    id = current_output(project.database, node)
    none = pd.Series([None] * len(predictions), index=predictions.index, dtype=object)
    taken = none if id is None else taken_actions(project, node, id, predictions["prediction_id"], now)
    return predictions.assign(**{TAKEN: taken})
