"""Declarations that were kept are read again as they were, whatever the files say by then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml_platform.declarations.serialized import kept_declarations, read_declarations
from ml_platform.project import open_project
from tests.sources.readers.test_predictions import EXPECTED, ORDER_EXPECTED
from tests.worlds import FILES, write_shop

EXAMPLE = Path(__file__).parents[2] / "examples/flights"


@pytest.mark.parametrize("model", ["late_arrival", "arrival_delay"])
def test_kept_declarations_are_read_again_as_they_were(model: str) -> None:
    spec = open_project(EXAMPLE).spec
    read = read_declarations(spec, json.loads(json.dumps(kept_declarations(spec, model))))
    assert read.models == {model: spec.models[model]}
    assert len(read.sources) == 4
    assert all(read.sources[name] == spec.sources[name] for name in read.sources)
    assert len(read.feature_tables) >= 5
    assert all(read.feature_tables[name] == spec.feature_tables[name] for name in read.feature_tables)
    assert read.file.entities == spec.file.entities


def test_kept_declarations_outlive_an_edit_and_a_removal(tmp_path: Path) -> None:
    write_shop(tmp_path, days=1)
    before = open_project(tmp_path).spec
    kept = kept_declarations(before, "late_parcel")
    (tmp_path / "models/late_parcel.yaml").unlink()
    (tmp_path / "features/courier_recent.yaml").write_text(FILES["features/courier_recent.yaml"].replace("7d", "9d"))
    (tmp_path / "models/lateness.yaml").unlink()
    after = open_project(tmp_path).spec
    assert "late_parcel" not in after.models
    read = read_declarations(after, kept)
    assert read.models["late_parcel"] == before.models["late_parcel"]
    assert "mean_late_7d" in read.feature_tables["courier_recent"].columns


def test_a_source_of_another_models_predictions_is_read_again_as_it_was(tmp_path: Path) -> None:
    write_shop(tmp_path, days=1)
    (tmp_path / "sources/expected.yaml").write_text(EXPECTED)
    (tmp_path / "features/order_expected.yaml").write_text(ORDER_EXPECTED)
    model = FILES["models/late_parcel.yaml"].replace("courier_recent.*", "courier_recent.*, order_expected.minutes")
    (tmp_path / "models/late_parcel.yaml").write_text(model)
    spec = open_project(tmp_path).spec
    read = read_declarations(spec, json.loads(json.dumps(kept_declarations(spec, "late_parcel"))))
    assert read.sources["expected"] == spec.sources["expected"]
    assert read.feature_tables["order_expected"] == spec.feature_tables["order_expected"]
