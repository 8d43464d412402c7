"""The value of a model that declares none: points, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix, mean_absolute_error, mean_pinball_loss

from ml_platform.declarations.value import Value
from ml_platform.models.decision import Decision

DRAW = np.random.default_rng(5)
TRUTH, GUESS = DRAW.normal(0, 3, 500), DRAW.normal(0, 3, 500)
ROWS = pd.DataFrame(index=range(500))


def points(task: str, label: np.ndarray, taken: np.ndarray, quantile: float | None = None) -> np.ndarray:
    value = Value.in_points(task, quantile)
    assert value is not None
    assert value.unit == "points"
    return Decision.declared(value, "rows").value(ROWS, label, taken)


def test_of_numbers_it_is_the_absolute_error() -> None:
    assert points("regression", TRUTH, GUESS).mean() == pytest.approx(-mean_absolute_error(TRUTH, GUESS))


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9, 1 / 3])
def test_of_a_quantile_it_is_the_pinball_loss(quantile: float) -> None:
    expected = -mean_pinball_loss(TRUTH, GUESS, alpha=quantile)
    assert points("quantile", TRUTH, GUESS, quantile).mean() == pytest.approx(expected)


def test_of_two_classes_it_is_true_yeses_less_false_ones() -> None:
    label, answer = TRUTH > 0, GUESS > 1
    ((_, false_yes), (_, true_yes)) = confusion_matrix(label, answer)
    assert points("binary", label, np.where(answer, "yes", "no")).sum() == true_yes - false_yes


def test_several_classes_have_none() -> None:
    assert Value.in_points("multiclass", None) is None
