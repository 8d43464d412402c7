"""Functions are found where they stand, and in installed packages; what cannot be used says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ibis
import numpy as np
import pytest

from ml_platform.core.errors import PlatformError
from ml_platform.core.expressions import parse_expression
from ml_platform.core.expressions.functions import functions
from tests.installed import install

DOCUMENT = Path(__file__).parents[3] / "docs/guides/extend.md"
POINTS = """
    [ml_platform.functions]
    clip = own_functions:Clip
"""


@pytest.fixture(autouse=True)
def custom_functions() -> Iterator[None]:
    functions.cache_clear()
    yield
    functions.cache_clear()


def code_of(section: str) -> str:
    """Return the Python of a section of the guide, as it stands there."""
    text = DOCUMENT.read_text().partition(f"## {section}\n")[2]
    return text.partition("```python\n")[2].partition("```")[0]


def test_the_function_of_the_guide_works_on_both_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "own_functions", code_of("A function of your own"), POINTS)
    clip = parse_expression("clip(x, 10.0)")
    values = np.array([-12.0, 3.0, 12.0, np.nan])
    assert clip.check({"x": "float"}) == "float"
    assert clip.evaluate({"x": values}, 4).tolist()[:3] == [-10.0, 3.0, 10.0]
    assert np.isnan(clip.evaluate({"x": values}, 4)[3])
    table = ibis.memtable({"x": [-12.0, 3.0, 12.0, None]})
    outcome = ibis.duckdb.connect().execute(clip.to_ibis(table).name("found"))
    assert outcome.tolist()[:3] == [-10.0, 3.0, 10.0]
    assert np.isnan(outcome[3])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import nowhere_to_be_found", r"own_functions cannot be imported: ModuleNotFoundError: No module named"),
        ("class Clip:\n    name = 'clip'", r"of own_functions is no Function of ml_platform\.core\.expressions"),
        (
            "from ml_platform.core.expressions.functions import PlainFunction\n"
            "class Clip(PlainFunction):\n    name = 'clip'",
            r"is no Function of .*\. It lacks arrays, engine, kind\. Extend that class\.",
        ),
        (
            "from ml_platform.core.expressions.functions.absolute import Absolute\n"
            "class Clip(Absolute):\n    name = 'abs'",
            r"own_functions adds 'abs', which exists already\. Give it another name\.",
        ),
    ],
)
def test_a_function_that_cannot_be_used_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    install(tmp_path, monkeypatch, "own_functions", code, POINTS)
    with pytest.raises(PlatformError, match=message):
        parse_expression("abs(x)")


def test_every_function_is_described() -> None:
    for name, function in functions().items():
        assert function.signature.startswith(f"{name}(")
        assert function.summary.endswith(".")
