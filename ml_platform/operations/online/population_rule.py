"""Whether the entity of a row is in the model's population, by what the online store holds.

The rule is that of training and batch runs (`ml_platform.datasets.membership`), over the published features. What no
published feature shows (``until``, ``max_rows``) leaves the answer open.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa

from ml_platform.core.clock import to_micros
from ml_platform.core.expressions import parse_expression
from ml_platform.core.expressions.row_backend import column_value
from ml_platform.datasets.exclusions import EFFECTIVE, NO_MEMBERSHIP
from ml_platform.datasets.membership import NOT_ASKING, NOT_QUALIFIED, NOT_SAMPLED
from ml_platform.datasets.population.limits import in_sample
from ml_platform.declarations.joins import joins_through
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.population_columns import required_columns
from ml_platform.declarations.populations.ticks import TickPopulation
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import feature_type
from ml_platform.operations.online.lookup import LookedUp

NOT_KNOWN_ONLINE = "not_known_online"
"""Why it is open whether an entity is in a population: a batch run decides with what is not published."""


class Membership(NamedTuple):
    """Whether an entity is in a population; None where that is open. `reason` is "" where it is."""

    in_population: bool | None
    reason: str


class PopulationRule:
    """The rule of a population with ``every``, for one row after the other."""

    def __init__(self, spec: ProjectSpec, model: ModelSpec, names: Sequence[str]) -> None:
        population = model.population
        assert isinstance(population, TickPopulation)
        self._model, self._population = model, population
        joins = {join.alias: join.table.name for join in joins_through(spec, model, population.references)}
        self._naming = {alias for alias, table in joins.items() if table in population.naming(spec.feature_tables)}
        places = {name: place for place, name in enumerate(names)}
        values = {name: column_value(places[name], feature_type(spec, name, model)) for name in population.references}
        self._holds = parse_expression(population.while_).of_row(values).compute
        owner = required_columns(spec, model).name
        keys = [f"{owner}.{key}" for key in spec.file.entities[population.entity]]
        self._keys = {key: places[key] for key in keys}

    @classmethod
    def of(cls, spec: ProjectSpec, model: ModelSpec, names: Sequence[str]) -> PopulationRule | None:
        """Return the rule for cells in the order of `names`; None where the population is rows of a source."""
        return cls(spec, model, names) if isinstance(model.population, TickPopulation) else None

    def of_row(self, matching: LookedUp, at: datetime) -> Membership:
        """Return whether the entity of a row that was looked up is in the population, at the published ticks."""
        for state in matching.tables:
            if state.has_history and state.alias in self._naming:
                break
        else:
            return Membership(False, NOT_ASKING)
        holds = self._holds(matching.cells)
        if holds is not True:
            return Membership(False, NO_MEMBERSHIP if holds is None else NOT_QUALIFIED)
        if self._population.sample is not None and not self._is_in_sample(matching.cells, at):
            return Membership(False, NOT_SAMPLED)
        if self._population.until is not None or self._population.max_rows is not None:
            return Membership(None, NOT_KNOWN_ONLINE)
        return Membership(True, "")

    def _is_in_sample(self, cells: Sequence[Any], at: datetime) -> bool:
        """Return whether it is drawn at the last batch run."""
        columns = {name: pa.array([cells[place]]) for name, place in self._keys.items()}
        run = pa.array([to_micros(self._model.batch.last(at))], pa.int64())
        return bool(in_sample(pa.table({**columns, EFFECTIVE: run}), list(self._keys), self._population.sample)[0])
