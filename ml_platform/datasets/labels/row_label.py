"""Labels of one row: an expression over the row of the label's source that has the entity's key.

A row of the label's source answers a question where it was known when the horizon had passed, unless it is about an
event before the question. Where no row answers, ``missing: negative`` makes the row negative only if the source was
complete by then and no answer came later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import MICROSECOND, to_micros
from ml_platform.core.engines import Engine
from ml_platform.core.engines.ibis_functions import epoch_us
from ml_platform.core.expressions import parse_expression
from ml_platform.datasets.exclusions import EFFECTIVE_TIME
from ml_platform.datasets.labels.states import CONTRADICTORY, LABEL, LABEL_STATE, NEGATIVE_STATES, silence_of
from ml_platform.declarations.label import RowLabel
from ml_platform.project import Project
from ml_platform.sources.source_log import EVENT, KNOWN, UNTIL, source_versions

_PLACE, _AT, _END = "_place", "_at", "_end"
_ANSWERS, _BEFORE, _LATE = "_answers", "_before", "_late"


@dataclass(frozen=True)
class LabelRows:
    """The rows of a label's source beside the questions of their entities, for Ibis.

    Attributes
    ----------
    asked
        The questions: the entity's key, ``_place``, and ``_at`` and ``_end`` of the horizon in microseconds.
    answers
        One row for each question and label row that answers it: ``_place``, ``_label``, the event and known-at of the
        label row, and the columns of the source that the label reads.
    flags
        For each question with a label row: whether some of them are about an event ``_before`` the question, and
        whether some became known ``_late``, for an event within the horizon.
    newest
        The newest known-at of the source, in microseconds; one row.
    """

    asked: Any
    answers: Any
    flags: Any
    newest: Any


def row_label_of(project: Project, model_name: str) -> RowLabel:
    """Return a model's label, which is of one row."""
    label = project.spec.models[model_name].label
    assert isinstance(label, RowLabel)
    return label


def label_rows(
    project: Project,
    model_name: str,
    source_id: str,
    questions: pa.Table,
    engine: Engine,
    as_of: datetime,
) -> LabelRows:
    """Return which rows of the label's source answer which questions, with what was known at `as_of`.

    `questions` have the entity's key, ``effective_time``, and the columns of the question that the label reads.

    A label row is about an event before the question where its event lies before the batch run, it became known only
    afterwards, and no row about this event was known at the batch run. (What was known then is for the leak check.)
    """
    import ibis

    model, label = project.spec.models[model_name], row_label_of(project, model_name)
    keys = project.spec.file.entities[model.population.entity]
    horizon = ibis.literal(label.horizon // MICROSECOND, "int64")
    asked = engine.arrow("unlabelled", questions.append_column(_PLACE, pa.array(range(len(questions)), pa.int64())))
    asked = asked.mutate(**{_AT: epoch_us(asked[EFFECTIVE_TIME])})
    asked = asked.mutate(**{_END: asked[_AT] + horizon})
    source = project.spec.sources[model.label.source]
    rows = source_versions(engine, project.store, project.store.get("source", source_id), source.key, "label_rows")
    rows = rows.filter(rows[KNOWN] <= to_micros(as_of))
    columns = sorted(label.reads)
    facts = rows.select(*columns, EVENT, KNOWN, UNTIL, **{f"_key_{key}": rows[key] for key in keys})
    both = asked.inner_join(facts, [asked[key] == facts[f"_key_{key}"] for key in keys])
    at, end, event, known = both[_AT], both[_END], both[EVENT], both[KNOWN]
    early = both.filter(known <= at).select(_early=_PLACE, _early_event=EVENT).distinct()
    both = both.left_join(early, [both[_PLACE] == early["_early"], both[EVENT] == early["_early_event"]])
    at, end, event, known = both[_AT], both[_END], both[EVENT], both[KNOWN]
    before = (event < at) & (known > at) & both["_early"].isnull()
    in_time = (known <= end) & (end < both[UNTIL])
    both = both.mutate(
        **{
            f"_{LABEL}": parse_expression(label.expression).to_ibis(both),
            _ANSWERS: in_time & ~before,
            _BEFORE: in_time & before,
            _LATE: (known > end) & (event <= end) & ~before,
        }
    )
    answers = both.filter(both[_ANSWERS]).select(_PLACE, EVENT, KNOWN, *columns, f"_{LABEL}")
    flags = both.group_by(_PLACE).aggregate(
        **{flag: both[flag].cast("int64").max() > 0 for flag in (_BEFORE, _LATE)},
    )
    return LabelRows(asked, answers, flags, rows.aggregate(_newest=rows[KNOWN].max()))


def with_row_labels(
    project: Project, model_name: str, source_id: str, rows: pa.Table, engine: Engine, as_of: datetime
) -> pa.Table:
    """Return rows as `ml_platform.datasets.labels.labels.with_labels` does, for a label of one row.

    With ``missing: negative`` the label is False where the state is ``missing`` or ``before``. Rows of the label's
    source that answer one question alike are one answer; where they differ, the question has no label.
    """
    import ibis

    model, declared = project.spec.models[model_name], row_label_of(project, model_name)
    keys = project.spec.file.entities[model.population.entity]
    questions = rows.select([*keys, EFFECTIVE_TIME, *declared.references])
    labels = label_rows(project, model_name, source_id, questions, engine, as_of)
    answers = labels.answers.select(_of=_PLACE, _there=ibis.literal(True), **{LABEL: labels.answers[f"_{LABEL}"]})
    labelled = labels.asked.left_join(answers, labels.asked[_PLACE] == answers["_of"])
    flags = labels.flags.rename(_flagged=_PLACE)
    labelled = labelled.left_join(flags, labelled[_PLACE] == flags["_flagged"]).cross_join(labels.newest)
    state = _state(labelled, declared.missing == "negative", silence_of(project, model.label.source))
    labelled = labelled.mutate(**{LABEL_STATE: state})
    label = labelled[LABEL]
    if declared.missing == "negative":
        label = ibis.ifelse(labelled[LABEL_STATE].isin(NEGATIVE_STATES), ibis.literal(False), label)
    table = engine.run(labelled.select(*keys, _PLACE, LABEL_STATE, **{LABEL: label}).order_by(_PLACE))
    if table.num_rows != rows.num_rows:
        table = _one_each(table)
    return rows.append_column(LABEL, table[LABEL]).append_column(LABEL_STATE, table[LABEL_STATE])


def _state(rows: Any, negative: bool, silence: int) -> Any:
    import ibis

    there = rows["_there"].notnull()
    incomplete = rows["_newest"].isnull() | (rows[_END] > rows["_newest"] + ibis.literal(silence, "int64"))
    return ibis.cases(
        (there & rows[LABEL].notnull(), "known"),
        (there, "null"),
        (rows[_LATE].fill_null(False), "late"),
        (ibis.literal(negative) & incomplete, "incomplete"),
        (rows[_BEFORE].fill_null(False), "before"),
        else_="missing",
    )


def _one_each(labelled: pa.Table) -> pa.Table:
    """Return one row for each question: what its rows answer alike, or nothing where they differ."""
    first = np.flatnonzero(np.diff(labelled[_PLACE].to_numpy(), prepend=-1))
    answer = labelled[LABEL].combine_chunks().dictionary_encode("encode").indices.to_numpy()
    differs = pa.array(np.minimum.reduceat(answer, first) != np.maximum.reduceat(answer, first))
    one = labelled.take(first)
    return pa.table(
        {
            LABEL: pc.if_else(differs, pa.scalar(None, one[LABEL].type), one[LABEL]),
            LABEL_STATE: pc.if_else(differs, CONTRADICTORY, one[LABEL_STATE]),
        }
    )
