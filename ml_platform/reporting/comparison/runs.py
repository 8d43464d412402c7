"""What a comparison of many has: experiments, and versions of a model on the rows of its newest snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ml_platform.core.errors import NotComparable
from ml_platform.declarations.node_name import NodeName
from ml_platform.models.provenance import kept_files
from ml_platform.operations.experiments.declared_keys import declared_keys, judge_of
from ml_platform.operations.experiments.listing import Experiment, experiment_named, list_experiments
from ml_platform.operations.experiments.rows import Periods, earned_rows, read_rows
from ml_platform.operations.experiments.space import names_of
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform.registry.evaluation.candidates import DO_NOTHING
from ml_platform.registry.evaluation.evaluate import OTHER_ROWS
from ml_platform.registry.evaluation.figures import value_figures
from ml_platform.registry.evaluation.intervals import earnings
from ml_platform.registry.evaluation.paired import Acted, earlier_rows, judged_rows
from ml_platform.registry.resolve import version_named
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.outputs import current_output
from ml_platform.storage.versions import Version


@dataclass(frozen=True)
class ExperimentRun:
    """One model of an experiment.

    Attributes
    ----------
    result
        The model's part of the experiment's record.
    """

    experiment: Experiment
    result: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.experiment.name

    @property
    def id(self) -> str:
        """What its money depends on."""
        return f"experiment {self.name} {self.experiment.record['at']}"

    @property
    def judge(self) -> str:
        """What turns its actions into money."""
        return str(self.result["judge"])

    @property
    def figures(self) -> Mapping[str, Any]:
        """Its metrics and its gain over doing nothing on its own test rows."""
        figures: Mapping[str, Any] = self.result["figures"]
        return figures

    @property
    def declared(self) -> Mapping[str, str]:
        """Its declared values by file and key."""
        declared: Mapping[str, str] = self.experiment.record["declared"]
        return declared

    @property
    def until(self) -> np.datetime64:
        """The last row that it was fitted on."""
        return instant64(str(self.result["until"]))

    def rows(self, like: Periods | None = None) -> Periods:
        """Return what its test rows earned, and a sample of earlier ones, as `read_rows` does."""
        return read_rows(self.experiment.space.rows(self.result["model"]), like)


@dataclass(frozen=True)
class VersionRun:
    """A version on the test rows of its model's newest snapshot, by the declaration as it is now."""

    project: Project
    version: Version
    snapshot: str

    @property
    def name(self) -> str:
        """Such as ``late_arrival@3``."""
        return str(self.version)

    @property
    def id(self) -> str:
        """What its money depends on."""
        return f"version {self.version.id} on {self.snapshot} by {self.judge}"

    @property
    def judge(self) -> str:
        """What turns its actions into money."""
        return judge_of(self.project.spec, self.version.model)

    @property
    def until(self) -> np.datetime64:
        """The last row that it was fitted on."""
        return instant64(TrainedModelManifest.of(self.project.store.get("trained_model", self.version.id)).until)

    @cached_property
    def _acted(self) -> Acted:
        trained = self.project.store.get("trained_model", self.version.id)
        return Acted.on(self.project, self.version.model, trained, judged_rows(self.project, self.snapshot))

    def rows(self, like: Periods | None = None) -> Periods:
        """Return what the test rows earned, and a sample of earlier ones."""
        return self._rows

    @cached_property
    def _rows(self) -> Periods:
        project, model = self.project, self.version.model
        trained, earlier = project.store.get("trained_model", self.version.id), earlier_rows(project, self.snapshot)
        step = -(-max(len(earlier), 1) // OTHER_ROWS)
        before = Acted.on(project, model, trained, earlier.iloc[::step], step) if len(earlier) else self._acted
        return earned_rows(project, self._acted), earned_rows(project, before)

    @cached_property
    def figures(self) -> Mapping[str, Any]:
        """Its metrics and its gain over doing nothing on these rows."""
        acted, (test, earlier), spec = self._acted, self._rows, self.project.spec.models[self.version.model]
        every, counted = np.arange(len(test.keys)), ~np.isnan(test.value) & ~np.isnan(test.nothing)
        before = ~np.isnan(earlier.value) & ~np.isnan(earlier.nothing)
        elsewhere = {"version": earlier.value[before], DO_NOTHING: earlier.nothing[before]}
        values = {"version": test.value[counted], DO_NOTHING: test.nothing[counted]}
        earned = earnings(
            values,
            test.days[counted],
            test.entities[counted],
            other_rows=[elsewhere],
            fixed=spec.value.entities == "fixed",
            horizon=spec.label.horizon,
        )
        money = value_figures(earned, "version")
        return {**acted.metrics(every, acted.rows.label), **money}

    @cached_property
    def declared(self) -> Mapping[str, str]:
        """The declared values that it was trained by, by file and key."""
        return declared_keys(kept_files(self.project, self.project.store.get("trained_model", self.version.id)))


def instant64(text: str) -> np.datetime64:
    """Return an instant that is written in UTC."""
    return np.datetime64(text.removesuffix("Z"))


Run = ExperimentRun | VersionRun


def runs_named(project: Project, names: Sequence[str], model: str | None) -> tuple[str, list[Run]]:
    """Return the model that is compared, and its runs by their names.

    Parameters
    ----------
    names
        Of experiments, and of versions such as ``late_arrival@3``; all experiments where none is named.
    model
        The model; needed where experiments have several and no version is named.

    Raises
    ------
    ExperimentError, NoSuchVersion
    NotComparable
        Where they are of several models, or nothing is there to compare.
    """
    known = {*names_of(project)}
    versions = {name: version_named(project, name) for name in names if name not in known and "@" in name}
    experiments = {name: experiment_named(project, name) for name in names if name not in versions}
    if not names:
        experiments = {item.name: item for item in list_experiments(project) if item.models()}
    model = model or _only_model([*versions.values()], [*experiments.values()])
    project.require_model(model)
    runs: dict[str, Run] = {name: _run_of(project, version, model) for name, version in versions.items()}
    for name, item in experiments.items():
        if names or model in item.models():
            runs[name] = ExperimentRun(item, item.result(model))
    if not runs:
        raise NotComparable(f"no experiment has a result of {model}. Try one: ml-platform experiment NAME.")
    return model, [runs[name] for name in dict.fromkeys(names)] if names else list(runs.values())


def live_run(project: Project, model: str) -> VersionRun | None:
    """Return the live version of a model as a run; None where there is none, or no snapshot."""
    version = champion(project, model)
    return None if version is None else _run_of(project, version, model)


def _run_of(project: Project, version: Version, model: str) -> VersionRun:
    if version.model != model:
        raise NotComparable(f"{version} is a version of another model than {model}. Name runs of one model.")
    snapshot = current_output(project.database, NodeName("snapshot", model))
    if snapshot is None:
        raise NotComparable(f"{model} has no snapshot to compare versions on. Run the project first.")
    return VersionRun(project, version, snapshot)


def _only_model(versions: Sequence[Version], experiments: Sequence[Experiment]) -> str:
    models = {version.model for version in versions} or {name for item in experiments for name in item.models()}
    if len(models) == 1:
        return models.pop()
    if not models:
        raise NotComparable("there is no experiment with a result. Try one: ml-platform experiment NAME.")
    raise NotComparable(f"there are runs of the models {', '.join(sorted(models))}. Name one with --model.")
