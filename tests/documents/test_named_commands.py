"""Commands that errors, pages and help name exist, with their options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from ml_platform.cli import commands_audit, commands_experiments, commands_project, commands_status  # noqa: F401  (they give the app its commands)
from ml_platform.cli.app import app
from tests.documents.blocks import ROOT

PROGRAM: Any = typer.main.get_command(app)
FOLDERS = ("ml_platform", "assets", "jobs", "resources")
NAMED = re.compile(r"`?\bml-platform((?: +[a-z][a-z-]*)+)([^`\n\"<]*)")
PROSE = {"wheel", "decides"}
"""What follows the name where it is the package that is meant."""


def faults(text: str) -> Iterator[str]:
    """Yield each command or option that a text names and that does not exist."""
    for match in NAMED.finditer(text):
        words, command = match[1].split(), PROGRAM
        if words[0] in PROSE:
            continue
        while hasattr(command, "commands") and words and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        if hasattr(command, "commands"):
            yield match[0]
            continue
        options = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
        yield from (
            f"{match[0]}: {option}"
            for option in re.findall(r"(?<= )--[a-z][a-z-]*", match[2])
            if option not in options | {"--help"}
        )


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_command_that_a_string_names_exists(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".html"}]
    assert files
    assert [f"{path.relative_to(ROOT)}: {fault}" for path in files for fault in faults(text_of(path))] == []


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text", ["run `ml-platform snapshot 1234`", "<code>ml-platform stauts</code>", "ml-platform plan --datta"]
)
def test_a_wrong_command_is_noticed(text: str) -> None:
    assert len([*faults(text)]) == 1
