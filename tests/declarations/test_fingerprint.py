"""What decides in a declaration, as plain values."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ml_platform.core.errors import PlatformError
from ml_platform.core.hashing import canonical_json
from ml_platform.declarations.deciding import deciding
from ml_platform.declarations.fingerprint import deciding_part, files_version, project_functions
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.types import Window
from tests.declarations.ferry import edit

KINDS = ["snapshot", "trained_model", "evaluation", "deployment", "predictions", "monitoring"]


def test_descriptions_owners_units_and_expectations_do_not_decide(ferry: Path) -> None:
    spec = load_project(ferry, {})
    assert deciding(spec.sources["arrivals"]) == {
        "name": "arrivals",
        "reader": {"csv": "data/arrivals.csv", "null_values": [""]},
        "key": ["trip_id"],
        "event_timestamp": "arrived_at",
        "known_at": {"column": "logged_at"},
        "columns": {
            "trip_id": {"type": "string", "dst": [], "required": False},
            "ship": {"type": "string", "dst": [], "required": False},
            "arrived_at": {"type": "timestamp", "dst": [], "required": False},
            "logged_at": {"type": "timestamp", "dst": [], "required": False},
            "minutes_late": {"type": "float", "dst": [], "required": False},
            "pier": {"type": "string", "dst": [], "required": False},
        },
    }


def test_a_column_called_description_decides(ferry: Path) -> None:
    edit(ferry, "sources/trips.yaml", "  cars: int\n", "  cars: int\n  description: string\n")
    assert "description" in deciding(load_project(ferry, {}).sources["trips"])["columns"]


def test_durations_windows_and_schedules_have_one_text(ferry: Path) -> None:
    spec = load_project(ferry, {})
    assert deciding(timedelta(hours=24)) == "1d"
    assert deciding(Window(timedelta(hours=-48))) == "2d"
    assert deciding(Window(timedelta(0), timedelta(hours=2))) == ["0d", "2h"]
    assert deciding(spec.models["late"].deployment) == {
        "batch": "0 * * * * Europe/Oslo",
        "late_rows": "count",
        "max_missed_share": 0.01,
    }
    assert deciding(spec.models["late"].split) == {"train": "60d", "validate": "7d", "test": "14d"}


def test_every_part_has_a_canonical_form(ferry: Path) -> None:
    spec = load_project(ferry, {})
    for kind in KINDS:
        assert canonical_json(deciding_part(spec, kind, "late"))
    assert canonical_json(deciding_part(spec, "source", "trips"))
    assert canonical_json(deciding_part(spec, "feature_table", "ship_recent"))


def test_the_engine_decides_nothing(ferry: Path) -> None:
    def parts() -> list[object]:
        spec = load_project(ferry, {})
        subjects = [("source", "trips"), ("feature_table", "ship_recent"), *((kind, "late") for kind in KINDS)]
        return [deciding_part(spec, kind, name) for kind, name in subjects]

    before = parts()
    edit(ferry, "project.yaml", "currency: NOK", "currency: NOK\nengine: {spark: 'sc://host:15002'}")
    assert parts() == before


def test_an_unknown_kind_is_refused(ferry: Path) -> None:
    with pytest.raises(PlatformError) as caught:
        deciding_part(load_project(ferry, {}), "picture", "late")
    assert str(caught.value).startswith("picture is not a kind of node. ")


def test_project_code_takes_part_where_it_is_named(ferry: Path) -> None:
    (ferry / "own.py").write_text("def add(frame): ...\nclass Estimator: ...\ndef trips(): ...\n")
    edit(ferry, "models/late.yaml", "features: [", "transforms: ['own:add']\nfeatures: [")
    edit(ferry, "models/late.yaml", "  - logistic_regression", "  - own:Estimator")
    edit(ferry, "sources/trips.yaml", "csv: data/trips.csv", "python: own:trips")
    spec = load_project(ferry, {})
    assert project_functions(spec, "trained_model", "late") == ("own:add", "own:Estimator")
    assert project_functions(spec, "trained_model", "delay") == ()
    assert project_functions(spec, "source", "trips") == ("own:trips",)
    assert project_functions(spec, "source", "arrivals") == ()
    assert project_functions(spec, "snapshot", "late") == ()


def test_whether_entities_are_fixed_decides_intervals_and_trains_nothing(ferry: Path) -> None:
    before = {kind: deciding_part(load_project(ferry, {}), kind, "late") for kind in KINDS}
    edit(ferry, "models/late.yaml", "do_nothing:", "entities: fixed\n  do_nothing:")
    after = {kind: deciding_part(load_project(ferry, {}), kind, "late") for kind in KINDS}
    assert {kind for kind in KINDS if before[kind] != after[kind]} == {"evaluation", "monitoring"}


def test_the_version_of_the_files_is_that_of_what_was_read_and_not_of_what_was_edited_since(ferry: Path) -> None:
    spec = load_project(ferry, {})
    before = files_version(spec)
    edit(ferry, "sources/trips.yaml", "  cars: int\n", "  cars: int  # a comment\n")
    assert files_version(spec) == before
    assert files_version(load_project(ferry, {})) != before
    edit(ferry, "sources/trips.yaml", "  cars: int  # a comment\n", "  cars: int\n")
    assert files_version(load_project(ferry, {})) == before
    assert set(spec.files) == {path.relative_to(ferry).as_posix() for path in ferry.rglob("*.yaml")}
