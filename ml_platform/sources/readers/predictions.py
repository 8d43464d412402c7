"""Reading the predictions of a model as the rows of a source: a day of its log after the other.

A prediction happened at the batch run that asked for it (``effective_time``), and is known from when it was scored.
Before the first deployment there are none, and none are made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.errors import SchemaChanged, listed
from ml_platform.declarations.prediction_columns import is_class_score, score_column
from ml_platform.declarations.source import SourceSpec
from ml_platform.project import Project
from ml_platform.sources.conform import TYPES
from ml_platform.sources.readers.dispatch import Part
from ml_platform.storage.prediction_log import LoggedDay, logged_days, read_day
from ml_platform.storage.versions import versions


def predicted_parts(project: Project, spec: SourceSpec, model: str) -> list[Part]:
    """Return the days of a model's log, in order; a day that was predicted on since has another fingerprint.

    Columns that a day's versions did not log are null there.

    Raises
    ------
    SchemaChanged
        Where no version of the model knows a class whose score is declared.
    """
    names = _log_names(project, spec, model)
    return [
        Part(f"{model}/predictions {logged.day}", logged.artifact, partial(_read, project, spec, names, logged))
        for logged in logged_days(project, model)
    ]


def _read(project: Project, spec: SourceSpec, names: Mapping[str, str], logged: LoggedDay) -> Iterator[pa.Table]:
    for segment in read_day(project, logged, list(names.values())):
        yield _declared(segment, spec, names)


def _log_names(project: Project, spec: SourceSpec, model: str) -> dict[str, str]:
    """Return what the log calls each of the declared columns."""
    scores = {name for name in spec.columns if is_class_score(project.spec.models[model], name)}
    if not scores:
        return {name: name for name in spec.columns}
    classes = _classes(project, model)
    unknown = sorted(scores - set(classes))
    if classes and unknown:
        problem = f"no version of {model} gives {listed(unknown)}"
        remedy = f"Its classes are {listed(sorted(classes))}: correct the source's columns."
        raise SchemaChanged(spec.name, f"{model}/predictions", problem, remedy)
    return {name: classes.get(name, name) for name in spec.columns}


def _classes(project: Project, model: str) -> Mapping[str, str]:
    """Return the log's columns with the scores of single classes, of all versions, by their names in a source."""
    made = [project.store.get("trained_model", version.id).about["label"] for version in versions(project, model)]
    labels = [label for about in made for label, _ in about.get("classes", ())]
    return {score_column(label): f"score.{label}" for label in labels}


def _declared(segment: pa.Table, spec: SourceSpec, names: Mapping[str, str]) -> pa.Table:
    columns = {
        name: segment[names[name]]
        if names[name] in segment.column_names
        else pa.nulls(segment.num_rows, TYPES[column.type])
        for name, column in spec.columns.items()
    }
    scored, effective = columns["scored_at"], columns["effective_time"]
    known = pc.if_else(pc.less(scored, effective), effective, scored)  # whatever clock wrote it
    return pa.table({**columns, "scored_at": known})
