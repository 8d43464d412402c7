"""Training: a snapshot to a trained model, the same bits every time."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_platform.core.errors import TrainingError, suggest
from ml_platform.core.hashing import cache_key, format_instant
from ml_platform.datasets.leakage.check import require_no_leaks
from ml_platform.datasets.snapshot.read import Snapshot, load_snapshot
from ml_platform.declarations.algorithms import algorithm_faults, resolve_algorithm
from ml_platform.declarations.choice import Choose
from ml_platform.declarations.fingerprint import project_functions
from ml_platform.declarations.model import Algorithm, ModelSpec
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.user_code.version import code_version
from ml_platform.models.bundled_code import Code
from ml_platform.models.choose import climb, ladder_of
from ml_platform.models.environment import environment
from ml_platform.models.fit_inputs import declaration_id, fit_declaration
from ml_platform.models.ladder import BASELINE, DECLARED, Ladder
from ml_platform.models.predictor import Predictor, SavedPredictor
from ml_platform.models.prepare import Prepared, prepare
from ml_platform.models.provenance import declared_files, keep_declared, provenance
from ml_platform.models.refit import refit
from ml_platform.models.tuning.apply import tuned_model
from ml_platform.storage.artifact_kinds.trained_model import (
    PREDICTOR,
    REFITTED,
    Choice,
    FittedLabel,
    MatrixColumnFacts,
    RecordedProvenance,
    Refit,
    TrainedModelManifest,
)
from ml_platform.storage.materialization import Materialized

if TYPE_CHECKING:
    from ml_platform.project import Project

KIND = "trained_model"


def train_model(
    project: Project,
    model_name: str,
    snapshot_id: str,
    before_fit: Callable[[], object] = lambda: None,
    tuning_id: str | None = None,
) -> Materialized:
    """Fit a model's declared algorithm and its baselines on a snapshot.

    The artifact is of kind ``trained_model``. Its id is the hash of the model's name and the fitted state of the
    predictor and of the baselines in normal form; ``about`` has columns, parameters, importances, label, environment.

    Parameters
    ----------
    model_name
        The declaration's name.
    snapshot_id
        The snapshot whose train period is fitted; its validate period serves early stopping and calibration.
    before_fit
        Called once when something is really fitted, and never when the model is there already.
    tuning_id
        The search whose parameters are fitted; None where the declaration has no ``tuning``.

    Raises
    ------
    TrainingError
        When the rows cannot be fitted: one class, no rows, parameters that the algorithm refuses.
    LabelLeakage
        When a feature, or the rows themselves, know the label.
    DirtyTree
        Where files that take part are not committed and the project refuses that.
    """
    inputs = fit_inputs_of(snapshot_id, tuning_id)
    model = tuned_model(project, declared_model(project, model_name), inputs)
    read = functools.cache(lambda: load_snapshot(project, snapshot_id))
    require_no_leaks(project, model_name, snapshot_id, read)
    code = Code.read(project.root, project_functions(project.spec, KIND, model_name), project.state / "code")
    key = training_key(project, model_name, inputs)
    trained = project.store.find(KIND, key)
    if trained is not None:
        return Materialized(trained, reused=True)
    files = declared_files(project.spec)
    record = provenance(project.spec, files)
    before_fit()
    fitted = fit_predictors(project.spec, model, code, read())
    saved = {name: predictor.save(project.store) for name, predictor in fitted.predictors.items()}
    objects = {f"{name}/{path}": stored for name, item in saved.items() for path, stored in item.objects.items()}
    objects |= keep_declared(project.store, files)
    manifest = _manifest(project, fitted, saved, record)
    return Materialized(project.store.add(manifest, key, objects=objects, inputs=inputs), reused=False)


@dataclass(frozen=True)
class Fitted:
    """What a fit came to; nothing of it is written yet.

    Attributes
    ----------
    predictors
        By name: ``predictor``; ``baseline/NAME`` for each baseline that is not the predictor;
        ``declared_algorithm`` where another was chosen; and ``refitted`` where the declaration has ``refit``.
    algorithm
        That of the predictor.
    ladder
        How it was chosen; None where the declaration chooses nothing.
    refit
        What ``refitted`` was fitted on.
    seconds
        How long all fits took.
    """

    prepared: Prepared
    predictors: dict[str, Predictor]
    algorithm: Algorithm
    ladder: Ladder | None = None
    refit: Refit | None = None
    seconds: float = 0.0

    def notes(self, unit: str) -> tuple[str, ...]:
        """Return why the predictor was chosen, in the unit of payoffs; nothing where nothing was chosen."""
        return () if self.ladder is None else (self.ladder.text(unit),)

    @property
    def choice(self) -> Choice | None:
        """The ladder as a manifest has it."""
        if self.ladder is None:
            return None
        return Choice(
            rungs=self.ladder.rungs,
            margin=self.ladder.margin,
            rows=self.ladder.rows,
            chosen=self.ladder.rungs[self.ladder.chosen].name,
            algorithm=resolve_algorithm(self.algorithm.name, self.prepared.model.task),
        )


def fit_predictors(spec: ProjectSpec, model: ModelSpec, code: Code, snapshot: Snapshot) -> Fitted:
    """Fit a model and its baselines on a snapshot; nothing is written."""
    began = time.monotonic()
    prepared = prepare(spec, model, code, snapshot.part("train"), snapshot.part("validate"))
    fitted = fit_prepared(prepared)
    if model.refit is not None:
        second = refit(prepared, fitted.predictors[PREDICTOR], fitted.algorithm, snapshot)
        fitted = replace(fitted, predictors={**fitted.predictors, REFITTED: second.predictor}, refit=second.about)
    return replace(fitted, seconds=time.monotonic() - began)


def fit_prepared(prepared: Prepared) -> Fitted:
    """Fit the model of prepared rows, and its baselines, without a refit; nothing is written."""
    model = prepared.model
    if model.choose is not None:
        return _chosen(prepared, model.choose)
    predictors = {PREDICTOR: prepared.fit(model.algorithm, calibrated=True)}
    for name, algorithm in baselines_of(model).items():
        predictors[f"{BASELINE}{name}"] = prepared.fit(algorithm)
    return Fitted(prepared, predictors, model.algorithm)


def _chosen(prepared: Prepared, choose: Choose) -> Fitted:
    """Fit every algorithm, calibrated alike, and let the simplest that is good enough be the predictor."""
    algorithms = ladder_of(prepared.model.algorithm, baselines_of(prepared.model))
    fitted = [(name, prepared.fit(algorithm, calibrated=True)) for name, algorithm in algorithms]
    ladder = climb(prepared, choose, fitted)
    predictors = {PREDICTOR: fitted[ladder.chosen][1]}
    for place, (name, predictor) in enumerate(fitted):
        if place != ladder.chosen:
            predictors[DECLARED if place == len(fitted) - 1 else f"{BASELINE}{name}"] = predictor
    return Fitted(prepared, predictors, algorithms[ladder.chosen][1], ladder)


def declared_model(project: Project, name: str) -> ModelSpec:
    """Return a model's declaration.

    Raises
    ------
    TrainingError
        When there is no such model, or its algorithm does not exist or does not fit its task.
    """
    models = project.spec.models
    if name not in models:
        raise TrainingError(f"there is no model {name} in {project.spec.name}. {suggest(name, models)}")
    model = models[name]
    for algorithm in (model.algorithm, *model.baselines):
        for fault in algorithm_faults(algorithm, model.task):
            raise TrainingError(f"{name}: {fault}.")
    return model


def baselines_of(model: ModelSpec) -> dict[str, Algorithm]:
    """Return the model's baselines by name; a second of the same algorithm is numbered."""
    by_name: dict[str, Algorithm] = {}
    for algorithm in model.baselines:
        count = sum(known.name == algorithm.name for known in by_name.values())
        by_name[algorithm.name if not count else f"{algorithm.name}_{count + 1}"] = algorithm
    return by_name


def fit_inputs_of(snapshot_id: str, tuning_id: str | None) -> dict[str, str]:
    """Return what a model is trained from, by role."""
    return {"snapshot": snapshot_id} if tuning_id is None else {"snapshot": snapshot_id, "tuning": tuning_id}


def training_key(project: Project, model_name: str, inputs: Mapping[str, str]) -> str:
    """Return the key of a model trained from `fit_inputs_of`, with the libraries and on the machine of this process."""
    fitted = fit_declaration(project.spec, project.spec.models[model_name])
    declaration = {"model": model_name, **fitted, "environment": environment(project.spec.models[model_name])}
    version = code_version(KIND, project.root, project_functions(project.spec, KIND, model_name))
    return cache_key(KIND, declaration, version, inputs)


def _manifest(
    project: Project,
    fitted: Fitted,
    saved: Mapping[str, SavedPredictor],
    record: Mapping[str, Any],
) -> TrainedModelManifest:
    prepared, predictor = fitted.prepared, fitted.predictors[PREDICTOR]
    model, estimator = prepared.model, predictor.estimator
    manifest = TrainedModelManifest(
        model=model.name,
        declaration=declaration_id(project.spec, model, prepared.code),
        **asked_of(project.spec, model),
        inputs={column.name: column.type for column in predictor.inputs},
        columns=tuple(
            MatrixColumnFacts(name=item.name, categories=None if item.categories is None else len(item.categories))
            for item in predictor.matrix
        ),
        importances=tuple(estimator.importances(prepared.train.names).items()),
        iterations=estimator.iterations,
        notes=(
            *prepared.notes,
            *estimator.notes,
            *predictor.calibration.notes,
            *fitted.notes(project.spec.unit_of_value(model.name)),
        ),
        rows={"train": prepared.train.rows, "validate": prepared.validate.rows},
        until=format_instant(prepared.until),
        label=_label(prepared),
        predictors={name: item.id for name, item in saved.items()},
        size_mb={name: item.size_mb for name, item in saved.items()},
        environment=environment(model),
        provenance=RecordedProvenance.model_validate(record),
    )
    return manifest.but(choice=fitted.choice, refit=fitted.refit, seconds=round(fitted.seconds, 3))


def asked_of(spec: ProjectSpec, model: ModelSpec) -> dict[str, Any]:
    """Return the parameters of a fit, as a trained model's manifest names them."""
    return {
        "task": model.task,
        "algorithm": resolve_algorithm(model.algorithm.name, model.task),
        "params": dict(model.algorithm.params),
        "seed": model.algorithm.seed,
        "threads": spec.file.threads,
        "calibration": model.calibration,
        "baselines": [{"name": name, "algorithm": item.name} for name, item in baselines_of(model).items()],
    }


def _label(prepared: Prepared) -> FittedLabel:
    if prepared.classes:
        counts = np.bincount(prepared.label.astype(int), minlength=len(prepared.classes)).tolist()
        return FittedLabel(classes=tuple(zip(prepared.classes, counts, strict=True)))
    label = prepared.label
    return FittedLabel(
        mean=float(np.mean(label)),
        std=float(np.std(label)),
        min=float(np.min(label)),
        median=float(np.median(label)),
        max=float(np.max(label)),
    )
