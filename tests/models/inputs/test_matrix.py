import numpy as np
import pandas as pd
import pytest

from ml_platform.models.estimators.base import FitRequest
from ml_platform.models.estimators.registry import fit_estimator
from ml_platform.models.inputs.matrix import MatrixColumn, encode, learn_columns, unlearned_nulls
from ml_platform.models.inputs.preprocessing import Dense, linear_score


def _frame(letters, numbers):
    return pd.DataFrame({"t.letter": pd.Series(letters, dtype=object), "t.number": pd.Series(numbers, dtype="float64")})


def test_categories_are_the_sorted_values_of_training_and_unseen_ones_are_missing():
    columns = learn_columns(_frame(["b", "a", None, "b"], [1, 2, 3, 4]), ["t.letter", "t.number"])
    assert columns[0].categories == ("a", "b")
    matrix = encode(_frame(["a", "b", "z", None], [1, 2, 3, 4]), columns)
    np.testing.assert_array_equal(matrix.values[:, 0], [0, 1, np.nan, np.nan])


def test_a_matrix_can_be_read_back_as_words():
    columns = learn_columns(_frame(["b", "a"], [1, 2]), ["t.letter", "t.number"])
    decoded = encode(_frame(["a", "z"], [1, np.nan]), columns).decoded()
    assert decoded["t.letter"].tolist() == ["a", None]
    assert decoded["t.number"].tolist() == [1.0, 1.0]  # no null in training: the median, a value that occurs


def test_a_string_column_without_any_value_has_no_category():
    (column,) = learn_columns(_frame([None, None], [1, 2]), ["t.letter"])
    assert column == MatrixColumn("t.letter", ())
    assert np.isnan(encode(_frame(["a", None], [1, 2]), [column]).values).all()


def test_columns_come_back_from_a_manifest():
    columns = learn_columns(_frame(["b", "a"], [1, 2]), ["t.letter", "t.number"])
    assert tuple(MatrixColumn.from_json(column.to_json()) for column in columns) == columns


def test_scikit_learn_sees_medians_for_nulls_one_scale_and_indicators():
    columns = learn_columns(_frame(["b", "a", "b"], [1, 3, np.nan]), ["t.letter", "t.number"])
    matrix = encode(_frame(["b", "a", "b"], [1, 3, np.nan]), columns)
    dense = Dense.learn(matrix)
    # The median 2 fills the null: 1, 3, 2 have mean 2 and deviation sqrt(2/3).
    expected = [[0, 1, -(1.5**0.5)], [1, 0, 1.5**0.5], [0, 1, 0]]
    np.testing.assert_allclose(dense.apply(matrix), expected, atol=1e-15)
    assert Dense.from_json(dense.to_json()) == dense


def test_a_category_with_many_values_keeps_the_fifty_most_frequent():
    letters = [f"v{number:03d}" for number in range(80) for _ in range(2 if number >= 40 else 1)]
    frame = _frame(letters, np.zeros(len(letters)))
    dense = Dense.learn(encode(frame, learn_columns(frame, ["t.letter"])))
    levels = [column.level for column in dense.columns]
    assert levels == [*range(10), *range(40, 80)]


def test_a_linear_score_has_the_same_bits_alone_and_among_others():
    draw = np.random.default_rng(0)
    dense, weights = draw.normal(size=(500, 37)), draw.normal(size=37)
    together = linear_score(dense, weights, 0.3)
    alone = np.concatenate([linear_score(dense[[row]], weights, 0.3) for row in range(500)])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_allclose(together, dense @ weights + 0.3)


@pytest.mark.parametrize("algorithm", ["lightgbm", "LogisticRegression", "RandomForestClassifier"])
def test_a_null_where_training_had_none_counts_as_the_median_for_every_estimator(algorithm):
    draw = np.random.default_rng(2)
    x = draw.normal(10, 2, 400)
    frame = pd.DataFrame({"t.x": x, "t.y": draw.normal(size=400)})
    columns = learn_columns(frame, ["t.x", "t.y"])
    label = (x > np.median(x)).astype("float64")
    train = encode(frame, columns)
    fitting = FitRequest("binary", algorithm, {}, train, label, train, label, (False, True))
    fitted = fit_estimator(fitting)
    later = pd.DataFrame({"t.x": [np.nan, sorted(x)[199], 0.0], "t.y": [0.1, 0.1, 0.1]})  # the 200th of 400 values
    scores = fitted.predict(encode(later, columns))
    assert scores[0] == scores[1]
    assert scores[0] != scores[2]  # LightGBM alone takes it for 0
    assert unlearned_nulls(later, columns).tolist() == ["t.x", None, None]


def test_a_null_that_training_knew_stays_a_null():
    frame = pd.DataFrame({"t.x": [1.0, np.nan, 3.0], "t.s": np.array(["a", None, "b"], dtype=object)})
    columns = learn_columns(frame, ["t.x", "t.s"])
    assert np.isnan(encode(frame.iloc[[1]], columns).values).all()
    assert unlearned_nulls(frame, columns).tolist() == [None] * 3


def test_a_null_text_where_training_had_none_is_none_of_the_known_categories():
    frame = pd.DataFrame({"t.s": np.array(["a", "b"], dtype=object)})
    columns = learn_columns(frame, ["t.s"])
    later = pd.DataFrame({"t.s": np.array([None, "c", "b"], dtype=object)})
    assert np.isnan(encode(later, columns).values[:, 0]).tolist() == [True, True, False]
    assert unlearned_nulls(later, columns).tolist() == ["t.s", None, None]
