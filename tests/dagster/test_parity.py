"""Parity in Dagster: measured before a deployment and by its own job, found again, and a gate where a bit differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ml_platform.cli.parity import show_parity
from ml_platform.core.errors import ParityNotProven
from ml_platform.features.point_in_time import features_at
from ml_platform.operations.alerts import recent_alerts
from ml_platform.operations.planning.plan import Planned
from ml_platform.operations.planning.planner import plan_project
from ml_platform.registry.champion import champion
from ml_platform.registry.deploy import deploy
from ml_platform.reporting.overview.model_overview import model_overview
from ml_platform.reporting.status import project_status
from ml_platform.serving.service import Service
from ml_platform.storage.outputs import current_output
from ml_platform.storage.versions import versions
from tests.cli.conftest import require_documented
from tests.dagster.conftest import open_copy
from tests.dagster.shop import Shop

MODEL, NODE, COLUMN = "late_parcel", "late_parcel/parity", "courier_recent.mean_late_7d"
FILE = "models/late_parcel.yaml"


@pytest.fixture(scope="module")
def online_shop(made_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop after its factory ran again, with a model that answers requests now, and some answers."""
    folder = tmp_path_factory.mktemp("online")
    with open_copy(made_shop, folder) as shop:
        shop.edit(FILE, 'batch: "0 * * * * UTC"', 'batch: "0 * * * * UTC", online: true')
        assert shop.materialize("sources/orders", "sources/deliveries").success  # copied files are other files
        assert planned(shop, NODE).reasons == ("never run",)
        assert planned(shop, "late_parcel/deployment").verdict == "up to date"
        outcome = shop.run("update_everything")
        assert outcome.success, outcome.problems
        ask(shop)
    return folder / "shop"


@pytest.fixture
def online(online_shop: Path, tmp_path: Path):
    with open_copy(online_shop, tmp_path) as copy:
        yield copy


def planned(shop: Shop, name: str) -> Planned:
    plan = plan_project(shop.project, shop.project.clock.now()).nodes
    return next(node for node in plan if node.node == name)


def ask(shop: Shop) -> None:
    """Ask about orders whose rows are published."""
    service = Service(shop.project)
    model = service.model(MODEL)
    with service.store.view() as view:
        records = [item for item in view.description.records.values() if item.entity == "order"]
        (kind,) = [item for item in records if not item.record_keys.model]
        prefix = kind.record_keys.prefix
        orders = [key.removeprefix(prefix).rstrip(b"\0").decode() for key in view.keys(prefix)][:20]
    service.record(service.answer(model, [{"order_id": order} for order in orders]))
    service.close()


def change_algorithm(shop: Shop) -> None:
    """Declare what makes another version, which need not beat the champion."""
    shop.edit(FILE, "num_leaves: 7", "num_leaves: 9")
    shop.edit(FILE, "release: {", "release: {changed_declaration: {champion: ignore}, ")


def publish_float32(shop: Shop, patch: pytest.MonkeyPatch) -> None:
    """Publish the next tick with a feature that was cast to float32."""

    def cast(*args: Any, **named: Any) -> pa.Table:
        rows = features_at(*args, **named)
        if COLUMN not in rows.column_names:
            return rows
        changed = rows[COLUMN].cast(pa.float32()).cast(pa.float64())
        return rows.set_column(rows.column_names.index(COLUMN), COLUMN, changed)

    shop.advance(hours=2)
    with patch.context() as fault:
        fault.setattr("ml_platform.operations.online.records.features_at", cast)
        assert shop.run("publish_online_store").success


def test_requests_and_store_rows_are_compared_with_figures_and_reused(online: Shop, capsys: Any) -> None:
    assert online.metadata(NODE)["requests compared"] == 0
    outcome = online.run("check_parity")
    assert outcome.success, outcome.problems
    facts = online.metadata(NODE)
    assert (facts["requests compared"], facts["rows differing"]) == (20, 0)
    assert "| requests | 20 | 20 logged |" in facts["summary"]
    assert f"| online store | {facts['dagster/row_count'] - 20} |" in facts["summary"]
    assert facts["computed"] == "yes"
    assert online.materialize("sources/orders", "sources/deliveries").success  # copied files are other files
    assert planned(online, NODE).verdict == "up to date"
    assert online.run("check_parity").success
    assert online.metadata(NODE)["computed"] == "no, unchanged"
    (model,) = [
        item for item in project_status(online.project, online.project.clock.now()).models if item.name == MODEL
    ]
    assert model.parity is not None
    assert (model.parity.differing, model.parity.requests) == (0, 20)
    assert show_parity(online.root, MODEL, None, as_json=False) == 0
    assert "20 logged requests and" in capsys.readouterr().out
    ask(online)
    assert planned(online, NODE).reasons == ("predictions of the service are not in the prediction log yet",)
    for new in (20, 0):  # a run that has nothing new names what the log has
        assert online.materialize("serving/online_log").success
        assert f"| {MODEL} | {new} | 41 | 2024-03-01 |" in online.metadata("serving/online_log")["summary"]


def test_a_bit_that_differs_fails_the_check_alerts_and_stops_a_new_version(
    online: Shop, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    publish_float32(online, monkeypatch)
    ask(online)
    change_algorithm(online)
    outcome = online.run("retrain_late_parcel")
    assert not outcome.success
    assert "late_parcel/deployment" not in online.done()
    (problem,) = outcome.problems.values()
    assert COLUMN in problem
    assert "until they agree. `ml-platform parity late_parcel` shows the first rows that differ." in problem
    project = online.project
    assert str(champion(project, MODEL)) == f"{MODEL}@1"
    facts = online.metadata(NODE)
    assert facts["rows differing"] > 0
    assert COLUMN in facts["differences"]
    assert planned(online, "late_parcel/deployment").verdict in ("may run", "blocked")
    (alert,) = recent_alerts(project)  # of the difference, and none that the run failed for it
    assert alert["key"].startswith("parity.")
    assert COLUMN in alert["body"]
    assert alert["body"].count("was served as") == 3
    trained = current_output(project.database, "late_parcel/trained_model")
    evaluation = current_output(project.database, "late_parcel/evaluation")
    with pytest.raises(ParityNotProven, match=COLUMN) as refused:
        deploy(project, MODEL, str(trained), str(evaluation), "ada", project.clock.now())
    assert "was served as" in str(refused.value)
    assert len(versions(project, MODEL)) == 2
    stopped = model_overview(project, MODEL, project.clock.now()).versions[0].text
    assert stopped.startswith("version 2 was not deployed: what it serves differs from what training reads: ")
    assert show_parity(online.root, MODEL, None, as_json=True) == 1
    printed = capsys.readouterr().out
    assert f'"column": "{COLUMN}"' in printed
    require_documented(("parity",), printed[printed.index("{\n") :])


def test_deploying_alone_needs_a_comparison_of_that_version(online: Shop) -> None:
    change_algorithm(online)
    online.materialize("late_parcel/trained_model", "late_parcel/evaluation", "late_parcel/deployment")
    assert str(champion(online.project, MODEL)) == f"{MODEL}@1"
    assert "was not compared yet" in online.metadata("late_parcel/deployment")["not deployed"]
    assert online.run("retrain_late_parcel").success
    assert str(champion(online.project, MODEL)) == f"{MODEL}@2"


def test_a_model_that_answers_no_requests_has_no_parity(untouched: Shop) -> None:
    nodes = {node.node for node in plan_project(untouched.project, untouched.project.clock.now()).nodes}
    assert not any(name.endswith("/parity") for name in nodes)
    assert "check_parity" not in {job.name for job in untouched.definitions.jobs or ()}


def test_its_job_is_scheduled_every_day(online: Shop) -> None:
    names = {sensor.name for sensor in online.definitions.sensors or ()}
    assert "replay_check_parity_daily_at_0030" in names
