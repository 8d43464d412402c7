"""A hand-made shop to evaluate, and the steps that its tests take."""

import pytest

from ml_platform.models.train import train_model
from ml_platform.registry.evaluation.evaluate import evaluate_model
from tests.models.rows import keep_snapshots, shop_project, snapshot
from tests.worlds import LATE_PARCEL

LIGHTGBM = "algorithm: {name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 60}}"
ACTIONS = "    upgrade: -4 + label * 9\n    wait: 0\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    keep_snapshots(
        monkeypatch,
        {
            "s": snapshot(),
            "later": snapshot(seed=10),
            "minutes": snapshot(label="minutes"),
            "lane": snapshot(label="lane"),
        },
    )
    return shop_project(tmp_path)


def changed_shop(directory, old, new):
    return shop_project(directory, models__late_parcel=LATE_PARCEL.replace(old, new))


def trained_id(project, snapshot_id="s", model="late_parcel"):
    return train_model(project, model, snapshot_id).artifact.id


def evaluated(project, champion=None, snapshot_id="s", model="late_parcel", trained=None, anchor=None):
    trained = trained or trained_id(project, snapshot_id, model)
    return evaluate_model(project, model, trained, snapshot_id, champion, anchor).artifact


def by_name(evaluation):
    return {item["name"]: item for item in evaluation.about["contenders"]}
