"""A node from an installed package: the example of docs/guides/extend.md is planned, made, verified and erased."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.erase import erase
from ml_platform.audit.erasure.plan import plan_erasure
from ml_platform.audit.retention.plan import plan_removal
from ml_platform.audit.verify.verify import verify_project
from ml_platform.core.errors import DeclarationError
from ml_platform.declarations.graph import build_graph
from ml_platform.declarations.node_kinds import node_kinds
from ml_platform.operations.planning.nodes import operations
from ml_platform.operations.planning.planner import plan_project
from ml_platform.project import Project, open_project
from ml_platform.reporting.status import project_status
from ml_platform.storage.artifact_kinds import artifact_kinds
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import current_output, record_output
from ml_platform.storage.prediction_log import logged_days, read_day
from ml_platform_dagster.assets.build import build_assets
from ml_platform_dagster.assets.metadata import ungrouped
from tests.audit.verify.factory import DAY, MODEL, NOON, build_factory, copy_factory
from tests.installed import install

DOCUMENT = Path(__file__).parents[3] / "docs/guides/extend.md"
NODE = f"{MODEL}/predictions_csv"
NOW = NOON + 2 * DAY
CACHES = (node_kinds, artifact_kinds, operations)

pytestmark = [pytest.mark.slow, pytest.mark.dagster]


def example(language: str) -> str:
    text = DOCUMENT.read_text().partition("## A node of your own\n")[2]
    return text.partition(f"```{language}\n")[2].partition("```")[0]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return build_factory(tmp_path_factory.mktemp("factory"))


@pytest.fixture
def project(built: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A factory whose model declares the node, with the package installed."""
    points = example("toml").replace("project.entry-points.", "").replace('"', "")
    folder = tmp_path / "packages"
    folder.mkdir()
    install(folder, monkeypatch, "own_export", example("python"), points)
    for cache in CACHES:
        cache.cache_clear()
    made = copy_factory(built, tmp_path / "factory")
    declare(made, example("yaml"))
    record_output(made.database, f"{MODEL}/predictions", "predictions", "p" * 64, run="r", at=NOW)
    yield open_project(made.root)
    for cache in CACHES:
        cache.cache_clear()
    sys.modules.pop("own_export", None)


def declare(project: Project, text: str) -> None:
    file = project.root / f"models/{MODEL}.yaml"
    file.write_text("".join([line for line in file.read_text().splitlines(True) if "nodes:" not in line] + [text]))


def materialized(project: Project) -> tuple[Artifact, dict[str, Any]]:
    """Run the node's asset alone, and return its artifact and what the UI shows."""
    (node,) = [node for node in build_graph(project.spec) if node.name == NODE]
    (asset,) = build_assets(project, [node])
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([asset], resources={"project": project}, instance=instance)
        (event,) = result.asset_materializations_for_node(asset.node_def.name)
    id = current_output(project.database, NODE)
    assert id is not None
    return project.store.get("predictions_csv", id), {name: item.value for name, item in event.metadata.items()}


def lines(project: Project, artifact: Artifact) -> list[dict[str, str]]:
    content = project.store.read(artifact.objects["predictions.csv"]).decode()
    return list(csv.DictReader(io.StringIO(content)))


def logged_orders(project: Project) -> list[str]:
    days = logged_days(project, MODEL)
    tables = [table for day in days for table in read_day(project, day, ["order_id"])]
    return [order for table in tables for order in table["order_id"].to_pylist()]


def planned(project: Project) -> tuple[str, tuple[str, ...]]:
    (planned_node,) = [item for item in plan_project(project, NOW).nodes if item.node == NODE]
    return planned_node.verdict, planned_node.reasons


def test_the_node_of_the_guide_is_an_asset_that_is_made_once(project: Project) -> None:
    assert planned(project) == ("would run", ("never run",))
    artifact, shown = materialized(project)
    orders = logged_orders(project)
    assert [line["order_id"] for line in lines(project, artifact)] == orders
    assert (ungrouped(shown["id"]), shown["computed"], shown["dagster/row_count"]) == (artifact.id, "yes", len(orders))
    reused, shown = materialized(project)
    assert (reused.id, shown["computed"]) == (artifact.id, "no, unchanged")
    declare(project, "nodes: {predictions_csv: {columns: [score]}}\n")
    changed, shown = materialized(open_project(project.root))
    assert (list(lines(project, changed)[0]), shown["computed"]) == (["score"], "yes")
    status = project_status(open_project(project.root), NOW)
    assert [(item.name, item.id, item.rows) for item in status.models[0].nodes] == [(NODE, changed.id, len(orders))]


def test_it_is_verified_and_removed_by_its_rule(project: Project) -> None:
    old, _ = materialized(project)
    declare(project, "nodes: {predictions_csv: {columns: [score]}}\n")
    project = open_project(project.root)
    new, _ = materialized(project)
    assert verify_project(project).damages == []
    later, wall = NOW + timedelta(days=60), datetime.now(UTC) + timedelta(days=60)
    kept = {item.id: item.why for item in plan_removal(project, later, wall).stays}
    assert kept[old.id] == "retention has no rule for exports"
    file = project.root / "project.yaml"
    file.write_text(file.read_text() + "retention: {others: {exports: 30d}}\n")
    plan = plan_removal(open_project(project.root), later, wall)
    assert old.id in {item.id for item in plan.goes}
    assert new.id in {item.id for item in plan.stays}
    stored = new.objects["predictions.csv"]
    path = project.state / "store/objects" / stored.sha256[:2] / stored.sha256
    path.write_bytes(path.read_bytes()[:-2])
    assert [damage.thing for damage in verify_project(project).damages] == ["object"]


def test_an_erased_person_is_in_no_export_and_the_next_run_remakes_it(project: Project) -> None:
    before, _ = materialized(project)
    key = logged_orders(project)[0]
    person = Person.of(project, "order", {"order_id": key})
    plan = plan_erasure(project, person, NOW)
    assert [(item.kind, item.id) for item in plan.removed] == [("predictions_csv", before.id)]
    done = erase(project, person, plan.id, NOW, actor="ada", reason="asked for it")
    assert not any("predictions_csv" in where for where in done.elsewhere)
    project = open_project(project.root)
    assert current_output(project.database, NODE) is None
    files = [path for path in (project.state / "store").rglob("*") if path.is_file()]
    assert not any(key.encode() in path.read_bytes() for path in files)
    after, shown = materialized(project)
    assert shown["computed"] == "yes"
    assert [line["order_id"] for line in lines(project, after)] == logged_orders(project)
    assert key not in logged_orders(project)
    assert verify_project(project).damages == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nodes: {predictions_cvs: {}}\n", "no installed package adds nodes of kind predictions_cvs"),
        ("nodes: {snapshot: {}}\n", "no installed package adds nodes of kind snapshot"),
        ("nodes: {predictions_csv: {column: [score]}}\n", "Correct the options of predictions_csv"),
    ],
)
def test_a_kind_that_is_not_installed_and_wrong_options_are_named_where_they_are_declared(project, text, problem):
    declare(project, text)
    with pytest.raises(DeclarationError, match=problem):
        open_project(project.root)
