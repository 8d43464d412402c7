"""The questions of a model, whatever kind of population it has."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ml_platform.core.engines import Engine
from ml_platform.core.variants import find_variants
from ml_platform.datasets import population
from ml_platform.datasets.population.questions import Questions
from ml_platform.declarations.model import ModelSpec
from ml_platform.project import Project


@cache
def question_kinds() -> Mapping[str, type[Questions]]:
    """Return the questions of each kind of population, by the key that only it has."""
    return find_variants(population, Questions, "ml_platform.questions")


def questions_of(project: Project, model: ModelSpec, inputs: Mapping[str, str], engine: Engine) -> Questions:
    """Return the questions of a model."""
    return question_kinds()[model.population.name](project, model, inputs, engine)
