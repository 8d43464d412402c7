"""The version of code, and a project's own code: found by file, imported under private names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ml_platform.declarations.node_kinds import node_kind
from ml_platform.declarations.user_code.locate import ProjectCodeError, local_modules, require_defined
from ml_platform.declarations.user_code.version import code_version, load_function

CALENDAR = """\
import shared.constants
from transforms import holidays
from . import weeks


def add(number):
    import late

    return [number, shared.constants.ONE, holidays.TWO, weeks.THREE, late.Four().four]
"""


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(
        tmp_path / "project",
        transforms__calendar=CALENDAR,
        transforms__holidays="TWO = 2\n",
        transforms__weeks="from .holidays import TWO\n\nTHREE = TWO + 1\n",
        shared__constants="import json\n\nONE = json.loads('1')\n",
        late="from dataclasses import dataclass\n\n\n@dataclass\nclass Four:\n    four: int = 4\n",
        unrelated="raise RuntimeError('nobody imports this')\n",
    )


def test_without_project_code_the_version_is_a_declared_integer() -> None:
    assert code_version("snapshot") == f"snapshot-{node_kind('snapshot').version}"


def test_the_same_project_code_has_the_same_version_wherever_it_lies(project: Path, tmp_path: Path) -> None:
    version = code_version("trained_model", project, ["transforms.calendar:add"])
    assert version.startswith(f"trained_model-{node_kind('trained_model').version}-")
    assert len(version) == len("trained_model-1-") + 16
    project.rename(tmp_path / "moved")
    assert code_version("trained_model", tmp_path / "moved", ["transforms.calendar:add"]) == version


@pytest.mark.parametrize(
    ("file", "decides"),
    [
        ("transforms/calendar.py", True),
        ("transforms/holidays.py", True),
        ("transforms/weeks.py", True),
        ("shared/constants.py", True),
        ("late.py", True),
        ("unrelated.py", False),
    ],
)
def test_a_changed_module_changes_the_version_if_it_is_imported_however_deep(
    project: Path, file: str, decides: bool
) -> None:
    before = code_version("trained_model", project, ["transforms.calendar:add"])
    with (project / file).open("a") as text:
        text.write("X = 1\n")
    assert (code_version("trained_model", project, ["transforms.calendar:add"]) != before) is decides


def test_a_package_marker_that_runs_on_import_takes_part(project: Path) -> None:
    before = code_version("trained_model", project, ["transforms.calendar:add"])
    (project / "transforms/__init__.py").write_text("")
    assert code_version("trained_model", project, ["transforms.calendar:add"]) != before


def test_line_ends_of_another_system_change_nothing(project: Path) -> None:
    before = code_version("trained_model", project, ["transforms.holidays:TWO"])
    (project / "transforms/holidays.py").write_bytes(b"TWO = 2\r\n")
    assert code_version("trained_model", project, ["transforms.holidays:TWO"]) == before


def test_modules_that_import_each_other_are_read_once(tmp_path: Path) -> None:
    root = write(tmp_path, a="import b\n", b="import a\n")
    assert local_modules(root, "a") == [root / "a.py", root / "b.py"]


def test_a_project_function_is_loaded_with_all_that_it_imports(project: Path) -> None:
    assert load_function(project, "transforms.calendar:add")(0) == [0, 1, 2, 3, 4]


def test_loading_leaves_no_trace_in_the_path_nor_under_public_names(project: Path) -> None:
    path, names = list(sys.path), set(sys.modules)
    load_function(project, "transforms.calendar:add")(0)
    assert sys.path == path
    loaded = {name for name in set(sys.modules) - names if not name.startswith("_ml_platform_project_")}
    assert not loaded & {"transforms", "transforms.calendar", "shared", "shared.constants", "late"}
    assert not list(project.rglob("__pycache__"))


def test_two_projects_with_the_same_names_do_not_meet(tmp_path: Path) -> None:
    one = write(tmp_path / "one", own="import part\n\n\ndef get():\n    return part.X\n", part="X = 1\n")
    two = write(tmp_path / "two", own="import part\n\n\ndef get():\n    return part.X\n", part="X = 2\n")
    assert load_function(one, "own:get")() == 1
    assert load_function(two, "own:get")() == 2
    assert load_function(one, "own:get")() == 1


def test_edited_code_is_reloaded_in_the_same_process(project: Path) -> None:
    first = load_function(project, "transforms.calendar:add")
    (project / "transforms/holidays.py").write_text("TWO = 22\n")
    assert load_function(project, "transforms.calendar:add")(0) == [0, 1, 22, 23, 4]
    assert first(0) == [0, 1, 2, 3, 4]


def test_unchanged_code_is_the_same_object(project: Path) -> None:
    assert load_function(project, "late:Four") is load_function(project, "late:Four")


def test_a_module_of_the_project_goes_before_an_installed_one(tmp_path: Path) -> None:
    root = write(tmp_path, own="import tomllib\n\n\ndef get():\n    return tomllib.WHOSE\n", tomllib="WHOSE = 'ours'\n")
    assert load_function(root, "own:get")() == "ours"
    import tomllib

    assert not hasattr(tomllib, "WHOSE")


def test_a_folder_without_code_does_not_hide_an_installed_module(tmp_path: Path) -> None:
    root = write(tmp_path, own="import json\n\n\ndef get():\n    return json.dumps([1])\n")
    (root / "json").mkdir()
    (root / "json/data.csv").write_text("a\n1\n")
    assert load_function(root, "own:get")() == "[1]"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (
            "transforms.calendar",
            "'transforms.calendar' does not name code of the project. "
            "Write module:name, such as transforms.calendar:weekday",
        ),
        (
            "../secrets:load",
            "'../secrets:load' does not name code of the project. "
            "Write module:name, such as transforms.calendar:weekday",
        ),
        (
            "transforms.calender:add",
            "there is no module transforms.calender in the project. Did you mean transforms.calendar?",
        ),
        ("transforms.calendar:ad", "transforms/calendar.py does not define ad. Did you mean add?"),
    ],
)
def test_code_that_does_not_exist_is_named_with_the_nearest_that_does(
    project: Path, reference: str, message: str
) -> None:
    for use in (require_defined, load_function):
        with pytest.raises(ProjectCodeError) as caught:
            use(project, reference)
        assert str(caught.value) == message


def test_code_that_fails_on_import_is_reported_and_is_not_kept_half_made(tmp_path: Path) -> None:
    root = write(tmp_path, own="def get():\n    return 1\n\n\n1 / 0\n")
    for _ in range(2):
        with pytest.raises(ProjectCodeError) as caught:
            load_function(root, "own:get")
        assert str(caught.value) == (
            f"own:get: importing it failed with ZeroDivisionError: division by zero. Repair it in {root}."
        )


def test_code_that_is_not_python_names_the_line(tmp_path: Path) -> None:
    root = write(tmp_path, own="import helper\n\n\ndef get():\n    return 1\n", helper="x = 1\ndef broken(:\n")
    with pytest.raises(ProjectCodeError) as caught:
        code_version("trained_model", root, ["own:get"])
    assert str(caught.value) == "helper.py:2 is not Python: invalid syntax. Correct it."


def test_whatever_a_module_binds_by_its_name_can_be_used(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        own="try:\n    from other import second\nexcept ImportError:\n    raise\nfirst = second\n"
        "third: object = first\nif first:\n    class Fourth: ...\n",
        other="def second():\n    return 2\n",
    )
    for name in ("first", "second", "third", "Fourth"):
        require_defined(root, f"own:{name}")
    assert load_function(root, "own:third")() == 2
