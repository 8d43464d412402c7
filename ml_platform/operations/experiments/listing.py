"""The experiments of a project: reading their records, and removing one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_platform.operations.experiments.space import ExperimentError, Space, find_space, names_of, spaces_of
from ml_platform.project import Project


@dataclass(frozen=True)
class Experiment:
    """One experiment as it was recorded.

    Attributes
    ----------
    record
        What `ml_platform.operations.experiments.launch` wrote: JSON types. Nothing for one that was cut short.
    """

    space: Space
    record: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name."""
        return self.space.name

    @property
    def state(self) -> str:
        """Its outcome, in a word or a sentence."""
        if not self.record:
            return "not finished"
        problems = [str(model["problem"]) for model in self.record["models"] if model.get("problem")]
        problem = self.record["problem"] or (problems[0] if problems else None)
        return f"failed: {problem}" if problem else "done"

    def models(self) -> dict[str, Mapping[str, Any]]:
        """Return the results by model, without models that could not be made."""
        return {model["model"]: model for model in self.record.get("models", ()) if not model.get("problem")}

    def summary(self) -> list[dict[str, Any]]:
        """Return one row of plain values for each model: its problem, or its comparison with the live version."""
        rows = []
        for model in self.record.get("models", ()):
            live, paired = model.get("live") or {}, model.get("paired") or {}
            gain = paired.get("difference") or {}
            ends = {"more": gain.get("amount"), "low": gain.get("low"), "high": gain.get("high")}
            made = {"trained_model": model.get("trained_model"), "trained_now": model.get("trained_now")}
            about = {"model": model["model"], "problem": model.get("problem"), "live": live.get("version")}
            rows.append({**about, **ends, "rows": paired.get("rows"), **made})
        return rows

    def result(self, model: str | None = None) -> Mapping[str, Any]:
        """Return the result of a model; of its only model where none is named.

        Raises
        ------
        ExperimentError
        """
        results = self.models()
        if not results:
            raise ExperimentError(f"experiment {self.name} has no result: it {self.state}.")
        if model is None and len(results) > 1:
            raise ExperimentError(f"experiment {self.name} has the models {', '.join(results)}. Name one with --model.")
        name = model or next(iter(results))
        if name not in results:
            raise ExperimentError(f"experiment {self.name} has no result of {name}; it has {', '.join(results)}.")
        return results[name]


def experiment_named(project: Project, name: str) -> Experiment:
    """Return an experiment.

    Raises
    ------
    ExperimentError
        Where there is none of this name.
    """
    return _read(find_space(project, name))


def list_experiments(project: Project) -> list[Experiment]:
    """Return all experiments of a project, the oldest first, those without a record last."""
    experiments = [_read(Space(name, spaces_of(project) / name)) for name in names_of(project)]
    return sorted(experiments, key=lambda item: (not item.record, item.record.get("at", ""), item.name))


def remove_experiment(project: Project, name: str) -> int:
    """Remove an experiment with all that it made, and return how many bytes that was.

    Raises
    ------
    ExperimentError
        Where there is none of this name.
    """
    space = find_space(project, name)
    size = space.size()
    shutil.rmtree(space.folder)
    return size


def _read(space: Space) -> Experiment:
    try:
        record = json.loads(space.record.read_bytes())
    except FileNotFoundError:
        record = {}
    return Experiment(space, record)
