"""One row of plain values against a frame of that row and against a large frame, bit by bit, for every algorithm."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.core.errors import PredictionError, TrainingError
from ml_platform.declarations.algorithms import algorithms
from ml_platform.models.calibrators import Calibrator
from ml_platform.models.estimators.base import Estimator
from ml_platform.models.predictor import Predictor
from ml_platform.models.row_form import RowPrediction
from tests.models.estimators.test_user_class import MEANS
from tests.models.row_world import (
    CLASSES,
    INPUTS,
    ROW_FORM,
    TRANSFORMS,
    frame_of_rows,
    plain_rows,
    predictor_of,
)

pytestmark = pytest.mark.slow

FAST: dict[str, dict[str, Any]] = {
    "RandomForest": {"n_estimators": 8},
    "ExtraTrees": {"n_estimators": 8},
    "GradientBoosting": {"n_estimators": 8},
    "HistGradientBoosting": {"max_iter": 8},
    "lightgbm": {"num_iterations": 25},
    "xgboost": {"n_estimators": 25},
    "catboost": {"iterations": 25},
}
EVERY = [(name, task) for name, kind in sorted(algorithms().items()) for task in sorted(kind.tasks) if name != "rule"]
ROWS = plain_rows(250, 7, hostile=True)


def bits(value: Any) -> Any:
    """Return a plain value in a form that is equal only for the same bits; every null is None."""
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return None
    return struct.pack("d", value) if isinstance(value, float) else value


def of_frame(predictor: Predictor, frame: pd.DataFrame, last: int = 10_000) -> list[tuple[Any, ...]]:
    """Return the predictions for the last rows of a frame, as tuples of what a row form gives."""
    predicted, expected = (part.tail(last) for part in predictor.predict_actions(frame))
    nulls = predictor.unlearned_nulls(frame).tail(last)
    names = [name for name in predicted.columns if name.startswith("score.")]
    rows = []
    for place in range(len(predicted)):
        row = predicted.iloc[place]
        rows.append(
            (
                None if names else bits(float(row["score"])),
                tuple(bits(float(row[name])) for name in names),
                row.get("predicted"),
                bits(row["action"]),
                bits(row["expected_value"]),
                bits(nulls.iloc[place]),
                tuple(bits(float(value)) for value in expected.iloc[place]),
            )
        )
    return rows


def of_row(predicted: RowPrediction) -> tuple[Any, ...]:
    """Return a row's prediction as a tuple of bits."""
    scores = tuple(bits(score) for score in predicted.scores)
    assert predicted.best_action is None  # no row is held out
    expected = tuple(bits(value) for value in predicted.expected)
    return (bits(predicted.score), scores, predicted.predicted, *(bits(value) for value in predicted[3:-2]), expected)


def assert_one_is_many(predictor: Predictor, rows: list[list[Any]] = ROWS) -> None:
    frame = frame_of_rows(rows)
    many, form = of_frame(predictor, frame), predictor.row_form()
    assert form.inputs == INPUTS
    for place, row in enumerate(rows):
        one = of_row(form.predict(row))
        assert one == many[place], f"row {row}: the row form differs from the frame"
        typed = [
            np.nan if value is None and column.type == "float" else value
            for value, column in zip(row, INPUTS, strict=True)
        ]
        assert of_row(form.predict_typed(typed)) == one, f"row {row}: values of their types differ"
        if place % 25 == 0:
            assert of_frame(predictor, frame.iloc[[place]]) == [one], f"row {row}: alone differs"
    repeated = pd.concat([frame] * 9, ignore_index=True)  # LightGBM takes several threads from 2,000 rows on
    assert of_frame(predictor, repeated, last=len(rows)) == many


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


# Wrong values -------------------------------------------------------------------------------------------------------

GOOD = plain_rows(1, 3, hostile=False)[0]
WRONG: list[tuple[str, Any]] = [
    ("t.x", "1.5"),
    ("t.x", [1.0]),
    ("t.x", 1j),
    ("t.x", 10**400),
    ("t.x", b"1"),
    ("t.count", 1.5),
    ("t.count", float("inf")),
    ("t.count", 2**63),
    ("t.count", 10**400),
    ("t.flag", 2),
    ("t.flag", "true"),
    ("t.letter", 3),
    ("t.letter", b"p"),
    ("t.letter", {"a": 1}),
    ("t.at", "2024-01-01"),
    ("t.at", pd.Timestamp("2024-01-01")),
    ("t.at", 1_700_000_000),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_value_of_another_type_is_refused_by_the_name_of_its_column(tmp_path, name, value):
    form = predictor_of("constant", "binary", tmp_path).row_form()
    row = list(GOOD)
    row[[column.name for column in INPUTS].index(name)] = value
    with pytest.raises(PredictionError, match=rf"^column {name} must be \w+, found "):
        form.predict(row)
    assert form.predict(GOOD).score is not None


@pytest.mark.parametrize(
    ("name", "value", "same"),
    [
        ("t.x", np.float64(1.5), 1.5),
        ("t.x", np.float32(1.5), 1.5),
        ("t.x", 2**70, float(2**70)),
        ("t.count", np.int64(4), 4),
        ("t.count", 4.0, 4),
        ("t.count", float("nan"), None),
        ("t.flag", np.True_, True),
        ("t.flag", 1, True),
        ("t.letter", float("nan"), None),
        ("t.at", pd.Timestamp("2024-01-02 03:04:05.678901", tz="America/New_York"), None),
        ("t.at", pd.NaT, None),
        ("t.at", datetime(1500, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), datetime(1500, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_value_in_another_form_of_its_type_is_read_like_a_column(tmp_path, name, value, same):
    source = "t.x * 2 + t.count + hour(t.at) + where(is_null(t.letter), 100, 0) + t.flag"
    form = predictor_of("rule", "regression", tmp_path, expression=source).row_form()
    place = [column.name for column in INPUTS].index(name)
    if isinstance(value, pd.Timestamp):
        same = value.tz_convert("UTC").to_pydatetime()
    another_form, plain = ([*GOOD[:place], item, *GOOD[place + 1 :]] for item in (value, same))
    assert of_row(form.predict(another_form)) == of_row(form.predict(plain))


def test_a_row_with_too_few_values_is_refused(tmp_path):
    with pytest.raises(PredictionError, match="a row has 7 values; the predictor has 8 input columns"):
        predictor_of("constant", "binary", tmp_path).row_form().predict(GOOD[:-1])


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
