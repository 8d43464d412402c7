"""Trying a changed project: its models are made and judged, and compared with the live versions on the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ml_platform.core.errors import PlatformError
from ml_platform.core.hashing import format_instant
from ml_platform.core.plain_values import json_value
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.project import Storage
from ml_platform.models.provenance import kept_files, kept_spec
from ml_platform.models.train import training_key
from ml_platform.operations.experiments.declared_keys import judge_of
from ml_platform.operations.experiments.nodes import Maker
from ml_platform.operations.experiments.request import Request, WithoutSecrets
from ml_platform.operations.experiments.rows import earned_rows, write_rows
from ml_platform.operations.experiments.space import Space
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform.registry.evaluation.candidates import DO_NOTHING
from ml_platform.registry.evaluation.evaluate import OTHER_ROWS, evaluate_model
from ml_platform.registry.evaluation.intervals import Interval
from ml_platform.registry.evaluation.paired import (
    FIRST,
    SECOND,
    Acted,
    Paired,
    earlier_rows,
    earned_before,
    judged_rows,
)
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.database import Database, sqlite_url
from ml_platform.storage.layered import LayeredStore
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.manifest_index import ManifestIndex
from ml_platform.storage.redirects import successor
from ml_platform.storage.versions import Version

Emit = Callable[[dict[str, Any]], None]
"""Takes an event: a step that was made, or the result of a model."""


def open_experiment(request: Request, environ: WithoutSecrets) -> Project:
    """Return the changed project over its own store, with production's below it, and over the copied database."""
    space, spec = Space(request.name, Path(request.folder)), load_project(Path(request.project), environ)
    changes = {"storage": Storage(state=str(space.writable)), "alerts": ()}
    file = spec.file.model_copy(update={**changes, "audit": spec.file.audit.model_copy(update={"dirty_tree": "mark"})})
    project, database = Project(replace(spec, file=file)), Database(sqlite_url(Path(request.database)))
    below = ArtifactStore(request.store, space.work / "cache")
    store = LayeredStore(str(space.store), below, space.work / "cache", ManifestIndex(database))
    store.successor = lambda kind, id: successor(database, kind, id)
    project.__dict__.update(store=store, database=database)
    return project


def try_project(project: Project, request: Request, emit: Emit) -> None:
    """Make and judge the models of a request, one after the other, and emit the result of each.

    A model that cannot be made has its problem as result, and the others are tried.
    """

    def report(node: str, reused: bool, seconds: float) -> None:
        emit({"event": "step", "node": node, "reused": reused, "seconds": round(seconds, 3)})

    maker = Maker(project, project.clock.now(), request.ingest, report)
    space = Space(request.name, Path(request.folder))
    for model in request.models:
        try:
            result = _Trial(project, maker, space, model).result()
        except PlatformError as error:
            result = {"model": model, "problem": str(error)}
        emit({"event": "result", **json_value(result)})


class _Trial:
    """One model of an experiment."""

    def __init__(self, project: Project, maker: Maker, space: Space, model: str) -> None:
        self._project, self._maker, self._space, self._model = project, maker, space, model
        self._spec: ModelSpec = project.spec.models[model]

    def result(self) -> dict[str, Any]:
        project, model = self._project, self._model
        id, was_trained = self._maker.trained(model)
        snapshot, trained = self._maker.snapshot(model), project.store.get("trained_model", id)
        evaluation = evaluate_model(project, model, id, snapshot, None).artifact
        about = EvaluationManifest.of(evaluation)
        mine = Acted.on(project, model, trained, judged_rows(project, snapshot))
        facts = {
            "model": model,
            "snapshot": snapshot,
            "as_of": SnapshotManifest.of(project.store.get("snapshot", snapshot)).as_of,
            "trained_model": id,
            "trained_now": was_trained,
            "training_key": training_key(project, model, self._maker.trained_from(model)),
            "until": format_instant(mine.until),
            "unit": project.spec.unit_of_value(model),
            "judge": judge_of(project.spec, model),
            "fixed": self._spec.value.entities == "fixed",
            "horizon_seconds": self._spec.label.horizon.total_seconds(),
            "rows": about.rows,
            "days": about.days,
            "start": about.start,
            "end": about.end,
            "figures": dict(about.figures),
            "rests_on": about.basis.as_json(),
            "notes": list(about.notes),
        }
        self._keep_rows(mine, trained, snapshot)
        return facts | self._against_live(mine, trained, snapshot)

    def _keep_rows(self, mine: Acted, trained: Artifact, snapshot: str) -> None:
        earlier = earlier_rows(self._project, snapshot)
        step = -(-max(len(earlier), 1) // OTHER_ROWS)
        sample = earlier.iloc[::step]
        before = Acted.on(self._project, self._model, trained, sample, step) if len(sample) else mine
        write_rows(self._space.rows(self._model), earned_rows(self._project, mine), earned_rows(self._project, before))

    # The live version -------------------------------------------------------

    def _against_live(self, mine: Acted, trained: Artifact, snapshot: str) -> dict[str, Any]:
        """Return the comparison with the live version, or why there is none."""
        version = champion(self._project, self._model)
        if version is None:
            return {"live": None, "no_comparison": f"no version of {self._model} is live"}
        try:
            return self._compared(version, mine, trained, snapshot)
        except PlatformError as error:
            return {"live": {"version": str(version)}, "no_comparison": str(error)}

    def _compared(self, version: Version, mine: Acted, trained: Artifact, snapshot: str) -> dict[str, Any]:
        project, model = self._project, self._model
        live = project.store.get("trained_model", version.id)
        recorded = kept_spec(project, str(version), kept_files(project, live), self._space.work / f"live-{model}")
        other = project.with_spec(recorded)
        of_live = Maker(other, self._maker.now, (), lambda *_: None).snapshot(model)
        second = Acted.on(project, model, live, judged_rows(other, of_live))
        before = [(trained, earlier_rows(project, snapshot)), (live, earlier_rows(other, of_live))]
        both = Paired.of(project, mine, second, earned_before(project, model, before[0], before[1]))
        figures = both.metrics()
        is_same = judge_of(recorded, model) == judge_of(project.spec, model)
        changed = [
            "Label or payoffs are declared in another way than for the live version: both are judged by those "
            "of the experiment."
        ]
        excluded = f"{both.excluded:,} of {len(mine.keys):,} test rows do not count."
        rows = mine.rows.frame["effective_time"].iloc[both.counted]
        return {
            "live": {"version": str(version), "id": version.id, "figures": figures[1], "gain": _gain(both, SECOND)},
            "paired": {
                "rows": both.earned.rows,
                "days": both.earned.days,
                "start": format_instant(rows.min().to_pydatetime()),
                "end": format_instant(rows.max().to_pydatetime()),
                "figures": figures[0],
                "gain": _gain(both, FIRST),
                "difference": _gain(both, FIRST, SECOND),
                "notes": [*([] if is_same else changed), *([excluded] if both.excluded else [])],
            },
        }


def _gain(both: Paired, name: str, other: str = DO_NOTHING) -> dict[str, Any]:
    interval: Interval = both.earned.difference(name, other).times(both.earned.rows)
    return {"amount": interval.figure, "low": interval.low, "high": interval.high, "basis": interval.basis()}
