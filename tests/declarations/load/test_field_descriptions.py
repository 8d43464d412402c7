"""Every field of every declaration says what it means, with an example that the loader and editors accept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import create_model
from pydantic.fields import FieldInfo

from ml_platform.declarations.aggregates import aggregates
from ml_platform.declarations.load.schema import json_schemas
from ml_platform.declarations.reader import readers
from ml_platform.declarations.types import Declaration


def every_declaration() -> list[type[Declaration]]:
    json_schemas(), readers(), aggregates()  # each imports its classes
    declarations, waiting = [], [Declaration]
    while waiting:
        waiting += (inner := waiting.pop().__subclasses__())
        declarations += [kind for kind in inner if kind.__module__.startswith("ml_platform.")]
    return sorted(set(declarations), key=lambda kind: kind.__qualname__)


def fields() -> Iterator[Any]:
    for kind in every_declaration():
        for name, field in kind.model_fields.items():
            yield pytest.param(field, id=f"{kind.__name__}.{field.alias or name}")


def without_entry(kinds: list[type[Declaration]]) -> list[str]:
    return [
        f"{kind.__name__}.{name}"
        for kind in kinds
        for name, field in kind.model_fields.items()
        if not (field.description and field.description.endswith(".") and field.examples)
    ]


def test_every_field_has_a_sentence_and_an_example() -> None:
    kinds = every_declaration()
    assert {"ProjectFile", "SourceSpec", "FeatureTableSpec", "ModelSpec", "CsvReader", "Mean"} <= {
        kind.__name__ for kind in kinds
    }
    assert without_entry(kinds) == []


def test_a_field_without_a_description_is_noticed() -> None:
    class Careless(Declaration):
        price: float

    assert without_entry([Careless]) == ["Careless.price"]


@pytest.mark.parametrize("field", [*fields()])
def test_the_loader_and_editors_accept_each_example(field: FieldInfo) -> None:
    it: Any = (field.annotation, field)
    alone: Any = create_model("Alone", __base__=Declaration, it=it)
    schema = Draft202012Validator(alone.model_json_schema(by_alias=True))
    for example in field.examples or ():
        written = {field.alias or "it": example}
        alone.model_validate(written)
        assert schema.is_valid(written), example


def test_the_schemas_for_editors_carry_the_descriptions_and_examples() -> None:
    task = json_schemas()["model"]["properties"]["task"]
    assert task["description"].startswith("binary: true or false; multiclass: one of several texts;")
    assert task["examples"] == ["binary"]
    for name, schema in json_schemas().items():
        parts = {name: schema, **schema["$defs"]}
        bare = [
            f"{part}.{key}"
            for part, body in parts.items()
            for key, facts in body.get("properties", {}).items()
            if "description" not in facts or "examples" not in facts
        ]
        assert bare == []
