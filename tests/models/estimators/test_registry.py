import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.core.errors import TrainingError, UntrustedContent
from ml_platform.core.hashing import content_id
from ml_platform.declarations.algorithms import algorithms
from ml_platform.models.estimators.base import FitRequest, SavedEstimator
from ml_platform.models.estimators.registry import fit_estimator, load_estimator
from ml_platform.models.estimators.scikit_learn import ScikitLearn
from ml_platform.models.inputs.matrix import encode, learn_columns
from ml_platform.models.inputs.preprocessing import Dense

pytestmark = pytest.mark.slow

CLASSES = {"binary": (False, True), "multiclass": ("a", "b", "c"), "regression": (), "quantile": ()}


def _rows(count, seed):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=count)
    letters = np.array(["p", "q", "r"], dtype=object)[draw.integers(0, 3, count)]
    truth = x + (letters == "q") + draw.normal(0, 0.4, count)
    x[::11] = np.nan
    return pd.DataFrame({"t.x": x, "t.s": letters, "t.noise": draw.normal(size=count)}), truth


def _label(task, truth):
    if task == "binary":
        return (truth > 0.3).astype("float64")
    return np.digitize(truth, (-0.5, 0.8)).astype("float64") if task == "multiclass" else truth


def _fitted(fitting) -> Any:
    """Return a fitted estimator, whose own attributes are looked at."""
    return fit_estimator(fitting)


def _fitting(algorithm, task="binary", count=300, **more):
    frame, truth = _rows(count, 0)
    later, later_truth = _rows(120, 1)
    columns = learn_columns(frame, ["t.x", "t.s", "t.noise"])
    fitting = FitRequest(
        task=task,
        algorithm=algorithm,
        params=more.pop("params", {}),
        matrix=encode(frame, columns),
        label=_label(task, truth),
        validate=encode(later, columns),
        validate_label=_label(task, later_truth),
        classes=CLASSES[task],
        quantile=0.8 if task == "quantile" else None,
    )
    return dataclasses.replace(fitting, **more)


def _row(matrix, index):
    return encode(matrix.frame.iloc[[index]], matrix.columns)


SCIKIT_LEARN = {name: kind for name, kind in algorithms().items() if issubclass(kind, ScikitLearn)}
EVERY = [("lightgbm", task) for task in CLASSES] + [("constant", task) for task in CLASSES]
EVERY += [(name, task) for name, kind in sorted(SCIKIT_LEARN.items()) for task in sorted(kind.tasks)]
FAST = {"RandomForest": {"n_estimators": 8}, "ExtraTrees": {"n_estimators": 8}, "GradientBoosting": {"n_estimators": 8}}
FAST |= {"HistGradientBoosting": {"max_iter": 8}, "lightgbm": {"num_iterations": 8}}


@pytest.mark.parametrize(("algorithm", "task"), EVERY)
def test_an_estimator_comes_back_with_the_same_state_and_scores_a_row_alone_as_among_others(algorithm, task):
    params = next((actual for name, actual in FAST.items() if algorithm.startswith(name)), {})
    fitting = _fitting(algorithm, task, params=params)
    fitted = fit_estimator(fitting)
    reloaded = load_estimator(fitted.kind, fitted.save(), None)
    assert content_id(reloaded.state()) == content_id(fitted.state()) == content_id(fit_estimator(fitting).state())
    scores = fitted.predict(fitting.validate)
    assert scores.shape == ((120, 3) if task == "multiclass" else (120,))
    np.testing.assert_array_equal(reloaded.predict(fitting.validate), scores)
    for index in (0, 57, 119):
        np.testing.assert_array_equal(reloaded.predict(_row(fitting.validate, index))[0], scores[index])


@pytest.mark.parametrize("algorithm", ["lightgbm", "LogisticRegression", "HistGradientBoostingClassifier"])
def test_what_can_be_learnt_is_learnt(algorithm):
    fitting = _fitting(algorithm, count=2000)
    fitted = fit_estimator(fitting)
    right = (fitted.predict(fitting.validate) > 0.5) == (fitting.validate_label == 1)
    assert right.mean() > 0.7
    if algorithm != "HistGradientBoostingClassifier":
        importances = fitted.importances(fitting.matrix.names)
        assert next(iter(importances)) != "t.noise"
        assert sum(importances.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("algorithm", ["lightgbm", "QuantileRegressor", "GradientBoostingRegressor"])
def test_a_quantile_lies_above_its_share_of_labels(algorithm):
    fitting = _fitting(algorithm, "quantile", count=1500)
    scores = fit_estimator(fitting).predict(fitting.matrix)
    assert (fitting.label <= scores).mean() == pytest.approx(0.8, abs=0.05)


# LightGBM ----------------------------------------------------------------------


def test_lightgbm_stops_early_on_the_validate_stretch_only_if_asked():
    params = {"num_iterations": 300, "learning_rate": 0.3}
    long = fit_estimator(_fitting("lightgbm", params=params))
    short = fit_estimator(_fitting("lightgbm", params={**params, "early_stopping_round": 5}))
    assert long.iterations == 300
    assert short.iterations < 60


def test_the_normal_form_of_trees_leaves_out_parameters_such_as_threads():
    one, two = (_fitted(_fitting("lightgbm", threads=threads)) for threads in (1, 2))
    assert one.text != two.text
    assert one.state() == two.state()


def test_a_monotone_column_never_lowers_the_score():
    fitting = _fitting("lightgbm", monotone={"t.noise": "increasing"})
    fitted = fit_estimator(fitting)
    low, high = (fitting.matrix.frame.assign(**{"t.noise": value}) for value in (-2.0, 2.0))
    scores = [fitted.predict(encode(frame, fitting.matrix.columns)) for frame in (low, high)]
    assert (scores[1] >= scores[0]).all()


def test_monotone_on_a_column_that_is_not_there_is_refused():
    with pytest.raises(TrainingError, match=r"monotone names t\.z, which is not a column of the matrix"):
        fit_estimator(_fitting("lightgbm", monotone={"t.z": "increasing"}))


def test_an_objective_against_the_task_is_refused():
    with pytest.raises(TrainingError, match="objective follows from task binary, found poisson"):
        fit_estimator(_fitting("lightgbm", params={"objective": "poisson"}))


def test_parameters_that_lightgbm_refuses_are_reported():
    with pytest.raises(TrainingError, match="LightGBM cannot fit these rows"):
        fit_estimator(_fitting("lightgbm", params={"num_leaves": -3}))


# scikit-learn -----------------------------------------------------------------


def test_linear_scores_are_those_of_scikit_learn():
    fitting = _fitting("LogisticRegression", "multiclass")
    fitted = _fitted(fitting)
    oracle = fitted.estimator.predict_proba(fitted.dense.apply(fitting.validate))
    np.testing.assert_allclose(fitted.predict(fitting.validate), oracle, atol=1e-12)


def test_what_scikit_learn_warns_of_is_kept_and_not_raised():
    fitted = fit_estimator(_fitting("LogisticRegression", params={"max_iter": 1}))
    assert any("lbfgs failed to converge" in note for note in fitted.notes)


def test_parameters_that_scikit_learn_refuses_are_reported():
    with pytest.raises(TrainingError, match="Ridge cannot fit these rows"):
        fit_estimator(_fitting("Ridge", "regression", params={"alpha": -1}))


def test_a_dummy_that_draws_at_random_is_refused():
    with pytest.raises(TrainingError, match="strategy uniform draws at random"):
        fit_estimator(_fitting("DummyClassifier", params={"strategy": "uniform"}))


def test_a_skops_file_with_a_type_outside_our_list_is_refused_before_it_is_made():
    from sklearn.linear_model import LogisticRegression
    from skops.io import dumps, get_untrusted_types

    bundle = fit_estimator(_fitting("LogisticRegression")).save()
    planted = LogisticRegression()
    planted.coef_ = np.random.default_rng(0).integers  # a bound method: skops would have to import and call
    content = dumps(planted)
    assert get_untrusted_types(data=content)
    with pytest.raises(UntrustedContent, match="the stored LogisticRegression holds Untrusted types"):
        load_estimator("scikit_learn", SavedEstimator(bundle.facts, {"estimator.skops": content}), None)


def test_a_skops_file_that_holds_another_class_is_refused():
    from sklearn.linear_model import Ridge
    from skops.io import dumps

    bundle = fit_estimator(_fitting("LogisticRegression")).save()
    with pytest.raises(UntrustedContent, match="the stored LogisticRegression is a Ridge"):
        load_estimator("scikit_learn", SavedEstimator(bundle.facts, {"estimator.skops": dumps(Ridge())}), None)


def test_a_class_outside_the_allow_list_is_refused_before_its_file_is_read():
    with pytest.raises(UntrustedContent, match="FunctionTransformer is not on the platform's list"):
        load_estimator(
            "scikit_learn",
            SavedEstimator({"class": "FunctionTransformer", "dense": []}, {"estimator.skops": b""}),
            None,
        )


def test_a_kind_that_does_not_exist_is_refused():
    with pytest.raises(UntrustedContent, match="the unknown kind 'pickle'"):
        load_estimator("pickle", SavedEstimator({}, {}), None)


# Rules and constants ------------------------------------------------------------


def test_a_rule_is_yes_where_its_condition_holds_and_no_where_it_is_null():
    fitting = _fitting("rule", expression="t.x > 0.5")
    scores = fit_estimator(fitting).predict(fitting.matrix)
    expected = (fitting.matrix.frame["t.x"] > 0.5).astype(float)
    np.testing.assert_array_equal(scores, expected)


def test_a_rule_names_the_populations_columns_without_a_dot():
    fitting = _fitting("rule", expression="0.9 if s == 'q' else 0.1", source="t")
    scores = fit_estimator(fitting).predict(fitting.matrix)
    assert set(zip(fitting.matrix.frame["t.s"], scores, strict=True)) == {("p", 0.1), ("q", 0.9), ("r", 0.1)}


def test_a_rule_for_a_number_falls_back_to_the_mean_where_it_is_null():
    fitting = _fitting("rule", "regression", expression="t.x * 2")
    scores = fit_estimator(fitting).predict(fitting.matrix)
    assert scores[0] == fitting.label.mean()
    assert scores[1] == fitting.matrix.frame["t.x"][1] * 2


def test_a_rule_that_gives_no_probability_is_refused_for_two_classes():
    with pytest.raises(TrainingError, match="For a binary label write a condition, or a score from 0 to 1"):
        fit_estimator(_fitting("rule", expression="t.x * 100"))


def test_a_constant_is_the_share_the_mean_or_the_quantile_of_the_label():
    for task, expected in (("binary", np.mean), ("regression", np.mean), ("quantile", lambda y: np.quantile(y, 0.8))):
        fitting = _fitting("constant", task)
        assert _fitted(fitting).score == (pytest.approx(expected(fitting.label)),)
    fitting = _fitting("constant", "multiclass")
    assert _fitted(fitting).score == pytest.approx([(fitting.label == index).mean() for index in range(3)])


HOSTILE_NAMES = ["price, EUR", "a:b", "[x]", "{y}", 'say "x"', "a b", "ø✓", "\\n", "{", "column_0"]


@pytest.mark.parametrize("algorithm", ["lightgbm", "LogisticRegression", "HistGradientBoostingClassifier"])
def test_any_name_of_a_column_can_be_trained_on_and_decides_nothing(algorithm):
    fitting = _fitting(algorithm, params={"num_iterations": 3} if algorithm == "lightgbm" else {})
    plain = fit_estimator(fitting)
    for start in range(0, len(HOSTILE_NAMES) - 2):
        renamed = dict(zip(fitting.matrix.names, HOSTILE_NAMES[start:], strict=False))
        columns = tuple(dataclasses.replace(item, name=renamed[item.name]) for item in fitting.matrix.columns)
        frame = fitting.matrix.frame.rename(columns=renamed)
        fitted = fit_estimator(dataclasses.replace(fitting, matrix=encode(frame, columns)))
        np.testing.assert_array_equal(fitted.predict(encode(frame, columns)), plain.predict(fitting.matrix))
        assert set(fitted.importances([item.name for item in columns])) <= set(renamed.values())


def _of_numbers(values, later):
    frame = pd.DataFrame({"t.x": np.asarray(values, dtype="float64")})
    columns = learn_columns(frame, ["t.x"])
    return encode(frame, columns), encode(pd.DataFrame({"t.x": np.asarray(later, dtype="float64")}), columns)


@pytest.mark.parametrize(
    ("values", "later", "expected"),
    [
        (np.full(1000, 0.1), [0.2], [0.1]),  # not scaled: 0.2 - 0.1, where the rounding error would give 7e15
        (np.where(np.arange(1000) % 2, 0.3, 0.1 + 0.2), [1.3], [1.0]),  # equal numbers, up to rounding
        ([1e300, -1e300], [2e300], [2.0]),  # squares would overflow
        ([4e-320, 0.0], [1.0], [1.0]),  # dividing by the deviation would overflow
        ([1.0, 3.0], [5.0], [3.0]),
        ([0.0, 1e-200], [1e308], [1e30]),  # kept finite: infinity times a weight of zero would be no number
    ],
)
def test_a_number_is_scaled_by_how_it_varies_and_never_by_its_rounding(values, later, expected):
    train, seen = _of_numbers(values, later)
    np.testing.assert_allclose(Dense.learn(train).apply(seen)[:, 0], expected, rtol=1e-12)


def test_a_constant_column_leaves_the_scores_of_a_linear_model_alone():
    draw = np.random.default_rng(3)
    x = draw.normal(size=500)
    frame = pd.DataFrame({"t.x": x, "t.s": np.array(["p"] * 500, dtype=object), "t.noise": np.full(500, 0.1)})
    columns = learn_columns(frame, ["t.x", "t.noise"])
    fitting = _fitting("LogisticRegression", matrix=encode(frame, columns), label=(x > 0).astype("float64"))
    later = frame.assign(**{"t.noise": 0.2})
    fitted = fit_estimator(fitting)
    np.testing.assert_allclose(fitted.predict(encode(later, columns)), fitted.predict(fitting.matrix), atol=0.01)
