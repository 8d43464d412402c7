"""What the populations have in common that are made of a source's rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import ibis
import pyarrow as pa

from ml_platform.core.clock import MICROSECOND, to_micros
from ml_platform.core.engines.ibis_functions import epoch_us
from ml_platform.core.expressions import parse_expression
from ml_platform.datasets.batch_runs import batch_runs
from ml_platform.datasets.exclusions import ASKED, EFFECTIVE, WHERE
from ml_platform.datasets.feature_columns import required_input
from ml_platform.datasets.population.limits import is_scored_late
from ml_platform.datasets.population.questions import QUALIFIES, Questions
from ml_platform.sources.source_log import KNOWN, UNTIL, source_versions
from ml_platform.storage.manifest import Artifact

RUN_BEFORE = "_run_before"


class SourceQuestions(Questions):
    """Questions that rows of a source ask."""

    @property
    def _artifact(self) -> Artifact:
        id = required_input(self._inputs, self._model.name, self._population.node)
        return self._project.store.get("source", id)

    @property
    def _names(self) -> Sequence[str]:
        """The columns of questions with the entity's key, then those with the row's own."""
        every = (*self._keys, *self._population.key)
        return tuple(dict.fromkeys(f"{self._population.name}.{key}" for key in every))

    def about(self, entities: pa.Table | None, at: datetime) -> pa.Table:
        """Return the rows about entities that ask at the last batch run at or before a moment; all qualify."""
        run = self._model.batch.last(at)
        came_late = self.late(run - MICROSECOND, run)
        in_time = self.in_time(run - MICROSECOND, run)
        came_late = came_late.filter(is_scored_late(self._model, came_late)).select(in_time.column_names)
        rows = self._only(pa.concat_tables([in_time, came_late.cast(in_time.schema)]), entities)
        return rows.append_column(QUALIFIES, pa.repeat(pa.scalar(True), len(rows)))

    def _versions(self, where: str | None, asked: str | None = None) -> Any:
        """Return every version of the population's rows, for Ibis, with whether a condition holds.

        Parameters
        ----------
        asked
            An expression that gives the ``_asked`` of each.
        """
        rows = source_versions(
            self._engine, self._project.store, self._artifact, self._population.key, "population_rows"
        )
        holds = ibis.literal(True) if where is None else parse_expression(where).to_ibis(rows)
        population_values = {f"{self._population.name}.{column}": rows[column] for column in self._population.columns}
        when = {} if asked is None else {ASKED: epoch_us(parse_expression(asked).to_ibis(rows))}
        return rows.select(KNOWN, UNTIL, **population_values, **when, **{WHERE: holds})

    def _known_since(self, rows: Any, start: datetime, end: datetime) -> Any | None:
        """Return rows that became known after the run before ``(start, end]``, with the first run that knows each."""
        runs = batch_runs(self._model.batch, start, end)
        if len(runs) == 0:
            return None
        previous = to_micros(self._model.batch.last(start))
        after = pa.array([previous, *runs["run"].to_pylist()[:-1]], pa.int64())
        known_runs = self._engine.arrow("runs_that_know", pa.table({RUN_BEFORE: after, "_knows": runs["run"]}))
        rows = rows.filter((rows[KNOWN] > previous) & (rows[KNOWN] <= runs["run"][-1].as_py()))
        rows = rows.mutate(_before=rows[KNOWN] - 1)
        at_runs = rows.asof_join(known_runs, on=rows["_before"] >= known_runs[RUN_BEFORE])
        names = [name for name in rows.columns if name != "_before"]
        return at_runs.select(*names, RUN_BEFORE, **{EFFECTIVE: at_runs["_knows"]})
