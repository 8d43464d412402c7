"""The values of a label's source for the rows of a snapshot, and since when they were known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ml_platform.core.engines.ibis_functions import instant_of
from ml_platform.core.expressions import parse_expression
from ml_platform.core.frames import to_frame
from ml_platform.datasets.labels.labels import label_questions
from ml_platform.datasets.labels.row_label import label_rows, row_label_of
from ml_platform.declarations.label import RowLabel
from ml_platform.project import Project
from ml_platform.sources.source_log import EVENT, KNOWN, UNTIL, source_versions

if TYPE_CHECKING:
    import pandas as pd

HAPPENED, KNOWN_FROM, THEN, WAS_KNOWN = "_happened", "_known_from", "_then", "_was_known"


def label_columns(project: Project, model_name: str) -> list[str]:
    """Return the columns of the label's source that its expression reads; none where it is made of many rows."""
    label = project.spec.models[model_name].label
    return sorted(label.reads) if isinstance(label, RowLabel) else []


def truth_of(project: Project, model_name: str, source_id: str, rows: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Return, for each row in its order, what the label was made of.

    Parameters
    ----------
    source_id
        The artifact of the label's source.
    rows
        As `ml_platform.datasets.labels.labels.label_questions` reads them.
    as_of
        The instant as of which the snapshot was made.

    Returns
    -------
    pandas.DataFrame
        The columns that the label's expression reads, as known when the horizon had passed; ``_happened`` and
        ``_known_from``, the event and the known-at of that row; ``_was_known``, whether some row of the entity was
        known at the batch run, and ``_then``, the label of that row. All null where the label is made of many rows.
    """
    import ibis

    if not isinstance(project.spec.models[model_name].label, RowLabel):
        return _of_no_row(rows)
    keys = project.spec.file.entities[project.spec.models[model_name].population.entity]
    read = label_columns(project, model_name)
    asked = label_questions(project, model_name, rows)
    with project.engine() as engine:
        labels = label_rows(project, model_name, source_id, asked, engine, as_of)
        there = labels.answers.select(
            *read,
            _of=labels.answers["_place"],
            **{HAPPENED: instant_of(labels.answers[EVENT]), KNOWN_FROM: instant_of(labels.answers[KNOWN])},
        )
        settled = labels.asked.left_join(there, labels.asked["_place"] == there["_of"])
        truth = _label_versions(project, model_name, source_id, engine, keys)
        then = _joined(labels.asked.view(), truth, keys)
        was_known = then[KNOWN].notnull()
        value = parse_expression(row_label_of(project, model_name).expression).to_ibis(then)
        facts = {THEN: ibis.ifelse(was_known, value, ibis.null(value.type())), WAS_KNOWN: was_known}
        then = then.select(_then_place=then["_place"], **facts)
        both = settled.left_join(then, [settled["_place"] == then["_then_place"]]).order_by("_place")
        table = engine.run(both.select("_place", *read, HAPPENED, KNOWN_FROM, THEN, WAS_KNOWN))
    return _one_each(to_frame(table), len(rows)).set_axis(rows.index)


def _one_each(truth: pd.DataFrame, questions: int) -> pd.DataFrame:
    """Return one row for each question: where several answer, the one that was known first."""
    if len(truth) > questions:
        truth = truth.sort_values(["_place", KNOWN_FROM, *(str(name) for name in truth if name != "_place")])
        truth = truth.drop_duplicates("_place")
    return truth.drop(columns="_place")


def _of_no_row(rows: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    never = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us, UTC]")
    return pd.DataFrame({HAPPENED: never, KNOWN_FROM: never, THEN: None, WAS_KNOWN: False}, index=rows.index)


def _label_versions(project: Project, model_name: str, source_id: str, engine: Any, keys: Sequence[str]) -> Any:
    label = row_label_of(project, model_name)
    source = project.spec.sources[label.source]
    versions = source_versions(engine, project.store, project.store.get("source", source_id), source.key, "label_rows")
    return versions.select(KNOWN, UNTIL, *sorted(label.reads), **{f"_key_{key}": versions[key] for key in keys})


def _joined(asked: Any, truth: Any, keys: Sequence[str]) -> Any:
    same = [asked[key] == truth[f"_key_{key}"] for key in keys]
    return asked.left_join(truth, [*same, truth[KNOWN] <= asked["_at"], asked["_at"] < truth[UNTIL]])
