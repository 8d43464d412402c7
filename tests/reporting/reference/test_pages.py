"""The reference has an entry for everything that a person can write or call, and each entry says what it means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from jsonschema import Draft202012Validator

import ml_platform
from ml_platform.cli import commands_audit, commands_project, commands_status  # noqa: F401  (they give the app its commands)
from ml_platform.cli.app import app
from ml_platform.core.expressions.functions import functions
from ml_platform.declarations.aggregates import aggregates
from ml_platform.declarations.algorithms import algorithms
from ml_platform.declarations.calibrators import calibrators
from ml_platform.declarations.gates import MEASURED, MONOTONE
from ml_platform.declarations.load.schema import json_schemas
from ml_platform.declarations.metric_names import KNOWN_FIGURES, SLICE_FIGURES
from ml_platform.declarations.reader import readers
from ml_platform.reporting.reference.pages import reference_pages, write_reference

PROGRAM = typer.main.get_command(app)


@pytest.fixture(scope="module")
def pages() -> Mapping[str, str]:
    return {page.name: page.text for page in reference_pages(PROGRAM, ml_platform)}


def cells(text: str) -> list[list[str]]:
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if not set(row[0]) <= set(" -")]


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("aggregates", [*aggregates()]),
        ("algorithms", [*algorithms()]),
        ("calibrators", [*calibrators()]),
        ("readers", [*readers()]),
        ("expressions", [function.signature for function in functions().values()]),
        ("metrics", sorted({*SLICE_FIGURES, *MEASURED, MONOTONE}.union(*KNOWN_FIGURES.values()))),
    ],
)
def test_each_variant_has_a_row_with_a_meaning(pages: Mapping[str, str], page: str, names: list[str]) -> None:
    rows = {re.sub(r"\[?`([^`]+)`.*", r"\1", row[0]): row for row in cells(pages[page])}
    assert [name for name in names if name not in rows] == []
    assert [name for name in names if not all(rows[name])] == []


def test_each_parameter_of_an_algorithm_has_a_row(pages: Mapping[str, str]) -> None:
    written = {row[0].strip("`") for row in cells(pages["algorithms"])}
    assert [name for kind in algorithms().values() for name in kind.params if name not in written] == []


def parts_of(schema: Any) -> list[dict[str, Any]]:
    """Return every object of a schema that has keys of its own, also those inside of others."""
    inside = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    is_object = (
        isinstance(schema, dict) and isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    )
    return [*([schema] if is_object else []), *(part for member in inside for part in parts_of(member))]


@pytest.mark.parametrize("kind", ["project", "source", "feature_table", "model"])
def test_each_field_of_a_file_has_a_row_with_an_example(pages: Mapping[str, str], kind: str) -> None:
    schema = json_schemas()[kind]
    rows = [row for row in cells(pages[f"yaml-{kind.replace('_', '-')}"]) if row[0] != "key"]
    parts = {part.get("title") or tuple(part["properties"]): part["properties"] for part in parts_of(schema)}
    assert len(rows) == sum(map(len, parts.values()))
    assert [row for row in rows if len(row) != 5 or not all(row)] == []


def commands() -> list[Any]:
    all_commands, waiting = [], [PROGRAM]
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        all_commands += [] if hasattr(command, "commands") else [command]
    return all_commands


def test_each_command_and_option_has_an_entry_with_a_meaning(pages: Mapping[str, str]) -> None:
    text = pages["commands"]
    for command in commands():
        assert re.search(rf"^### ml-platform (\w+ )?{command.name}$", text, re.MULTILINE), command.name
        assert command.help, command.name
        for param in command.params:
            assert param.help, f"{command.name} {param.name}"
            shown = param.name.upper() if param.param_type_name == "argument" else param.opts[0]
            assert f"`{shown}`" in text, f"{command.name} {param.name}"


def test_each_public_name_has_a_section(pages: Mapping[str, str]) -> None:
    assert re.findall(r"^## (\w+)$", pages["python"], re.MULTILINE) == sorted(ml_platform.__all__)


def test_links_within_the_reference_lead_to_headings(pages: Mapping[str, str]) -> None:
    anchors = {name: set(re.findall(r"\{ #(\S+) \}", text)) for name, text in pages.items()}
    for name, text in pages.items():
        for target, anchor in re.findall(r"\]\(([\w-]*)(?:\.md)?#([\w-]+)\)", text):
            assert anchor in anchors[target or name], f"{name}: {target}#{anchor}"


def test_every_page_is_written_and_listed(tmp_path: Path) -> None:
    written = write_reference(tmp_path / "reference", PROGRAM, ml_platform)
    index = written[0].read_text()
    assert {path.name for path in (tmp_path / "reference").iterdir()} == {path.name for path in written}
    assert [path.name for path in written[1:] if f"]({path.name})" not in index] == []


def test_no_page_shows_the_sections_of_a_docstring_as_they_are_written(pages: Mapping[str, str]) -> None:
    assert [
        name for name, text in pages.items() if re.search(r"^(Attributes|Parameters|Raises)\n-+$", text, re.MULTILINE)
    ] == []


def test_keys_of_examples_keep_the_order_of_the_file() -> None:
    schema = json_schemas()["model"]
    Draft202012Validator.check_schema(schema)
    assert list(schema["properties"]["split"]["examples"][0]) == ["train", "validate", "test"]
