import numpy as np
import pytest

from ml_platform.core.hashing import content_id
from ml_platform.models.estimators.canonical_state import normal_form


class _Holder:
    def __init__(self, value):
        self.value = value


def _id(value):
    return content_id(normal_form(value))


def test_what_lies_in_the_gaps_of_a_structured_array_takes_no_part():
    kind = np.dtype([("a", "u1"), ("b", "f8")], align=True)
    clean, dirty = np.zeros(2, kind), np.frombuffer(bytearray(b"\xff" * 2 * kind.itemsize), kind)
    dirty["a"], dirty["b"] = 0, 0.0
    assert clean.tobytes() != dirty.tobytes()
    assert _id(clean) == _id(dirty)


def test_values_types_and_shapes_decide():
    base = np.arange(6.0)
    others = [base + 1, base.astype("f4"), base.reshape(2, 3), base.tolist(), _Holder(base)]
    assert len({_id(base), *map(_id, others)}) == 6


def test_the_order_of_a_mapping_and_the_sign_of_zero_do_not_decide():
    assert _id({"a": 1, "b": 2}) == _id({"b": 2, "a": 1})
    assert _id(np.array([0.0])) == _id(np.array([-0.0]))


def test_every_nan_is_the_same():
    assert _id(np.array([np.nan])) == _id(np.array([-np.nan]))


def test_something_whose_state_cannot_be_read_is_refused():
    with pytest.raises(TypeError, match=r"the state of builtins\.object cannot be read"):
        normal_form(object())


@pytest.mark.slow
def test_a_scikit_learn_estimator_keeps_its_form_through_a_skops_file_whose_bytes_differ():
    from sklearn.ensemble import RandomForestClassifier
    from skops.io import dumps, loads

    x = np.random.default_rng(0).normal(size=(80, 3))
    fitted = RandomForestClassifier(n_estimators=5, random_state=0).fit(x, x[:, 0] > 0)
    first, second = dumps(fitted), dumps(fitted)
    assert first != second
    assert _id(loads(first, trusted=["sklearn.tree._tree.Tree"])) == _id(fitted)
    other = RandomForestClassifier(n_estimators=5, random_state=1).fit(x, x[:, 0] > 0)
    assert _id(other) != _id(fitted)
