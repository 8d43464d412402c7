import importlib
import subprocess
import sys

import pytest

from ml_platform.declarations.algorithms import (
    algorithm_faults,
    algorithms,
    named_algorithms,
    resolve_algorithm,
)
from ml_platform.declarations.model import Algorithm

LIGHTGBM = algorithms()["lightgbm"]
SCIKIT_LEARN = {name: kind for name, kind in algorithms().items() if name[0].isupper()}
_MODULES = ("sklearn.linear_model", "sklearn.ensemble", "sklearn.tree", "sklearn.dummy")


def _faults(name, task="binary", **more):
    return list(algorithm_faults(Algorithm(name=name, **more), task))


def test_every_lightgbm_parameter_is_one_that_lightgbm_has():
    from lightgbm.basic import _ConfigAliases

    known = _ConfigAliases._get_all_param_aliases()
    assert set(known) >= set(LIGHTGBM.params)
    names = {alias: main for main, aliases in known.items() for alias in aliases}
    assert {other: names[other] for other in LIGHTGBM.other_names} == LIGHTGBM.other_names


def test_no_lightgbm_parameter_reads_files_or_undoes_reproducibility():
    forbidden = {"num_threads", "seed", "deterministic", "force_row_wise", "device_type", "machines", "input_model"}
    assert not forbidden & set(LIGHTGBM.params)
    assert not {name for name in set(LIGHTGBM.params) if "file" in name or name.endswith("_seed")}


@pytest.mark.parametrize("name", sorted(SCIKIT_LEARN))
def test_every_scikit_learn_parameter_is_one_of_the_class(name):
    modules = map(importlib.import_module, _MODULES)
    estimator = next(getattr(module, name) for module in modules if hasattr(module, name))
    assert set(estimator().get_params()) >= set(SCIKIT_LEARN[name].params)


def test_no_scikit_learn_parameter_takes_an_object_or_undoes_reproducibility():
    every = {param for kind in SCIKIT_LEARN.values() for param in kind.params}
    assert not {"init", "random_state", "n_jobs", "warm_start", "verbose", "categorical_features"} & every


def test_short_names_stand_for_a_class_of_the_list():
    short = {kind.short_name for kind in algorithms().values() if kind.short_name}
    assert {kind.name for name in short for kind in named_algorithms(name)} <= set(SCIKIT_LEARN)
    assert not short & set(algorithms())
    assert resolve_algorithm("random_forest", "binary") == "RandomForestClassifier"
    assert resolve_algorithm("random_forest", "regression") == "RandomForestRegressor"
    assert resolve_algorithm("transforms.mine:Mine", "binary") == "transforms.mine:Mine"


def test_an_allowed_declaration_has_no_fault():
    assert _faults("lightgbm", params={"num_leaves": 63}, monotone={"a.b": "increasing"}) == []
    assert _faults("logistic_regression", params={"C": 0.1}) == []
    assert _faults("rule", expression="a.b > 3") == []
    assert _faults("models.mine:Mine", params={"anything": 1}) == []


@pytest.mark.parametrize(
    ("algorithm", "task", "fault"),
    [
        ({"name": "lightgmb"}, "binary", "algorithm 'lightgmb' does not exist. Did you mean lightgbm?"),
        ({"name": "ridge"}, "binary", "algorithm ridge cannot do binary. Take one of decision_tree, DummyClassifier,"),
        ({"name": "rule", "expression": "a.b"}, "multiclass", "algorithm rule cannot do multiclass"),
        ({"name": "rule"}, "binary", "algorithm.expression belongs to rule and to nothing else, found name rule"),
        ({"name": "ridge", "expression": "1"}, "regression", "algorithm.expression belongs to rule"),
        ({"name": "ridge", "monotone": {"a.b": "increasing"}}, "regression", "monotone is not kept by ridge"),
        ({"name": "lightgbm", "params": {"n_estimators": 9}}, "binary", "Write it as num_iterations"),
        ({"name": "lightgbm", "params": {"num_leafs": 9}}, "binary", "Did you mean num_leaves?"),
        ({"name": "constant", "params": {"value": 1}}, "binary", "constant takes no parameters, found 'value'"),
    ],
)
def test_a_wrong_algorithm_is_reported_with_its_remedy(algorithm, task, fault):
    assert any(fault in actual for actual in _faults(algorithm.pop("name"), task, **algorithm))


@pytest.mark.slow
def test_a_declaration_is_checked_without_any_library_of_estimators():
    code = (
        "import sys; from ml_platform.declarations.algorithms import algorithms; algorithms(); "
        "print(sorted({'pandas', 'sklearn', 'lightgbm', 'skops', 'xgboost', 'catboost'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
