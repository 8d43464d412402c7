"""Tuning as a step: searched once for what decides it, kept, and continued where a process was killed."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

from ml_platform.core.errors import TrainingError
from ml_platform.core.hashing import cache_key
from ml_platform.datasets.leakage.check import require_no_leaks
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.declarations.algorithms import resolve_algorithm
from ml_platform.declarations.fingerprint import deciding_part, project_functions
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.user_code.version import code_version
from ml_platform.models.bundled_code import Code
from ml_platform.models.environment import environment
from ml_platform.models.fit_inputs import fit_declaration
from ml_platform.models.tuning.folds import Fold, folds_of, score_of
from ml_platform.models.tuning.journal import Journal
from ml_platform.models.tuning.search import Progress, best_of, is_spent, search
from ml_platform.models.tuning.trial import Trial
from ml_platform.storage.artifact_kinds.tuning import TuningManifest
from ml_platform.storage.materialization import Materialized

if TYPE_CHECKING:
    from ml_platform.project import Project

KIND = "tuning"


def tune_model(
    project: Project, model_name: str, snapshot_id: str, progress: Progress = lambda number, trial, best: None
) -> Materialized:
    """Search for the parameters of a model's algorithm on the train and validate periods of a snapshot.

    The artifact is of kind ``tuning``. A search that a killed process left is continued: its trials are those of a
    search that was never interrupted.

    Parameters
    ----------
    progress
        Called after each trial with how many there are, the trial, and the best one.

    Raises
    ------
    TrainingError
        Where the declared parameters cannot be fitted.
    LabelLeakage
        When a feature, or the rows themselves, know the label.
    """
    model = project.spec.models[model_name]
    if model.tuning is None:
        raise TrainingError(f"{model_name} declares no tuning. Add tuning with a space.")
    require_no_leaks(project, model_name, snapshot_id, functools.cache(lambda: load_snapshot(project, snapshot_id)))
    key = tuning_key(project, model_name, snapshot_id)
    existing = project.store.find(KIND, key)
    if existing is not None:
        return Materialized(existing, reused=True)
    code = Code.read(project.root, project_functions(project.spec, KIND, model_name), project.state / "code")
    folds = folds_of(project.spec, model, code, load_snapshot(project, snapshot_id, ("train", "validate")))
    journal = Journal(project.state / KIND, key)
    trials = search(model.tuning, lambda params, fold: folds[fold].judge(params), journal, progress)
    made = project.store.add(_manifest(model, folds, trials), key, inputs={"snapshot": snapshot_id})
    journal.remove()
    return Materialized(made, reused=False)


def tuning_key(project: Project, model_name: str, snapshot_id: str) -> str:
    """Return the key of a search: of what is fitted and tried, the rows, the libraries and the machine."""
    model = project.spec.models[model_name]
    inputs = {name: fit_declaration(project.spec, model)[name] for name in ("features", "inputs", "source")}
    libraries = {**environment(model), "optuna": version("optuna")}
    declaration = {"model": model_name, **deciding_part(project.spec, KIND, model_name), **inputs}
    functions = code_version(KIND, project.root, project_functions(project.spec, KIND, model_name))
    return cache_key(KIND, {**declaration, "environment": libraries}, functions, {"snapshot": snapshot_id})


def _manifest(model: ModelSpec, folds: Sequence[Fold], trials: Sequence[Trial]) -> TuningManifest:
    assert model.tuning is not None
    declared, *tried = trials
    best = best_of(trials)
    manifest = TuningManifest(
        model=model.name,
        algorithm=resolve_algorithm(model.algorithm.name, model.task),
        score=score_of(model),
        folds=tuple(fold.facts for fold in folds),
        declared=declared.facts,
        trials=tuple(trial.facts for trial in tried),
        params=dict(best.params),
        ended="budget" if len(tried) < model.tuning.trials and is_spent(model.tuning, trials) else "trials",
        seconds=tuple(round(trial.seconds, 3) for trial in trials),
        environment={**environment(model), "optuna": version("optuna")},
    )
    return manifest if best is declared else manifest.but(best=tried.index(best))
