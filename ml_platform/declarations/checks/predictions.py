"""Checks of sources that read a model's predictions: the model, the columns, what follows from the log, circles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from ml_platform.core.errors import DeclarationCycle, FaultKind, suggest
from ml_platform.declarations.checks.problems import Place, Problem, Scope
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.prediction_columns import is_class_score, logged_columns
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import feature_tables_of
from ml_platform.declarations.source import SourceSpec

_PLACE: Place = ("reader", "predictions")


def check_predictions(scope: Scope, source: SourceSpec) -> Iterator[Problem]:
    """Yield what is wrong with a source of predictions; nothing for any other."""
    name = source.reader.model
    if name is None:
        return
    yield from _check_log_answers(source)
    if name not in scope.names("models"):
        text = f"there is no model {name}. {suggest(name, scope.names('models'))}"
        yield Problem(NodeName("source", source.name), _PLACE, text, kind=FaultKind.UNKNOWN_NAME)
    elif name in scope.spec.models:
        yield from _check_columns(scope, source, scope.spec.models[name])
        yield from check_circle(scope.spec, source, _PLACE)


def _check_log_answers(source: SourceSpec) -> Iterator[Problem]:
    """Yield a problem for each key that differs from what the log defines."""
    text = "follows from the prediction log: one row for each prediction, known when it was scored. Remove it"
    yield from check_answers(source, text)


def _check_columns(scope: Scope, source: SourceSpec, model: ModelSpec) -> Iterator[Problem]:
    if scope.columns_of(model) is None:
        return  # the types of its key are not known
    logged = logged_columns(scope.spec, model)
    for name, column in source.columns.items():
        kind = "float" if is_class_score(model, name) else logged.get(name)
        if kind is None:
            text = f"{model.name} logs no {name}. {suggest(name, logged)}"
            yield Problem(NodeName("source", source.name), ("columns", name), text, kind=FaultKind.UNKNOWN_NAME)
        elif column.type != kind:
            text = f"is {kind} in the log of {model.name}, found {column.type}. Write {kind}"
            yield Problem(NodeName("source", source.name), ("columns", name), text, kind=FaultKind.TYPE)


def check_answers(source: SourceSpec, text: str) -> Iterator[Problem]:
    """Yield a problem for each key that differs from what the source's reader defines."""
    declared = source.model_dump(mode="json", exclude_none=True)
    for name, answer in source.reader.answers.items():
        if declared[name] != answer:
            yield Problem(NodeName("source", source.name), (name,), text)


def check_circle(spec: ProjectSpec, source: SourceSpec, place: Place) -> Iterator[Problem]:
    """Yield a problem where a source needs itself; of several sources in one circle, for the first only."""
    path = _circle(spec, NodeName("source", source.name))
    through = [node.subject for node in path if node.kind == "source"]
    if path and source.name == min(name for name in through if _reads_nodes(spec, name)):
        yield Problem(NodeName("source", source.name), place, str(DeclarationCycle(path)), kind=FaultKind.CYCLE)


def _reads_nodes(spec: ProjectSpec, name: str) -> bool:
    return bool(spec.sources[name].reader.model or spec.sources[name].reader.inputs)


def _circle(spec: ProjectSpec, start: NodeName) -> tuple[NodeName, ...]:
    """Return the shortest path by which a node needs itself; nothing where it does not."""
    paths: list[tuple[NodeName, ...]] = [(start,)]
    seen = {start}
    for path in paths:  # grows on the way
        for needed in _needs(spec, path[-1]):
            if needed == start:
                return (*path, start)
            if needed not in seen:
                seen.add(needed)
                paths.append((*path, needed))
    return ()


def _needs(spec: ProjectSpec, node: NodeName) -> Iterator[NodeName]:
    """Yield what a node is made from; the stages of a model count as one node, its predictions."""
    name = node.subject
    if node.kind == "source":
        reader = spec.sources[name].reader if name in spec.sources else None
        model, inputs = (reader.model, reader.inputs) if reader else (None, ())
        yield from [NodeName("predictions", model)] if model in spec.models else []
        yield from (NodeName("source", item) for item in inputs)
    elif node.kind == "feature_table":
        yield NodeName("source", spec.feature_tables[name].source)
    else:
        model_spec = spec.models[name]
        with suppress(KeyError, DeclarationCycle):  # reported with the model
            yield from (NodeName("feature_table", table) for table in feature_tables_of(spec, model_spec))
        yield from (NodeName("source", source) for source in (*model_spec.population.sources, model_spec.label.source))
