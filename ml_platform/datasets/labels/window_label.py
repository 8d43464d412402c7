"""Labels over a window after the question: an aggregate of the rows of the label's source.

A row counts for a question at t if its event lies in ``(t + after, t + within]`` and it was known at the end of the
horizon, ``t + within + settle``. Where no row counts, the aggregate has its answer over no row. A label is not known

- while the source has no row yet that is known at the end of the horizon (``incomplete``);
- where rows that became known only afterwards would change it (``late``): it would be wrong;
- where the aggregate itself is null (``null``).

An aggregate that compares rows with columns of the question is computed over pairs of a question and a row of its
window; every other one over the rows of an entity, which many questions share.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import MICROSECOND, to_micros
from ml_platform.core.engines import Engine
from ml_platform.core.errors import ValueTooLarge, too_large
from ml_platform.core.expressions import dotted_names, parse_expression
from ml_platform.datasets.exclusions import EFFECTIVE_TIME
from ml_platform.datasets.labels.states import LABEL, LABEL_STATE, silence_of
from ml_platform.declarations.aggregates import Feature
from ml_platform.declarations.label import ONLY, WindowLabel
from ml_platform.declarations.resolve import column_types, feature_type
from ml_platform.features.visibility import is_known
from ml_platform.features.window_values import ForwardWindow, pair_values, window_values
from ml_platform.project import Project
from ml_platform.sources.source_log import CHUNK, EVENT, KNOWN, ROW, UNTIL, chunk_names, versions_in, with_chunk_numbers
from ml_platform.storage.artifact_kinds.source import SourceManifest

_AT, _PLACE = "_at", "_asked_at_place"


def with_window_labels(
    project: Project, model_name: str, source_id: str, rows: pa.Table, engine: Engine, as_of: datetime
) -> pa.Table:
    """Return rows as `ml_platform.datasets.labels.labels.with_labels` does, for a label over a window."""
    answered = _WindowLabels(project, model_name, source_id, engine, as_of)
    try:
        return answered.beside(rows)
    except ValueTooLarge as error:
        raise too_large(f"the label of {model_name}", error) from None


class _WindowLabels:
    def __init__(self, project: Project, model_name: str, source_id: str, engine: Engine, as_of: datetime) -> None:
        model = project.spec.models[model_name]
        assert isinstance(model.label, WindowLabel)
        self._project, self._engine, self._label, self._as_of = project, engine, model.label, to_micros(as_of)
        self._keys = list(project.spec.file.entities[model.population.entity])
        self._source = project.spec.sources[model.label.source]
        self._artifact = project.store.get("source", source_id)
        settle = model.label.horizon - model.label.within
        self._window = ForwardWindow(model.label.after, model.label.within, settle)
        of_question = {name: feature_type(project.spec, name, model) for name in model.label.references}
        self._types = {**column_types(self._source), **of_question}

    def beside(self, rows: pa.Table) -> pa.Table:
        """Return rows with ``label`` and ``label_state``."""
        named = rows.select([*self._keys, *self._label.references])
        asked = named.append_column(_AT, rows[EFFECTIVE_TIME].cast(pa.int64()))
        label = self._answers(self._between(self._versions, asked), asked)
        states = np.where(pc.is_null(label).to_numpy(zero_copy_only=False), "null", "known").astype(object)
        states[self._changed(asked, label)] = "late"
        states[self._incomplete(asked)] = "incomplete"
        known = pa.array(states == "known")
        label = pc.if_else(known, label, pa.scalar(None, label.type))
        return rows.append_column(LABEL, label).append_column(LABEL_STATE, pa.array(states, pa.string()))

    @cached_property
    def _versions(self) -> Any:
        """Every row of the source that became known by now, with the interval in which it was known, and its file."""
        rows = versions_in(self._engine, self._project.store, self._artifact, chunk_names(self._artifact), "label_rows")
        return rows.filter(rows[KNOWN] <= self._as_of)

    def _between(self, rows: Any, asked: pa.Table) -> Any:
        """Return rows whose event can lie in the window of a question."""
        if not len(asked):
            return rows.limit(0)
        ends = pc.min_max(asked[_AT]).as_py()
        first, last = ends["min"] + self._window.after // MICROSECOND, ends["max"] + self._window.within // MICROSECOND
        return rows.filter((rows[EVENT] > first) & (rows[EVENT] <= last))

    def _answers(self, rows: Any, asked: pa.Table) -> pa.Array:
        """Return the label of each question, over given rows."""
        features, threads = self._label.aggregates, self._project.spec.file.threads
        settings, numbered = (_AT, self._window, threads), self._numbered_rows(rows)
        if dotted_names(self._label.over_rows):
            pairs, questions = self._pairs(numbered, asked), _numbered(asked).select([_PLACE, _AT])
            of_windows = pair_values(self._engine, pairs, features, self._types, questions, *settings)
        else:
            questions = asked.select([*self._keys, _AT])
            of_windows = window_values(self._engine, numbered, features, self._types, questions, *settings)
        if self._label.expression is None:
            return of_windows[ONLY].combine_chunks()
        for name in self._label.references:
            of_windows = of_windows.append_column(name, asked[name])
        by_question = _numbered(of_windows.select([*features, *self._label.references]))
        values = self._engine.arrow("label_values", by_question)
        label = parse_expression(self._label.expression).to_ibis(values)
        table = self._engine.run(values.select(_PLACE, **{LABEL: label}).order_by(_PLACE))
        return table[LABEL].combine_chunks()

    def _numbered_rows(self, rows: Any) -> Any:
        """Return rows with the number of their chunk in the place of its file; with 0 where their order is not read."""
        import ibis

        if not _reads_order(self._label.aggregates.values()):
            return rows.mutate(**{CHUNK: ibis.literal(0, "int64")})
        return with_chunk_numbers(self._engine, self._artifact, rows, "label_rows")

    def _pairs(self, rows: Any, asked: pa.Table) -> Any:
        """Return rows once for each question for which they count, beside the columns of the question."""
        import ibis

        question_names = {name: f"_of_{name}" for name in (*self._keys, _AT)}
        numbered = _numbered(asked)
        questions = numbered.rename_columns([question_names.get(name, name) for name in numbered.column_names])
        questions = self._engine.arrow("label_pairs_asked", questions)
        after, within, horizon = (
            ibis.literal(span // MICROSECOND, "int64")
            for span in (self._window.after, self._window.within, self._window.horizon)
        )
        same = [rows[key] == questions[question_names[key]] for key in self._keys]
        at, event = questions[question_names[_AT]], rows[EVENT]
        known = is_known(rows[KNOWN], rows[UNTIL], at + horizon)
        both = rows.inner_join(questions, [*same, event > at + after, event <= at + within, known])
        names = [_PLACE, CHUNK, ROW, EVENT, *sorted(self._label.reads), *self._label.references]
        return both.select(*dict.fromkeys(names))

    # What is not known ---------------------------------------------------------

    def _incomplete(self, asked: pa.Table) -> np.ndarray:
        """Return for which questions the source may lack rows that are known at the end of the horizon."""
        newest = self._engine.run(self._versions.aggregate(newest=self._versions[KNOWN].max()))["newest"][0].as_py()
        if newest is None:
            return np.ones(len(asked), bool)
        complete = newest + silence_of(self._project, self._source.name)
        ends = asked[_AT].to_numpy() + self._window.horizon // MICROSECOND
        is_incomplete: np.ndarray = ends > complete
        return is_incomplete

    def _changed(self, asked: pa.Table, label: pa.Array) -> np.ndarray:
        """Return for which questions the label is another with the rows that became known after the horizon."""
        import ibis

        changed = np.zeros(len(asked), bool)
        late = self._late_rows()
        places = self._met_by(late, asked)
        if len(places):
            touched = asked.take(pa.array(places))
            entities = self._engine.arrow("late_entities", touched.group_by(self._keys).aggregate([]))
            rows = self._between(late, touched).semi_join(entities, self._keys)
            in_time = ibis.ifelse(rows["_is_late"], rows[EVENT], rows[KNOWN])
            answers = self._answers(rows.mutate(**{KNOWN: in_time}), touched)
            changed[places] = _differs(label.take(pa.array(places)), answers)
        return changed

    def _late_rows(self) -> Any:
        """Return all rows, and whether each is the first with its key and may have become known after a horizon."""
        import ibis

        rows = self._versions
        first = rows[KNOWN]
        if SourceManifest.of(self._artifact).keys_repeat:
            first = first.min().over(ibis.window(group_by=list(self._source.key)))
        settle = ibis.literal(self._window.settle // MICROSECOND, "int64")
        return rows.mutate(_is_late=(rows[KNOWN] == first) & (rows[KNOWN] - rows[EVENT] > settle))

    def _met_by(self, rows: Any, asked: pa.Table) -> np.ndarray:
        """Return the places of questions that a late row would belong to."""
        import ibis

        late = rows.filter(rows["_is_late"]).select(EVENT, KNOWN, **{f"_key_{key}": rows[key] for key in self._keys})
        questions = self._engine.arrow("label_asked", _numbered(asked))
        after, within, horizon = (
            ibis.literal(span // MICROSECOND, "int64")
            for span in (self._window.after, self._window.within, self._window.horizon)
        )
        at, event, known = questions[_AT], late[EVENT], late[KNOWN]
        meets = [event > at + after, event <= at + within, known > at + horizon]
        both = questions.inner_join(late, [*(questions[key] == late[f"_key_{key}"] for key in self._keys), *meets])
        places = self._engine.run(both.select(_PLACE).distinct())[_PLACE].to_numpy()
        met: np.ndarray = np.sort(places)
        return met


def _reads_order(features: Iterable[Feature]) -> bool:
    """Return whether it matters which of two rows of one event comes first."""
    return any(part.measure in ("newest", "oldest") for feature in features for part in feature.parts().values())


def _numbered(rows: pa.Table) -> pa.Table:
    """Return rows with their place."""
    return rows.append_column(_PLACE, pa.array(np.arange(len(rows))))


def _differs(label: pa.Array, other: pa.Array) -> np.ndarray:
    """Return where two labels differ; null is a value."""
    same = pc.fill_null(pc.equal(label, other), False)
    both_null = pc.and_(pc.is_null(label), pc.is_null(other))
    differs: np.ndarray = pc.invert(pc.or_(same, both_null)).to_numpy(zero_copy_only=False)
    return differs
