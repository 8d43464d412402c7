"""The population of every entity that qualifies at each tick of a schedule.

The entities of a tick are those of which some row is known then, in the feature tables of the entity that the condition
reads. The condition is read over features as they are known at the tick, by the look-up that all features have. Where
it is null, the entity is not asked about, and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import MICROSECOND, to_micros
from ml_platform.core.expressions import parse_expression
from ml_platform.datasets.exclusions import ASKED, EFFECTIVE, IS_LATE, NO_MEMBERSHIP, REASON
from ml_platform.datasets.feature_columns import required_input, with_feature_columns
from ml_platform.datasets.population.limits import in_sample
from ml_platform.datasets.population.questions import QUALIFIES, Period, Questions
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.populations.ticks import TickPopulation
from ml_platform.features.known_entities import KnownEntities, known_entities
from ml_platform.features.point_in_time import QUESTION, numbered_questions, shared_out
from ml_platform.sources.source_log import KNOWN

ROWS_AT_ONCE = 4_000_000
"""So many pairs of an entity and a tick are looked up together, so that memory does not grow with the ticks."""


class TickQuestions(Questions):
    """One question for each tick and entity that qualifies."""

    name = TickPopulation.name

    are_distinct = True

    def in_time(self, start: datetime, end: datetime) -> pa.Table:
        """Return the entities that qualify at the ticks in ``(start, end]``."""
        evaluated = self._evaluated(start, end)
        return evaluated.filter(evaluated[QUALIFIES]).drop_columns([QUALIFIES])

    def late(self, start: datetime, end: datetime) -> pa.Table:
        """Return nothing: who is not known at a tick is asked about at a later one."""
        return self._evaluated(start, end).slice(0, 0).drop_columns([QUALIFIES])

    def unclear(self, start: datetime, end: datetime) -> pa.Table:
        """Return the ticks in ``(start, end]``, once for each entity whose condition is null."""
        evaluated = self._evaluated(start, end)
        ticks = evaluated.filter(pc.is_null(evaluated[QUALIFIES]))[EFFECTIVE]
        return pa.table({EFFECTIVE: ticks, REASON: pa.repeat(pa.scalar(NO_MEMBERSHIP), len(ticks))})

    def repeat(self, asked: pa.Table) -> pa.Table:
        """Return the entities that were asked about and do qualify."""
        questions = asked
        for key in self._keys:
            questions = questions.append_column(f"{self._population.name}.{key}", asked[key])
        evaluated = self._timed(self._with_condition(self._known_of(questions)))
        return evaluated.filter(evaluated[QUALIFIES]).drop_columns([*self._keys, QUALIFIES])

    def about(self, entities: pa.Table | None, at: datetime) -> pa.Table:
        """Return the entities that are known at a moment, with whether each qualifies then."""
        return self._timed(self._with_condition(self._only(self._named_at(to_micros(at)), entities)))

    def periods(self, start: datetime, end: datetime) -> Iterator[Period]:
        """Yield periods of whole days with as many ticks as are looked up together."""
        ticks = self._model.batch.between(start, end) if start < end else []
        last, rows = start, 0
        for _, day in groupby(ticks, key=datetime.date):
            of_day = list(day)
            more = sum(self._entities.count_at(to_micros(tick)) for tick in of_day)
            if rows and rows + more > ROWS_AT_ONCE:
                before = of_day[0] - MICROSECOND
                yield last, before
                last, rows = before, 0
            rows += more
        yield last, end

    # Who qualifies -----------------------------------------------------------

    @property
    def _declared(self) -> TickPopulation:
        assert isinstance(self._model.population, TickPopulation)
        return self._model.population

    @cached_property
    def _entities(self) -> KnownEntities:
        tables = self._declared.naming(self._project.spec.feature_tables)
        nodes = [NodeName("feature_table", table) for table in tables]
        ids = [required_input(self._inputs, self._model.name, node) for node in nodes]
        artifacts = [self._project.store.get("feature_table", id) for id in ids]
        return known_entities(self._project, artifacts, self._keys)

    def _evaluated(self, start: datetime, end: datetime) -> pa.Table:
        """Return each entity that qualifies at each tick, and those of which this is unknown; the last are kept."""
        if self._last is None or self._last[0] != (start, end):
            ticks = [to_micros(tick) for tick in self._model.batch.between(start, end)] if start < end else []
            parts = [self._with_condition(self._rows_of(some)) for some in self._at_once(ticks)]
            kept = pa.concat_tables([rows.filter(pc.fill_null(rows[QUALIFIES], True)) for rows in parts])
            self._last = ((start, end), self._timed(kept))
        return self._last[1]

    _last: tuple[Period, pa.Table] | None = None

    def _at_once(self, ticks: Sequence[int]) -> Iterator[Sequence[int]]:
        some: list[int] = []
        rows = 0
        for tick in ticks:
            count = self._entities.count_at(tick)
            if some and rows + count > ROWS_AT_ONCE:
                yield some
                some, rows = [], 0
            some.append(tick)
            rows += count
        yield some

    def _rows_of(self, ticks: Sequence[int]) -> pa.Table:
        """Return every entity that is known at each of some ticks and is in the sample, by entity, then by tick.

        This is the order in which features are looked up.
        """
        known, effective = self._entities.at_each(np.array(ticks, np.int64))
        names = [f"{self._population.name}.{key}" for key in self._keys]
        rows = known.rename_columns(names).append_column(EFFECTIVE, pa.array(effective))
        share = self._declared.sample
        return rows if share is None else rows.filter(pa.array(in_sample(rows, names, share)))

    def _named_at(self, tick: int) -> pa.Table:
        """Return every entity that is known at a tick, with the tick."""
        known = self._entities.at(tick).rename_columns([f"{self._population.name}.{key}" for key in self._keys])
        return known.append_column(EFFECTIVE, pa.repeat(pa.scalar(tick, pa.int64()), len(known)))

    def _known_of(self, rows: pa.Table) -> pa.Table:
        """Return those of some rows whose entity is known at their tick."""
        names = [*(f"{self._population.name}.{key}" for key in self._keys), EFFECTIVE]
        known = pa.concat_tables([self._named_at(tick) for tick in pc.unique(rows[EFFECTIVE]).to_pylist()])
        return rows.join(known.cast(rows.select(names).schema), names, join_type="left semi")

    def _with_condition(self, rows: pa.Table) -> pa.Table:
        """Return rows with the features that the condition reads, and whether it holds.

        The other features are looked up for those that qualify alone.
        """
        references = self._declared.references
        rows = with_feature_columns(self._project, self._model, self._inputs, self._engine, rows, references)
        asked = self._engine.arrow("population_entities", numbered_questions(rows.select(references)))
        holds = parse_expression(self._declared.while_).to_ibis(asked)
        answers = self._engine.run(asked.select(QUESTION, **{QUALIFIES: holds}))
        return shared_out(rows, answers, np.arange(len(rows)), self._project.spec.file.threads)

    def _timed(self, rows: pa.Table) -> pa.Table:
        for name in (ASKED, KNOWN):
            if name not in rows.column_names:
                rows = rows.append_column(name, rows[EFFECTIVE])
        return rows.append_column(IS_LATE, pa.repeat(pa.scalar(False), len(rows)))
