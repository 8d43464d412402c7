"""A look at the data before the first run: what the split, the label and the features of each model would be.

Sources are read and snapshots are made as a run makes them, in a folder of this process that is removed afterwards, or
by the next process where this one is killed (`scratch_folder`): nothing of the project is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from ml_platform.core.engines.scratch import scratch_folder
from ml_platform.core.errors import PlatformError
from ml_platform.core.private_files import private_temporary_folder
from ml_platform.datasets.snapshot.boundaries import PARTS
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.read import Snapshot, load_snapshot
from ml_platform.declarations.graph import Node, build_graph
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import Storage
from ml_platform.features.build import build_feature_table
from ml_platform.project import Project
from ml_platform.sources.ingest import ingest_source


@dataclass(frozen=True)
class PeriodData:
    """One period of the split.

    Attributes
    ----------
    entities
        How many different entities its rows are about.
    label
        The share of each class, or the mean of numbers as ``mean``.
    """

    rows: int
    entities: int
    label: Mapping[str, float]


@dataclass(frozen=True)
class ModelData:
    """What the data are like for one model.

    Attributes
    ----------
    problem
        Why no snapshot can be made; the rest is empty then.
    periods
        By name of the period: train, validate, test.
    excluded
        How many rows are left out, by reason.
    nulls
        The share of nulls of each column that has some, the largest first.
    first
        The first batch run that has rows; `starts` is the first one of the train period.
    bytes
        How much memory the rows take; training holds a few copies of them.
    seconds
        How long the look took, with the sources and feature tables that were not read before.
    """

    model: str
    problem: str | None = None
    periods: Mapping[str, PeriodData] | None = None
    excluded: Mapping[str, int] | None = None
    nulls: Mapping[str, float] | None = None
    starts: datetime | None = None
    first: datetime | None = None
    bytes: int = 0
    seconds: float = 0.0

    @property
    def uncovered(self) -> timedelta:
        """How long the beginning of the train period is that has no rows."""
        if self.starts is None or self.first is None:
            return timedelta(0)
        return max(self.first - self.starts, timedelta(0))


def look_at_data(project: Project, now: datetime) -> Iterator[ModelData]:
    """Yield what the data are like for each model, as a training at `now` would have them."""
    with scratch_folder(private_temporary_folder()) as folder:
        storage = Storage(state=str(folder))
        spec = replace(project.spec, file=project.spec.file.model_copy(update={"storage": storage}))
        yield from _Look(Project(spec), now).models()


class _Look:
    def __init__(self, project: Project, now: datetime) -> None:
        self._project, self._now = project, now
        self._nodes = {node.name: node for node in build_graph(project.spec)}
        self._ids: dict[NodeName, str] = {}
        self._problems: dict[NodeName, str] = {}

    def models(self) -> Iterator[ModelData]:
        for name, model in self._project.spec.models.items():
            begun = monotonic()
            node = self._nodes[NodeName("snapshot", name)]
            self._make(node)
            if node.name in self._problems:
                yield ModelData(name, self._problems[node.name])
                continue
            snapshot = load_snapshot(self._project, self._ids[node.name])
            yield replace(self._described(model, snapshot), seconds=monotonic() - begun)

    def _make(self, node: Node) -> None:
        """Make a node after those that it is made from; a node that cannot be made gets a problem."""
        if node.name in self._ids or node.name in self._problems:
            return
        for above in node.inputs:
            self._make(self._nodes[above])
            if above in self._problems:
                self._problems[node.name] = self._problems[above]
                return
        try:
            self._ids[node.name] = self._made(node)
        except PlatformError as error:
            self._problems[node.name] = f"{node.name}: {error}"

    def _made(self, node: Node) -> str:
        if node.name.kind == "source":
            return ingest_source(self._project, node.subject, self._now).made.artifact.id
        if node.name.kind == "feature_table":
            (source,) = (self._ids[name] for name in node.inputs)
            return build_feature_table(self._project, node.subject, source).artifact.id
        if node.name.kind == "snapshot":
            inputs = {str(name): self._ids[name] for name in node.inputs}
            as_of = self._now.replace(second=0, microsecond=0)
            return build_snapshot(self._project, node.subject, inputs, as_of).artifact.id
        raise PlatformError(f"{node.name} needs what runs have made. Run the project first")

    def _described(self, model: ModelSpec, snapshot: Snapshot) -> ModelData:
        keys, about = list(self._project.spec.file.entities[model.population.entity]), snapshot.about
        periods = {}
        for part in PARTS:
            rows = snapshot.part(part)
            entities = len(rows.drop_duplicates(keys))
            periods[str(part)] = PeriodData(len(rows), entities, _label_figures(about["label"][part], len(rows)))
        nulls = {name: share for name, share in about["nulls"].items() if share}
        return ModelData(
            model.name,
            None,
            periods,
            {reason: rows for reason, rows in about["dropped"].items() if rows},
            dict(sorted(nulls.items(), key=lambda item: -item[1])),
            next(model.batch.after(snapshot.boundaries.train_start)),
            snapshot.frame["effective_time"].iloc[0].to_pydatetime(),
            int(snapshot.frame.memory_usage(deep=True).sum()),
        )


def _label_figures(facts: Mapping[str, Any], rows: int) -> Mapping[str, float]:
    if "classes" in facts:
        return {name: count / rows for name, count in facts["classes"].items()}
    return {"mean": facts["mean"]}
