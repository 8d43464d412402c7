"""A model whose features, population and label come from a derived source: it is reproduced, explained, and erased."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow.compute as pc
import pytest

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.erase import erase
from ml_platform.audit.erasure.plan import plan_erasure
from ml_platform.audit.explain.explainer import explain
from ml_platform.audit.reproduce.reproducer import reproduce
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.models.train import train_model
from ml_platform.operations.predictions.score import score_days
from ml_platform.project import Project, open_project
from ml_platform.registry.resolve import version_named
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.source_log import source_versions
from ml_platform.storage.outputs import record_output
from ml_platform.storage.prediction_log import read_predictions
from tests import customers
from tests.customers import NOW, write_customers
from tests.operations.monitoring.hand_made_world import appoint

PURCHASES = """\
spec_version: 1
name: purchases
description: Baskets of accounts, with when they were closed as far as it is known.
owner: team:shop
reader:
  sql: >
    select basket, b.customer, b.paid_at, b.amount, c.closed_at
    from baskets b left join closures c using (customer) where b.amount > 1
key: [basket]
event_timestamp: paid_at
columns:
  basket: {type: string, required: true}
  customer: {type: string, required: true}
  paid_at: {type: timestamp, required: true}
  amount: {type: float, unit: EUR}
  closed_at: timestamp
"""
MODEL = """\
spec_version: 1
name: grows
description: Does a customer buy more in 14 days after a large basket than before?
owner: team:shop
task: binary
population: {on: purchases, entity: customer, where: amount >= 50, at_most_once_per: 7d}
label:
  source: purchases
  within: 14d
  settle: 1d
  aggregates: {spend: {sum: amount}}
  expression: spend > shopping.spend_14d
features: [shopping.*]
split: {train: 84d, validate: 28d, test: 42d}
algorithm: {name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 20}}
value: {actions: {call: -4 + label * 9, wait: "0"}, do_nothing: wait}
deployment: {batch: "0 */6 * * * UTC"}
monitoring: {window: 14d, min_rows: 50}
"""
LATER = NOW + timedelta(days=20)


def inputs(project: Project, now: datetime) -> dict[str, str]:
    """Ingest and build as a run does, and record what was made."""
    ids = {}
    for name in ("baskets", "closures", "purchases"):
        ids[f"sources/{name}"] = ingest_source(project, name, now).made.artifact.id
        record_output(project.database, f"sources/{name}", "source", ids[f"sources/{name}"], run="t", at=now)
    table = build_feature_table(project, "shopping", ids["sources/purchases"]).artifact.id
    record_output(project.database, "features/shopping", "feature_table", table, run="t", at=now)
    return {**ids, "features/shopping": table}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    files = {
        "sources/purchases.yaml": PURCHASES,
        "features/shopping.yaml": customers.SHOPPING.replace("source: baskets", "source: purchases"),
        "models/grows.yaml": MODEL,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, text in files.items():
            patch.setitem(customers.FILES, name, text)
        for name in ("models/churn.yaml", "models/next_spend.yaml"):
            patch.delitem(customers.FILES, name)
        root: Path = write_customers(tmp_path_factory.mktemp("customers"))
    project = open_project(root)
    made = inputs(project, NOW)
    snapshot = build_snapshot(project, "grows", made, NOW).artifact.id
    record_output(project.database, "grows/snapshot", "snapshot", snapshot, run="t", at=NOW)
    appoint(project, "grows", train_model(project, "grows", snapshot).artifact, NOW)
    days = [date(2024, 8, 5) + timedelta(days=count) for count in range(10)]
    score_days(project, "grows", inputs(project, LATER), days, LATER)
    return project


def test_a_version_is_reproduced_from_its_snapshot_and_its_rows(project: Project) -> None:
    reproduction = reproduce(project, version_named(project, "grows@1"))
    assert reproduction.same, reproduction.statement


def test_a_prediction_is_explained_to_rows_of_the_derived_source(project: Project) -> None:
    log = read_predictions(project, "grows", NOW - timedelta(days=1), LATER)
    assert len(log) > 5
    explanation = explain(project, log.iloc[len(log) // 2]["prediction_id"], LATER)
    assert explanation.problems == ()
    assert explanation.holds
    assert all(item.agrees for item in explanation.inputs)
    traced = [item.source_rows for item in explanation.inputs if item.name == "shopping.spend_56d"]
    assert traced[0] is not None


def test_a_person_is_erased_from_inputs_and_from_the_derived_source(project: Project) -> None:
    log = read_predictions(project, "grows", NOW - timedelta(days=1), LATER)
    customer = str(log.iloc[0]["customer"])
    person = Person.of(project, "customer", {"customer": customer})
    plan = plan_erasure(project, person, LATER)
    erase(project, person, plan.id, LATER, actor="ada", reason="asked for by letter 17")
    after = LATER + timedelta(hours=1)
    made = inputs(project, after)
    for name, key in (("baskets", ["basket"]), ("purchases", ["basket"])):
        artifact = project.store.get("source", made[f"sources/{name}"])
        with project.engine() as engine:
            rows = engine.run(source_versions(engine, project.store, artifact, key, "rows"))
        assert rows.num_rows > 500
        assert not pc.any(pc.equal(rows["customer"], customer)).as_py(), name
    assert customer not in set(read_predictions(project, "grows", NOW - timedelta(days=1), LATER)["customer"])
