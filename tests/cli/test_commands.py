"""The command line: what each command says, and how it takes a mistake."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import typer

from ml_platform.cli.app import PANELS, app
from ml_platform.reporting.reference.json_documents import FIELDS
from tests.cli.conftest import Call, call
from tests.worlds import write_shop


def test_help_names_every_command() -> None:
    outcome = call("--help").stdout
    for name in (
        "init",
        "validate",
        "schema",
        "graph",
        "run",
        "plan",
        "up",
        "advance",
        "status",
        "predictions",
        "drift",
        "alerts",
        "open",
        "explain",
        "champion",
        "site",
        "card",
        "snapshots",
        "snapshot",
        "gc",
        "erase",
    ):
        assert f" {name} " in outcome


def test_help_begins_with_what_a_new_user_needs() -> None:
    panels = [
        line.split("─ ")[1].split(" ─")[0] for line in call("--help").stdout.splitlines() if line.startswith("╭─")
    ]
    assert panels == ["Options", *PANELS]


def test_the_version_is_that_of_the_installed_package() -> None:
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["version"]
    assert call("--version").stdout == f"ml-platform {declared}\n"


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; import ml_platform.cli.main; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split())
    assert not loaded & {"dagster", "mlflow", "pandas", "numpy", "pyarrow", "sklearn", "lightgbm", "sqlalchemy", "ibis"}


def test_commands_that_only_look_load_no_query_compiler_and_no_library_of_data_frames() -> None:
    code = "import sys; import ml_platform.cli.run, ml_platform.cli.status; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert not loaded & {"ibis", "sqlglot", "duckdb", "dagster", "mlflow", "sklearn", "lightgbm"}
    assert not loaded & {"pandas", "pyarrow", "scipy"}


def test_a_valid_project_is_counted(shop: Path) -> None:
    done = call("validate", str(shop))
    assert (done.returncode, done.stdout) == (0, "shop is valid: 2 sources, 1 feature table, 2 models.\n")


def test_the_age_of_each_feature_table_is_printed_for_machines(shop: Path, inside: Call) -> None:
    sentence = "deliveries known 10m after + refresh 1h + published 5m after the tick = up to 1h15m old"
    document = json.loads(inside("validate", str(shop), "--json").stdout)
    assert document["ages"] == {"courier_recent": {"age": sentence, "worst_age_seconds": 75 * 60}}


def test_every_fault_is_reported_with_its_place(shop: Path, tmp_path: Path, inside: Call) -> None:
    bad = write_shop(tmp_path, days=1)
    model = bad / "models/late_parcel.yaml"
    model.write_text(model.read_text().replace("horizon: 2d", "horizon: -2d").replace("task: binary", "task: binry"))
    done = inside("validate", str(bad))
    assert done.returncode == 1
    assert "models/late_parcel.yaml:5:7:" in done.stderr
    assert "models/late_parcel.yaml:7:" in done.stderr
    faults = json.loads(inside("validate", str(bad), "--json").stdout)["faults"]
    assert [fault["line"] for fault in faults] == [5, 7]


def test_a_folder_without_a_project_is_reported(tmp_path: Path, inside: Call) -> None:
    done = inside("status", str(tmp_path))
    assert done.returncode == 1
    assert "project.yaml" in done.stderr


def test_the_graph_can_be_read_by_people_and_machines(shop: Path, inside: Call) -> None:
    assert "late_parcel/snapshot" in inside("graph", str(shop)).stdout
    nodes = json.loads(inside("graph", str(shop), "--json").stdout)["nodes"]
    assert nodes[0]["name"] == "sources/deliveries"
    assert {"name", "kind", "inputs", "owner", "declared_at", "code_version"} <= set(nodes[0])


def test_schemas_are_written_one_for_each_kind(tmp_path: Path, inside: Call) -> None:
    inside("schema", str(tmp_path / "schemas"))
    actual = {path.stem for path in (tmp_path / "schemas").iterdir()}
    assert actual == {"project", "source", "feature_table", "model"}


def test_an_example_is_copied_without_what_it_has_made(tmp_path: Path) -> None:
    done = call("init", "--example", "flights", "new", cwd=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "new/models/late_arrival.yaml").exists()
    assert not (tmp_path / "new/.ml_platform").exists()
    assert call("validate", "new", cwd=tmp_path).returncode == 0


def test_a_folder_that_holds_something_is_not_written_to(tmp_path: Path, inside: Call) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = inside("init", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == f"{tmp_path} is not empty. Nothing was written. Name a new or empty folder."
    assert done.stderr.splitlines()[1] == "E-INIT-002: `ml-platform error E-INIT-002` shows cause and cure."


def test_an_unknown_example_is_answered_with_the_nearest(tmp_path: Path, inside: Call) -> None:
    done = inside("init", str(tmp_path / "new"), "--example", "flight")
    assert done.stderr.splitlines()[0] == "no example is called 'flight'. Did you mean flights?"


def test_a_bare_project_is_a_start_to_write_on(tmp_path: Path, inside: Call) -> None:
    shop = str(tmp_path / "My Shop")
    assert "which declares nothing yet" in inside("init", shop).stdout
    assert "name: my_shop" in (tmp_path / "My Shop/project.yaml").read_text()
    assert inside("validate", shop).returncode == 0
    nothing = "Nothing to do: the project declares no source, no feature table and no model yet."
    assert inside("run", shop).stdout == f"{nothing}\n"
    assert nothing in inside("plan", shop).stdout


def test_a_choice_about_rows_without_rows_is_refused(tmp_path: Path, inside: Call) -> None:
    done = inside("init", str(tmp_path / "new"), "--time", "placed_at")
    assert done.returncode == 2
    assert "--time needs --from FILE, the rows to learn from" in " ".join(done.stderr.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


def test_the_clock_moves_forward_only(tmp_path: Path, inside: Call) -> None:
    shop = write_shop(tmp_path, days=1)
    assert inside("advance", "6h", str(shop)).stdout == "The clock of shop is now 2024-03-01 06:00 UTC.\n"
    assert inside("advance", "1d", str(shop)).stdout == "The clock of shop is now 2024-03-02 06:00 UTC.\n"
    assert "only moves forward" in inside("advance", "0d", str(shop)).stderr
    assert "'a day' is not a duration" in inside("advance", "a day", str(shop)).stderr


def test_a_wall_clock_cannot_be_moved(tmp_path: Path, inside: Call) -> None:
    shop = write_shop(tmp_path, days=1)
    file = shop / "project.yaml"
    file.write_text(file.read_text().replace("clock: {simulated_from: 2024-03-01T00:00:00Z}", "clock: wall"))
    done = inside("advance", "1d", str(shop))
    assert done.returncode == 1
    assert "uses the wall clock, which cannot be moved" in done.stderr


def test_a_model_that_is_not_there_is_answered_with_the_nearest(shop: Path, inside: Call) -> None:
    done = inside("predictions", "late_parcels", str(shop))
    assert done.stderr.splitlines()[0] == "there is no model 'late_parcels'. Did you mean late_parcel?"


def test_status_works_before_anything_ran(shop: Path, inside: Call) -> None:
    output = inside("status", str(shop)).stdout
    assert "not made yet" in output
    assert "late_parcel\tnone\tnot known yet\tnot known yet\thealthy\tnever" in output.splitlines()
    printed = inside("predictions", "late_parcel", str(shop)).stdout
    assert printed == f"No prediction of late_parcel is logged. It is not trained yet: ml-platform run {shop}\n"


def test_a_taken_port_is_named_with_the_way_out(shop: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = call("up", str(shop), "--port", str(port))
    assert done.returncode == 1
    assert f"port {port} for the Dagster UI is taken by another process" in done.stderr


def test_commands_that_read_have_documented_documents_before_anything_ran(shop: Path, inside: Call) -> None:
    document = json.loads(inside("status", "late_parcel", str(shop), "--json").stdout)
    assert [item["name"] for item in document["overview"]] == ["late_parcel"]
    assert json.loads(inside("drift", str(shop), "--json").stdout)["models"] == []
    assert json.loads(inside("alerts", str(shop), "--json").stdout)["alerts"] == []
    assert json.loads(inside("open", "late_parcel", str(shop), "--json").stdout)["served"] is False
    assert inside("champion", "late_parcel", str(shop)).stdout.startswith("No version of late_parcel was deployed by")


def test_an_unknown_command_is_answered_with_the_nearest(inside: Call) -> None:
    for words, nearest in ((("explian",), "explain"), (("statu",), "status"), (("snapshot", "sho"), "show")):
        done = inside(*words)
        assert done.returncode == 2
        assert f"Did you mean '{nearest}'" in done.stderr


def test_an_error_code_is_explained_without_a_network(inside: Call) -> None:
    assert inside("error", "e-leak-001").stdout.startswith("E-LEAK-001\nCause: A feature contains the label")
    assert "E-KNOWN-AT-001" in inside("error").stdout
    assert [item["code"] for item in json.loads(inside("error", "E-LEAK-001", "--json").stdout)["errors"]] == [
        "E-LEAK-001"
    ]
    unknown = inside("error", "E-LEEK-001")
    assert (unknown.returncode, unknown.stderr.splitlines()[0]) == (
        1,
        "no error has the code 'E-LEEK-001'. Did you mean E-LEAK-001?",
    )


def test_every_command_has_a_documented_json_form() -> None:
    program: Any = typer.main.get_command(app)
    snapshot = program.commands["snapshot"].commands
    commands = {**program.commands, **{f"snapshot {name}": command for name, command in snapshot.items()}}
    with_json = {name for name, command in commands.items() if any("--json" in param.opts for param in command.params)}
    assert with_json == commands.keys() - {"schema", "snapshot"} == FIELDS.keys()


def test_a_command_that_fails_reports_it_in_json_too(shop: Path, tmp_path: Path, inside: Call) -> None:
    done = inside("champion", "late_parcl", str(shop), "--json")
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert (error["code"], error["faults"]) == ("E-COMMAND-002", [])
    assert error["message"].splitlines()[0] == done.stderr.splitlines()[0]
    missing = json.loads(inside("status", str(tmp_path), "--json").stdout)["error"]
    assert [fault["file"] for fault in missing["faults"]] == ["project.yaml"]


def test_a_new_project_and_a_moved_clock_are_reported_in_json(tmp_path: Path, inside: Call) -> None:
    made = json.loads(inside("init", str(tmp_path / "new"), "--json").stdout)
    assert made["directory"] == str(tmp_path / "new")
    shop = write_shop(tmp_path, days=1)
    moved = json.loads(inside("advance", "6h", str(shop), "--json").stdout)
    assert (moved["project"], moved["now"], moved["runs"]) == ("shop", "2024-03-01T06:00:00+00:00", [])
