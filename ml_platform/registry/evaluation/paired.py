"""Two trained models on the rows that both of their snapshots have: what both did, and what that earned.

Each predicts from its own snapshot, so that a feature of the same name may be declared in another way. Labels, payoffs
and the capacity are those of the first model's declaration, for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd

from ml_platform.core.errors import EvaluationError
from ml_platform.datasets.snapshot.boundaries import Part
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.declarations.metric_names import loss_quantile
from ml_platform.declarations.population_columns import question_columns
from ml_platform.models.inputs.labels import class_indices
from ml_platform.models.predictor import load_predictor
from ml_platform.project import Project
from ml_platform.registry.evaluation.candidates import (
    DO_NOTHING,
    EvaluationRows,
    acted,
    plain,
    require_values,
    scores_of,
)
from ml_platform.registry.evaluation.evaluate import OTHER_ROWS
from ml_platform.registry.evaluation.intervals import Earnings, earnings
from ml_platform.registry.evaluation.metrics import Figures, metrics_of
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.manifest import Artifact

FIRST, SECOND = "first", "second"


@dataclass(frozen=True)
class Acted:
    """A trained model on rows of a snapshot.

    Attributes
    ----------
    keys
        A number for each row, from its question and its time: equal in every snapshot that has the row.
    until
        The last row that it was fitted on.
    """

    rows: EvaluationRows
    keys: np.ndarray
    taken: np.ndarray
    scores: np.ndarray
    classes: tuple[object, ...]
    until: datetime

    @classmethod
    def on(cls, project: Project, model: str, trained: Artifact, frame: pd.DataFrame, one_of: int = 1) -> Acted:
        """Return what a trained model does on rows, by the declaration of a project's model.

        Raises
        ------
        PlatformError
            Where it cannot predict on these rows, or recommends actions that are not declared.
        """
        spec = project.spec.models[model]
        rows = EvaluationRows.read(project.spec, spec, frame, one_of)
        predictor = load_predictor(project, trained)
        predicted, taken = acted(predictor, rows)
        until = datetime.fromisoformat(TrainedModelManifest.of(trained).until)
        return cls(
            rows, row_keys(project, model, rows.frame), taken, scores_of(predictor, predicted), predictor.classes, until
        )

    def metrics(self, places: np.ndarray, label: np.ndarray) -> Figures:
        """Return the metrics of some of the rows, by labels of theirs."""
        model = self.rows.model
        figures = metrics_of(model.task, class_indices(label, self.classes), self.scores[places], loss_quantile(model))
        return {name: plain(figure) for name, figure in figures.items()}


def row_keys(project: Project, model: str, frame: pd.DataFrame) -> np.ndarray:
    """Return a 64-bit number for each row, from what is asked and when."""
    columns = [*question_columns(project.spec, project.spec.models[model]), "effective_time"]
    return hashed(frame[list(dict.fromkeys(columns))])


def hashed(frame: pd.DataFrame) -> np.ndarray:
    """Return a 64-bit number for each row of some columns, the same in every process."""
    return np.asarray(pd.util.hash_pandas_object(frame, index=False), dtype="uint64")


def judged_rows(project: Project, snapshot: str) -> pd.DataFrame:
    """Return the rows of a snapshot's test period."""
    return load_snapshot(project, snapshot, ("test",)).part("test")


def earlier_rows(project: Project, snapshot: str) -> pd.DataFrame:
    """Return rows before the test period, of days that are evenly spread: enough to know how large gains are."""
    parts: tuple[Part, ...] = ("train", "validate")
    read = load_snapshot(project, snapshot, parts, OTHER_ROWS)
    return pd.concat([read.part(part) for part in parts], ignore_index=True)


@dataclass(frozen=True)
class Paired:
    """Two models on the same rows. Of each model, `places` are the places of these rows in its own.

    Attributes
    ----------
    excluded
        Rows of the first that do not count: not in the other snapshot, fitted on by a model, or without a value.
    values
        What each row that counts earned, by `FIRST`, `SECOND` and ``do_nothing``.
    """

    project: Project
    first: Acted
    second: Acted
    places: tuple[np.ndarray, np.ndarray]
    valued: np.ndarray
    values: Mapping[str, np.ndarray]
    elsewhere: Sequence[Mapping[str, np.ndarray]]

    @classmethod
    def of(
        cls, project: Project, first: Acted, second: Acted, elsewhere: Sequence[Mapping[str, np.ndarray]] = ()
    ) -> Paired:
        """Return both on the rows that they share and that neither was fitted on.

        Raises
        ------
        EvaluationError
            Where there is no such row, or none has a value.
        """
        places = common_places(first, second)
        values = values_at(first, second, places)
        valued = ~np.isnan(np.column_stack(list(values.values()))).any(axis=1)
        valued &= ~first.rows.is_repeated(project.spec)[places[0]]
        counted = {name: value[valued] for name, value in values.items()}
        require_values(first.rows, counted)
        return cls(project, first, second, places, valued, counted, elsewhere)

    @property
    def counted(self) -> np.ndarray:
        """The places of the rows that count among those of the first."""
        return np.asarray(self.places[0][self.valued])

    @property
    def excluded(self) -> int:
        """How many rows of the first do not count."""
        return len(self.first.keys) - len(self.counted)

    @cached_property
    def earned(self) -> Earnings:
        """What both and doing nothing earned, with intervals."""
        rows = self.first.rows
        return earnings(
            self.values,
            rows.days[self.counted],
            rows.entities(self.project.spec)[self.counted],
            other_rows=self.elsewhere,
            fixed=rows.model.value.entities == "fixed",
            horizon=rows.model.label.horizon,
        )

    def metrics(self) -> tuple[Figures, Figures]:
        """Return the metrics of both on all rows that they share."""
        label = self.first.rows.label[self.places[0]]
        return self.first.metrics(self.places[0], label), self.second.metrics(self.places[1], label)


def common_places(first: Acted, second: Acted) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the rows that two models share, in the order of the first; without rows fitted on.

    Raises
    ------
    EvaluationError
    """
    _, mine, others = np.intersect1d(first.keys, second.keys, return_indices=True)
    order = np.argsort(mine, kind="stable")
    mine, others = mine[order], others[order]
    unseen = np.asarray(first.rows.frame["effective_time"].iloc[mine] > max(first.until, second.until))
    if not unseen.any():
        name = first.rows.model.name
        reason = "its test period and that of the other model have no row that neither was fitted on"
        raise EvaluationError(f"{name}: {reason}. Give both the same population and split.")
    return mine[unseen], others[unseen]


def values_at(first: Acted, second: Acted, places: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what rows earned by the actions of both and by doing nothing, by labels and payoffs of the first."""
    frame, label = first.rows.frame.iloc[places[0]].reset_index(drop=True), first.rows.label[places[0]]
    decision = first.rows.decision
    taken = {FIRST: first.taken[places[0]], SECOND: second.taken[places[1]], DO_NOTHING: decision.nothing(frame)}
    return {name: decision.value(frame, label, actions) for name, actions in taken.items()}


def earned_before(
    project: Project, model: str, first: tuple[Artifact, pd.DataFrame], second: tuple[Artifact, pd.DataFrame]
) -> list[dict[str, np.ndarray]]:
    """Return what both earned on a sample of shared rows before the test: how large and how rare gains are.

    Parameters
    ----------
    first, second
        Each trained model with the rows of its snapshot before the test period.
    """
    mine, others = (frame for _, frame in (first, second))
    if mine.empty or others.empty:
        return []
    keys = row_keys(project, model, mine), row_keys(project, model, others)
    _, left, right = np.intersect1d(keys[0], keys[1], return_indices=True)
    order = np.argsort(left, kind="stable")[:: (step := max(-(-len(left) // OTHER_ROWS), 1))]
    if not len(order):
        return []
    sides = [
        Acted.on(project, model, trained, frame.iloc[places[order]], step)
        for (trained, frame), places in ((first, left), (second, right))
    ]
    same = np.arange(len(order))
    values = values_at(sides[0], sides[1], (same, same))
    valued = ~np.isnan(np.column_stack(list(values.values()))).any(axis=1)
    return [{name: value[valued] for name, value in values.items()}] if valued.any() else []
