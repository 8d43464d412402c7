"""Fifty trials of `tuning` beside a bare Optuna study that makes the same fits.

The bare study gets the parameters of the platform's trials, fits LightGBM on the folds that judged each of them, and
has no journal, no check and no store: what it takes is Optuna and the fits. The platform also checks for leakage,
reads the snapshot, makes the folds and writes the outcome. Libraries are imported before. Both take turns on one
thread; printed are processor seconds and the ratio in each round.

    python benchmarks/tuning.py [--trials 50] [--orders 1000] [--rounds 3] [--check]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import scipy.stats  # noqa: F401 - imported before anything is measured

from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.models.algorithms.lightgbm import import_lightgbm
from ml_platform.models.bundled_code import Code
from ml_platform.models.tuning.folds import Fold, folds_of
from ml_platform.models.tuning.tune import tune_model
from ml_platform.project import Project, open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.artifact_kinds.tuning import TuningManifest

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.worlds import LATE_PARCEL, NOW, write_shop

LIMIT = 1.2
"""The platform's trials take at most this many times the bare study."""
MODEL = "late_parcel"
SEARCH = """\
tuning:
  trials: TRIALS
  seed: SEED
  space:
    num_leaves: {low: 7, high: 127, log: true}
    learning_rate: {low: 0.01, high: 0.3, log: true}
    min_data_in_leaf: {low: 5, high: 100, log: true}
    feature_fraction: {low: 0.5, high: 1.0}
"""


def shop(folder: Path, orders: int) -> tuple[Project, str]:
    """Return a project of late parcels and its snapshot."""
    write_shop(folder, orders_a_day=orders)
    project = open_project(folder)
    logs = {name: ingest_source(project, name, NOW).made.artifact.id for name in ("orders", "deliveries")}
    inputs = {f"sources/{name}": id for name, id in logs.items()}
    table = build_feature_table(project, "courier_recent", logs["deliveries"])
    inputs["features/courier_recent"] = table.artifact.id
    return project, build_snapshot(project, MODEL, inputs, NOW).artifact.id


def searching(project: Project, trials: int, seed: int) -> Project:
    """Return the project whose model declares a search."""
    text = LATE_PARCEL.replace("num_iterations: 60", "num_iterations: 100")
    search = SEARCH.replace("TRIALS", str(trials)).replace("SEED", str(seed))
    (project.root / f"models/{MODEL}.yaml").write_text(text + search)
    return open_project(project.root)


def bare(folds: list[Fold], about: TuningManifest, fixed: dict[str, Any]) -> float:
    """Return how long a study takes that makes the same fits."""
    lightgbm = import_lightgbm()
    trials = [about.declared, *about.trials]
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))

    def objective(trial: optuna.Trial) -> float:
        known = trials[trial.number]
        if known.params:
            trial.suggest_int("num_leaves", 7, 127, log=True)
            trial.suggest_float("learning_rate", 0.01, 0.3, log=True)
            trial.suggest_int("min_data_in_leaf", 5, 100, log=True)
            trial.suggest_float("feature_fraction", 0.5, 1.0)
        losses = []
        for step, fold in enumerate(folds[: len(known.losses)]):
            data = lightgbm.Dataset(fold.prepared.train.values, fold.prepared.label)
            params = {**fixed, **known.params, "objective": "binary", "num_threads": 1, "verbosity": -1, "seed": 0}
            fitted = lightgbm.train({**params, "deterministic": True, "force_row_wise": True}, data)
            losses.append(float(np.mean((np.asarray(fitted.predict(fold.matrix.values)) - fold.label) ** 2)))
            trial.report(float(np.mean(losses)), step)
        if known.state == "pruned":
            raise optuna.TrialPruned
        return float(np.mean(losses))

    for trial in trials:
        study.enqueue_trial(dict(trial.params))
    began = time.process_time()
    study.optimize(objective, n_trials=len(trials))
    return time.process_time() - began


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--orders", type=int, default=1000, help="orders a day, on 75 days")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--check", action="store_true", help=f"fail above {LIMIT} times the bare study")
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    import_lightgbm()
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        project, snapshot_id = shop(Path(folder), asked.orders)
        for seed in range(asked.rounds):
            project = searching(project, asked.trials, seed)
            model = project.spec.models[MODEL]
            began = time.process_time()
            about = TuningManifest.of(tune_model(project, MODEL, snapshot_id).artifact)
            ours = time.process_time() - began
            snapshot = load_snapshot(project, snapshot_id, ("train", "validate"))
            folds = folds_of(project.spec, model, Code({}, project.root, project.root), snapshot)
            theirs = bare(folds, about, dict(model.algorithm.params))
            fits = sum(len(trial.losses) for trial in (about.declared, *about.trials))
            ratios.append(ours / theirs)
            rows = ", ".join(f"{fold.fitted:,}" for fold in about.folds)
            print(f"{fits} fits on {rows} rows: {ours:.1f} s here, {theirs:.1f} s bare, ratio {ratios[-1]:.2f}")
            print(f"  {about.text}")
    print(f"median ratio {np.median(ratios):.2f}, asked: at most {LIMIT}")
    if asked.check and np.median(ratios) > LIMIT:
        sys.exit(f"50 trials take {np.median(ratios):.2f} times the bare study")


if __name__ == "__main__":
    main()
