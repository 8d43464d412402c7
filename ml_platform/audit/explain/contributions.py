"""How much each column moved a score: exact where the estimator allows it, and marked as not exact elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.core.plain_values import plain_value
from ml_platform.models.estimators.base import RawContributions, score_columns
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
class ContributionStep:
    """A figure on the way from the raw score to the score, and what made it."""

    name: str
    figure: float


@dataclass(frozen=True)
class Contributions:
    """How a score came about, column by column.

    Attributes
    ----------
    method
        ``trees``, ``linear``, ``rule``, ``constant`` or ``set_to_null``.
    exact
        Whether the base and the terms add up to the raw score.
    of
        The class that the score is of, where there are several.
    base
        The raw score before any column contributes.
    terms
        The largest first.
    total
        The base and the terms, added up.
    raw
        The estimator's own raw score: for classes log-odds, else what the estimator predicts.
    steps
        The steps from the raw score to the final score: link, calibration.
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
    steps: tuple[ContributionStep, ...]
    note: str

    @property
    def adds_up(self) -> bool:
        """Whether base and terms give the raw score, but for the last bits of floats."""
        return abs(self.total - self.raw) <= _CLOSE * max(1.0, abs(self.raw))


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
    calibrated = score_columns(predictor.scores(rows))
    raw_parts = predictor.estimator.contributions(matrix)
    if raw_parts is None:
        return list(_by_replacing(predictor, matrix, calibrated))
    linked = score_columns(predictor.estimator.predict(matrix))
    return [tuple(_in_parts(predictor, raw_parts, row, linked, calibrated)) for row in range(matrix.rows)]


def _in_parts(
    predictor: Predictor, raw_parts: RawContributions, row: int, linked: np.ndarray, calibrated: np.ndarray
) -> Iterator[Contributions]:
    for number, (amounts, base, raw) in enumerate(zip(raw_parts.amounts, raw_parts.base, raw_parts.raw, strict=True)):
        terms = [
            Term(name, plain_value(raw_parts.seen[name].iloc[row]), float(amount))
            for name, amount in zip(raw_parts.seen.columns, amounts[row], strict=True)
        ]
        start = float(base[row])
        scores = float(linked[row, number]), float(calibrated[row, number])
        yield Contributions(
            method=raw_parts.method,
            exact=raw_parts.exact,
            of=_class_name(predictor, number),
            base=start,
            terms=_largest_first(terms),
            total=start + float(sum(term.amount for term in terms)),
            raw=float(raw[row]),
            steps=_steps(predictor, *scores) if raw_parts.linked else (),
            note=raw_parts.note,
        )


def _by_replacing(predictor: Predictor, matrix: Matrix, scores: np.ndarray) -> Iterator[tuple[Contributions, ...]]:
    """Yield what each column changes by itself: the score, less the score where that column alone is null."""
    note = (
        "This estimator has no exact contributions. Each figure is the score minus the score with this column "
        "set to null; the figures do not add up."
    )
    for row in range(matrix.rows):
        without = np.repeat(matrix.values[row : row + 1], len(matrix.columns), axis=0)
        np.fill_diagonal(without, np.nan)
        frame = matrix.frame.iloc[[row] * len(matrix.columns)].reset_index(drop=True)
        replaced_scores = score_columns(
            predictor.calibration.apply(predictor.estimator.predict(Matrix(matrix.columns, without, frame)))
        )
        seen = matrix.decoded().iloc[row]
        yield tuple(
            Contributions(
                method="set_to_null",
                exact=False,
                of=_class_name(predictor, number),
                base=score,
                terms=_largest_first(
                    [
                        Term(name, plain_value(seen[name]), score - float(other))
                        for name, other in zip(matrix.names, replaced_scores[:, number], strict=True)
                    ]
                ),
                total=score,
                raw=score,
                steps=(),
                note=note,
            )
            for number, score in enumerate(map(float, scores[row]))
        )


def _steps(predictor: Predictor, linked: float, calibrated: float) -> tuple[ContributionStep, ...]:
    steps = []
    if predictor.classes:
        link = "softmax over the classes" if len(predictor.classes) > 2 else "sigmoid, 1 / (1 + exp(−raw))"
        steps.append(ContributionStep(link, linked))
    if predictor.calibration.title:
        steps.append(ContributionStep(predictor.calibration.title, calibrated))
    return tuple(steps) if predictor.classes else (ContributionStep("prediction", linked),)


def _class_name(predictor: Predictor, number: int) -> str | None:
    return str(predictor.classes[number]) if len(predictor.classes) > 2 else None


def _largest_first(terms: Sequence[Term]) -> tuple[Term, ...]:
    return tuple(sorted(terms, key=lambda term: (-abs(term.amount), term.column)))
