import numpy as np
import pandas as pd

from ml_platform.training.dense import Dense, linear_score
from ml_platform.training.matrix import MatrixColumn, encode, learn_columns


def _frame(letters, numbers):
    return pd.DataFrame({"t.letter": pd.Series(letters, dtype=object), "t.number": pd.Series(numbers, dtype="float64")})


def test_categories_are_the_sorted_values_of_training_and_unseen_ones_are_missing():
    columns = learn_columns(_frame(["b", "a", None, "b"], [1, 2, 3, 4]), ["t.letter", "t.number"])
    assert columns[0].categories == ("a", "b")
    matrix = encode(_frame(["a", "b", "z", None], [1, 2, 3, 4]), columns)
    np.testing.assert_array_equal(matrix.values[:, 0], [0, 1, np.nan, np.nan])


def test_a_matrix_can_be_read_as_words_again():
    columns = learn_columns(_frame(["b", "a"], [1, 2]), ["t.letter", "t.number"])
    decoded = encode(_frame(["a", "z"], [1, np.nan]), columns).decoded()
    assert decoded["t.letter"].tolist() == ["a", None]
    assert decoded["t.number"].isna().tolist() == [False, True]


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
