"""Hostile declarations: each is a fault with file and line, soon; none exhausts the stack or the memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ml_platform.core.errors import DeclarationError
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.yaml.document import MAX_BYTES, read_document
from tests.declarations.ferry import write_ferry

ALIASES = "a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (ALIASES, 1, "aliases expand to more than 100,000 values"),
        ("x: 1\na: " + "[" * 100_000, 2, "nested more than 40 deep"),
        ("x: 1\n" + "[{a: " * 50_000, 2, "is not YAML"),
        ("\n".join(" " * depth + "a:" for depth in range(500)), 41, "nested more than 40 deep"),
        ("- " * 20_000, 1, "nested more than 40 deep"),
        ("x: 1\ny: 0x" + "f" * 100_000, 2, "characters; at most 20,000"),
        ("x: 1\ny: 0x" + "f" * 1_000, 2, "does not fit into 64 bits"),
        ("x: 1\ny: " + "9" * 5_000, 2, "does not fit into 64 bits"),
        ("x: 9223372036854775808", 1, "does not fit into 64 bits"),
        ("x: 1\n\ny: " + "z" * 30_000, 3, "characters; at most 20,000"),
        ("x: 1\n" + "k" * 300 + ": 1", 2, "this key has 300 characters"),
        ('x: "\\0"', 1, "U+0000"),
        ("x: 1\n\ny: !!python/object/apply:os.system [ls]", 3, "is not understood"),
        ("a: &x 1\nb: *y", 2, "no anchor &y"),
        ("a: 1\n\tb: 2", 2, "is not YAML"),
        ("[" + ",".join(["1"] * 120_000) + "]", 1, "more than 100,000 values"),
        ("a: 1\n" * 200, 2, "is declared twice"),
        ("%YAML 3.0\n---\na: 1", 1, "is not YAML"),
    ],
)
def test_a_hostile_text_is_a_fault_at_its_place(text: str, line: int, message: str) -> None:
    fault = read_document("a.yaml", text.encode()).faults[0]
    assert message in fault.message
    assert fault.line == line
    assert len(fault.message) < 400


def test_a_byte_order_mark_is_no_fault_and_another_encoding_is_one() -> None:
    assert read_document("a.yaml", "\ufeffa: ø".encode()).value == {"a": "ø"}
    assert "not UTF-8" in read_document("a.yaml", "b: 1\na: ø".encode("latin-1")).faults[0].message
    assert read_document("a.yaml", "b: 1\na: ø".encode("latin-1")).faults[0].line == 2
    assert read_document("a.yaml", "a: 1".encode("utf-16")).faults[0].line == 1


def test_a_file_that_is_too_large_is_not_read() -> None:
    fault = read_document("a.yaml", b"a: 1\n" * MAX_BYTES).faults[0]
    assert fault.message == "has more than 512 kB. Divide the declaration."


def faults(directory: Path) -> list[str]:
    with pytest.raises(DeclarationError) as caught:
        load_project(directory, {})
    return [str(fault) for fault in caught.value.faults]


def test_what_is_no_file_of_text_is_a_fault(tmp_path: Path) -> None:
    ferry = write_ferry(tmp_path / "ferry")
    (ferry / "sources/folder.yaml").mkdir()
    (ferry / "sources/gone.yaml").symlink_to(tmp_path / "nothing")
    (ferry / "sources/loop.yaml").symlink_to(ferry / "sources/loop.yaml")
    (ferry / "sources/endless.yaml").symlink_to("/dev/zero")
    os.mkfifo(ferry / "sources/pipe.yaml")
    problems = faults(ferry)
    for name in ("gone", "loop", "endless", "pipe"):
        assert any(fault.startswith(f"sources/{name}.yaml:1:1: ") for fault in problems), (name, problems)


def test_a_linked_folder_is_not_followed_into_the_whole_machine(tmp_path: Path) -> None:
    ferry = write_ferry(tmp_path / "ferry")
    (ferry / "sources/all").symlink_to("/")
    load_project(ferry, {})


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("owner: team:", "owner: team:a b"),
        ("owner: team:", "owner: a@b@c.de#team:"),
        ("description: ", 'description: "\\ud800" #'),
    ],
)
def test_what_dagster_or_a_database_refuses_is_a_fault(tmp_path: Path, place: str, value: str) -> None:
    ferry = write_ferry(tmp_path / "ferry")
    project = ferry / "project.yaml"
    project.write_text(project.read_text().replace(place, value, 1))
    assert faults(ferry)[0].startswith("project.yaml:")


def test_many_references_to_the_environment_cost_no_square_of_their_number() -> None:
    from ml_platform.declarations.load.env_references import resolve_references

    document = read_document("project.yaml", ("a: '" + "${" * 9_000 + "'").encode())
    assert resolve_references(document, {})[1] == []
