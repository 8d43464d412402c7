"""One value of the declarations at a time becomes hostile: a fault with its place, or definitions that load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._core.definitions.utils import is_valid_owner
from dagster._utils.schedules import is_valid_cron_schedule

from ml_platform.core.clock import Schedule
from ml_platform.core.errors import DeclarationError
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.types import _owner
from ml_platform.project import Project
from ml_platform_dagster.jobs.build import build_definitions
from tests.worlds import FILES

HOSTILE: tuple[Any, ...] = (
    None, "", 0, -1, 1e308, 2**63 - 1, True, [], {}, [[]], {"a": None}, "x" * 19_000, "\u202e", "../../etc", "a/b",
    "A", "é", "{{x}}", "%s", "'; drop table x", "0 0 30 2 * UTC", "0 0 * * 5L UTC", "99999999999w", "-5d", "${HOME}x",
    "team:a b", "min(" * 30 + "1" + ")" * 30, "+".join(["1"] * 300), "10**10**10", "a.b.c", "*", "**/*",
    ["ever", "ever"], [None], "\t\n",
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all values."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def with_value(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = new if len(path) == 1 else with_value(value[path[0]], path[1:], new)
    return copy


def check(directory: Path) -> None:
    try:
        spec = load_project(directory, {})
    except DeclarationError as error:
        for fault in error.faults:
            assert (directory / fault.file).exists()
            assert fault.line >= 1
            assert len(fault.message) < 3000
            assert "Error" not in fault.message
        return
    build_definitions(Project(spec)).get_repository_def().get_all_jobs()


@pytest.mark.parametrize("file", sorted(name for name in FILES if name.endswith(".yaml")))
def test_a_hostile_value_is_a_fault_or_loads(tmp_path: Path, file: str) -> None:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    declared = yaml.safe_load(FILES[file])
    loaded = 0
    for number, place in enumerate(places(declared)):
        for offset in range(0, len(HOSTILE), 7):  # each place gets some, and all places together get all
            hostile = HOSTILE[(number + offset) % len(HOSTILE)]
            text = yaml.safe_dump(with_value(declared, place, hostile), sort_keys=False)
            (tmp_path / file).write_text(text)
            check(tmp_path)
            loaded += 1
    assert loaded > 20


OWNERS = ["team:a", "team:", "team:a b", "team:ø", "team:" + "x" * 90, "a@b.c", "a@b.co", "a@b", "a b@c.de", "ø@b.de"]
OWNERS += ["a@b.museumss", ".a@b.de", "a@b.de ", "a+b@c-d.e.org", "a@b.c|", "x", "", "@b.de", "a@@b.de", "a@b.de\n"]


@pytest.mark.parametrize("owner", OWNERS)
def test_an_owner_that_is_valid_here_is_valid_in_dagster(owner: str) -> None:
    try:
        valid = _owner(owner)
    except ValueError:
        return
    assert is_valid_owner(valid)


@pytest.mark.parametrize("owner", ["team:network", "team:A_b-1", "a@b.co", "first.last+x@mail-1.example.org"])
def test_usual_owners_are_valid(owner: str) -> None:
    assert _owner(owner) == owner


CRONS = [
    "* * * * *",
    "0 0 L * *",
    "0 0 * * 5#3",
    "0 0 * * 5L",
    "0 0 LW * *",
    "0 0 * * 5,6#2",
    "0 0 * * MON-FRI",
    "R * * * *",
]
CRONS += [
    "0 0 31 4 *",
    "*/0 * * * *",
    "60 * * * *",
    "0 0 29 2 *",
    "5-1 * * * *",
    "0 0 ? * *",
    "@daily * * * *",
    "0 0 15W * *",
]


@pytest.mark.parametrize("cron", CRONS)
def test_a_schedule_that_is_valid_here_is_valid_in_dagster_and_comes(cron: str) -> None:
    try:
        schedule = Schedule(f"{cron} UTC")
    except ValueError:
        return
    assert is_valid_cron_schedule(schedule.cron)
