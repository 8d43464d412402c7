import dataclasses

import numpy as np
import pytest

from ml_platform.core.errors import TrainingError
from ml_platform.core.hashing import content_id
from ml_platform.models.bundled_code import Code
from ml_platform.models.estimators.registry import fit_estimator, load_estimator
from tests.models.estimators.test_registry import _fitting

MEANS = """\
import numpy as np

class Means:
    def __init__(self, weight=1.0):
        self.weight = weight

    def fit(self, X, y, *, validate, seed, threads):
        groups = sorted(set(X["t.s"].dropna()))
        self.means = {name: float(y[X["t.s"] == name].mean()) for name in groups}
        self.draw = np.random.default_rng(seed).normal(size=2)

    def predict(self, X):
        return np.array([self.means.get(name, 0.5) for name in X["t.s"]]) * self.weight

    def get_state(self):
        return {"means": self.means, "weight": self.weight, "draw": self.draw}

    @classmethod
    def from_state(cls, state):
        made = cls(state["weight"])
        made.means, made.draw = state["means"], state["draw"]
        return made
"""


def _code(root, source=MEANS):
    (root / "mine.py").write_text(source)
    return Code.read(root, ["mine:Means"], root / "kept")


def _mine(root, source=MEANS, **more):
    return dataclasses.replace(_fitting("mine:Means"), code=_code(root, source), **more)


def test_a_class_of_a_project_is_fitted_and_comes_back_from_json_and_arrays(tmp_path):
    fitting = _mine(tmp_path, params={"weight": 0.5})
    fitted = fit_estimator(fitting)
    reloaded = load_estimator(fitted.kind, fitted.save(), fitting.code)
    scores = fitted.predict(fitting.validate)
    assert scores[0] == 0.5 * fitting.label[fitting.matrix.frame["t.s"] == fitting.validate.frame["t.s"][0]].mean()
    np.testing.assert_array_equal(reloaded.predict(fitting.validate), scores)
    assert content_id(reloaded.state()) == content_id(fitted.state()) == content_id(fit_estimator(fitting).state())


def test_the_seed_of_the_declaration_decides_its_state(tmp_path):
    states = {content_id(fit_estimator(_mine(tmp_path, seed=seed)).state()) for seed in (0, 0, 1)}
    assert len(states) == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("def get_state", "def state", "mine:Means has no get_state"),
        ("def __init__(self, weight=1.0)", "def __init__(self, weight, more)", "does not take"),
        ("groups = ", "groups = 1 / 0 #", "mine:Means.fit failed with ZeroDivisionError"),
        ('"draw": self.draw', '"draw": np.array([object()])', "an array of Python objects has no canonical form"),
        ('"draw": self.draw', '"draw": object()', "object has no canonical form"),
        ("* self.weight", ".reshape(-1, 1)", r"gave an array of shape \(120, 1\), not \(120,\)"),
    ],
)
def test_a_class_that_breaks_the_protocol_is_refused(tmp_path, old, new, message):
    fitting = _mine(tmp_path, MEANS.replace(old, new))
    with pytest.raises(TrainingError, match=message):
        fit_estimator(fitting).predict(fitting.validate)
