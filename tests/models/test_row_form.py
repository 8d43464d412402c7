"""One row of plain values against a frame of that row and against a large frame, bit by bit, for every algorithm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_platform.core.errors import TrainingError
from ml_platform.declarations.algorithms import algorithms
from ml_platform.models.calibrators import Calibrator
from ml_platform.models.estimators.base import Estimator
from tests.models.estimators.test_user_class import MEANS
from tests.models.one_row import FAST, ROWS, assert_one_is_many, of_row
from tests.models.row_world import CLASSES, ROW_FORM, TRANSFORMS, frame_of_rows, plain_rows, predictor_of
from tests.models.test_row_values import GOOD

pytestmark = pytest.mark.slow

EVERY = [(name, task) for name, kind in sorted(algorithms().items()) for task in sorted(kind.tasks) if name != "rule"]


@pytest.mark.parametrize(("algorithm", "task"), EVERY)
def test_a_row_has_the_same_bits_alone_among_others_and_in_row_form(tmp_path, algorithm, task):
    params = next((actual for name, actual in FAST.items() if algorithm.startswith(name)), {})
    assert_one_is_many(predictor_of(algorithm, task, tmp_path, params=params))


@pytest.mark.parametrize("calibration", ["beta", "isotonic", "sigmoid", "venn_abers"])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_calibration_has_the_same_bits(tmp_path, calibration, task):
    params = {"num_iterations": 25}
    assert_one_is_many(predictor_of("lightgbm", task, tmp_path, calibration=calibration, params=params))


@pytest.mark.parametrize(
    ("expression", "task"),
    [
        ("t.x > 0.5 and t.letter == 'q'", "binary"),
        ("0.5 if t.flag else 1 / (1 + t.count * t.count)", "binary"),
        ("t.x * 3 - log(t.known) % 7 + hour(t.at)", "regression"),
        ("where(is_null(t.word), t.count // 7, min(t.x, t.seats))", "quantile"),
    ],
)
def test_a_rule_has_the_same_bits(tmp_path, expression, task):
    assert_one_is_many(predictor_of("rule", task, tmp_path, expression=expression))


PLAIN = """
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer


class Neighbors(KNeighborsClassifier):
    pass


class Numbers(BaseEstimator):
    def fit(self, X, y):
        return self

    def transform(self, X):
        return X[["t.x", "t.known"]].fillna(0).clip(-10, 10).to_numpy()


def pipeline():
    return make_pipeline(Numbers(), LogisticRegression())
"""


@pytest.mark.parametrize("name", ["Neighbors", "pipeline"])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_plain_class_of_the_project_has_the_same_bits(tmp_path, name, task):
    rows = plain_rows(40, 7, hostile=True)
    assert_one_is_many(predictor_of(f"plain:{name}", task, tmp_path, files={"plain.py": PLAIN}), rows)


def test_a_class_of_the_extended_contract_has_the_same_bits(tmp_path):
    source = MEANS.replace("t.s", "t.letter")
    assert_one_is_many(predictor_of("own:Means", "binary", tmp_path, files={"own.py": source}), ROWS[:60])


def test_what_has_no_form_for_one_row_goes_through_the_form_for_many(tmp_path, monkeypatch):
    predictor = predictor_of("lightgbm", "binary", tmp_path, calibration="sigmoid", params={"num_iterations": 25})
    fast = [of_row(predictor.row_form().predict(row)) for row in ROWS[:60]]
    monkeypatch.setattr(type(predictor.estimator), "row_function", Estimator.row_function)
    monkeypatch.setattr(type(predictor.calibration.curves[0]), "apply_one", Calibrator.apply_one)
    assert [of_row(predictor.row_form().predict(row)) for row in ROWS[:60]] == fast


# Transforms ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [TRANSFORMS, TRANSFORMS + ROW_FORM], ids=["frame", "row"])
def test_transforms_have_the_same_bits_with_and_without_a_row_form(tmp_path, source):
    predictor = predictor_of("lightgbm", "binary", tmp_path, transforms=source, params={"num_iterations": 25})
    assert [item.call_row is not None for item in predictor.transforms] == [source != TRANSFORMS, False]
    assert_one_is_many(predictor, ROWS[:120])


def test_a_row_form_is_part_of_the_code_and_changes_the_id(tmp_path):
    one, other = (
        predictor_of("constant", "binary", folder, transforms=source)
        for folder, source in ((tmp_path / "a", TRANSFORMS), (tmp_path / "b", TRANSFORMS + ROW_FORM))
        if folder.mkdir() is None
    )
    assert one.id != other.id
    assert ROW_FORM.encode() in other.code.files["steps.py"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            ("* 2.5", "* 2.5000000000000004"),
            r"steps_row gives steps\.double as -?[\d.]+ for training row \d+, steps:steps",
        ),
        (("at.hour", "float(at.hour + 1)"), r"gives steps\.hour as [\d.]+ for training row \d+"),
        (
            ('"flag": row["t.flag"],', ""),
            r"transform steps:steps_row gave .*; steps:steps gives .*, steps.flag",
        ),
        (('row["t.flag"]', '"yes"'), r"column steps.flag must be bool, found string"),
        (("at.hour", "at.hour / 0"), r"transform steps:steps_row failed with ZeroDivisionError"),
        (("else letter + word", "else letter + word or None"), None),
    ],
)
def test_a_row_form_that_differs_is_refused_when_the_model_is_trained(tmp_path, spoil, message):
    source = TRANSFORMS + ROW_FORM.replace(*spoil)
    if message is None:
        predictor_of("constant", "binary", tmp_path, transforms=source)
        return
    with pytest.raises(TrainingError, match=message):
        predictor_of("constant", "binary", tmp_path, transforms=source)


def test_a_row_form_that_fails_on_a_rare_null_is_refused(tmp_path):
    source = TRANSFORMS + ROW_FORM.replace("None if letter is None or word is None else letter + word", "letter + word")
    with pytest.raises(TrainingError, match=r"steps_row failed with TypeError: can only concatenate str"):
        predictor_of("constant", "binary", tmp_path, transforms=source)


# LightGBM -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"linear_tree": True},
        {"objective": "poisson"},
        {"boosting": "dart"},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7},
        {"extra_trees": True},
    ],
)
def test_a_row_of_lightgbm_is_booster_predict_whatever_the_trees(tmp_path, params):
    counts: dict[str, Any] = (
        {"label": np.random.default_rng(0).poisson(3, 700).astype("float64")} if "objective" in params else {}
    )
    fitted = {"num_iterations": 20, **params}
    assert_one_is_many(predictor_of("lightgbm", "regression", tmp_path, params=fitted, **counts))


def test_the_settings_for_one_row_are_freed_with_the_row_form(tmp_path, monkeypatch):
    import lightgbm

    from ml_platform.models.algorithms import lightgbm_row

    library = lightgbm_row.library_of(lightgbm)
    freed: list[Any] = []

    class Counting:
        def __getattr__(self, name):
            return freed.append if name == "LGBM_FastConfigFree" else getattr(library, name)

    monkeypatch.setattr(lightgbm_row, "library_of", lambda _: Counting())
    form = predictor_of("lightgbm", "binary", tmp_path, params={"num_iterations": 5}).row_form()
    score = form.predict(GOOD).score
    assert not freed
    assert form.predict(GOOD).score == score
    del form
    assert len(freed) == 1
    library.LGBM_FastConfigFree(freed[0])


def test_row_forms_of_one_predictor_answer_at_the_same_time(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    predictor = predictor_of("lightgbm", "binary", tmp_path, params={"num_iterations": 60})
    expected = [of_row(predictor.row_form().predict(row)) for row in ROWS]

    def answers(_: int) -> bool:
        form = predictor.row_form()
        return all([of_row(form.predict(row)) for row in ROWS] == expected for _ in range(5))

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(answers, range(12)))


@pytest.mark.parametrize("algorithm", ["lightgbm", "LogisticRegression"])
def test_two_classes_of_a_multiclass_model_are_weighted_by_the_share_of_each(tmp_path, monkeypatch, algorithm):
    monkeypatch.setitem(CLASSES, "multiclass", ("c00", "c01"))
    labels = [
        np.random.default_rng(seed).integers(0, 2, count).astype("float64") for seed, count in ((0, 700), (1, 400))
    ]
    params = FAST.get(algorithm, {})
    predictor = predictor_of(
        algorithm, "multiclass", tmp_path, params=params, label=labels[0], validate_label=labels[1]
    )
    assert_one_is_many(predictor)
    frame = frame_of_rows(plain_rows(50, 4, hostile=False))
    predicted = predictor.predict(frame)
    share = predicted["score.c01"] if algorithm == "lightgbm" else predicted["score"]
    act = share * 0.3 * frame["t.seats"].astype("float64") - (1 - share)  # OF_SEVERAL, by hand
    np.testing.assert_allclose(predicted["expected_value"], np.maximum(act, 0.1), rtol=1e-9)
