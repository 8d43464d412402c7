"""The population of a source's rows: each is asked about at the last batch run at or before its prediction time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import MICROSECOND
from ml_platform.datasets.batch_runs import batch_runs
from ml_platform.datasets.exclusions import (
    ASKED,
    EFFECTIVE,
    IS_LATE,
    NO_CONDITION,
    NO_TIME,
    REASON,
    WHERE,
)
from ml_platform.datasets.population.source_rows import RUN_BEFORE, SourceQuestions
from ml_platform.declarations.populations.rows import RowPopulation
from ml_platform.sources.source_log import KNOWN, UNTIL


class RowQuestions(SourceQuestions):
    """One question for each row of a source."""

    name = RowPopulation.name

    def in_time(self, start: datetime, end: datetime) -> pa.Table:
        """Return the rows whose batch run lies in ``(start, end]``, as known at that run."""
        return self._engine.run(self._in_time(start, end))

    def late(self, start: datetime, end: datetime) -> pa.Table:
        """Return rows that became known after their batch run, at the first run in ``(start, end]`` that knows them."""
        return self._engine.run(self._late(start, end))

    def unclear(self, start: datetime, end: datetime) -> pa.Table:
        """Return rows that became known in ``(start, end]`` where it is unknown whether, or when, they are asked."""
        return self._engine.run(self._unclear(start, end))

    def repeat(self, asked: pa.Table) -> pa.Table:
        """Return the rows that asked some questions, in time or late."""
        runs = asked[EFFECTIVE].cast(pa.timestamp("us", "UTC"))
        first, last = pc.min(runs).as_py() - MICROSECOND, pc.max(runs).as_py()
        rows = self._in_time(first, last).union(self._late(first, last))
        named = asked.rename_columns([f"_of_{name}" if name in self._renamed else name for name in asked.column_names])
        questions = self._engine.arrow("repeated_questions", named)
        same = [rows[f"{self._population.name}.{key}"] == questions[f"_of_{key}"] for key in self._keys]
        same += [rows[name] == questions[f"_of_{name}"] for name in (EFFECTIVE, ASKED)]
        matched = rows.join(questions, same)
        return self._engine.run(matched.drop(*(f"_of_{name}" for name in self._renamed)))

    def count(self, start: datetime, end: datetime) -> int:
        """Return how many rows there are in time."""
        return self._counted(self._in_time(start, end))

    def late_count(self, start: datetime, end: datetime) -> int:
        """Return how many rows came late."""
        return self._counted(self._late(start, end))

    def _counted(self, rows: Any) -> int:
        return int(self._engine.run(rows.aggregate(rows=rows.count()))["rows"][0].as_py())

    @property
    def _renamed(self) -> tuple[str, ...]:
        return (*self._keys, EFFECTIVE, ASKED)

    @property
    def _declared(self) -> RowPopulation:
        assert isinstance(self._model.population, RowPopulation)
        return self._model.population

    def _in_time(self, start: datetime, end: datetime) -> Any:
        """Return the population's rows whose batch run lies in ``(start, end]``, as known at that run, for Ibis.

        The population's columns are called ``source.column``; ``_asked`` and ``_effective`` are in microseconds.
        """
        rows, runs = self._asking(), batch_runs(self._model.batch, start, end)
        rows = rows.filter(rows[WHERE] & rows[ASKED].notnull())
        if len(runs) == 0:
            return self._none(rows)
        first, last = runs["run"][0].as_py(), runs["next_run"][-1].as_py()
        rows = rows.filter((rows[ASKED] >= first) & (rows[ASKED] < last))
        known_runs = self._engine.arrow("batch_runs", runs)
        at_runs = rows.asof_join(known_runs, on=rows[ASKED] >= known_runs["run"])
        at_runs = at_runs.select(*rows.columns, **{EFFECTIVE: at_runs["run"]})
        in_time = at_runs.filter((at_runs[KNOWN] <= at_runs[EFFECTIVE]) & (at_runs[EFFECTIVE] < at_runs[UNTIL]))
        return in_time.mutate(**{IS_LATE: ibis.literal(False)}).drop(UNTIL, WHERE)

    def _late(self, start: datetime, end: datetime) -> Any:
        """Return rows that became known after their batch run, at the first run in ``(start, end]`` that knows them.

        A version of a row that was asked about in time, or counted here at an earlier run, is not among them.
        """
        rows = self._asking()
        rows = rows.filter(rows[WHERE] & rows[ASKED].notnull())
        seen = self._known_since(rows, start, end)
        if seen is None:
            return self._none(rows)
        key = [f"{self._population.name}.{name}" for name in self._population.key]
        late = seen.filter((seen[ASKED] < seen[EFFECTIVE]) & (seen[EFFECTIVE] < seen[UNTIL]))
        before = rows.select(**{f"_{name}": rows[name] for name in key}, _before=rows[KNOWN], _pending=rows[ASKED])
        both = late.inner_join(before, [late[name] == before[f"_{name}"] for name in key])
        answered = both.filter((both["_before"] <= both[RUN_BEFORE]) & (both["_pending"] < both[EFFECTIVE]))
        late = late.anti_join(answered.select(*key, KNOWN).distinct(), [*key, KNOWN])
        return late.mutate(**{IS_LATE: ibis.literal(True)}).drop(UNTIL, WHERE, RUN_BEFORE)

    def _unclear(self, start: datetime, end: datetime) -> Any:
        """Return rows that became known in ``(start, end]`` where it is unknown whether, or when, they are asked."""
        rows = self._asking()
        rows = rows.filter(rows[WHERE].isnull() | (rows[WHERE] & rows[ASKED].isnull()))
        seen = self._known_since(rows, start, end)
        if seen is None:
            return self._none(rows).select(EFFECTIVE, *self._names, **{REASON: ibis.literal(NO_TIME)})
        reason = ibis.ifelse(seen[WHERE].isnull(), ibis.literal(NO_CONDITION), ibis.literal(NO_TIME))
        return seen.select(EFFECTIVE, *self._names, **{REASON: reason})

    def _asking(self) -> Any:
        """Return every version of the population's rows, with ``_asked`` and whether ``where`` holds."""
        return self._versions(self._declared.where, self._declared.prediction_time)

    def _none(self, rows: Any) -> Any:
        return rows.mutate(**{EFFECTIVE: rows[ASKED], IS_LATE: ibis.literal(False)}).limit(0).drop(UNTIL, WHERE)
