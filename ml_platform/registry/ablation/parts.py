"""The parts of a model's inputs: its features by source, by feature table, and one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ml_platform.declarations.joins import joined_table
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import expand_features

Kind = Literal["source", "feature table", "feature"]


@dataclass(frozen=True)
class InputPart:
    """Some features of a model, by what they come from."""

    kind: Kind
    name: str
    features: tuple[str, ...]


def input_parts(spec: ProjectSpec, model: ModelSpec, *, with_features: bool) -> list[InputPart]:
    """Return the parts of a model's inputs: sources, feature tables, then features where they are wanted.

    A feature belongs to the source that it is computed from, and to every source that this one is derived from. The
    feature tables of one source are a part each only where there are others beside them.
    """
    parts: dict[tuple[Kind, str], list[str]] = {}
    for feature in expand_features(spec, model):
        for key in _parts_of(spec, model, feature):
            parts.setdefault(key, []).append(feature)
        if with_features:
            parts[("feature", feature)] = [feature]
    order: tuple[Kind, ...] = ("source", "feature table", "feature")
    made = [InputPart(kind, name, tuple(features)) for (kind, name), features in parts.items()]
    return sorted(made, key=lambda part: order.index(part.kind))


def _parts_of(spec: ProjectSpec, model: ModelSpec, feature: str) -> Iterator[tuple[Kind, str]]:
    owner = feature.partition(".")[0]
    joined = joined_table(spec, model, owner)
    if joined is not None:
        yield "feature table", joined.table.name
    source = owner if joined is None else joined.table.source
    for name in _with_inputs(spec, source):
        yield "source", name


def _with_inputs(spec: ProjectSpec, source: str) -> list[str]:
    """Return a source and all that it is derived from; nothing for what is no source, such as a population of ticks."""
    reached: list[str] = []
    waiting = [source]
    while waiting:
        name = waiting.pop()
        if name in spec.sources and name not in reached:
            reached.append(name)
            waiting += spec.sources[name].reader.inputs
    return reached


def without(model: ModelSpec, all_features: tuple[str, ...], removed: tuple[str, ...]) -> ModelSpec:
    """Return the declaration without some features, and without directions that it declares for them."""
    kept = tuple(name for name in all_features if name not in removed)
    algorithms = [
        algorithm.model_copy(
            update={"monotone": {name: way for name, way in algorithm.monotone.items() if name not in removed}}
        )
        for algorithm in (model.algorithm, *model.baselines)
    ]
    return model.model_copy(update={"features": kept, "algorithm": algorithms[0], "baselines": tuple(algorithms[1:])})
