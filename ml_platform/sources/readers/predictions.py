"""Reading the predictions of a model as the rows of a source: a day of its log after the other.

A prediction happened at the batch run that asked for it (``effective_time``), and is known from when it was scored.
Before the first deployment there are none, and none are made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from ml_platform.core.errors import SchemaChanged, listed
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.prediction_columns import is_class_score, score_column
from ml_platform.declarations.types import Name
from ml_platform.sources.reading.reader import Reader, SourcePart
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest

if TYPE_CHECKING:
    import pyarrow as pa

    from ml_platform.declarations.source import SourceSpec
    from ml_platform.project import Project
    from ml_platform.storage.prediction_log import LoggedDay


class PredictionsReader(Reader):
    """A model's predictions, from its log."""

    name: ClassVar[str] = "predictions"
    may_be_empty: ClassVar[bool] = True
    answers: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {"key": ["prediction_id"], "event_timestamp": "effective_time", "known_at": {"column": "scored_at"}}
    )
    added_columns: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"prediction_id": "string", "effective_time": "timestamp", "scored_at": "timestamp", "version": "int"}
    )

    predictions: Name = Field(
        description="A model of the project, whose logged predictions are the rows.", examples=["late_parcel"]
    )

    @property
    def model(self) -> str:
        """The model."""
        return self.predictions

    def parts(self, project: Project, source: SourceSpec, after: str | None = None) -> Sequence[SourcePart]:
        """Return the days of the log."""
        return predicted_parts(project, source, self.predictions)


def predicted_parts(project: Project, spec: SourceSpec, model: str) -> list[SourcePart]:
    """Return the days of a model's log, in order; a day that was predicted on since has another fingerprint.

    Columns that a day's versions did not log are null there.

    Raises
    ------
    SchemaChanged
        Where no version of the model knows a class whose score is declared.
    """
    from ml_platform.storage.prediction_log import logged_days

    names = _log_names(project, spec, model)
    return [
        SourcePart(f"{model}/predictions {logged.day}", logged.artifact, partial(_read, project, spec, names, logged))
        for logged in logged_days(project, model)
    ]


def _read(project: Project, spec: SourceSpec, names: Mapping[str, str], logged: LoggedDay) -> Iterator[pa.Table]:
    from ml_platform.storage.prediction_log import read_day

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
        raise SchemaChanged(spec.name, NodeName("predictions", model), problem, remedy)
    return {name: classes.get(name, name) for name in spec.columns}


def _classes(project: Project, model: str) -> Mapping[str, str]:
    """Return the log's columns with the scores of single classes, of all versions, by their names in a source."""
    from ml_platform.storage.versions import versions

    made = [
        TrainedModelManifest.of(project.store.get("trained_model", version.id)).label
        for version in versions(project, model)
    ]
    labels = [label for about in made for label, _ in about.classes or ()]
    return {score_column(label): f"score.{label}" for label in labels}


def _declared(segment: pa.Table, spec: SourceSpec, names: Mapping[str, str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    from ml_platform.sources.conform import TYPES

    columns = {
        name: segment[names[name]]
        if names[name] in segment.column_names
        else pa.nulls(segment.num_rows, TYPES[column.type])
        for name, column in spec.columns.items()
    }
    scored, effective = columns["scored_at"], columns["effective_time"]
    known = pc.if_else(pc.less(scored, effective), effective, scored)  # whatever clock wrote it
    return pa.table({**columns, "scored_at": known})
