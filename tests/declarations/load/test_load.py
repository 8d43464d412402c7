"""Reading a project's folder: files, names, references to the environment, positions."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time

import pytest

from ml_platform.core.errors import DeclarationError
from ml_platform.declarations.checks.notes import notes_of
from ml_platform.declarations.load.load import _cached_document, load_project
from ml_platform.declarations.project import Location
from ml_platform.project import open_project
from tests.declarations.ferry import edit, faults


def test_a_project_without_faults_becomes_its_declarations(ferry: Path) -> None:
    spec = load_project(ferry, {})
    assert spec.name == "ferry"
    assert list(spec.sources) == ["arrivals", "trips"]
    assert list(spec.feature_tables) == ["ship_recent"]
    assert list(spec.models) == ["delay", "late"]
    assert spec.file.clock.simulated_from == datetime(2024, 6, 1, tzinfo=UTC)  # type: ignore[union-attr]
    assert spec.sources["trips"].known_at.delay == timedelta(days=-2)
    assert spec.sources["trips"].columns["cars"].type == "int"
    assert spec.models["delay"].algorithm.name == "ridge"
    assert dict(spec.models["late"].value.actions or {}) == {"warn": "-3 + label * 20", "wait": "0"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("duckdb", "duckdb"),
        ("spark", "spark"),
        ("{spark: local}", "local"),
        ("{spark: 'local[*]'}", "local[*]"),
        ("{spark: 'local[2]'}", "local[2]"),
        ("{spark: spark://host:7077}", "spark://host:7077"),
        ("{spark: 'spark://one:7077,two:7077'}", "spark://one:7077,two:7077"),
        ("{spark: sc://host:15002}", "sc://host:15002"),
        ("{spark: 'sc://[::1]:443/;use_ssl=true;token=${TOKEN}'}", "sc://[::1]:443/;use_ssl=true;token=abc"),
    ],
)
def test_an_engine_is_declared_by_name_or_by_url(ferry: Path, written: str, read: str) -> None:
    edit(ferry, "project.yaml", "currency: NOK", f"currency: NOK\nengine: {written}")
    engine = load_project(ferry, {"TOKEN": "abc"}).file.engine
    assert (engine if isinstance(engine, str) else engine.spark) == read


def test_duckdb_is_the_engine_where_none_is_named(ferry: Path) -> None:
    assert load_project(ferry, {}).file.engine == "duckdb"


def test_every_declaration_and_each_of_its_keys_has_a_line(ferry: Path) -> None:
    locations = load_project(ferry, {}).locations
    assert locations["sources/trips"] == Location("sources/trips.yaml", 1)
    assert locations["features/ship_recent"] == Location("features/ship_recent.yaml", 1)
    assert locations["models/late"] == Location("models/late.yaml", 1)
    assert locations["models/late.algorithm"] == Location("models/late.yaml", 10)
    assert locations["project.entities"] == Location("project.yaml", 7)


def test_open_project_hands_out_the_checked_declarations(ferry: Path) -> None:
    project = open_project(ferry, {})
    assert project.root == ferry.resolve()
    assert project.spec == load_project(ferry, {})
    assert not project.state.exists()


def test_the_error_holds_all_faults_of_all_files_in_order_and_counts_them(ferry: Path) -> None:
    edit(ferry, "sources/trips.yaml", "owner: team:harbour", "owner: harbour")
    edit(ferry, "models/late.yaml", "horizon: 1d", "horizon: -1d")
    edit(ferry, "models/late.yaml", "window: 7d", "window: 7")
    with pytest.raises(DeclarationError) as caught:
        load_project(ferry, {})
    assert str(caught.value) == (
        "models/late.yaml:7:68: label.horizon must be positive, found -1d. Give a span of time such as 30d. "
        "[E-VALUE-001]\n"
        "models/late.yaml:21:22: monitoring.window: 7 is not a duration. "
        "Write a number and a unit (w, d, h, m, s), such as 30d. [E-VALUE-001]\n"
        "sources/trips.yaml:4:8: owner: 'harbour' is not an owner. Write an e-mail address, or team:NAME "
        "with letters, digits, _ and -. [E-VALUE-001]\n"
        "3 faults in the declarations."
    )


def test_a_folder_without_project_yaml_is_an_error_with_its_remedy(tmp_path: Path) -> None:
    assert faults(tmp_path) == [
        f"project.yaml:1:1: there is no project.yaml in {tmp_path}. "
        "Give the folder of a project, or make one with ml-platform init DIR."
    ]


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    assert faults(tmp_path / "no") == [
        f"project.yaml:1:1: {tmp_path / 'no'} is not a folder. "
        "Give the folder of a project, or make one with ml-platform init DIR."
    ]


def test_faults_beside_a_missing_project_yaml_are_reported_too(ferry: Path) -> None:
    (ferry / "project.yaml").unlink()
    edit(ferry, "models/late.yaml", "task: binary", "task: binry")
    assert faults(ferry)[0] == (
        "models/late.yaml:5:7: task must be binary, multiclass, regression or quantile, found 'binry'. "
        "Did you mean binary?"
    )
    assert len(faults(ferry)) == 2


def test_name_of_the_file_and_declared_name_must_agree(ferry: Path) -> None:
    edit(ferry, "sources/trips.yaml", "name: trips", "name: trip")
    assert faults(ferry) == [
        "sources/trips.yaml:2:7: name is 'trip', but the file is called trips.yaml. Give both the same name."
    ]


def test_who_refers_to_a_misnamed_declaration_is_not_at_fault_too(ferry: Path) -> None:
    (ferry / "sources/trips.yaml").rename(ferry / "sources/voyages.yaml")
    assert faults(ferry) == [
        "sources/voyages.yaml:2:7: name is 'trips', but the file is called voyages.yaml. Give both the same name."
    ]


def test_who_refers_to_a_broken_declaration_is_not_at_fault_too(ferry: Path) -> None:
    edit(ferry, "features/ship_recent.yaml", "refresh: 1h", "refresh: 0h")
    assert faults(ferry) == [
        "features/ship_recent.yaml:7:10: refresh must be positive, found 0d. Give a span of time such as 30d."
    ]


@pytest.mark.parametrize("file", ["sources/more.yml", "sources/deep/more.yaml"])
def test_declarations_in_the_wrong_place_are_not_silently_ignored(ferry: Path, file: str) -> None:
    (ferry / file).parent.mkdir(exist_ok=True)
    (ferry / file).write_text("name: more\n")
    assert faults(ferry) == [
        f"{file}:1:1: is not read. Declarations belong directly in sources/, in files that end in .yaml: move it."
    ]


def test_a_folder_whose_name_is_nearly_right_is_not_silently_ignored(ferry: Path) -> None:
    (ferry / "model").mkdir()
    (ferry / "model/more.yaml").write_text("name: more\n")
    assert faults(ferry) == [
        "model/more.yaml:1:1: is not read. Declarations belong in sources, features, models: did you mean models/?"
    ]


def test_other_folders_may_hold_yaml(ferry: Path) -> None:
    (ferry / "deploy").mkdir()
    (ferry / "deploy/chart.yaml").write_text("name: more\n")
    assert load_project(ferry, {}).name == "ferry"


def test_an_empty_file_is_a_fault(ferry: Path) -> None:
    (ferry / "models/late.yaml").write_text("# nothing yet\n")
    assert faults(ferry) == ["models/late.yaml:1:1: is empty. Write a declaration, or remove the file."]


SMALLEST = {
    "project.yaml": """\
name: kiosk
owner: team:kiosk
currency: EUR
entities: {customer: [customer]}
""",
    "sources/sales.yaml": """\
reader: {csv: data/sales.csv}
key: [sale]
event_timestamp: at
known_at: {delay: 1h}
columns: {sale: string, customer: string, at: timestamp, amount: float}
""",
    "models/spend.yaml": """\
task: regression
population: {source: sales, entity: customer, prediction_time: at + 2h}
label: {source: sales, sum: amount, within: 7d}
features: [sales.amount]
split: {train: 28d, validate: 14d, test: 14d}
deployment: {batch: "0 * * * * UTC"}
""",
}


def test_what_has_a_sensible_default_needs_no_line(tmp_path: Path) -> None:
    for name, text in SMALLEST.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    spec = load_project(tmp_path)
    source, model = spec.sources["sales"], spec.models["spend"]
    assert (source.name, source.owner, source.spec_version) == ("sales", "team:kiosk", 1)
    assert source.description == "Rows of sales, one for each sale."
    assert (model.name, model.owner) == ("spend", "team:kiosk")
    assert model.description == "Predicts sum of amount within 7d for each customer."
    assert (model.algorithm.name, model.monitoring.window) == ("lightgbm", timedelta(days=7))
    assert spec.unit_of_value("spend") == "points"
    assert [note for note in notes_of(spec) if "points" in note] == [
        "models/spend.yaml:1: the value of spend is in points, so nothing is in money yet. Declare in value what a row "
        "earns or costs in EUR."
    ]


def test_a_project_without_an_owner_is_at_fault(tmp_path: Path) -> None:
    (tmp_path / "project.yaml").write_text(SMALLEST["project.yaml"].replace("owner: team:kiosk\n", ""))
    assert faults(tmp_path) == ["project.yaml:1:1: the key owner is missing. Add it, such as owner: team:network."]


def test_a_list_is_no_declaration(ferry: Path) -> None:
    (ferry / "models/late.yaml").write_text("- name: late\n")
    assert faults(ferry) == [
        "models/late.yaml:1:1: must be a mapping of keys to values. Write key: value, such as owner: team:shop."
    ]


def test_environment_references_are_replaced_in_project_yaml(ferry: Path) -> None:
    with (ferry / "project.yaml").open("a") as file:
        file.write("storage: {database: 'postgresql://${USER_NAME}:${SECRET}@db/x'}\nalerts: ['${HOOK}']\n")
    spec = load_project(ferry, {"USER_NAME": "anna", "SECRET": "s3cret", "HOOK": "json://hook"})
    assert spec.file.storage.database == "postgresql://anna:s3cret@db/x"
    assert spec.file.alerts == ("json://hook",)


def test_each_missing_environment_variable_is_a_fault_at_its_place(ferry: Path) -> None:
    with (ferry / "project.yaml").open("a") as file:
        file.write("storage: {database: 'postgresql://${USER_NAME}:${SECRET}@db/x'}\n")
    assert faults(ferry, USER_NAME="anna") == [
        "project.yaml:10:48: the environment variable SECRET is not set. Set it before the command."
    ]


def test_a_fault_never_shows_what_the_environment_holds(ferry: Path) -> None:
    edit(ferry, "project.yaml", "owner: team:harbour", "owner: ${SECRET}")
    edit(ferry, "project.yaml", "currency: NOK", "currency: ${SECRET}")
    problems = faults(ferry, SECRET="s3cret")
    assert problems == [
        "project.yaml:4:8: owner: the value of ${SECRET} is not allowed. Set it to another value.",
        "project.yaml:5:11: currency: the value of ${SECRET} is not allowed. Set it to another value.",
    ]


def test_environment_references_elsewhere_are_faults(ferry: Path) -> None:
    edit(ferry, "sources/trips.yaml", "csv: data/trips.csv", "csv: '${DATA}/trips.csv'")
    assert faults(ferry, DATA="/data") == [
        "sources/trips.yaml:5:15: ${DATA} is not replaced here. "
        "References to the environment are allowed only in project.yaml."
    ]


def test_loading_the_example_takes_less_than_a_second() -> None:
    example = Path(__file__).parents[3] / "examples/flights"
    _cached_document.cache_clear()
    begin = process_time()
    load_project(example, {})
    assert process_time() - begin < 1.0


def test_a_file_is_reparsed_only_when_it_changed(ferry: Path) -> None:
    load_project(ferry, {})
    before = _cached_document.cache_info().misses
    load_project(ferry, {})
    assert _cached_document.cache_info().misses == before
    edit(ferry, "models/late.yaml", "window: 7d", "window: 8d")
    assert load_project(ferry, {}).models["late"].monitoring.window == timedelta(days=8)
    assert _cached_document.cache_info().misses == before + 1


@pytest.mark.slow
def test_loading_a_project_imports_no_heavy_library(ferry: Path) -> None:
    heavy = "pandas pyarrow duckdb ibis sklearn lightgbm mlflow great_expectations evidently dagster matplotlib"
    program = (
        "import sys; from pathlib import Path; from ml_platform.declarations.load.load import load_project;"
        f"load_project(Path({str(ferry)!r}));"
        f"print(sorted(set({heavy.split()!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("models/late.yaml", "task: binary", "task: binary\ntask: binary", "E-YAML-001"),
        ("models/late.yaml", "task: binary", "tusk: binary\ntask: binary", "E-KEY-001"),
        ("models/late.yaml", "task: binary\n", "", "E-KEY-002"),
        ("models/late.yaml", "task: binary", "task: binry", "E-VALUE-001"),
        ("models/late.yaml", "name: late", "name: early", "E-YAML-002"),
        ("features/ship_recent.yaml", "source: arrivals", "source: trps", "E-NAME-001"),
        ("project.yaml", "currency: ", "currency: EUR${UNSET} # ", "E-SECRET-002"),
    ],
)
def test_each_kind_of_fault_is_printed_with_its_code(ferry: Path, file: str, old: str, new: str, code: str) -> None:
    edit(ferry, file, old, new)
    with pytest.raises(DeclarationError, match=rf"\[{code}\]"):
        load_project(ferry, {})
