"""The core stages on all of 2013: what `late_arrival` is worth on the year's last 14 days, trained on 90."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import roc_auc_score

from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.models.predictor import load_predictor
from ml_platform.models.train import train_model
from ml_platform.project import Project, open_project
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.sources.ingest import ingest_source

FLIGHTS = Path(__file__).parents[2] / "examples/flights"
AS_OF = datetime(2014, 1, 2, 12, tzinfo=UTC)
MODEL = "late_arrival"


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Project:
    directory = tmp_path_factory.mktemp("flights")
    shutil.copytree(FLIGHTS, directory, ignore=shutil.ignore_patterns(".*", "__pycache__"), dirs_exist_ok=True)
    return open_project(directory)


@pytest.fixture(scope="module")
def made(flights: Project) -> Mapping[str, str]:
    """Ids of what the stages made, by node."""
    ids: dict[str, str] = {}
    for name in flights.spec.sources:
        ids[f"sources/{name}"] = ingest_source(flights, name, AS_OF).made.artifact.id
    for name, table in flights.spec.feature_tables.items():
        ids[f"features/{name}"] = build_feature_table(flights, name, ids[f"sources/{table.source}"]).artifact.id
    ids["snapshot"] = build_snapshot(flights, MODEL, dict(ids), AS_OF).artifact.id
    ids["trained_model"] = train_model(flights, MODEL, ids["snapshot"]).artifact.id
    ids["evaluation"] = evaluate_model(flights, MODEL, ids["trained_model"], ids["snapshot"], None).artifact.id
    return ids


@pytest.fixture(scope="module")
def evaluation(flights: Project, made: Mapping[str, str]) -> Mapping[str, Any]:
    return flights.store.get("evaluation", made["evaluation"]).about


def test_it_is_trained_on_90_days_and_tested_on_the_last_14_of_the_year(
    flights: Project, made: Mapping[str, str]
) -> None:
    rows = load_snapshot(flights, made["snapshot"])
    train, test = rows.part("train")["effective_time"], rows.part("test")["effective_time"]
    assert datetime(2013, 9, 5, tzinfo=UTC) < train.min() < train.max() < datetime(2013, 12, 4, tzinfo=UTC)
    assert datetime(2013, 12, 18, tzinfo=UTC) < test.min() < test.max() < datetime(2014, 1, 1, tzinfo=UTC)
    assert len(train) > 80_000
    assert len(test) > 12_000


def test_a_late_arrival_is_separated_from_others_with_an_auc_of_at_least_072(
    flights: Project, made: Mapping[str, str], evaluation: Mapping[str, Any]
) -> None:
    test = load_snapshot(flights, made["snapshot"]).part("test")
    predictor = load_predictor(flights, flights.store.get("trained_model", made["trained_model"]))
    auc = roc_auc_score(test["label"].astype(bool), predictor.predict(test)["score"])
    assert auc >= 0.72
    assert evaluation["figures"]["auc"] == pytest.approx(auc)


def test_it_earns_more_than_its_baselines_and_than_doing_nothing(evaluation: Mapping[str, Any]) -> None:
    assert evaluation["verdict"] == "deploy"
    others = {item["name"]: item["challenger_ahead"] for item in evaluation["contenders"][1:]}
    assert set(others) == {"baseline/rule", "baseline/logistic_regression", "do_nothing"}
    assert all(ahead["per_row"] > 0 for ahead in others.values())
    ahead = others["do_nothing"]
    assert ahead["probability"] > 0.9, "14 days that may be worth five leave a few per cent of doubt"
    assert (ahead["days"], ahead["declined"]) == (14, None)
    assert 4 < ahead["effective_days"] < 14


def test_what_was_known_is_what_the_records_show(flights: Project, made: Mapping[str, str]) -> None:
    """Features of a few rows, by a loop over the readers' own rows: arrivals known by the full hour before."""
    import pandas as pd

    from ml_platform.declarations.user_code.version import load_function

    arrivals = load_function(FLIGHTS, "readers.nycflights:arrivals")().to_pandas()
    known = arrivals["arrived_at"] + timedelta(minutes=10)
    test = load_snapshot(flights, made["snapshot"]).part("test")
    for row in test.iloc[:: len(test) // 25].to_dict("records"):
        tick = row["effective_time"].floor("h")
        assert row["effective_time"] - tick == timedelta(minutes=5)
        assert timedelta(hours=2) <= row["schedule.sched_dep"] - row["effective_time"] < timedelta(hours=3)
        window = (arrivals["arrived_at"] > tick - timedelta(days=7)) & (arrivals["arrived_at"] <= tick)
        seen = arrivals[window & (known <= tick) & (arrivals["carrier"] == row["schedule.carrier"])]
        assert row["carrier_punctuality.arrivals_7d"] == len(seen)
        assert row["carrier_punctuality.mean_delay_7d"] == pytest.approx(seen["arr_delay"].mean())
        flown = arrivals[window & (known <= tick) & (arrivals["tailnum"] == row["schedule.tailnum"])]
        last = flown.sort_values("arrived_at")["arr_delay"].tail(1).tolist()
        value = row["aircraft_rotation.last_delay_7d"]
        assert last == ([] if pd.isna(value) else [value])
