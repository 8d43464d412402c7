"""What models of several origins earn on the same rows: every model judges all rows after its own origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ml_platform.core.errors import EvaluationError
from ml_platform.datasets.exclusions import EFFECTIVE_TIME
from ml_platform.datasets.snapshot.boundaries import Boundaries
from ml_platform.declarations.metric_names import loss_quantile
from ml_platform.models.inputs.labels import class_indices
from ml_platform.models.predictor import Predictor
from ml_platform.models.rows_to_come import LOOK_BACK_DAYS
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
from ml_platform.registry.evaluation.persistence import LEVEL

FRESH, AGED = "fresh", "aged"
_LOOK_BACK = np.timedelta64(LOOK_BACK_DAYS + 2, "D")
"""Rows before an origin that its capacity looks at, in days of any time zone."""


@dataclass(frozen=True)
class Judged:
    """All rows after the first origin, and what each model earned on them.

    Attributes
    ----------
    place
        For each row the number of the newest origin before it.
    values
        A line for each origin: what its model earned on each row after it, NaN on rows before it.
    seeds
        For each further seed what each row earned by the model of the newest origin before it.
    counts
        Which rows count in money: their question is not asked again, and every model has a value for them.
    earlier
        What the newest and the oldest model earned on a sample of rows before the first origin: how large gains are.
    figures
        The metrics of each origin's model on the rows up to the next origin.
    """

    project: Project
    rows: EvaluationRows
    place: np.ndarray
    values: np.ndarray
    nothing: np.ndarray
    seeds: Sequence[np.ndarray]
    counts: np.ndarray
    earlier: Mapping[str, np.ndarray]
    figures: Sequence[Figures]

    @classmethod
    def of(
        cls,
        project: Project,
        rows: EvaluationRows,
        origins: Sequence[Boundaries],
        predictors: Sequence[Sequence[Predictor]],
    ) -> Judged:
        """Return what models earned.

        Parameters
        ----------
        rows
            All rows of the snapshot.
        predictors
            For each origin one predictor for each seed.

        Raises
        ------
        EvaluationError
            Where no row after an origin can be valued.
        """
        first = int((rows.frame[EFFECTIVE_TIME] <= origins[0].test_start).sum())
        later = _from(rows, first)
        edges = [np.datetime64(item.test_start.replace(tzinfo=None)) for item in origins]
        place = np.searchsorted(edges, _times(later.frame), side="left") - 1
        starts = np.searchsorted(place, np.arange(len(origins) + 1), side="left")
        values = np.full((len(origins), len(place)), np.nan)
        seeds = [np.full(len(place), np.nan) for _ in predictors[0][1:]]
        figures = []
        for number, (predictor, *others) in enumerate(predictors):
            begin, end = int(starts[number]), int(starts[number + 1])
            if begin == end:
                raise EvaluationError(
                    f"{rows.model.name}: there is no row from {origins[number].test_start:%Y-%m-%d} to "
                    f"{origins[number].end:%Y-%m-%d}. Take fewer origins, or let every be longer."
                )
            values[number, begin:], scores = _earned_from(predictor, rows, first + begin)
            for seed, other in zip(seeds, others, strict=True):
                seed[begin:end] = _earned_from(other, rows, first + begin)[0][: end - begin]
            figures.append(_figures(rows, predictor, later.label[begin:end], scores[: end - begin]))
        nothing = later.decision.value(later.frame, later.label, later.decision.nothing(later.frame))
        has_model = np.arange(len(origins))[:, None] <= place
        valued = ~np.isnan(nothing) & ~(np.isnan(values) & has_model).any(axis=0)
        counts = valued & ~later.is_repeated(project.spec)
        require_values(later, {FRESH: nothing[counts]})
        earlier = _earlier(project, _until(rows, first), predictors[-1][0], predictors[0][0])
        return cls(project, later, place, values, nothing, seeds, counts, earlier, figures)

    def by(self, model: np.ndarray) -> np.ndarray:
        """Return what each row earned by the model of the origin that is named for it; NaN where it has none."""
        named = self.values[np.clip(model, 0, None), np.arange(len(model))]
        return np.where(model < 0, np.nan, named)

    def earned(self, values: Mapping[str, np.ndarray], wanted: np.ndarray, level: float = LEVEL) -> Earnings:
        """Return what contenders earned on some of the rows that count.

        Parameters
        ----------
        values
            What each row earned, by contender: `FRESH`, and another one.
        wanted
            Which rows.
        """
        kept = self.counts & wanted
        named = {name: value[kept] for name, value in values.items()} | {DO_NOTHING: self.nothing[kept]}
        require_values(self.rows, named)
        second = next((name for name in values if name != FRESH), AGED)
        names = {FRESH: FRESH, second: AGED, DO_NOTHING: DO_NOTHING}
        other = {name: self.earlier[known] for name, known in names.items() if known in self.earlier}
        model = self.rows.model
        return earnings(
            named,
            self.rows.days[kept],
            self.rows.entities(self.project.spec)[kept],
            other_rows=[other] if other else [],
            fixed=model.value.entities == "fixed",
            horizon=model.label.horizon,
            level=level,
        )


def _earned_from(predictor: Predictor, rows: EvaluationRows, place: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what each row from a place on earned by a predictor, and its scores.

    A capacity expects later rows of a day from the days before it. So the predictor also answers for the days before
    the place: a model that is new there has the same places as one that is old.
    """
    start = place
    if rows.capacity is not None:
        times = _times(rows.frame)
        start = int(np.searchsorted(times, times[place] - _LOOK_BACK))
    value, scores = _earned(predictor, _from(rows, start))
    return value[place - start :], scores[place - start :]


def _earned(predictor: Predictor, rows: EvaluationRows) -> tuple[np.ndarray, np.ndarray]:
    """Return what each row earned by a predictor, and its scores."""
    predicted, taken = acted(predictor, rows)
    value = rows.decision.value(rows.frame, rows.label, taken)
    return np.asarray(value, dtype="float64"), scores_of(predictor, predicted)


def _figures(rows: EvaluationRows, predictor: Predictor, label: np.ndarray, scores: np.ndarray) -> Figures:
    model = rows.model
    figures = metrics_of(model.task, class_indices(label, predictor.classes), scores, loss_quantile(model))
    return {name: plain(figure) for name, figure in figures.items()}


def _earlier(project: Project, rows: EvaluationRows, newest: Predictor, oldest: Predictor) -> dict[str, np.ndarray]:
    step = max(-(-len(rows.label) // OTHER_ROWS), 1)
    sample = EvaluationRows.read(project.spec, rows.model, rows.frame.iloc[::step], step)
    values = {name: _earned(predictor, sample)[0] for name, predictor in ((FRESH, newest), (AGED, oldest))}
    values[DO_NOTHING] = sample.decision.value(sample.frame, sample.label, sample.decision.nothing(sample.frame))
    valued = ~np.isnan(np.column_stack(list(values.values()))).any(axis=1)
    return {name: value[valued] for name, value in values.items()} if valued.any() else {}


def _from(rows: EvaluationRows, place: int) -> EvaluationRows:
    return replace(rows, frame=rows.frame.iloc[place:].reset_index(drop=True), label=rows.label[place:])


def _until(rows: EvaluationRows, place: int) -> EvaluationRows:
    return replace(rows, frame=rows.frame.iloc[:place], label=rows.label[:place])


def _times(frame: pd.DataFrame) -> np.ndarray:
    return frame[EFFECTIVE_TIME].to_numpy(dtype="datetime64[us]")
