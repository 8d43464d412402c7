"""A small project whose models answer: random rows, published features, champions fitted on made-up rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ml_platform.declarations.rollout import RolloutStage
from ml_platform.models.fit_inputs import inputs_of as predictor_inputs
from ml_platform.models.train import train_model
from ml_platform.operations.online.publish import online_store, publish_online
from ml_platform.operations.predictions.compact_online import compact_online_log
from ml_platform.project import Project, open_project
from ml_platform.registry.rollout import begin_rollout
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.prediction_log import read_predictions
from ml_platform.storage.versions import Version, register_version
from tests.features.world import at
from tests.models.rows import HandMadeSnapshot, keep_snapshots
from tests.operations.monitoring.hand_made_world import appoint
from tests.operations.online.worlds import BY_ROWS, BY_TICKS, inputs_of, project_of, random_rows

NOW = at(20)
YES: dict[str, Any] = {
    **BY_ROWS,
    "task": "binary",
    "label": {"source": "orders", "expression": "amount > 0", "horizon": "2h"},
    "value": {"actions": {"offer": "label * items - 1", "wait": "0"}, "do_nothing": "wait"},
}
KIND: dict[str, Any] = {
    **BY_TICKS,
    "task": "multiclass",
    "label": {"source": "sales", "mode": "kind", "within": "1d", "settle": "6h"},
    "value": {"actions": {"x": "where(label == 'x', 2, -1)", "wait": "0"}, "do_nothing": "wait"},
}
MODELS = {"by_rows": BY_ROWS, "by_ticks": BY_TICKS, "yes": YES, "kind": KIND}
LABELS = {"by_rows": "number", "by_ticks": "number", "yes": "truth", "kind": "text"}


@dataclass
class ServedWorld:
    """A project that answers.

    Attributes
    ----------
    inputs
        Ids of artifacts by node.
    """

    project: Project
    inputs: dict[str, str]
    patch: pytest.MonkeyPatch

    def deploy(self, model: str, seed: int = 0) -> Version:
        """Train a model on made-up rows and make it the champion."""
        return appoint(self.project, model, self.trained(model, seed), self.project.clock.now())

    def roll_out(self, model: str, seed: int, *stages: dict[str, Any]) -> Version:
        """Train a model on made-up rows and make it the candidate of a rollout."""
        now = self.project.clock.now()
        version = register_version(self.project, model, self.trained(model, seed), now)
        read = [RolloutStage.model_validate(stage) for stage in stages]
        begin_rollout(self.project, version, "no evaluation", read, "test", now)
        return version

    def trained(self, model: str, seed: int) -> Artifact:
        """Train a model on made-up rows."""
        name = f"{model}{seed}"
        parts = {part: made_up_rows(self.project, model, seed * 10 + place) for place, part in enumerate(_PARTS)}
        keep_snapshots(self.patch, {name: HandMadeSnapshot(parts)})
        return train_model(self.project, model, name).artifact


VISITS = """\
spec_version: 1
name: visits
description: Visits of the web shop, as they happen.
owner: team:shop
reader: {streaming: true}
key: [id]
event_timestamp: visited_at
columns:
  id: int
  customer: {type: int, required: true}
  visited_at: timestamp
  page: string
  seconds: float
  logged_in: bool
"""
_PARTS = ("train", "validate", "test")


def served_world(
    directory: Path,
    patch: pytest.MonkeyPatch,
    models: Sequence[str] = tuple(MODELS),
    *,
    store: str | None = None,
    **changes: Any,
) -> ServedWorld:
    """Return a project of some models with a champion each, and with everything published.

    Parameters
    ----------
    store
        The URL of the online store; None for a folder.
    changes
        More of ``deployment.online`` for every model.
    """
    online = {"batch": "0 * * * * UTC", "online": changes or True}
    declared = {name: {**MODELS[name], "deployment": online} for name in models}
    for name in models:
        if "every" in declared[name]["population"]:
            declared[name]["deployment"] = {"online": changes or True}
        declared[name]["algorithm"] = {"name": "lightgbm", "params": {"num_iterations": 5, "min_data_in_leaf": 5}}
    clock = {"simulated_from": NOW.isoformat().replace("+00:00", "Z")}
    project_of(directory, random_rows(1), declared, clock=clock, **({"storage": {"online": store}} if store else {}))
    (directory / "sources/visits.yaml").write_text(VISITS)
    project = open_project(directory)
    world = ServedWorld(project, inputs_of(project, at(60)), patch)
    publish_online(project, world.inputs, NOW)
    for name in models:
        world.deploy(name)
    return world


def made_up_rows(project: Project, model: str, seed: int, count: int = 200) -> pd.DataFrame:
    """Return rows of a model's frame with values of every kind, and a label that has something to do with them."""
    drawn = random.Random(seed)
    spec = project.spec.models[model]
    columns: dict[str, list[Any]] = {}
    for column in predictor_inputs(project.spec, spec, spec.algorithm):
        columns[column.name] = [_value(column.type, drawn) for _ in range(count)]
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    for column in predictor_inputs(project.spec, spec, spec.algorithm):
        types: dict[str, Any] = {"int": "Int64", "float": "float64", "bool": "boolean", "string": object}
        frame[column.name] = frame[column.name].astype(types.get(column.type, "datetime64[us, UTC]"))
    numbers = frame.select_dtypes("number").fillna(0).astype("float64").clip(-10, 10).sum(axis=1)
    label: Any = numbers
    if LABELS[model] == "truth":
        label = numbers > numbers.median()
    if LABELS[model] == "text":
        label = pd.cut(numbers, [-1e9, *numbers.quantile([0.33, 0.66]), 1e9], labels=["x", "y", "z"]).astype(object)
    when = pd.Series(pd.date_range("2024-04-01", periods=count, freq="h", tz="UTC")).astype("datetime64[us, UTC]")
    return frame.assign(prediction_time=when, effective_time=when, label=label)


def _value(kind: str, drawn: random.Random) -> Any:
    if drawn.random() < 0.1:
        return None
    values = {
        "int": lambda: drawn.randrange(-3, 9),
        "float": lambda: drawn.gauss(0, 3),
        "bool": lambda: drawn.random() < 0.5,
        "string": lambda: drawn.choice(["x", "y", "ä\0z"]),
        "timestamp": lambda: datetime(2024, 4, 1, tzinfo=UTC) + timedelta(hours=drawn.randrange(500)),
    }
    return values[kind]()


def close(world: ServedWorld) -> None:
    """Give back what the online store holds in this process."""
    online_store(world.project).close()


def rows_logged(world: ServedWorld) -> int:
    compact_online_log(world.project, NOW)
    return len(read_predictions(world.project, "by_rows", at(0), at(100)))
