"""Plain classes of scikit-learn, held against scikit-learn called directly."""

import dataclasses
import io
import subprocess
import sys
import zipfile
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsRegressor

from ml_platform.core.errors import TrainingError, UntrustedContent
from ml_platform.core.hashing import content_id
from ml_platform.models.bundled_code import Code
from ml_platform.models.estimators.base import SavedEstimator
from ml_platform.models.estimators.registry import fit_estimator, load_estimator
from ml_platform.models.inputs.matrix import encode
from ml_platform.models.inputs.preprocessing import Dense
from tests.core.expressions.test_functions import code_of
from tests.models.estimators.test_registry import _fitting, _row

pytestmark = pytest.mark.slow

GUIDE = code_of("A scikit-learn class of your own")
CUSTOM = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC


class Forest(RandomForestClassifier):
    pass


class Numbers(BaseEstimator, TransformerMixin):
    def fit(self, X, y):
        self.means_ = X[["t.x", "t.noise"]].mean().to_numpy()
        return self

    def transform(self, X):
        return X[["t.x", "t.noise"]].fillna(0).to_numpy() - self.means_


def pipeline(C=1.0):
    return make_pipeline(Numbers(), LogisticRegression(C=C))


def with_function():
    return make_pipeline(Numbers(), FunctionTransformer(halved), LogisticRegression())


def with_draw():
    return Drawing()


def halved(X):
    return X / 2


class Means(BaseEstimator):
    def __init__(self, column="t.s", random_state=None):
        self.column, self.random_state = column, random_state

    def fit(self, X, y):
        keys = X[self.column]
        self.means_ = {key: float(y[(keys == key).to_numpy()].mean()) for key in sorted(set(keys.dropna()))}
        self.draw_ = np.random.default_rng(self.random_state).normal()
        return self

    def predict_proba(self, X):
        ones = np.array([self.means_.get(key, 0.5) for key in X[self.column]])
        return np.column_stack([1 - ones, ones])


class Drawing(Means):
    def predict_proba(self, X):
        return super().predict_proba(X) * np.random.default_rng().random()


class NoParams:
    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        return X


class Weighted(Means):
    def fit(self, X, y, weight):
        return self


class Decides(BaseEstimator):
    def fit(self, X, y):
        return self

    def predict(self, X):
        return X
"""


def _mine(root, name, task="binary", source=CUSTOM, **more):
    (root / "mine.py").write_text(source)
    code = Code.read(root, [f"mine:{name}"], root / "kept")
    return dataclasses.replace(_fitting(f"mine:{name}", task), code=code, **more)


EVERY = [
    "KNeighborsClassifier",
    "Forest",
    "pipeline",
    "Means",
    "GaussianNB",
    "SVC",
    "MLPClassifier",
    "BaggingClassifier",
]


@pytest.mark.parametrize(("name", "task"), [*((name, "binary") for name in EVERY), ("Forest", "multiclass")])
def test_a_class_comes_back_with_the_same_state_and_scores_a_row_alone_as_among_others(tmp_path, name, task):
    params = {"SVC": {"probability": True}, "MLPClassifier": {"hidden_layer_sizes": [4]}}.get(name, {})
    fitting = _mine(tmp_path, name, task, params=params)
    fitted = fit_estimator(fitting)
    reloaded = load_estimator(fitted.kind, fitted.save(), fitting.code)
    assert content_id(reloaded.state()) == content_id(fitted.state()) == content_id(fit_estimator(fitting).state())
    scores = fitted.predict(fitting.validate)
    assert scores.shape == ((120, 3) if task == "multiclass" else (120,))
    np.testing.assert_array_equal(reloaded.predict(fitting.validate), scores)
    for index in (0, 57, 119):
        np.testing.assert_array_equal(reloaded.predict(_row(fitting.validate, index))[0], scores[index])


def test_an_estimator_of_scikit_learn_sees_numbers(tmp_path):
    fitting = _mine(tmp_path, "KNeighborsRegressor", "regression", params={"n_neighbors": 3})
    dense = Dense.learn(fitting.matrix)
    oracle = KNeighborsRegressor(3).fit(dense.apply(fitting.matrix), fitting.label)
    expected = oracle.predict(dense.apply(fitting.validate))
    np.testing.assert_array_equal(fit_estimator(fitting).predict(fitting.validate), expected)


def test_a_pipeline_with_a_transformer_of_the_project_sees_the_frame(tmp_path):
    fitting = _mine(tmp_path, "pipeline", params={"C": 0.3})
    x, later = (part.decoded()[["t.x", "t.noise"]].fillna(0).to_numpy() for part in (fitting.matrix, fitting.validate))
    means = fitting.matrix.decoded()[["t.x", "t.noise"]].mean().to_numpy()
    oracle = LogisticRegression(C=0.3).fit(x - means, fitting.label).predict_proba(later - means)[:, 1]
    np.testing.assert_allclose(fit_estimator(fitting).predict(fitting.validate), oracle, rtol=1e-12)


def test_the_pipeline_of_the_guide_is_seeded_within(tmp_path):
    fitting = _mine(tmp_path, "forest", source=GUIDE, params={"trees": 5}, seed=7)
    fitted: Any = fit_estimator(fitting)
    other = fit_estimator(dataclasses.replace(fitting, seed=8))
    assert fitted.estimator.get_params()["forest__random_state"] == 7
    assert content_id(fitted.state()) != content_id(other.state())
    right = (fitted.predict(fitting.validate) > 0.5) == (fitting.validate_label == 1)
    assert right.mean() > 0.7


def test_a_category_that_training_did_not_see_and_null_are_none(tmp_path):
    fitting = _mine(tmp_path, "Means")
    frame = fitting.validate.frame.iloc[:2].assign(**{"t.s": ["z", None]})
    assert fit_estimator(fitting).predict(encode(frame, fitting.matrix.columns)).tolist() == [0.5, 0.5]


def test_the_state_names_no_folder_and_another_process_and_folder_read_the_same(tmp_path):
    states = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        fitting = _mine(tmp_path / folder, "pipeline")
        fitted = fit_estimator(fitting)
        states.append((content_id(fitted.state()), fitted.save()))
    assert states[0][0] == states[1][0]
    (tmp_path / "kept.skops").write_bytes(states[0][1].files["estimator.skops"])
    script = f"""
from pathlib import Path
from ml_platform.core.hashing import content_id
from ml_platform.models.bundled_code import Code
from ml_platform.models.estimators.base import SavedEstimator
from ml_platform.models.estimators.registry import load_estimator
code = Code.read(Path({str(tmp_path / "two")!r}), ["mine:pipeline"], Path("kept"))
facts = {dict(states[0][1].facts)!r}
content = Path({str(tmp_path / "kept.skops")!r}).read_bytes()
print(content_id(load_estimator("scikit_class", SavedEstimator(facts, {{"estimator.skops": content}}), code).state()))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert ran.stdout.strip() == states[0][0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("with_function", r"mine:with_function.*halved.*not kept|the state of builtins\.function cannot be read"),
        ("with_draw", "gives the same rows other scores each time"),
        ("NoParams", "mine:NoParams has no get_params"),
        ("Decides", "mine:Decides has no predict_proba"),
        ("Weighted", r"mine:Weighted\.fit cannot be called as fit\(X, y\): missing a required argument: 'weight'"),
        ("pipeline", r"mine:pipeline does not take \{'D': 1\}"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(tmp_path, name, message):
    fitting = _mine(tmp_path, name, params={"D": 1} if name == "pipeline" else {})
    with pytest.raises(TrainingError, match=message):
        fit_estimator(fitting)


@pytest.mark.parametrize("module", ["os", "sklearn.utils.subprocess", "the_project.nowhere"])
def test_a_file_with_a_class_of_elsewhere_is_refused_before_it_is_made(tmp_path, module):
    fitting = _mine(tmp_path, "pipeline")
    bundle = fit_estimator(fitting).save()
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bundle.files["estimator.skops"])) as source, zipfile.ZipFile(target, "w") as made:
        for item in source.namelist():
            part = source.read(item)
            assert item != "schema.json" or b'"the_project.mine"' in part
            made.writestr(item, part.replace(b'"the_project.mine"', f'"{module}"'.encode()))
    with pytest.raises(UntrustedContent, match=r"which is not trusted\. It is not loaded"):
        load_estimator(
            "scikit_class", SavedEstimator(bundle.facts, {"estimator.skops": target.getvalue()}), fitting.code
        )
