"""The questions of a model, whatever kind of population it has."""

from __future__ import annotations

from collections.abc import Mapping

from ml_platform.core.engines import Engine
from ml_platform.datasets.population.events import EventQuestions
from ml_platform.datasets.population.questions import Questions
from ml_platform.datasets.population.rows import RowQuestions
from ml_platform.datasets.population.ticks import TickQuestions
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.populations.events import EventPopulation
from ml_platform.declarations.populations.population import Population
from ml_platform.declarations.populations.rows import RowPopulation
from ml_platform.declarations.populations.ticks import TickPopulation
from ml_platform.project import Project

_KINDS: Mapping[type[Population], type[Questions]] = {
    RowPopulation: RowQuestions,
    TickPopulation: TickQuestions,
    EventPopulation: EventQuestions,
}


def questions_of(project: Project, model: ModelSpec, inputs: Mapping[str, str], engine: Engine) -> Questions:
    """Return the questions of a model."""
    return _KINDS[type(model.population)](project, model, inputs, engine)
