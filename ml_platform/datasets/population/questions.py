"""What every kind of population answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import ClassVar

import pyarrow as pa

from ml_platform.core.engines import Engine
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.population_columns import required_columns
from ml_platform.project import Project

QUALIFIES = "_qualifies"
Period = tuple[datetime, datetime]
"""Batch runs in ``(start, end]``."""


class Questions(ABC):
    """The questions of a model at its batch runs, from given inputs, on one engine. Extend it in one file a kind.

    A question has the population's own columns, such as ``source.column``, ``_asked`` (its prediction time),
    ``_effective`` (the batch run) and ``_known`` in microseconds, and whether it is ``_late``.
    """

    name: ClassVar[str]
    """The kind of population that asks: the key that only it has."""
    are_distinct = False
    """Whether no two questions are about one entity at one batch run, and each has the entity's key."""

    def __init__(self, project: Project, model: ModelSpec, inputs: Mapping[str, str], engine: Engine) -> None:
        self._project, self._model, self._inputs, self._engine = project, model, inputs, engine
        self._population = required_columns(project.spec, model)
        self._keys = project.spec.file.entities[model.population.entity]

    @abstractmethod
    def in_time(self, start: datetime, end: datetime) -> pa.Table:
        """Return the questions whose batch run lies in ``(start, end]``, as known at that run."""

    @abstractmethod
    def late(self, start: datetime, end: datetime) -> pa.Table:
        """Return questions that became known after their batch run, at the first run in ``(start, end]`` that knows.

        What was asked in time, or counted here at an earlier run, is not among them.
        """

    @abstractmethod
    def unclear(self, start: datetime, end: datetime) -> pa.Table:
        """Return what became known in ``(start, end]`` where it is unknown whether it is asked: run and reason.

        With the columns of the entity's key and of the row's own, only what is in the sample is counted.
        """

    @abstractmethod
    def repeat(self, asked: pa.Table) -> pa.Table:
        """Return questions that were asked, with the columns of `asked` beside those of a question.

        Parameters
        ----------
        asked
            The entity's key, ``_asked`` and ``_effective`` in microseconds, and columns that no question has.
        """

    @abstractmethod
    def about(self, entities: pa.Table | None, at: datetime) -> pa.Table:
        """Return the questions about entities at a moment, each with whether it ``_qualifies``.

        Parameters
        ----------
        entities
            With the entity's key; None means all.
        """

    def _only(self, rows: pa.Table, entities: pa.Table | None) -> pa.Table:
        """Return the rows about some entities."""
        if entities is None:
            return rows
        names = [f"{self._population.name}.{key}" for key in self._keys]
        known = entities.select(list(self._keys)).rename_columns(names).cast(rows.select(names).schema)
        return rows.join(known, names, join_type="left semi")

    def periods(self, start: datetime, end: datetime) -> Iterator[Period]:
        """Yield the periods, of whole UTC days, whose questions fit into memory together: here, all in one."""
        yield start, end

    def count(self, start: datetime, end: datetime) -> int:
        """Return how many questions `in_time` are."""
        return len(self.in_time(start, end))

    def late_count(self, start: datetime, end: datetime) -> int:
        """Return how many questions are `late`."""
        return len(self.late(start, end))
