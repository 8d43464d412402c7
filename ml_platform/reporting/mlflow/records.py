"""What each stage logs to MLflow about a trained version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from ml_platform.core.formatting import amount_text
from ml_platform.models.training_curve import TrainingCurve
from ml_platform.registry.evaluation.basis import interval_text
from ml_platform.registry.evaluation.reasons import in_words, reasons_of
from ml_platform.reporting.mlflow.child_runs import trial_runs
from ml_platform.reporting.mlflow.runs import KEY_TAG, Record
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.artifact_kinds.tuning import TuningManifest
from ml_platform.storage.manifest import Artifact, StoredObject
from ml_platform.storage.versions import Version

_CURVES = "curves/"
"""MLflow shows figures in sections by what is before the slash, in the order of the alphabet: the curves come first."""


def training_record(
    version: Version,
    trained: Artifact,
    began: datetime,
    ended: datetime,
    plots: Mapping[str, StoredObject],
    run_id: str | None,
    tuning: TuningManifest | None = None,
    curve: TrainingCurve | None = None,
) -> Record:
    """Return the record that makes a version's run: parameters, size, its files, and what it was trained on.

    Parameters
    ----------
    tuning
        The search for its parameters, whose trials become runs below it.
    curve
        The losses by rounds of boosting; None where its algorithm has none.
    """
    about = TrainedModelManifest.of(trained)
    params = {name: getattr(about, name) for name in ("task", "algorithm", "calibration", "seed", "threads")}
    params |= {f"params.{name}": value for name, value in about.params.items()}
    params |= {"columns": len(about.columns), "declaration": about.declaration}
    metrics: dict[str, Any] = {f"rows_{part}": float(rows) for part, rows in about.rows.items()}
    metrics |= {"size_mb": about.size_mb[about.deployed], "iterations": about.iterations}
    if about.refit is not None:
        params |= {"refit": about.refit.on}
        metrics |= {"rows_refit": float(about.refit.rows)}
    if tuning is not None:
        metrics |= {"tuning.loss": tuning.best_trial.losses[-1], "tuning.declared_loss": tuning.declared.losses[-1]}
    files = {f"model/{name}": stored for name, stored in trained.objects.items()}
    return Record(
        model=version.model,
        key=trained.id,
        stage="training",
        name=str(version),
        started=began,
        ended=ended,
        params={name: str(value) for name, value in params.items()},
        metrics=metrics,
        tags=_tags(version) | {"ml_platform.registered_at": version.registered_at.isoformat()},
        files=files | {f"plots/{name}.png": stored for name, stored in plots.items()},
        snapshot=trained.inputs["snapshot"],
        run_id=run_id,
        description=_trained_text(version, about),
        children=() if tuning is None else trial_runs(tuning),
        curves={} if curve is None else {f"{_CURVES}{name}": points for name, points in curve.series().items()},
    )


def evaluation_record(
    version: Version, evaluation: Artifact, at: datetime, plots: Mapping[str, StoredObject]
) -> Record:
    """Return what an evaluation adds: the challenger's figures, and each rival's, and the verdict."""
    about = EvaluationManifest.of(evaluation)
    metrics = {f"test.{name}": figure for name, figure in about.figures.items()}
    for rival in about.contenders:
        if rival.role != "challenger":
            metrics |= {f"{_rival(rival.name)}.{name}": figure for name, figure in rival.figures.items()}
    low, high = (about.figures[f"value_vs_do_nothing_{end}"] for end in ("low", "high"))
    tags = {
        "ml_platform.verdict": about.verdict,
        "ml_platform.reasons": "; ".join(reasons_of(about))[:5000],
        "ml_platform.gain_interval": interval_text(low, high, about.basis),
    }
    description = _evaluated_text(version, about)
    return replace(_addition(version, "evaluation", at, metrics, tags, plots), description=description)


def deployment_record(version: Version, at: datetime, reason: str) -> Record:
    """Return what a deployment adds: since when the version is live, and why."""
    tags = {"ml_platform.deployed_at": at.isoformat(), "ml_platform.deployed_because": reason[:5000]}
    description = f"**{version}** was deployed on {at:%Y-%m-%d}: {in_words(reason)}"
    return replace(_addition(version, "deployment", at, {}, tags, {}), description=description)


class Gain(Protocol):
    """What settled predictions earned beyond doing nothing: the figure, its interval, and a sentence."""

    @property
    def gain(self) -> float:
        """The figure: a measured effect where there is one."""

    @property
    def low(self) -> float | None:
        """The lower end of its interval."""

    @property
    def high(self) -> float | None:
        """The upper end of its interval."""

    @property
    def text(self) -> str:
        """All of it in a sentence, with whether it is a measured effect."""


def monitoring_record(version: Version, monitoring: Artifact, at: datetime, worth: Gain | None) -> Record:
    """Return what monitoring adds: how far each column has moved (1: an alarm), and what settled predictions earned.

    Parameters
    ----------
    worth
        What predictions of the newest settled window earned, as pages show it; None where none is settled.
    """
    about = MonitoringManifest.of(monitoring)
    metrics: dict[str, float | None] = {
        f"drift.{_plain(column.column)}": column.ratio for column in about.columns or ()
    }
    metrics |= {f"settled.{name}": figure for name, figure in (about.metrics or {}).items()}
    tags = {"ml_platform.drift": about.verdict, "ml_platform.monitored_at": about.at}
    if worth is not None:
        ends = {"": worth.gain, "_low": worth.low, "_high": worth.high}
        metrics |= {f"{_CURVES}realized_gain{end}": figure for end, figure in ends.items()}
        tags["ml_platform.realized_gain"] = worth.text
    measured = datetime.fromisoformat(about.at)
    step = max(0, (measured - version.registered_at).days)
    return replace(_addition(version, "monitoring", at, metrics, tags, {}), step=step, measured=measured)


def _trained_text(version: Version, about: TrainedModelManifest) -> str:
    rows = f"{about.rows['train']:,} rows up to {about.until[:10]}"
    refit = f" {about.refit.text}" if about.refit else ""
    return f"**{version}**: {about.fitted_algorithm} on {rows}. It is not evaluated yet.{refit}"


def _evaluated_text(version: Version, about: EvaluationManifest) -> str:
    gain, low, high = (about.figures.get(f"value_vs_do_nothing{end}") for end in ("", "_low", "_high"))
    sure = interval_text(low, high, about.basis)
    earned = f" Gain over doing nothing on {about.rows:,} test rows: {amount_text(gain, about.currency)} ({sure})."
    outcome = {"deploy": "may be deployed", "same": "is the live version"}.get(about.verdict, "is not deployed")
    reasons = f": {'; '.join(reasons_of(about))}" if about.reasons else ""
    return f"**{version}** {outcome}{reasons}.{earned}"


def _addition(
    version: Version,
    stage: Any,
    at: datetime,
    metrics: Mapping[str, Any],
    tags: Mapping[str, str],
    plots: Mapping[str, StoredObject],
) -> Record:
    return Record(
        model=version.model,
        key=version.id,
        stage=stage,
        name=str(version),
        started=at,
        ended=at,
        metrics=metrics,
        tags=tags,
        files={f"plots/{name}.png": stored for name, stored in plots.items()},
    )


def _tags(version: Version) -> dict[str, str]:
    return {
        KEY_TAG: version.id,
        "ml_platform.model": version.model,
        "ml_platform.version": str(version.number),
        "ml_platform.snapshot": version.snapshot,
    }


def _rival(name: str) -> str:
    """Return where the figures of a contender are shown: those of baselines have a section after the curves."""
    return _plain(name).replace("baseline/", "rivals/", 1)


def _plain(name: str) -> str:
    """Return a name in the letters that MLflow allows."""
    return "".join(letter if letter.isalnum() or letter in "_-./ " else "_" for letter in name)
