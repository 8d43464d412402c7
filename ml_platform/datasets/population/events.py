"""The population of a source's rows, each of which asks once: at the first batch run that knows it.

A row asks with its first version that some batch run knows and for which the condition holds; a correction asks
nothing more. Of the rows about one entity, those ask that come first, by batch run, then by the moment at which they
became known, then by key, and each only when ``at_most_once_per`` has passed since the question before.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import MICROSECOND, from_micros, to_micros
from ml_platform.core.engines.interval_index import Ints
from ml_platform.datasets.exclusions import ASKED, EFFECTIVE, IS_LATE, NO_CONDITION, REASON, TOO_SOON, WHERE
from ml_platform.datasets.population.questions import Period
from ml_platform.datasets.population.source_rows import RUN_BEFORE, SourceQuestions
from ml_platform.declarations.populations.events import EventPopulation
from ml_platform.features.point_in_time import each_once
from ml_platform.sources.source_log import KNOWN, UNTIL
from ml_platform.storage.artifact_kinds.source import SourceManifest

_ASKS = "_asks"


class EventQuestions(SourceQuestions):
    """One question for each row of a source, at the first batch run that knows it."""

    name = EventPopulation.name

    def in_time(self, start: datetime, end: datetime) -> pa.Table:
        """Return the rows that ask at the batch runs in ``(start, end]``."""
        rows_asking = self._questions_asked(start, end)
        return rows_asking.filter(rows_asking[_ASKS]).drop_columns([_ASKS])

    def late(self, start: datetime, end: datetime) -> pa.Table:
        """Return nothing: a row asks when it becomes known."""
        return self.in_time(start, end).slice(0, 0)

    def unclear(self, start: datetime, end: datetime) -> pa.Table:
        """Return rows that became known in ``(start, end]`` and do not ask, or for which this is unknown."""
        rows_asking = self._questions_asked(start, end)
        soon = rows_asking.filter(pc.invert(rows_asking[_ASKS])).select([EFFECTIVE, *self._names])
        soon = soon.append_column(REASON, pa.repeat(pa.scalar(TOO_SOON), len(soon)))
        rows = self._versions(self._declared.where)
        seen = self._known_since(rows.filter(rows[WHERE].isnull()), start, end)
        if seen is None:
            return soon
        seen = seen.filter(seen[EFFECTIVE] < seen[UNTIL])
        seen = seen.select(EFFECTIVE, *self._names, **{REASON: ibis.literal(NO_CONDITION)})
        return pa.concat_tables([soon, self._engine.run(seen).cast(soon.schema)])

    def repeat(self, asked: pa.Table) -> pa.Table:
        """Return the rows that asked some questions."""
        runs = asked[EFFECTIVE].cast(pa.timestamp("us", "UTC"))
        rows = self._asking(pc.min(runs).as_py() - MICROSECOND, pc.max(runs).as_py())
        questions = self._engine.arrow(
            "repeated_questions", asked.rename_columns([f"_of_{n}" for n in asked.column_names])
        )
        same = [rows[f"{self._population.name}.{key}"] == questions[f"_of_{key}"] for key in self._keys]
        matched = rows.join(questions, [*same, rows[EFFECTIVE] == questions[f"_of_{EFFECTIVE}"]])
        more = [name for name in asked.column_names if name not in (*self._keys, ASKED, EFFECTIVE)]
        asked_values = {name: matched[f"_of_{name}"] for name in more}
        return self._timed(self._engine.run(matched.select(*rows.columns, **asked_values)))

    # Which rows ask ----------------------------------------------------------

    _last: tuple[Period, pa.Table] | None = None

    @property
    def _declared(self) -> EventPopulation:
        assert isinstance(self._model.population, EventPopulation)
        return self._model.population

    def _asking(self, start: datetime, end: datetime) -> Any:
        """Return the version with which each row would ask, alone in the world, at the runs in ``(start, end]``."""
        rows = self._versions(self._declared.where)
        rows = rows.filter(rows[WHERE]).drop(WHERE)
        corrected = SourceManifest.of(self._artifact).keys_repeat
        seen = self._known_since(rows, self._first(rows, start) if corrected else start, end)
        if seen is None:
            return rows.mutate(**{EFFECTIVE: rows[KNOWN]}).drop(UNTIL).limit(0)
        seen = seen.filter(seen[EFFECTIVE] < seen[UNTIL])
        if corrected:
            key = [f"{self._population.name}.{name}" for name in self._population.key]
            seen = seen.mutate(_first=seen[KNOWN].min().over(ibis.window(group_by=key)))
            seen = seen.filter(seen[KNOWN] == seen["_first"]).drop("_first")
        return seen.filter(seen[EFFECTIVE] > to_micros(start)).drop(UNTIL, RUN_BEFORE)

    def _first(self, rows: Any, start: datetime) -> datetime:
        """Return an instant before the first row became known."""
        known = self._engine.run(rows.aggregate(first=rows[KNOWN].min()))["first"][0].as_py()
        return start if known is None else min(start, from_micros(known) - MICROSECOND)

    def _questions_asked(self, start: datetime, end: datetime) -> pa.Table:
        """Return the rows that would ask at the runs in ``(start, end]``, with whether they do; the last are kept."""
        if self._last is None or self._last[0] != (start, end):
            rows = self._timed(self._engine.run(self._asking(start, end)))
            self._last = ((start, end), rows.append_column(_ASKS, pa.array(self._asks(rows, start))))
        return self._last[1]

    def _asks(self, rows: pa.Table, start: datetime) -> np.ndarray:
        """Return which rows ask, seeing what was asked before."""
        span = self._declared.at_most_once_per
        names = list(dict.fromkeys([*self._entity, *self._order]))
        before = rows.select(names).slice(0, 0)
        if span is not None:
            history = self._versions(self._declared.where)
            earlier = self._asking(self._first(history, start), start).select(*names)
            before = self._engine.run(earlier).cast(before.schema)
        every = pa.concat_tables([before, rows.select(names)])
        entity = each_once(every.select(self._entity))[1]
        numbered = every.append_column("_entity", pa.array(entity))
        order = pc.sort_indices(numbered, [(name, "ascending") for name in ("_entity", *self._order)]).to_numpy()
        asks, runs = np.zeros(len(every), bool), every[EFFECTIVE].to_numpy()
        asks[order] = first_of_each(entity[order], runs[order], (span or MICROSECOND) // MICROSECOND)
        nameless = np.any([pc.is_null(every[name]).to_numpy() for name in self._entity], axis=0)
        is_asking: np.ndarray = (asks | nameless)[len(before) :]
        return is_asking

    @property
    def _entity(self) -> list[str]:
        return [f"{self._population.name}.{key}" for key in self._keys]

    @property
    def _order(self) -> list[str]:
        return [EFFECTIVE, KNOWN, *(f"{self._population.name}.{key}" for key in self._population.key)]

    def _timed(self, rows: pa.Table) -> pa.Table:
        rows = rows.append_column(ASKED, rows[EFFECTIVE])
        return rows.append_column(IS_LATE, pa.repeat(pa.scalar(False), len(rows)))


def first_of_each(entity: Ints, runs: Ints, span: int) -> np.ndarray:
    """Return which questions are asked: of each entity the first, then each that comes `span` or more after the last.

    Parameters
    ----------
    entity, runs
        Sorted by entity, then by batch run. Of several questions of an entity at one run the first counts.
    span
        In the unit of `runs`, at least 1.

    >>> first_of_each(np.array([0, 0, 0, 0, 1]), np.array([1, 1, 5, 8, 5]), 7).tolist()
    [True, False, False, True, True]
    """
    asks = np.zeros(len(runs), bool)
    if not len(runs):
        return asks
    moments, moment = np.unique(runs, return_inverse=True)
    width = len(moments) + 1
    place = entity * width + moment
    following = np.searchsorted(place, entity * width + np.searchsorted(moments, runs + span))
    current = np.flatnonzero(np.diff(entity, prepend=entity[0] - 1))
    while len(current):
        asks[current] = True
        after = following[current]
        within = after < len(runs)
        current = after[within][entity[after[within]] == entity[current[within]]]
    return asks
