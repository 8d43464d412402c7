"""An ablation: what a model earns less where it is trained without a part of its inputs, on the same test rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml_platform.core.errors import EvaluationError, PlatformError
from ml_platform.core.hashing import format_instant
from ml_platform.datasets.snapshot.boundaries import Part as Period
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_kinds.ablation import AblationOptions
from ml_platform.declarations.resolve import expand_features
from ml_platform.declarations.studied import studied_functions
from ml_platform.models.bundled_code import Code
from ml_platform.models.environment import environment
from ml_platform.models.predictor import Predictor
from ml_platform.models.prepare import prepare
from ml_platform.models.train import declared_model, fit_prepared
from ml_platform.registry.ablation.parts import InputPart, input_parts, without
from ml_platform.registry.evaluation.candidates import DO_NOTHING, EvaluationRows, acted, require_values
from ml_platform.registry.evaluation.evaluate import OTHER_ROWS
from ml_platform.registry.evaluation.intervals import Earnings, earnings
from ml_platform.registry.evaluation.persistence import LEVEL
from ml_platform.registry.studied import alone
from ml_platform.storage.artifact_kinds.ablation import AblatedPart, AblationManifest
from ml_platform.storage.artifact_kinds.trained_model import PREDICTOR

if TYPE_CHECKING:
    from ml_platform.project import Project

KIND = "ablation"
Progress = Callable[[str], object]
_ALL = ()
"""The features that the whole model is trained without."""
_Removed = tuple[str, ...]


def ablate_model(
    project: Project,
    model_name: str,
    snapshot_id: str,
    options: AblationOptions,
    progress: Progress = lambda text: None,
) -> AblationManifest:
    """Train a model on a snapshot without each part of its inputs, and compare what each earns on the test rows.

    Nothing is stored.

    Raises
    ------
    TrainingError
        Where the whole model cannot be fitted.
    EvaluationError
        Where no test row can be valued.
    """
    model = declared_model(project, model_name)
    parts = input_parts(project.spec, model, with_features=options.features)
    fits, problems = _fitted(project, model, snapshot_id, parts, progress)
    tested = _Tested.of(project, model, snapshot_id, fits, 1 - (1 - LEVEL) / max(len(parts), 1))
    rows, earned = tested.rows, tested.earned
    start, end = (rows.frame["effective_time"].agg(edge).to_pydatetime() for edge in ("min", "max"))
    return AblationManifest(
        model=model_name,
        task=model.task,
        currency=project.spec.unit_of_value(model_name),
        rows=earned.rows,
        days=earned.days,
        rows_a_day=earned.rows / earned.days,
        start=format_instant(start),
        end=format_instant(end),
        gain=earned.difference(_name(_ALL), DO_NOTHING).as_figure(),
        parts=tuple(_result(part, earned, problems) for part in parts),
        notes=tuple(_notes(model, len(rows.frame) - earned.rows)),
        environment=environment(model),
    )


def _fitted(
    project: Project, model: ModelSpec, snapshot_id: str, parts: list[InputPart], progress: Progress
) -> tuple[dict[_Removed, Predictor], dict[_Removed, str]]:
    """Return the predictor of the whole model and without each part, by what is removed, and why one cannot be made.

    Parts with the same features are fitted once.
    """
    snapshot = load_snapshot(project, snapshot_id, ("train", "validate"))
    features = expand_features(project.spec, model)
    code = Code.read(project.root, studied_functions(project.spec, model.name), project.state / "code")
    fits: dict[_Removed, Predictor] = {}
    problems: dict[_Removed, str] = {}
    for removed, name in {
        _ALL: "the whole model",
        **{part.features: f"without {part.name}" for part in reversed(parts)},
    }.items():
        if len(removed) == len(features):
            problems[removed] = "the model has no other features"
            continue
        progress(name)
        try:
            reduced = alone(without(model, features, removed))
            prepared = prepare(project.spec, reduced, code, snapshot.part("train"), snapshot.part("validate"))
            fits[removed] = fit_prepared(prepared).predictors[PREDICTOR]
        except PlatformError as error:
            if removed == _ALL:
                raise
            problems[removed] = str(error).rstrip(".")
    return fits, problems


@dataclass(frozen=True)
class _Tested:
    """The test rows, and what every fit earned on them."""

    rows: EvaluationRows
    earned: Earnings

    @classmethod
    def of(
        cls, project: Project, model: ModelSpec, snapshot_id: str, fits: Mapping[_Removed, Predictor], level: float
    ) -> _Tested:
        rows = EvaluationRows.read(project.spec, model, load_snapshot(project, snapshot_id, ("test",)).part("test"))
        if not len(rows.frame):
            raise EvaluationError(f"{model.name}: the test period has no row. Lengthen split.test.")
        values = _values(rows, fits)
        counts = ~np.isnan(np.column_stack(list(values.values()))).any(axis=1) & ~rows.is_repeated(project.spec)
        counted = {name: value[counts] for name, value in values.items()}
        require_values(rows, counted)
        earned = earnings(
            counted,
            rows.days[counts],
            rows.entities(project.spec)[counts],
            other_rows=_elsewhere(project, model, snapshot_id, fits),
            fixed=model.value.entities == "fixed",
            horizon=model.label.horizon,
            level=level,
        )
        return cls(rows, earned)


def _values(rows: EvaluationRows, fits: Mapping[_Removed, Predictor]) -> dict[str, np.ndarray]:
    values = {DO_NOTHING: rows.decision.value(rows.frame, rows.label, rows.decision.nothing(rows.frame))}
    for removed, predictor in fits.items():
        _, taken = acted(predictor, rows)
        values[_name(removed)] = rows.decision.value(rows.frame, rows.label, taken)
    return values


def _elsewhere(
    project: Project, model: ModelSpec, snapshot_id: str, fits: Mapping[_Removed, Predictor]
) -> list[dict[str, np.ndarray]]:
    """Return what every fit earned on a sample of the rows before the test: how large and how rare gains are."""
    periods: tuple[Period, ...] = ("train", "validate")
    read = load_snapshot(project, snapshot_id, periods, OTHER_ROWS)
    frame = pd.concat([read.part(period) for period in periods], ignore_index=True)
    step = max(-(-len(frame) // OTHER_ROWS), 1)
    values = _values(EvaluationRows.read(project.spec, model, frame.iloc[::step], step), fits)
    valued = ~np.isnan(np.column_stack(list(values.values()))).any(axis=1)
    return [{name: value[valued] for name, value in values.items()}] if valued.any() else []


def _name(removed: _Removed) -> str:
    return f"without {' '.join(removed)}"


def _result(part: InputPart, earned: Earnings, problems: Mapping[_Removed, str]) -> AblatedPart:
    result = AblatedPart(kind=part.kind, name=part.name, features=part.features)
    if part.features in problems:
        return result.but(problem=problems[part.features])
    reduced = _name(part.features)
    return result.but(
        worth=earned.difference(_name(_ALL), reduced).as_figure(),
        without=earned.difference(reduced, DO_NOTHING).figure,
    )


def _notes(model: ModelSpec, excluded: int) -> Iterator[str]:
    if model.refit is not None:
        yield "Models are not refitted: each is the one that was fitted before its validate period."
    if model.tuning is not None:
        yield "Models have the declared parameters, and not those that the search for parameters found."
    if excluded:
        yield f"{excluded:,} test rows do not count in money."
    yield "Gains are an assumed effect: actions are thought to change no label."
