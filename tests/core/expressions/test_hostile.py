"""Every operation on both engines over hostile values, against Python's own arithmetic."""

from __future__ import annotations

from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings

from ml_platform.core.engines import DuckDB
from ml_platform.core.errors import ExpressionError
from ml_platform.core.expressions import parse_expression
from ml_platform.core.expressions.functions import functions
from tests.core.expressions.hostile_rows import ANY, EVERY, KINDS, ROWS, TABLE, assert_same, in_arrays, in_python, plain

pytestmark = pytest.mark.slow


def in_engine(engine: Any, text: str) -> list[Any]:
    rows = engine.arrow("hostile", TABLE.append_column("place", pa.array(range(len(ROWS)), pa.int64())))
    value = parse_expression(text).to_ibis(rows)
    if value.type().is_timestamp():
        from ml_platform.core.engines.ibis_functions import epoch_us

        value = epoch_us(value)
    ran = engine.run(rows.select("place", value=value).order_by("place"))["value"]
    return [plain(value) for value in ran.to_pylist()]


@pytest.fixture(scope="module")
def duckdb() -> Any:
    with DuckDB(1) as engine:
        yield engine


@pytest.mark.parametrize("text", EVERY)
def test_every_operation_is_python_s_over_hostile_values(duckdb: Any, text: str) -> None:
    expected = in_python(text)
    assert_same(text, in_arrays(text), expected)
    assert_same(text, in_engine(duckdb, text), expected)


def test_every_function_is_tried() -> None:
    assert [name for name in functions() if not any(f"{name}(" in text for text in EVERY)] == []


@settings(max_examples=150, deadline=None)
@given(ANY)
def test_any_expression_is_python_s_over_hostile_values(duckdb: Any, text: str) -> None:
    expected = in_python(text)
    assert_same(text, in_arrays(text), expected)
    assert_same(text, in_engine(duckdb, text), expected)


@pytest.mark.parametrize(
    "wrap", ["min({}, 3, i)", "({} % 7)", "({} // 7)", "sqrt({} + a)", "round({} / 3)", "-abs({})"]
)
def test_twelve_levels_cost_twelve_times_one_and_not_a_power_of_it(duckdb: Any, wrap: str) -> None:
    def sql(levels: int) -> int:
        text = "i + j"
        for _ in range(levels):
            text = wrap.replace("{}", text)
        rows = duckdb.arrow("hostile", TABLE)
        compiled = parse_expression(text).to_ibis(rows)
        if levels == 12:
            assert_same(text, in_engine(duckdb, text), in_arrays(text))
        return len(str(ibis.to_sql(rows.select(found=compiled), dialect="duckdb", pretty=False)))

    first, second, third = sql(6), sql(9), sql(12)
    assert third < 20_000  # it was 1.9 MB
    assert third - second <= 2 * (second - first)


@pytest.mark.parametrize(
    "text",
    [
        "-" * 500 + "i",
        "not " * 450 + "p",
        "(" * 150 + "i" + ")" * 150 + "+ 1" * 100,
        "+".join(["i"] * 900),
        "min(" * 100 + "i" + ", 1)" * 100,
        "1 if p else " * 100 + "2",
        "9" * 1990,
        "1e" + "9" * 1900,
        "10**10**10",
        "'" + "x" * 100_000 + "'",
        "i" * 50_000,
        "i + \x00",
        "((((((",
        "99999999999999999999999w + t",
        "i in [" + "[" * 300,
    ],
)
def test_a_hostile_text_is_an_error_with_a_place(text: str) -> None:

    with pytest.raises(ExpressionError) as caught:
        parse_expression(text).check(dict(KINDS))
    assert len(str(caught.value)) < 5000
    assert 0 <= caught.value.column <= len(text)


def test_lists_and_arguments_may_be_long(duckdb: Any) -> None:
    members = f"i in [{', '.join(map(str, range(400)))}]"
    most = f"max({', '.join(['i', '1', 'j'] * 150)})"
    both = " or ".join(["i > 1", "j > 2"] * 80)
    for text in (members, most, both):
        assert_same(text, in_engine(duckdb, text), in_python(text))
