"""The command line: what each command says, and how it takes a mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer

from ml_platform.cli.app import app
from ml_platform.cli.main import main
from ml_platform.reporting.reference.json_documents import FIELDS, fields_of
from tests.worlds import write_shop

PROGRAM = str(Path(sys.executable).parent / "ml-platform")


def call(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([PROGRAM, *words], cwd=cwd, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr
    return done


Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def inside(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Give `call` without a process of its own, which takes seconds to start, for tests of many commands."""

    def call_inside(*words: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", [PROGRAM, *words])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        if "--json" in words:
            require_documented(words, captured.out)
        return subprocess.CompletedProcess(words, int(ended.value.code or 0), captured.out, captured.err)

    return call_inside


def require_documented(words: Sequence[str], out: str) -> None:
    """Fail where a JSON document has no format version, or other fields than the reference lists."""
    names = [name for name in FIELDS if words[: len(name.split())] == (*name.split(),)]
    for document in [json.loads(out)] if out.startswith("{\n") else map(json.loads, out.splitlines()):
        assert document.pop("format_version") == 1
        assert any({*document} <= form for form in ({"error"}, *fields_of(names[-1])))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("shop"), days=3)


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


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; import ml_platform.cli.main; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split())
    assert not loaded & {"dagster", "mlflow", "pandas", "numpy", "pyarrow", "sklearn", "lightgbm", "sqlalchemy", "ibis"}


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
    done = inside("init", str(tmp_path / "new"), "--template", "binary")
    assert done.returncode == 2
    assert "--template needs --from FILE, the rows to learn from" in " ".join(done.stderr.replace("│", " ").split())
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
    assert inside("predictions", "late_parcel", str(shop)).stdout == "No prediction of late_parcel is logged.\n"


def test_the_site_is_written_before_anything_ran_with_where_to_open_it(tmp_path: Path, inside: Call) -> None:
    shop = write_shop(tmp_path / "shop", days=1)
    page = shop / ".ml_platform/site/index.html"
    counts = "2 sources, 1 feature table, 6 features, 2 models"
    assert inside("site", str(shop)).stdout == f"The site of shop has {counts}. Open {page.as_uri()}\n"
    assert "not made yet" in page.read_text()
    document = json.loads(inside("site", str(shop), "--to", str(tmp_path / "pages"), "--json").stdout)
    assert document["page"] == str(tmp_path / "pages/index.html")
    assert json.loads(Path(document["facts"]).read_text())["project"] == "shop"


def test_a_card_is_one_file_and_an_unknown_model_is_named_with_the_nearest(tmp_path: Path, inside: Call) -> None:
    shop = write_shop(tmp_path / "shop", days=1)
    document = json.loads(
        inside("card", "late_parcel", str(shop), "--to", str(tmp_path / "card.html"), "--json").stdout
    )
    assert (document["model"], document["version"], document["page"]) == (
        "late_parcel",
        None,
        str(tmp_path / "card.html"),
    )
    page = (tmp_path / "card.html").read_text()
    assert "not trained yet" in page
    assert "<script" not in page
    assert 'href="style.css"' not in page
    unknown = inside("card", "late_parcl", str(shop))
    assert unknown.returncode == 1
    assert "late_parcel" in unknown.stderr
    missing = inside("card", "late_parcel@3", str(shop))
    assert missing.returncode == 1
    assert "no version of late_parcel is registered" in missing.stderr


def test_the_site_never_takes_the_place_of_something_else(shop: Path, inside: Call) -> None:
    done = inside("site", str(shop), "--to", str(shop))
    assert done.returncode == 1
    assert "which `ml-platform site` did not write. Nothing was written or removed." in done.stderr
    assert (shop / "project.yaml").exists()


def test_a_project_with_faults_has_no_site_but_its_faults(tmp_path: Path, inside: Call) -> None:
    bad = write_shop(tmp_path, days=1)
    model = bad / "models/late_parcel.yaml"
    model.write_text(model.read_text().replace("task: binary", "task: binry"))
    done = inside("site", str(bad))
    assert done.returncode == 1
    assert "models/late_parcel.yaml:5:7:" in done.stderr
    assert not (bad / ".ml_platform").exists()


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


def test_a_plan_of_a_new_project_shows_that_nothing_was_ever_made(tmp_path: Path, inside: Call) -> None:
    shop = write_shop(tmp_path, days=3)
    done = inside("plan", str(shop))
    assert done.returncode == 0
    assert "shop at 2024-03-01 00:00 UTC" in done.stdout
    rows = [line.split("\t") for line in done.stdout.splitlines() if line.startswith("sources/deliveries")]
    assert rows == [["sources/deliveries", "would run", "unknown", "never run"]]
    assert "15 steps would run: duration unknown." in done.stdout
    assert not (shop / ".ml_platform/store").exists()


def test_a_plan_can_be_read_by_machines_and_asked_for_a_later_instant(tmp_path: Path, inside: Call) -> None:
    shop = write_shop(tmp_path, days=3)
    document = json.loads(inside("plan", str(shop), "--json", "--until", "2024-03-05T00:00:00Z").stdout)
    assert (document["project"], document["now"]) == ("shop", "2024-03-05T00:00:00.000000Z")
    assert document["nodes"][0] == {
        "node": "sources/deliveries",
        "kind": "source",
        "verdict": "would run",
        "reasons": ["never run"],
        "seconds": None,
        "id": None,
    }
    assert len(document["nodes"]) == len(document["never_made_before"]) == 15
    assert document["would_run_seconds"] == document["may_run_seconds"] == 0
    assert inside("advance", "6h", str(shop)).stdout == "The clock of shop is now 2024-03-01 06:00 UTC.\n"


def test_a_plan_for_later_needs_a_clock_that_can_be_moved(tmp_path: Path, inside: Call) -> None:
    shop = write_shop(tmp_path, days=1)
    file = shop / "project.yaml"
    file.write_text(file.read_text().replace("clock: {simulated_from: 2024-03-01T00:00:00Z}", "clock: wall"))
    done = inside("plan", str(shop), "--until", "2030-01-01T00:00:00Z")
    assert done.returncode == 1
    assert "uses the wall clock, which cannot be moved" in done.stderr
    naive = inside("plan", str(write_shop(tmp_path / "b", days=1)), "--until", "2030-01-01T00:00").stderr
    first = "--until: 2030-01-01T00:00 has no time zone. Write it in UTC, such as 2030-01-01T00:00Z."
    assert naive.splitlines()[0] == first


def test_a_day_is_its_midnight_in_every_command(shop: Path, inside: Call) -> None:
    plans = [
        json.loads(inside("plan", str(shop), "--json", "--until", until).stdout)
        for until in ("2024-03-05", "2024-03-05T00:00:00Z", "2024-03-05T02:00+02:00")
    ]
    assert plans[0] == plans[1] == plans[2]
    for command in (["champion", "late_parcel", str(shop), "--at"], ["run", str(shop), "--until"]):
        assert "'soon' is not an instant. Write it in UTC" in inside(*command, "soon").stderr


def test_a_plan_loads_none_of_the_slow_libraries(tmp_path: Path) -> None:
    shop = write_shop(tmp_path, days=1)
    code = f"""
import sys
from pathlib import Path
from typing import Any
from ml_platform.cli.plan import show_plan
show_plan(Path({str(shop)!r}), None)
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "would run" in done.stdout
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"dagster", "mlflow", "great_expectations", "evidently", "sklearn", "lightgbm"}


def test_snapshots_are_listed_shown_and_compared(tmp_path: Path, inside: Call) -> None:
    from tests.datasets.snapshot.shop_snapshots import snapshots_of_shop

    shop, first, second = snapshots_of_shop(tmp_path)
    lines = inside("snapshots", "late_parcel", str(shop)).stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [first[:12], second[:12]]
    assert [item["id"] for item in json.loads(inside("snapshots", str(shop), "--json").stdout)["snapshots"]] == [
        first,
        second,
    ]
    shown = json.loads(inside("snapshot", "show", "late_parcel", str(shop), "--json").stdout)
    assert (shown["id"], shown["boundaries"]["horizon"]) == (second, "2d")
    assert [item["node"] for item in shown["inputs"]] == [
        "features/courier_recent",
        "sources/deliveries",
        "sources/orders",
        "features/courier_recent/source",
    ]
    assert all(len(part["sha256"][0]) == 64 for item in shown["inputs"] for part in item["partitions"])
    output = inside("snapshot", "diff", first[:6], "late_parcel@latest", str(shop)).stdout
    assert "40 added, 40 gone, 0 changed; 47 days are the same" in output
    assert "courier_recent.mean_late_7d" in output
    unknown = inside("snapshot", "show", "late_parcel@4", str(shop))
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("snapshot 'late_parcel@4': late_parcel has no version 4. Give the beginning of")


def test_gc_looks_first_and_removes_only_what_was_looked_at(tmp_path: Path, inside: Call) -> None:
    shop = write_shop(tmp_path, days=3)
    declared = shop / "project.yaml"
    declared.write_text(declared.read_text() + "retention: {grace: 0s}\n")
    objects = shop / ".ml_platform/store/objects/ab"
    objects.mkdir(parents=True)
    name = "ab12" * 16
    (objects / name).write_bytes(b"of a run that was killed")
    dry = inside("gc", str(shop)).stdout
    assert "0 artifacts and 1 object, 24 B, would be moved to the trash; they can be restored for 0d." in dry
    plan = json.loads(inside("gc", str(shop), "--json").stdout)["plan"]
    assert dry.splitlines()[-1] == f"To do this, and only this: ml-platform gc {shop} --delete {plan}"
    other = inside("gc", str(shop), "--delete", "0123456789ab")
    assert (other.returncode, other.stderr.split(":")[0]) == (1, "plan 0123456789ab is out of date")
    assert (objects / name).exists()
    assert "1 object, 24 B, moved to the trash" in inside("gc", str(shop), "--delete", plan).stdout
    assert not (objects / name).exists()
    plan = json.loads(inside("gc", str(shop), "--json").stdout)["plan"]
    assert (
        "1 file that was moved to the trash before, 24 B, is deleted permanently."
        in inside("gc", str(shop), "--delete", plan).stdout
    )


def test_a_rule_of_retention_that_does_not_exist_is_a_fault(tmp_path: Path, inside: Call) -> None:
    shop = write_shop(tmp_path, days=3)
    declared = shop / "project.yaml"
    declared.write_text(declared.read_text() + "retention: {snapshot: 90d}\n")
    output = inside("validate", str(shop)).stderr
    assert output.startswith("project.yaml:11:13: retention: the key snapshot is unknown. Did you mean snapshots?")


def test_erase_looks_first_and_never_names_the_key_in_the_ledger(tmp_path: Path, inside: Call) -> None:
    from tests.datasets.snapshot.shop_snapshots import snapshots_of_shop

    shop, first, _ = snapshots_of_shop(tmp_path)
    words = ("erase", "order", "order_id=o001000", str(shop), "--reason", "asked for by letter 17")
    dry = inside(*words).stdout
    assert "would be erased, permanently." in dry
    plan = json.loads(inside(*words, "--json").stdout)
    assert dry.splitlines()[-1] == f"To do this, and only this: the same command with --delete {plan['plan']}"
    assert "o001000" not in json.dumps(plan)
    assert inside(*words, "--delete", "0123456789ab").returncode == 1
    assert "are erased, permanently." in inside(*words, "--delete", plan["plan"]).stdout
    assert "Nothing with this key is stored." in inside(*words).stdout
    shown = json.loads(inside("snapshot", "show", first, str(shop), "--json").stdout)
    assert shown["id"] != first
    assert shown["erased"] == ["1 row erased: models trained on it can no longer be reproduced exactly"]
    named = inside("erase", "order", "order_id=o001000", str(shop), "--reason", "o001000 asked", "--delete", "x")
    assert named.stderr.startswith("the reason contains the key that is to be erased")
    wrong = inside("erase", "order", "id=o001000", str(shop), "--reason", "letter")
    assert wrong.stderr.startswith("order: its key is order_id, found id. Give the entity and each column of its key")
    assert inside(*words, "--lift").stdout == "Its rows are ingested again from now on.\n"


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
