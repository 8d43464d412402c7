"""An expression on one row of plain values has the bits that it has among many rows."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings

from ml_platform.core.errors import ExpressionError
from ml_platform.core.expressions import parse_expression
from ml_platform.core.expressions.functions import NullFunction, PlainFunction, functions
from tests.core.expressions.hostile_rows import ANY, EVERY, KINDS, ROWS, in_arrays, plain

pytestmark = pytest.mark.slow


def in_rows(text: str) -> list[Any]:
    from ml_platform.core.expressions.row_backend import column_value

    compiled = parse_expression(text).of_row({name: column_value(name, kind) for name, kind in KINDS.items()})
    return [plain(compiled.compute(_as_read(row))) for row in ROWS]


def _as_read(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as a predictor reads it: a float that is null or infinite is NaN."""
    numbers = {name: row[name] for name, kind in KINDS.items() if kind == "float"}
    known = {name: value if value is not None and math.isfinite(value) else math.nan for name, value in numbers.items()}
    return {**row, **known}


def assert_same_bits(text: str) -> None:
    for row, one, other in zip(ROWS, in_rows(text), in_arrays(text), strict=True):
        same = (one is None) == (other is None) and (one is None or one == other)
        if isinstance(one, float) and one == 0 and isinstance(other, float):
            same = same and math.copysign(1, one) == math.copysign(1, other)
        assert same, f"{text} on {row}: {one!r} for the row, {other!r} among many"


@pytest.mark.parametrize("text", EVERY)
def test_one_row_has_the_bits_of_many(text: str) -> None:
    assert_same_bits(text)


@settings(max_examples=400, deadline=None)
@given(ANY)
def test_one_row_has_the_bits_of_many_whatever_is_written(text: str) -> None:
    try:
        parse_expression(text).check(KINDS)
    except ExpressionError:
        return
    assert_same_bits(text)


@pytest.mark.parametrize("name", sorted(set(functions()) - {"abs"}))
def test_a_function_without_a_form_for_one_row_is_computed_by_its_arrays(name: str, monkeypatch: Any) -> None:
    function = functions()[name]
    texts = [text for text in EVERY if f"{name}(" in text]
    assert texts or name in ("starts_with", "ends_with")
    base = PlainFunction if isinstance(function, PlainFunction) else NullFunction
    monkeypatch.setattr(type(function), "row", base.row)
    for text in texts:
        assert_same_bits(text)
