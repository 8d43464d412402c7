"""Every example in a document is right: YAML is a declaration, Python compiles, commands exist with their options."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from jsonschema import Draft202012Validator

from ml_platform.cli import commands_audit, commands_experiments, commands_project, commands_status  # noqa: F401  (they give the app its commands)
from ml_platform.cli.app import app
from ml_platform.declarations.load.schema import json_schemas
from ml_platform.declarations.yaml.document import read_document
from tests.documents.blocks import Block, every_block

PROGRAM: Any = typer.main.get_command(app)
OTHER_PROGRAMS = {"make", "git", "cd", "cp", "vi", "curl", "python", "pip", "dagster", "export", "openssl", "rsync"}


def parts() -> Iterator[dict[str, Any]]:
    """Yield the schema of every mapping that a declaration can have, with nothing required."""
    for schema in json_schemas().values():
        for part in objects(schema):
            yield {**part, "required": [], "$defs": schema["$defs"]} | {"oneOf": [{}], "anyOf": [{}]}


def objects(schema: Any) -> list[dict[str, Any]]:
    inside = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    is_object = (
        isinstance(schema, dict) and isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    )
    return [*([schema] if is_object else []), *(part for member in inside for part in objects(member))]


PARTS = [Draft202012Validator(part) for part in parts()]


# The page on extending declares variants of packages that are not installed here; the tests of each kind run them.
YAML = [block for block in every_block("yaml") if block.page.name != "extend.md"]


@pytest.mark.parametrize("block", YAML, ids=lambda block: block.place)
def test_yaml_is_a_part_of_a_declaration(block: Block) -> None:
    value = read_document("a.yaml", block.text.encode()).value
    assert any(part.is_valid(value) for part in PARTS), f"{block.place}: no declaration has these keys and values"


@pytest.mark.parametrize("block", every_block("python"), ids=lambda block: block.place)
def test_python_compiles(block: Block) -> None:
    compile(block.text, block.place, "exec")


@pytest.mark.parametrize("block", every_block("console"), ids=lambda block: block.place)
def test_commands_exist_with_their_options(block: Block) -> None:
    assert block.commands, f"{block.place}: no line begins with a prompt"
    for line in block.commands:
        program, *words = shlex.split(line.partition(" > ")[0].partition(" | ")[0], comments=True)
        if program == "ml-platform":
            require_command(words)
        else:
            assert program in OTHER_PROGRAMS, f"{block.place}: {program} is not a program that a reader has"


def require_command(words: list[str]) -> None:
    command, words = PROGRAM, list(words)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context(command.name, words)


@pytest.mark.parametrize("line", ["status --nowhere", "advance", "predictions --limit many"])
def test_a_wrong_command_is_noticed(line: str) -> None:
    with pytest.raises(Exception, match=r"--nowhere|BY|by|valid integer"):
        require_command(shlex.split(line))


def test_a_wrong_key_is_noticed() -> None:
    assert not any(part.is_valid({"late_rows": "never"}) for part in PARTS)
    assert not any(part.is_valid({"laet_rows": "score"}) for part in PARTS)
