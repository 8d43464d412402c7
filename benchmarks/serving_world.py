"""A project with one online model over 75 features, in one, five or 25 feature tables of one entity."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features_platform import _write, ingest
from worlds import events

if TYPE_CHECKING:
    from ml_platform.project import Project
    from ml_platform.storage.versions import Version

COLUMNS, MODEL = 75, "spend"
_FUNCTIONS = ("mean", "sum", "min", "max", "std")
_MEASURES = ("amount", "a0", "a1", "a2", "a3")
_WINDOWS = ("1d", "7d", "28d")


def served_project(folder: Path, tables: int, entities: int, rows: int, log: str = "written") -> Path:
    """Make, train, deploy and publish; return the project's folder. The version is not evaluated."""
    root = folder / f"project-{tables}-{log}"
    feed = events(folder, rows, entities, days=60)
    about = {"spec_version": 1, "description": "For a benchmark.", "owner": "team:benchmark"}
    now = datetime(2023, 1, 1, tzinfo=UTC) + timedelta(days=60)
    clock = {"simulated_from": now.isoformat().replace("+00:00", "Z")}
    _write(
        root / "project.yaml",
        about | {"name": "benchmark", "currency": "EUR", "entities": {"who": ["entity"]}, "clock": clock},
    )
    types = {"id": "int", "entity": "int", "ts": "timestamp", **dict.fromkeys(_MEASURES, "float")}
    source = {"reader": {"parquet": str(feed)}, "key": ["id"], "event_timestamp": "ts", "known_at": {"delay": "0s"}}
    _write(root / "sources/events.yaml", about | {"name": "events", "columns": types} | source)
    for number, features in enumerate(_shared_out(tables)):
        table = {"name": f"table_{number}", "entity": "who", "source": "events", "refresh": "1h", "publish_delay": "0s"}
        _write(root / f"features/table_{number}.yaml", about | table | {"features": features})
    model = {
        "name": MODEL,
        "task": "regression",
        "population": {"entity": "who", "every": "0 0 * * * UTC", "while": f"not is_null(table_0.{_first()})"},
        "label": {"source": "events", "sum": "amount", "within": "1d"},
        "features": [f"table_{number}.*" for number in range(tables)],
        "split": {"train": "14d", "validate": "5d", "test": "5d"},
        "algorithm": {"name": "lightgbm", "params": {"num_iterations": 300, "num_leaves": 63, "min_data_in_leaf": 20}},
        "value": {"payoff": "-abs(label - prediction)", "do_nothing": "0"},
        "deployment": {"online": {"log": log}},
    }
    _write(root / f"models/{MODEL}.yaml", about | model)
    return _made(root, now)


def _first() -> str:
    return f"{_FUNCTIONS[0]}_{_MEASURES[0]}_{_WINDOWS[-1]}"


def _shared_out(tables: int) -> list[dict[str, Any]]:
    """Return 25 features of three windows each, shared out over tables."""
    every = {
        f"{function}_{measure}": {function: measure, "windows": list(_WINDOWS)}
        for function in _FUNCTIONS
        for measure in _MEASURES
    }
    names = list(every)
    return [{name: every[name] for name in names[number::tables]} for number in range(tables)]


def _made(root: Path, now: datetime) -> Path:
    from ml_platform.datasets.snapshot.build import build_snapshot
    from ml_platform.features.build import build_feature_table
    from ml_platform.models.train import train_model
    from ml_platform.operations.online.publish import publish_online
    from ml_platform.project import open_project
    from ml_platform.storage.versions import register_version

    project = open_project(root)
    inputs = {"sources/events": ingest(project, now)}
    for name in project.spec.feature_tables:
        inputs[f"features/{name}"] = build_feature_table(project, name, inputs["sources/events"]).artifact.id
    snapshot = build_snapshot(project, MODEL, inputs, now).artifact
    trained = train_model(project, MODEL, snapshot.id).artifact
    take_champion(project, register_version(project, MODEL, trained, now), now)
    publish_online(project, inputs, now)
    (root / "inputs.json").write_text(json.dumps({"snapshot": snapshot.id, "online": inputs}))
    (root / "trees.txt").write_bytes(project.store.read(trained.objects["predictor/trees.txt"]))
    return root


def take_champion(project: Project, version: Version, now: datetime) -> None:
    """Make a version the champion, whatever it earns."""
    from ml_platform.registry.champion import champion_ref
    from ml_platform.storage.refs import move_ref, read_ref

    ref = champion_ref(version.model)
    move_ref(
        project.database,
        ref,
        expected=read_ref(project.database, ref),
        to=version.id,
        at=now,
        actor="benchmark",
        action="deploy",
        reason="it is measured",
        facts={"version": version.number},
    )


def keys_of(folder: Path, rows: int, entities: int) -> list[int]:
    """Return entities in an order that follows from nothing."""
    import random

    keys = list(range(entities))
    random.Random(7).shuffle(keys)
    return keys


if __name__ == "__main__":
    import sys

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    arguments = json.loads(sys.argv[1])
    print(served_project(Path(arguments.pop("folder")), **arguments))
