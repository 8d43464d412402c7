"""Whatever an author does to a declaration: it loads, or every fault has a place and a message."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml_platform.core.errors import DeclarationError
from ml_platform.declarations.graph import build_graph
from ml_platform.declarations.load.load import load_project
from tests.declarations.ferry import FILES, write_ferry

NOT_TEXT = ["", "~", "{}", "[]", "[[]]", "{a: {b: c}}", "3", "-1.5", ".nan", ".inf", "true", "2024-01-01", "1e999"]
NOT_YAML = ["'", '"', "- a", "a: b", "? a", ">", "*gone", "&a [*a]", "!!set {a}", "<<: {a: b}", "\t", "\x07"]
TEXTS = st.text(max_size=12) | st.sampled_from([*NOT_TEXT, *NOT_YAML, "${HOME}", "ship_recent.*", "ø"])


def check(directory: Path) -> None:
    try:
        build_graph(load_project(directory, {}))
    except DeclarationError as error:
        for fault in error.faults:
            lines = (directory / fault.file).read_text().splitlines()
            assert 1 <= fault.line <= len(lines) + 1
            assert fault.column >= 1
            assert fault.message.endswith((".", "?"))
            assert "\n" not in fault.message
            assert "Error" not in fault.message


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.integers(0, 60), st.booleans(), TEXTS)
@example("models/late.yaml", 9, False, "&a [*a]")
def test_any_line_may_become_anything(file: str, line: int, whole: bool, text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ferry = write_ferry(Path(folder).resolve())
        lines = FILES[file].splitlines()
        chosen = line % len(lines)
        lines[chosen] = text if whole else f"{lines[chosen].partition(':')[0]}: {text}"
        (ferry / file).write_text("\n".join(lines) + "\n")
        check(ferry)


@pytest.mark.parametrize("file", sorted(FILES))
def test_any_line_may_be_missing(file: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ferry = write_ferry(Path(folder).resolve())
        lines = FILES[file].splitlines()
        for missing in range(len(lines)):
            (ferry / file).write_text("\n".join(lines[:missing] + lines[missing + 1 :]) + "\n")
            check(ferry)
