"""How much each column moved a score: exactly where the estimator allows it, and plainly said where it does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.audit.explain.values import plain
from ml_platform.models.estimators.constant import Constant
from ml_platform.models.estimators.lightgbm import Trees
from ml_platform.models.estimators.rule import Rule
from ml_platform.models.estimators.sklearn import Scikit
from ml_platform.models.inputs.matrix import Matrix
from ml_platform.models.predictor import Predictor

_CLOSE = 1e-9


@dataclass(frozen=True)
class Term:
    """What one column added.

    Attributes
    ----------
    value
        What the estimator saw: a number, a category, or None for null and for a category that training did not see.
    """

    column: str
    value: Any
    amount: float


@dataclass(frozen=True)
class Step:
    """A figure on the way from the raw score to the score, and what made it."""

    name: str
    figure: float


@dataclass(frozen=True)
class Contributions:
    """How a score came about, column by column.

    Attributes
    ----------
    method
        ``trees``, ``linear``, ``rule``, ``constant`` or ``left_out``.
    exact
        Whether the base and the terms add up to the raw score.
    of
        The class that the score is of, where there are several.
    base
        The raw score where no column says anything.
    terms
        The largest first.
    total
        The base and the terms, added up.
    raw
        The estimator's own raw score: for classes log-odds, else what the estimator predicts.
    steps
        What comes of the raw score: link, calibration.
    note
        What has to be known to read them.
    """

    method: str
    exact: bool
    of: str | None
    base: float
    terms: tuple[Term, ...]
    total: float
    raw: float
    steps: tuple[Step, ...]
    note: str

    @property
    def adds_up(self) -> bool:
        """Whether base and terms give the raw score, but for the last bits of floats."""
        return abs(self.total - self.raw) <= _CLOSE * max(1.0, abs(self.raw))


@dataclass(frozen=True)
class _Raw:
    """Raw scores of rows in parts; one table for each class, or one alone.

    Attributes
    ----------
    amounts
        By class: one row per row, one column per column of the matrix.
    base, raw
        By class: one number per row.
    """

    amounts: list[np.ndarray]
    base: list[np.ndarray]
    raw: list[np.ndarray]


def contributions_of(predictor: Predictor, rows: pd.DataFrame) -> list[tuple[Contributions, ...]]:
    """Return for each row its contributions: of every class where there are several, else one.

    Parameters
    ----------
    rows
        Rows that were read by `read_columns`.
    """
    if not len(rows):
        return []
    matrix = predictor.encode(rows)
    linked = _columns(predictor.estimator.predict(matrix))
    calibrated = _columns(predictor.scores(rows))
    estimator = predictor.estimator
    if isinstance(estimator, Rule):
        return [(item,) for item in _of_rule(estimator, linked, calibrated, matrix)]
    if isinstance(estimator, Constant):
        return list(_of_constant(predictor, linked, calibrated))
    found = _of_trees(estimator, matrix) if isinstance(estimator, Trees) else _of_linear(estimator, matrix)
    if found is None:
        return list(_left_out(predictor, matrix, calibrated))
    return [tuple(_told(predictor, matrix, found, row, linked, calibrated)) for row in range(matrix.rows)]


def _told(
    predictor: Predictor, matrix: Matrix, found: _Raw, row: int, linked: np.ndarray, calibrated: np.ndarray
) -> Iterator[Contributions]:
    method, note = _METHODS["trees" if isinstance(predictor.estimator, Trees) else "linear"]
    seen = matrix.decoded().iloc[row]
    for number, (amounts, base, raw) in enumerate(zip(found.amounts, found.base, found.raw, strict=True)):
        terms = [
            Term(name, plain(seen[name]), float(amount))
            for name, amount in zip(matrix.names, amounts[row], strict=True)
        ]
        start = float(base[row])
        yield Contributions(
            method=method,
            exact=True,
            of=_class_name(predictor, number),
            base=start,
            terms=_largest_first(terms),
            total=start + float(sum(term.amount for term in terms)),
            raw=float(raw[row]),
            steps=_steps(predictor, float(linked[row, number]), float(calibrated[row, number])),
            note=note,
        )


_METHODS = {
    "trees": ("trees", "LightGBM's own contributions (SHAP values of the trees): with the base they add up."),
    "linear": (
        "linear",
        "The terms of the linear score: weight times value, after nulls are filled and values scaled.",
    ),
}


def _of_trees(estimator: Trees, matrix: Matrix) -> _Raw | None:
    """Return LightGBM's contributions (Lundberg and others 2018, "Consistent individualized feature attribution")."""
    booster, classes = estimator.booster, estimator.booster.num_model_per_iteration()
    try:
        parts = np.asarray(booster.predict(matrix.values, pred_contrib=True, num_threads=1))
    except Exception as error:  # LightGBMError: leaves that are linear have none
        if type(error).__name__ != "LightGBMError":
            raise
        return None
    raw = _columns(booster.predict(matrix.values, raw_score=True, num_threads=1))
    width = len(matrix.columns) + 1
    blocks = [parts[:, number * width : (number + 1) * width] for number in range(classes)]
    return _Raw(
        [block[:, :-1] for block in blocks],
        [block[:, -1] for block in blocks],
        [raw[:, number] for number in range(classes)],
    )


def _of_linear(estimator: Any, matrix: Matrix) -> _Raw | None:
    """Return the terms of scikit-learn's linear scores, summed up for the column that each was made from."""
    if not (isinstance(estimator, Scikit) and hasattr(estimator.estimator, "coef_")):
        return None
    dense, weights = estimator.dense.apply(matrix), np.atleast_2d(estimator.estimator.coef_)
    starts = np.broadcast_to(np.atleast_1d(estimator.estimator.intercept_), (len(weights),))
    amounts, raws = [], []
    for row, start in zip(weights, starts, strict=True):
        terms, raw = dense * row, np.full(matrix.rows, float(start))
        by_source, total = np.zeros((matrix.rows, len(matrix.columns))), raw
        for index, column in enumerate(estimator.dense.columns):
            by_source[:, column.source] += terms[:, index]
            total = total + terms[:, index]  # in the order in which the estimator adds
        amounts.append(by_source)
        raws.append(total)
    return _Raw(amounts, [np.full(matrix.rows, float(start)) for start in starts], raws)


def _of_rule(rule: Rule, linked: np.ndarray, calibrated: np.ndarray, matrix: Matrix) -> Iterator[Contributions]:
    from ml_platform.core.expressions import parse_expression

    names = [
        name if "." in name else f"{rule.source}.{name}" for name in sorted(parse_expression(rule.expression).names)
    ]
    for row in range(matrix.rows):
        score = float(linked[row, 0])
        read = tuple(Term(name, plain(matrix.frame[name].iloc[row]), 0.0) for name in names)
        note = f"An expert's rule, read as it stands: {rule.expression}. No column has a share of its own."
        yield Contributions("rule", False, None, score, read, score, score, (), note)


def _of_constant(
    predictor: Predictor, linked: np.ndarray, calibrated: np.ndarray
) -> Iterator[tuple[Contributions, ...]]:
    note = "The same score for every row: no column counts."
    for row in range(len(linked)):
        yield tuple(
            Contributions("constant", True, _class_name(predictor, number), score, (), score, score, (), note)
            for number, score in enumerate(map(float, linked[row]))
        )


def _left_out(predictor: Predictor, matrix: Matrix, scores: np.ndarray) -> Iterator[tuple[Contributions, ...]]:
    """Yield what each column changes by itself: the score, less the score where that column alone is null."""
    note = (
        "This estimator has no exact contributions. Each figure is the score less the score where this column alone "
        "is null; they do not add up to anything."
    )
    for row in range(matrix.rows):
        without = np.repeat(matrix.values[row : row + 1], len(matrix.columns), axis=0)
        np.fill_diagonal(without, np.nan)
        frame = matrix.frame.iloc[[row] * len(matrix.columns)].reset_index(drop=True)
        found = _columns(
            predictor.calibration.apply(predictor.estimator.predict(Matrix(matrix.columns, without, frame)))
        )
        seen = matrix.decoded().iloc[row]
        yield tuple(
            Contributions(
                method="left_out",
                exact=False,
                of=_class_name(predictor, number),
                base=score,
                terms=_largest_first(
                    [
                        Term(name, plain(seen[name]), score - float(other))
                        for name, other in zip(matrix.names, found[:, number], strict=True)
                    ]
                ),
                total=score,
                raw=score,
                steps=(),
                note=note,
            )
            for number, score in enumerate(map(float, scores[row]))
        )


def _steps(predictor: Predictor, linked: float, calibrated: float) -> tuple[Step, ...]:
    steps = []
    if predictor.classes:
        link = "softmax over the classes" if len(predictor.classes) > 2 else "sigmoid, 1 / (1 + exp(−raw))"
        steps.append(Step(link, linked))
    if predictor.calibration.curves:
        steps.append(Step(f"{predictor.calibration.curves[0].method} calibration", calibrated))
    return tuple(steps) if predictor.classes else (Step("prediction", linked),)


def _class_name(predictor: Predictor, number: int) -> str | None:
    return str(predictor.classes[number]) if len(predictor.classes) > 2 else None


def _largest_first(terms: Sequence[Term]) -> tuple[Term, ...]:
    return tuple(sorted(terms, key=lambda term: (-abs(term.amount), term.column)))


def _columns(scores: Any) -> np.ndarray:
    """Return scores with one column per class, also where there is one alone."""
    found = np.asarray(scores, dtype="float64")
    return found[:, None] if found.ndim == 1 else found
