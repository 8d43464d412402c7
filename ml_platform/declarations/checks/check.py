"""Checks of all declarations against each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ml_platform.declarations.checks.data import check_feature_table, check_project_file, check_source
from ml_platform.declarations.checks.derived import check_derived
from ml_platform.declarations.checks.model import check_model
from ml_platform.declarations.checks.predictions import check_predictions
from ml_platform.declarations.checks.problems import Problem, Scope
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec


def check_project(spec: ProjectSpec, broken: Collection[str] = ()) -> Iterator[Problem]:
    """Yield everything that is wrong between a project's declarations.

    Parameters
    ----------
    spec
        The declarations that could be read.
    broken
        Those that could not, such as ``sources/orders``; what refers to them is left unchecked.
    """
    scope = Scope(spec, frozenset(broken))
    yield from check_project_file(scope)
    for source in spec.sources.values():
        yield from check_source(scope, source)
        yield from check_predictions(scope, source)
        yield from check_derived(scope, source)
    at_fault: set[str] = set()
    for name, table in spec.feature_tables.items():
        problems = list(check_feature_table(scope, table))
        at_fault.update([NodeName("feature_table", name)] if problems else [])
        yield from problems
    scope = Scope(spec, scope.broken | at_fault)
    for model in spec.models.values():
        yield from check_model(scope, model)
