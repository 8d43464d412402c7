import numpy as np
import pandas as pd
import pytest

from ml_platform.core.errors import TrainingError
from ml_platform.models.inputs.labels import class_indices, learn_classes, read_label


@pytest.mark.parametrize("values", [[True, False], [1, 0], [1.0, 0.0], pd.array([True, False], dtype="boolean")])
def test_a_binary_label_is_boolean_however_it_is_stored(values):
    assert read_label(pd.Series(values), "binary").tolist() == [True, False]
    assert learn_classes(pd.Series(values), "binary") == (False, True)


def test_classes_are_sorted_and_a_label_is_their_index():
    label = pd.Series(["red", "blue", "red", "green"])
    classes = learn_classes(label, "multiclass")
    assert classes == ("blue", "green", "red")
    assert class_indices(read_label(pd.Series(["red", "black"]), "multiclass"), classes).tolist() == [2.0, -1.0]


def test_whole_numbers_are_classes_without_a_fraction():
    assert learn_classes(pd.Series([3.0, 1.0, 2.0]), "multiclass") == (1, 2, 3)


def test_a_regression_has_no_classes():
    assert learn_classes(pd.Series([1.5, 2.5]), "regression") == ()


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        ([True, True], "binary", "the label has one class (True) in all 2 training rows"),
        (["a", "a"], "multiclass", "the label has one class (a) in all 2 training rows"),
        ([0, 2], "binary", "a binary label is 0 or 1, found 0, 2"),
        ([1.0, np.nan], "regression", "the label is null in 1 rows"),
        (["a", "b"], "regression", "the label of task regression is string"),
    ],
)
def test_a_label_that_cannot_be_learnt_is_refused(values, task, message):
    with pytest.raises(TrainingError) as caught:
        learn_classes(pd.Series(values), task) if task != "regression" else read_label(pd.Series(values), task)
    assert message in str(caught.value)
