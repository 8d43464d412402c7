"""A model's frame: the rows that production asks about, with what could be known when it asks.

Training and batch scoring read the same function, so they cannot differ.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.canonical_order import sorted_by
from ml_platform.core.engines import Engine
from ml_platform.datasets.exclusions import (
    ASKED,
    ASKED_TWICE,
    DEPARTED,
    EFFECTIVE,
    EFFECTIVE_TIME,
    IS_LATE,
    LATE,
    MISSED,
    NO_KEY,
    OVER_MAX,
    PREDICTION_TIME,
    REASON,
    counted_reasons,
    one_reason,
    reason_counts,
)
from ml_platform.datasets.feature_columns import with_feature_columns
from ml_platform.datasets.population.asking import questions_of
from ml_platform.datasets.population.limits import has_departed, in_sample, is_scored_late, one_each, within_max
from ml_platform.datasets.population.questions import Period
from ml_platform.declarations.population_columns import required_columns
from ml_platform.declarations.resolve import frame_columns
from ml_platform.project import Project
from ml_platform.sources.source_log import KNOWN

_INSTANT = pa.timestamp("us", "UTC")


class Frame:
    """Makes the frame of one model from given inputs, on one engine."""

    def __init__(self, project: Project, model_name: str, inputs: Mapping[str, str], engine: Engine) -> None:
        self._project, self._inputs, self._engine = project, inputs, engine
        self._model = project.spec.models[model_name]
        self._population = required_columns(project.spec, self._model)
        self._questions = questions_of(project, self._model, inputs, engine)
        self.keys = list(project.spec.file.entities[self._model.population.entity])

    def rows(self, start: datetime, end: datetime) -> pa.Table:
        """Return the frame in canonical order."""
        in_time, _ = self._chosen(self._questions.in_time(start, end))
        return self._framed(in_time).drop_columns([LATE])

    def asked_rows(self, start: datetime, end: datetime) -> tuple[pa.Table, pa.Table]:
        """Return the frame with late rows where they are asked about, and what was left out (see `QuestionRows`)."""
        in_time, came_late = self._questions.in_time(start, end), self._sampled(self._questions.late(start, end))
        scored = is_scored_late(self._model, came_late)
        answered, dropped = self._chosen(pa.concat_tables([in_time, came_late.filter(scored)]))
        missed = came_late.filter(pc.invert(scored)).append_column(
            REASON, one_reason(MISSED, came_late, pc.invert(scored))
        )
        parts = [dropped, missed, self._sampled(self._questions.unclear(start, end))]
        return self._framed(answered), counted_reasons([part.select([EFFECTIVE, REASON]) for part in parts])

    def counted_rows(self, start: datetime, end: datetime) -> tuple[pa.Table, dict[str, int]]:
        """Return `rows`, and how many rows are left out of them for which reason (`EXCLUSIONS`)."""
        in_time, dropped = self._chosen(self._questions.in_time(start, end))
        unclear = self._sampled(self._questions.unclear(start, end))
        counts = counted_reasons([part.select([EFFECTIVE, REASON]) for part in (dropped, unclear)])
        sums = Counter({MISSED: self._late_count(start, end)})
        for row in counts.to_pylist():
            sums[row["reason"]] += row["rows"]
        return self._framed(in_time).drop_columns([LATE]), reason_counts(sums)

    def count(self, start: datetime, end: datetime) -> int:
        """Return how many questions there are, before any is left out."""
        return sum(self._questions.count(*period) for period in self.periods(start, end))

    def periods(self, start: datetime, end: datetime) -> Iterator[Period]:
        """Yield periods of whole UTC days, in order, whose rows fit into memory together."""
        return self._questions.periods(start, end)

    def repeat(self, asked: pa.Table) -> pa.Table:
        """Return questions that were asked, as they could be read then, with the model's features.

        Parameters
        ----------
        asked
            The entity's key, ``_asked`` and ``_effective`` in microseconds, beside any other columns.

        Returns
        -------
        pyarrow.Table
            The columns of `asked` and those of the population; of a question whose row is gone, nothing. The first
            that became known comes first.
        """
        repeated = self._questions.repeat(asked)
        order = [KNOWN, *(f"{self._population.name}.{key}" for key in self._population.key)]
        return self.with_features(repeated.sort_by([(name, "ascending") for name in order]).drop_columns([KNOWN]))

    def with_features(self, rows: pa.Table) -> pa.Table:
        """Return rows with the model's features as they could be read at ``_effective``."""
        columns = frame_columns(self._project.spec, self._model)
        return with_feature_columns(self._project, self._model, self._inputs, self._engine, rows, columns)

    def _framed(self, asked: pa.Table) -> pa.Table:
        framed = self.with_features(asked.drop_columns([KNOWN]))
        question_columns = [f"{self._population.name}.{column}" for column in self._population.columns]
        features = [name for name in frame_columns(self._project.spec, self._model) if name not in question_columns]
        times = {PREDICTION_TIME: framed[ASKED].cast(_INSTANT), EFFECTIVE_TIME: framed[EFFECTIVE].cast(_INSTANT)}
        keys = {key: framed[f"{self._population.name}.{key}"] for key in self.keys}
        rows = pa.table(
            {**keys, **times, **{name: framed[name] for name in (*question_columns, *features)}, LATE: framed[IS_LATE]}
        )
        order = [EFFECTIVE_TIME, *self.keys, *(f"{self._population.name}.{key}" for key in self._population.key)]
        return sorted_by(rows, list(dict.fromkeys(order)))

    def _chosen(self, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
        """Return the rows that are asked about, and the others with the reason; rows out of the sample are in neither.

        Of several about one entity at one batch run one is asked about; who has left is not; and not more than
        ``max_rows``.
        """
        rows = self._sampled(rows)
        rows, dropped = self._one_each(rows) if not self._questions.are_distinct else (rows, rows.slice(0, 0))
        population, names = self._model.population, [f"{self._population.name}.{key}" for key in self.keys]
        departed = has_departed(self._project, self._model, self._inputs, self._engine, rows, names)
        parts = [dropped] if REASON in dropped.column_names else []
        parts.append(_with_reason(rows, departed, DEPARTED))
        rows = _where(rows, ~departed)
        within = within_max(rows, names, population.max_rows)
        return _where(rows, within), pa.concat_tables([*parts, _with_reason(rows, ~within, OVER_MAX)])

    def _late_count(self, start: datetime, end: datetime) -> int:
        if self._model.population.sample is None:
            return self._questions.late_count(start, end)
        return len(self._sampled(self._questions.late(start, end)))

    def _sampled(self, rows: pa.Table) -> pa.Table:
        """Return the rows in the sample, by their entity; those without one by their own key."""
        share = self._model.population.sample
        names, of_row = (
            [f"{self._population.name}.{key}" for key in keys] for keys in (self.keys, self._population.key)
        )
        if share is None or not {*names, *of_row} <= {*rows.column_names}:
            return rows
        nameless = functools.reduce(np.logical_or, (pc.is_null(rows[name]).to_numpy() for name in names))
        return rows.filter(pa.array(np.where(nameless, in_sample(rows, of_row, share), in_sample(rows, names, share))))

    def _one_each(self, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
        """Return the rows that ask about an entity, one for each batch run, and the others with the reason."""
        names, of_row = (
            [f"{self._population.name}.{key}" for key in keys] for keys in (self.keys, self._population.key)
        )
        first, repeated, nameless = one_each(rows, names, of_row)
        return first, pa.concat_tables([_because(nameless, NO_KEY), _because(repeated, ASKED_TWICE)])


def _where(rows: pa.Table, chosen: np.ndarray) -> pa.Table:
    """Return the rows that are chosen, without a copy where all or none are."""
    if chosen.all() or not chosen.any():
        return rows.slice(0, len(rows) if len(chosen) and chosen[0] else 0)
    return rows.filter(pa.array(chosen))


def _with_reason(rows: pa.Table, chosen: np.ndarray, reason: str) -> pa.Table:
    return _because(_where(rows, chosen), reason)


def _because(rows: pa.Table, reason: str) -> pa.Table:
    return rows.append_column(REASON, pa.repeat(pa.scalar(reason), len(rows)))
