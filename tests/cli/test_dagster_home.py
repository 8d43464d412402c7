"""Where a project's own Dagster instance lies, and folders that it would not find."""

from __future__ import annotations

import io
import shlex
from pathlib import Path

import pytest
from rich.console import Console

from ml_platform.cli.dagster_home import make_home
from ml_platform.cli.new_project import make_project
from ml_platform.cli.status import print_summary
from ml_platform.core.errors import PlatformError
from ml_platform.operations.new_project.choices import Wanted
from tests.shop_project import open_shop


@pytest.mark.parametrize("name", ["why?", "a%20b", "100%"])
def test_a_folder_below_which_dagster_would_write_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    project = open_shop(tmp_path / name)
    with pytest.raises(PlatformError, match="cannot write below a folder with % or \\? in its path"):
        make_home(project)


@pytest.mark.parametrize("name", ["it's", "two words", '[x] "ünï" #1;&', "$HOME"])
def test_commands_to_type_next_name_the_folder_as_a_shell_reads_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = tmp_path / name
    make_project(folder, None, None, Wanted())
    _, _, commands = capsys.readouterr().out.partition("Next: ")
    first, run = commands.strip().split(", then ")
    assert shlex.split(first) == ["ml-platform", "validate", str(folder)]
    assert shlex.split(run) == ["ml-platform", "run", str(folder)]
    console = Console(width=500, file=io.StringIO())
    with console.capture() as shown:
        print_summary(open_shop(tmp_path / f"{name} again"), console)
    lines = [line for line in shown.get().splitlines() if line.startswith("ml-platform up")]
    assert [shlex.split(line)[:3] for line in lines] == [["ml-platform", "up", str(tmp_path / f"{name} again")]]
