"""Every error class of the platform has a code of its own, with cause and cure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_platform.core.errors import (
    ALL_CODES,
    CODES,
    FAULT_CODES,
    FaultKind,
    LabelLeakage,
    MissingFile,
    PlatformError,
    code_of,
)

LIBRARY = Path(__file__).parents[2] / "ml_platform"


def classes() -> dict[str, list[str]]:
    """Return every class of the library by name, with the names that it extends; read, not imported."""
    bases = {}
    for path in LIBRARY.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
    return bases


def errors(known: dict[str, list[str]], root: str = "PlatformError") -> Iterator[str]:
    yield root
    for name, bases in known.items():
        if root in bases:
            yield from errors(known, name)


@pytest.mark.slow
def test_every_error_class_has_an_entry_and_every_entry_a_class() -> None:
    assert sorted(set(errors(classes()))) == sorted(CODES)


def test_codes_are_unique_and_of_one_form() -> None:
    codes = [item.code for item in (*CODES.values(), *FAULT_CODES.values())]
    assert sorted(set(codes)) == sorted(codes)
    assert [code for code in codes if not re.fullmatch(r"E(-[A-Z]+)+-\d{3}", code)] == []


def test_cause_and_cure_are_sentences() -> None:
    for item, _ in ALL_CODES.values():
        assert item.cause.endswith("."), item.code
        assert item.cure.endswith((".", "`")), item.code


def test_every_kind_of_fault_has_a_code() -> None:
    assert [kind for kind in FaultKind if kind.value not in ALL_CODES] == []
    assert [kind for kind, item in FAULT_CODES.items() if kind.value != item.code] == []


def test_an_error_has_the_code_of_its_class_and_a_foreign_one_that_of_the_class_it_extends() -> None:
    class OfAPackage(MissingFile):
        """An error of an installed package."""

    assert code_of(LabelLeakage).code == "E-LEAK-001"
    assert code_of(OfAPackage).code == "E-SOURCE-002"
    assert code_of(PlatformError).code == "E-PLATFORM-001"
