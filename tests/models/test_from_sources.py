"""From the shop's CSV files to a champion, through the real snapshot."""

import subprocess
import sys

import pandas as pd
import pytest

from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.models.predictor import load_predictor
from ml_platform.models.train import train_model
from ml_platform.project import Project, open_project
from ml_platform.registry.champion import champion
from ml_platform.registry.deploy import deploy
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.sources.ingest import ingest_source
from tests.worlds import NOW, write_shop

pytestmark = pytest.mark.slow


def make_champion(project: Project, model: str) -> dict[str, str]:
    """Make every node up to the deployment and return the ids of what was made."""
    sources = {name: ingest_source(project, name, NOW).made.artifact.id for name in ("orders", "deliveries")}
    inputs = {f"sources/{name}": id for name, id in sources.items()}
    table = build_feature_table(project, "courier_recent", sources["deliveries"])
    inputs["features/courier_recent"] = table.artifact.id
    snapshot = build_snapshot(project, model, inputs, NOW).artifact.id
    trained = train_model(project, model, snapshot).artifact.id
    evaluation = evaluate_model(project, model, trained, snapshot, None).artifact.id
    deploy(project, model, trained, evaluation, "ada@shop.example", NOW)
    return {"snapshot": snapshot, "trained": trained, "evaluation": evaluation}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return open_project(write_shop(tmp_path_factory.mktemp("shop")))


@pytest.mark.parametrize("model", ["late_parcel", "lateness"])
def test_the_shops_models_earn_their_place(project, model):
    made = make_champion(project, model)
    assert champion(project, model).id == made["trained"]
    figures = project.store.get("evaluation", made["evaluation"]).about["figures"]
    assert figures["value_vs_do_nothing_low"] > 0


def test_a_champion_predicts_every_row_of_its_snapshot_as_it_was_judged(project):
    made = make_champion(project, "late_parcel")
    rows = load_snapshot(project, made["snapshot"]).part("test")
    predictor = load_predictor(project, project.store.get("trained_model", made["trained"]))
    predicted = predictor.predict(rows)
    earned = ((-4 + 9 * rows["label"]) * (predicted["action"] == "upgrade")).sum()
    about = project.store.get("evaluation", made["evaluation"]).about
    assert about["figures"]["value_total"] == pytest.approx(earned)
    alone = pd.concat([predictor.predict(rows.iloc[[index]]) for index in range(25)])
    pd.testing.assert_frame_equal(alone, predicted.iloc[:25], check_exact=True)


_MAKE = """
import sys
from pathlib import Path
from ml_platform.project import open_project
from tests.models.test_from_sources import make_champion
from tests.worlds import write_shop
print(make_champion(open_project(write_shop(Path(sys.argv[1]))), "late_parcel"))
"""


def test_a_factory_rebuilt_in_another_process_makes_the_same_ids(tmp_path, project):
    command = [sys.executable, "-c", _MAKE, str(tmp_path / "anew")]
    ran = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    assert ran == str(make_champion(project, "late_parcel"))
