"""JSON schemas for editors accept what the loader accepts, and refuse what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ml_platform.declarations.load.schema import json_schemas
from ml_platform.declarations.yaml.document import read_document
from tests.declarations.ferry import FILES
from tests.worlds import FILES as SHOP

KINDS = {"project.yaml": "project", "sources": "source", "features": "feature_table", "models": "model"}


def value_of(text: str) -> Any:
    return read_document("a.yaml", text.encode()).value


def is_accepted(file: str, text: str) -> bool:
    schema = json_schemas()[KINDS[file.partition("/")[0]]]
    return bool(Draft202012Validator(schema).is_valid(value_of(text)))


def test_there_is_a_valid_schema_for_each_kind_of_declaration() -> None:
    assert list(json_schemas()) == ["project", "source", "feature_table", "model"]
    for schema in json_schemas().values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(("file", "text"), [*FILES.items(), *SHOP.items()])
def test_valid_declarations_are_accepted(file: str, text: str) -> None:
    assert is_accepted(file, text)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("models/late.yaml", "task: binary", "task: binry"),
        ("models/late.yaml", "owner: team:harbour", "ownr: team:harbour"),
        ("models/late.yaml", "horizon: 1d", "horizon: 1 day"),
        ("models/late.yaml", ">= 0.6", "0.6"),
        ("sources/trips.yaml", "cars: int", "cars: integer"),
        ("sources/trips.yaml", "{csv: data/trips.csv}", "{csv: a, parquet: b}"),
        ("features/ship_recent.yaml", "mean: minutes_late,", ""),
        ("models/late.yaml", "task: binary", "task: binary\nmax_feature_age: 3 hours"),
        ("project.yaml", "currency: NOK", "currency: nok"),
        ("project.yaml", "{simulated_from: 2024-06-01T00:00:00Z}", "{simulated: 2024}"),
    ],
)
def test_faulty_declarations_are_refused(file: str, old: str, new: str) -> None:
    assert old in FILES[file]
    assert not is_accepted(file, FILES[file].replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("sources/trips.yaml", "cars: int", "cars: {type: int, unit: cars}"),
        ("models/delay.yaml", "algorithm: ridge", "algorithm: {name: ridge, params: {alpha: 2}}"),
        ("features/ship_recent.yaml", "windows: [ever]", "windows: [[0h, 2h]]"),
        ("project.yaml", "{simulated_from: 2024-06-01T00:00:00Z}", "wall"),
        ("models/delay.yaml", "algorithm: ridge", "algorithm: ridge\nmax_feature_age: 3h"),
        ("models/delay.yaml", "algorithm: ridge", "algorithm: ridge\nmax_feature_age: {ship_recent: 3h}"),
    ],
)
def test_short_and_long_forms_are_both_accepted(file: str, old: str, new: str) -> None:
    assert old in FILES[file]
    assert is_accepted(file, FILES[file].replace(old, new))
