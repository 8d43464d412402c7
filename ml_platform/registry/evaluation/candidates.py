"""Contenders: what each of them would have done on the same test rows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from ml_platform.core.errors import EvaluationError, PlatformError, listed
from ml_platform.declarations.gates import has_monotone
from ml_platform.declarations.metric_names import loss_quantile
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.population_columns import question_columns
from ml_platform.declarations.project import ProjectSpec
from ml_platform.models.capacity import Capacity, predict_within
from ml_platform.models.decision import Decision
from ml_platform.models.inputs.labels import class_indices, read_label
from ml_platform.models.ladder import others_of
from ml_platform.models.predictor import Predictor, load_deployed, load_predictor
from ml_platform.registry.evaluation.metrics import Figures, metrics_of
from ml_platform.registry.evaluation.monotone import monotone_figures
from ml_platform.storage.artifact_kinds.trained_model import PREDICTOR, REFITTED, TrainedModelManifest
from ml_platform.storage.manifest import Artifact

if TYPE_CHECKING:
    from ml_platform.project import Project

Role = Literal["challenger", "champion", "anchor", "baseline", "do_nothing"]
CHALLENGER, CHAMPION, ANCHOR, DO_NOTHING = "challenger", "champion", "anchor", "do_nothing"
_LARGEST_VALUE = 1e70
"""Intervals raise values to the fourth power, and add many up."""


@dataclass(frozen=True)
class EvaluationRows:
    """The test period of a snapshot.

    Attributes
    ----------
    label
        The truth, as payoffs read it.
    entity_key
        The columns of the entity's key.
    capacity
        How often an action may be recommended, by the declaration as it is now.
    """

    model: ModelSpec
    frame: pd.DataFrame
    label: np.ndarray
    entity_key: tuple[str, ...]
    capacity: Capacity | None = None

    @classmethod
    def read(cls, spec: ProjectSpec, model: ModelSpec, frame: pd.DataFrame, one_of: int = 1) -> EvaluationRows:
        """Return the rows with their labels checked.

        Parameters
        ----------
        one_of
            Of how many rows each of these is one: of a sample the capacity is smaller too.
        """
        frame = frame.reset_index(drop=True)
        key, capacity = spec.file.entities[model.population.entity], Capacity.declared(model.value)
        if capacity is not None and one_of > 1:
            capacity = replace(capacity, most=max(capacity.most // one_of, 1))
        return cls(model, frame, read_label(frame["label"], model.task), key, capacity)

    def predict(self, predictor: Predictor) -> pd.DataFrame:
        """Return what a predictor would have recommended, within the capacity."""
        return predict_within(predictor, self.frame, self.capacity, self.entity_key)

    @property
    def decision(self) -> Decision:
        """What a row earns by the declaration as it is now, the same for every contender."""
        return Decision.declared(self.model.value, self.model.population.owner)

    @property
    def days(self) -> np.ndarray:
        """The UTC day of each row."""
        return np.asarray(self.frame["effective_time"].dt.floor("D").dt.tz_localize(None))

    def is_repeated(self, spec: ProjectSpec) -> np.ndarray:
        """Return which rows are asked about again before their label is settled: their prediction time was moved.

        In money one action counts for each row of the population, the last, as in realized value.
        """
        keys = list(question_columns(spec, self.model))
        ordered = self.frame.sort_values(list(dict.fromkeys([*keys, "effective_time"])), kind="stable")
        following = ordered.groupby(keys, sort=False, dropna=False)["effective_time"].shift(-1)
        is_repeated = following < ordered["effective_time"] + self.model.label.horizon
        return np.asarray(is_repeated.reindex(self.frame.index), dtype=bool)

    def entities(self, spec: ProjectSpec) -> np.ndarray:
        """Return a number for the entity of each row."""
        keys = list(spec.file.entities[self.model.population.entity])
        return np.asarray(self.frame.groupby(keys, sort=False, dropna=False).ngroup())


def require_values(rows: EvaluationRows, values: Mapping[str, np.ndarray]) -> None:
    """Refuse rows of which no value is known, an action that is never worth anything, and values too large to square.

    Parameters
    ----------
    values
        What each contender earned on the rows that count.

    Raises
    ------
    EvaluationError
    """
    name, remedy = rows.model.name, "Correct value, or the source."
    if not all(len(value) for value in values.values()):
        reason = "no row of the test period can be valued, since a column that value reads is null in all of them"
        raise EvaluationError(f"{name}: {reason}. {remedy}")
    if unknown := _never_known(rows):
        reason = f"is null in all {len(rows.frame)} rows of the test period, or not a finite number"
        raise EvaluationError(f"{name}: {unknown} {reason}, so that it would never be recommended. {remedy}")
    largest = max(float(np.abs(value).max()) for value in values.values())
    if largest > _LARGEST_VALUE:
        raise EvaluationError(f"{name}: a row is worth {largest:.3g}, more than intervals can compute with. {remedy}")


def _never_known(rows: EvaluationRows) -> str | None:
    """Return the action, with the label, whose payoff is null in every row."""
    for action in rows.decision.actions:
        for label in np.unique(rows.label):
            taken = np.full(len(rows.frame), action, dtype=object)
            if np.isnan(rows.decision.value(rows.frame, np.full(len(rows.frame), label), taken)).all():
                return f"the payoff of {action} where the label is {label}"
    return None


@dataclass(frozen=True)
class Contender:
    """One way to act on the test rows.

    Attributes
    ----------
    id
        The trained model that it belongs to; None for doing nothing.
    scores
        As an estimator gives them; None for doing nothing on classes.
    taken
        The action on each row, or the prediction that is acted on.
    value
        What each row earned.
    """

    name: str
    role: Role
    id: str | None
    scores: np.ndarray | None
    taken: np.ndarray
    value: np.ndarray
    figures: Figures


def contender(
    project: Project, rows: EvaluationRows, name: str, role: Role, artifact: Artifact, part: str
) -> Contender:
    """Return what a predictor of a trained model would have done.

    Raises
    ------
    PlatformError
        When it cannot predict on these rows, or recommends actions that are declared no more.
    EvaluationError
        For a predictor that was refitted: it may know these rows.
    """
    _require_before_refit(artifact, part)
    predictor = load_predictor(project, artifact, part)
    predicted, taken = acted(predictor, rows)
    scores = scores_of(predictor, predicted)
    label = class_indices(rows.label, predictor.classes)
    figures = dict(metrics_of(rows.model.task, label, scores, loss_quantile(rows.model)))
    if role == "challenger":
        probed = load_deployed(project, artifact) if has_monotone(rows.model) else predictor
        figures |= monotone_figures(rows.model, TrainedModelManifest.of(artifact).choice, probed, rows.frame)
    value = rows.decision.value(rows.frame, rows.label, taken)
    return Contender(name, role, artifact.id, scores, taken, value, figures)


def _require_before_refit(artifact: Artifact, part: str) -> None:
    if part == REFITTED:
        raise EvaluationError(
            f"the refit of trained model {artifact.short_id} may have been fitted on the rows that are to judge it. "
            f"Evaluate its {PREDICTOR}."
        )


def scores_of(predictor: Predictor, predicted: pd.DataFrame) -> np.ndarray:
    """Return the scores as an estimator gives them: one for each row, or one for each row and class."""
    if "score" in predicted:
        return np.asarray(predicted["score"].to_numpy())
    return np.asarray(predicted[[f"score.{label}" for label in predictor.classes]].to_numpy())


def acted(predictor: Predictor, rows: EvaluationRows) -> tuple[pd.DataFrame, np.ndarray]:
    """Return what a predictor predicts for rows, and the action on each, or the prediction that is acted on.

    Raises
    ------
    PlatformError
        When it cannot predict on these rows, or recommends actions that are declared no more.
    """
    if predictor.task != rows.model.task:
        raise PlatformError(f"it is of task {predictor.task}, the declaration of {rows.model.task}")
    predicted = rows.predict(predictor)
    if not predictor.classes:
        return predicted, predicted["score"].to_numpy()
    taken = predicted["action"].to_numpy(dtype=object)
    foreign = sorted(set(taken) - set(rows.decision.actions))
    if foreign:
        raise PlatformError(f"it recommends {listed(foreign)}, which value.actions declares no more")
    return predicted, taken


def earned_elsewhere(
    project: Project, rows: EvaluationRows, contenders: Sequence[tuple[str, Artifact, str]]
) -> dict[str, np.ndarray]:
    """Return what contenders would have earned on other rows, training rows among them, and what doing nothing would.

    It shows how large and how rare gains are, and nothing else: a model knows the rows that it was fitted on.

    Parameters
    ----------
    contenders
        Name, trained model and part of each. One that cannot predict on these rows is left out.
    """
    values = {DO_NOTHING: rows.decision.value(rows.frame, rows.label, rows.decision.nothing(rows.frame))}
    for name, artifact, part in contenders:
        with contextlib.suppress(PlatformError):
            _, taken = acted(load_predictor(project, artifact, part), rows)
            values[name] = rows.decision.value(rows.frame, rows.label, taken)
    valued = ~np.isnan(np.column_stack(list(values.values()))).any(axis=1)
    return {name: value[valued] for name, value in values.items()} if valued.any() else {}


def doing_nothing(rows: EvaluationRows) -> Contender:
    """Return what happens without a model."""
    taken = rows.decision.nothing(rows.frame)
    scores, figures = None, Figures()
    if not rows.decision.actions and not np.isnan(taken).any():
        scores, figures = taken, metrics_of(rows.model.task, rows.label, taken, loss_quantile(rows.model))
    value = rows.decision.value(rows.frame, rows.label, taken)
    return Contender(DO_NOTHING, "do_nothing", None, scores, taken, value, figures)


def baselines(project: Project, rows: EvaluationRows, trained: Artifact) -> Iterator[Contender]:
    """Yield what was fitted beside a trained model: baselines, and the declared algorithm where another was chosen."""
    for name in others_of(trained):
        yield contender(project, rows, name, "baseline", trained, name)


def actions_taken(contender: Contender) -> dict[str, int] | None:
    """Return how many rows got each action; None for a regression."""
    if contender.taken.dtype != object:
        return None
    names, counts = np.unique(contender.taken.astype(str), return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def plain(value: Any) -> float | None:
    """Return a figure as JSON takes it: None where it is missing or not finite."""
    return None if value is None or not np.isfinite(value) else float(value)
