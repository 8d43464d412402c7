"""What Dagster is given: assets, checks, jobs, schedules and sensors, all from the declarations."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import dagster as dg
import pytest

from ml_platform.declarations.graph import build_graph
from ml_platform.project import open_project
from ml_platform_dagster.assets.check_texts import BLOCKS, BLOCKS_NOT
from ml_platform_dagster.assets.checks import check_specs
from ml_platform_dagster.assets.node_asset import lock_of
from ml_platform_dagster.jobs.build import build_definitions
from ml_platform_dagster.resources.project import NoProject, find_project
from tests.worlds import write_shop

REPOSITORY = Path(__file__).parents[2]
HEAVY = ("mlflow", "dagster_mlflow", "great_expectations", "evidently", "sklearn", "lightgbm", "matplotlib", "duckdb")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("declared") / "shop", days=1)


@pytest.fixture(scope="module")
def definitions(root: Path) -> dg.Definitions:
    return build_definitions(open_project(root))


def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_every_node_is_an_asset_with_all_that_a_person_wants_to_know(root: Path, definitions: dg.Definitions) -> None:
    nodes = {str(node.name): node for node in build_graph(open_project(root).spec)}
    declared = specs(definitions)
    assert set(declared) == set(nodes)
    for name, spec in declared.items():
        node = nodes[name]
        assert (spec.group_name, spec.owners) == (node.group, [node.owner])
        text, _, page = str(spec.description).partition("\n\n[Page of ")
        folder = {"source": "sources", "feature_table": "features"}.get(node.kind)
        assert text == node.description
        assert page == (f"{node.subject}](/pages/site/{folder}/{node.subject}.html)" if folder else "")
        assert spec.kinds
        assert spec.code_version == node.code_version
        assert {dep.asset_key.to_user_string() for dep in spec.deps} == set(node.inputs)
        (reference,) = spec.metadata["dagster/code_references"].code_references
        assert (reference.file_path, reference.line_number) == (
            str(root / node.location.file),
            node.location.line,
        )


LEAKS = ("single_feature", "copy_of_label", "nullness", "label_known_before")


def test_expectations_and_leaks_block_and_gates_the_release_rule_and_drift_do_not(
    definitions: dg.Definitions,
) -> None:
    checks = {
        key.to_user_string(): check.blocking
        for key, check in (
            (check.key, check)
            for assets in cast("list[dg.AssetsDefinition]", definitions.assets or ())
            for check in assets.check_specs
        )
    }
    assert set(checks) == {
        "sources/orders:column_values_to_not_be_null_courier",
        "sources/orders:column_values_to_be_between_amount",
        "late_parcel/evaluation:gate_auc",
        "late_parcel/evaluation:release_rule",
        "lateness/evaluation:release_rule",
        *(f"{model}/snapshot:{leak}" for model in ("late_parcel", "lateness") for leak in LEAKS),
        "late_parcel/monitoring:drift",
        "lateness/monitoring:drift",
    }
    judging = {name for name in checks if name.partition(":")[0].endswith(("/evaluation", "/monitoring"))}
    assert {name for name, blocking in checks.items() if not blocking} == judging


def test_a_check_whose_description_is_a_warning_is_not_shown_as_blocking(root: Path) -> None:
    node = next(node for node in build_graph(open_project(root).spec) if node.name == "sources/orders")
    texts = {"rows": f"All rows are complete. {BLOCKS}", "quarantine": f"No row is in quarantine. {BLOCKS_NOT}"}
    blocking = {check.name: check.blocking for check in check_specs(node, list(texts), texts)}
    assert blocking == {"rows": True, "quarantine": False}


def test_there_is_a_factory_and_for_each_model_a_refresh_and_a_retraining(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    assert {name for name in repository.job_names if not name.startswith("__")} == {
        "update_everything",
        "ingest_sources",
        "score_late_parcel",
        "retrain_late_parcel",
        "score_lateness",
        "retrain_lateness",
        "advance_clock",
        "deliver_to_mlflow",
        "approve_version",
        "reproduce_past_version",
        "verify_store",
        "send_digest",
    }
    retrained = {node.name for node in repository.get_job("retrain_late_parcel").nodes}
    assert retrained == {
        "sources__orders",
        "sources__deliveries",
        "features__courier_recent",
        "late_parcel__snapshot",
        "late_parcel__trained_model",
        "late_parcel__evaluation",
        "late_parcel__deployment",
    }


def test_one_training_of_a_model_at_a_time(tmp_path: Path) -> None:
    project = open_project(write_shop(tmp_path / "shop", days=1))
    locks = {str(node.name): lock_of(node) for node in build_graph(project.spec)}
    assert locks["late_parcel/trained_model"] == locks["late_parcel/deployment"] == "make_late_parcel"
    assert locks["lateness/trained_model"] == "make_lateness"
    assert locks["sources/orders"] == "sources_orders"


def test_schedules_on_the_wall_clock_are_those_of_dagster(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop", days=1)
    text = (root / "project.yaml").read_text()
    (root / "project.yaml").write_text(text.replace("clock: {simulated_from: 2024-03-01T00:00:00Z}", "clock: wall"))
    model = root / "models/late_parcel.yaml"
    model.write_text(model.read_text().replace("0 3 * * 1 UTC", "0 3 * * 1 Europe/Berlin"))
    repository = build_definitions(open_project(root)).get_repository_def()
    schedules = {actual.name: (actual.cron_schedule, actual.execution_timezone) for actual in repository.schedule_defs}
    assert schedules == {
        "score_late_parcel_schedule": ("0 * * * *", "UTC"),
        "retrain_late_parcel_schedule": ("0 3 * * 1", "Europe/Berlin"),
        "score_lateness_schedule": ("0 * * * *", "UTC"),
        "reproduce_past_version_schedule": ("0 4 * * 0", "UTC"),
        "verify_store_schedule": ("30 4 * * *", "UTC"),
    }
    assert not repository.has_job("advance_clock")


def test_one_sensor_for_each_purpose_and_all_of_them_run(definitions: dg.Definitions) -> None:
    sensors = definitions.get_repository_def().sensor_defs
    assert {sensor.name for sensor in sensors} == {
        "alert_and_retrain_on_drift",
        "ingest_new_source_data",
        "alert_on_failed_runs",
        "deliver_waiting_mlflow_records",
        "replay_score_late_parcel_hourly_at_00",
        "replay_retrain_late_parcel_mondays_at_0300",
        "replay_score_lateness_hourly_at_00",
        "replay_reproduce_past_version_sundays_at_0400",
        "replay_verify_store_daily_at_0430",
    }
    assert {sensor.default_status for sensor in sensors} == {dg.DefaultSensorStatus.RUNNING}


def test_the_location_loads_without_heavy_libraries(root: Path) -> None:
    program = (
        "from ml_platform_dagster.jobs.definitions import defs\n"
        "defs.get_repository_def()\n"
        f"import sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    located = in_repository([sys.executable, "-c", program], root)
    assert located.stdout.strip() == "[]"


def test_the_check_of_dagster_passes_with_the_workspace_file(root: Path) -> None:
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"]
    located = in_repository(command, root)
    assert located.returncode == 0, located.stderr[-2000:]


def in_repository(command: list[str], root: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"ML_PLATFORM_PROJECT": str(root)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)


def test_the_project_is_the_one_named_else_the_one_here_else_the_example(tmp_path: Path) -> None:
    example = tmp_path / "examples/flights"
    example.mkdir(parents=True)
    with pytest.raises(NoProject, match=r"no project\.yaml in"):
        find_project({}, tmp_path)
    (example / "project.yaml").touch()
    assert find_project({}, tmp_path) == example.resolve()
    (tmp_path / "project.yaml").touch()
    assert find_project({}, tmp_path) == tmp_path.resolve()
    assert find_project({"ML_PLATFORM_PROJECT": "examples/flights"}, tmp_path) == example.resolve()


def test_the_instance_settings_travel_with_the_package() -> None:
    packaged = REPOSITORY / "jobs/dagster.yaml"
    assert packaged.is_symlink()
    assert packaged.read_text() == (REPOSITORY / "dagster.yaml").read_text()
