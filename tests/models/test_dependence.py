"""Partial dependence, against a naive loop over rows and against scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import partial_dependence as sklearn_dependence
from sklearn.linear_model import LinearRegression

from ml_platform.models import dependence
from ml_platform.models.dependence import partial_dependence
from ml_platform.models.inputs.columns import InputColumn


@dataclass
class Doubling:
    """Predicts twice ``x`` where ``big``, and ``x`` elsewhere; a text adds its length."""

    inputs: tuple[InputColumn, ...] = (
        InputColumn("x", "float"),
        InputColumn("big", "bool"),
        InputColumn("text", "string"),
    )
    classes: tuple[Any, ...] = ()

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        values = zip(rows["x"].tolist(), rows["big"].tolist(), rows["text"].tolist(), strict=True)
        return np.array([(2 if big else 1) * x + len(text) for x, big, text in values])


@dataclass
class Fitted:
    """A fitted model of scikit-learn as a predictor of two numbers."""

    model: LinearRegression
    inputs: tuple[InputColumn, ...] = (InputColumn("a", "float"), InputColumn("b", "float"))
    classes: tuple[Any, ...] = field(default=())

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.model.predict(rows[["a", "b"]].to_numpy()))


ROWS = pd.DataFrame({"x": [1.0, 2.0, 3.0], "big": [True, False, True], "text": ["a", "bb", "a"]})


def test_the_mean_prediction_is_that_of_all_rows_with_the_same_value() -> None:
    predictor: Any = Doubling()
    big, text = partial_dependence(predictor, ROWS, ["big", "text"])
    # The mean of x is 2, and that of the lengths 4/3. True comes twice, so that it is first.
    assert big.values == (True, False)
    assert big.scores == pytest.approx((4 + 4 / 3, 2 + 4 / 3))
    assert not big.ordered
    # Without its text a row has 2, 2 and 6, in the mean 10/3.
    assert text.values == ("a", "bb")
    assert text.scores == pytest.approx((10 / 3 + 1, 10 / 3 + 2))


def test_it_agrees_with_scikit_learn_on_the_same_values() -> None:
    drawn = np.random.default_rng(0)
    rows = drawn.normal(size=(200, 2))
    model = LinearRegression().fit(rows, rows @ [2.0, -1.0] + drawn.normal(size=200))
    predictor: Any = Fitted(model)
    (actual,) = partial_dependence(predictor, pd.DataFrame(rows, columns=["a", "b"]), ["a"])
    peer = sklearn_dependence(
        model, rows, [0], custom_values={0: np.array(actual.values)}, kind="average", method="brute"
    )
    assert len(actual.values) == dependence.POINTS
    assert set(actual.values) <= set(rows[:, 0])
    assert actual.scores == pytest.approx(peer["average"][0])
    assert actual.reach == pytest.approx(abs(model.coef_[0]) * (actual.values[-1] - actual.values[0]))


def test_an_input_with_one_value_is_not_drawn() -> None:
    predictor: Any = Doubling()
    assert partial_dependence(predictor, ROWS.assign(x=1.0), ["x"]) == ()
    assert partial_dependence(predictor, ROWS.head(0), ["x"]) == ()


def test_nulls_take_no_part_in_the_values() -> None:
    predictor: Any = Doubling()
    rows = ROWS.assign(x=[1.0, np.nan, 3.0])
    (actual,) = partial_dependence(predictor, rows, ["x"])
    assert set(actual.values) == {1.0, 3.0}


@dataclass
class Shares:
    """Three classes: the first has half of ``x``, the second a tenth of it, the third the rest."""

    inputs: tuple[InputColumn, ...] = (InputColumn("x", "float"),)
    classes: tuple[Any, ...] = ("low", "mid", "high")

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        x = rows["x"].to_numpy()
        return np.column_stack([0.5 * x, 0.1 * x, 1 - 0.6 * x])


def test_several_classes_have_a_curve_each_and_the_one_that_moves_most_is_the_score() -> None:
    predictor: Any = Shares()
    (x,) = partial_dependence(predictor, pd.DataFrame({"x": [0.0, 0.5, 1.0]}), ["x"])
    assert x.values == (0.0, 0.5, 1.0)
    assert list(x.by_class) == ["low", "mid", "high"]
    assert x.by_class["low"] == pytest.approx((0.0, 0.25, 0.5))
    assert x.by_class["mid"] == pytest.approx((0.0, 0.05, 0.1))
    assert x.scores == x.by_class["high"] == pytest.approx((1.0, 0.7, 0.4))
    assert np.sum([*x.by_class.values()], axis=0) == pytest.approx(1.0)
