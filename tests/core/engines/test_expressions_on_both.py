"""The same expressions on both engines, against NumPy's arrays, and bit for bit against each other."""

import math
import random

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml_platform.core.engines import DuckDB, Spark
from ml_platform.core.expressions import parse_expression
from ml_platform.core.expressions.functions import functions
from ml_platform.core.hashing import frame_id
from tests.core.engines.numbered import INSTANT, computed

pytestmark = pytest.mark.slow


class TestBothEngines:
    def test_texts_in_expressions_are_taken_literally(self, engine):
        odd = [
            "it's",
            'say "x"',
            "back\\slash",
            "\\n",
            "\n",
            "${user.name}",
            ":name",
            "?",
            "{x}",
            "--",
            "%s",
            "`x`",
            "é😀",
        ]
        for text in odd:
            assert computed(engine, odd, lambda x, text=text: x == text) == [one == text for one in odd]

    def test_expressions_mean_the_same_as_in_numpy(self, engine):
        rows = drawn_rows()
        table = engine.arrow("rows", rows)
        compiled = {f"c{number}": parse_expression(text).to_ibis(table) for number, text in enumerate(TEXTS)}
        outcome = engine.run(table.select("place", **compiled).order_by("place"))
        columns = dict(rows.to_pandas().items())
        for number, text in enumerate(TEXTS):
            expected = parse_expression(text).evaluate(columns, rows.num_rows)
            for one, other in zip(outcome[f"c{number}"].to_pylist(), expected, strict=True):
                assert same(plain(one), plain(other)), (text, one, other)


def test_both_engines_give_the_same_bits():
    rows, results = drawn_rows(), []
    for opened in (DuckDB(threads=2), Spark("local[2]")):
        with opened as engine:
            table = engine.arrow("rows", rows)
            texts = [text for text in TEXTS if not any(name in text for name in ("exp(", "log("))]
            compiled = {f"c{number}": parse_expression(text).to_ibis(table) for number, text in enumerate(texts)}
            results.append(engine.run(table.select("place", **compiled).order_by("place")))
    assert results[0].schema == results[1].schema
    assert frame_id(results[0]) == frame_id(results[1])


def test_the_texts_use_every_operation_there_is():
    used = {node.op for text in TEXTS for node in parse_expression(text).root.walk()}
    assert used >= {*functions(), *"+-*/%<>", "//", "==", "!=", "<=", ">=", "in", "and", "or", "not", "neg", "name"}


VALUES = {
    **{name: [None, 0.0, -0.5, 0.5, 1.5, 2.5, -7.25, 1e6, 1e-9, -1e18] for name in ("a", "b")},
    **{name: [None, *range(-9, 10)] for name in ("i", "j")},
    **{name: [None, False, True] for name in ("p", "q")},
    "s": [None, "", "x", "y's", "2h", "X", "é", "\uff5e", "\U0001f600"],
    **{name: [None, 0, -1, 1, -(10**15), 2 * 10**15, 86_400_000_000, 1_364_774_400_123_456] for name in ("t", "u")},
}  # fmt: skip
TYPES = {
    **dict.fromkeys("ab", pa.float64()),
    **dict.fromkeys("ij", pa.int64()),
    **dict.fromkeys("pq", pa.bool_()),
    "s": pa.string(),
    **dict.fromkeys("tu", INSTANT),
}
TEXTS = [
    "a + b * i",
    "a / b",
    "i / j",
    "a // b",
    "i // j",
    "a % b",
    "i % j",
    "-a - 0.1",
    "i * 0.1",
    "i + 60 * 60 * 1000000",
    "2000000000 * 2 - i",
    "a >= b",
    "0 < i < j",
    "i <= 2",
    "i == a",
    "i != j",
    "s == 'x'",
    "s < 'xx'",
    "s >= 'y\\'s'",
    "s in ['x', \"y's\"]",
    "not (s in ['x'])",
    "contains(s, 'x')",
    "starts_with(s, 'y')",
    'ends_with(s, "\'s")',
    "i not in [1, 2]",
    "p and q",
    "p or q",
    "not p",
    "p and is_null(a) or q",
    "p * 2 + q",
    "p == 1",
    "a if p else b",
    "where(a > b, i, None)",
    "coalesce(a, i, 3)",
    "coalesce(s, '')",
    "min(a, b, 0)",
    "max(i, j)",
    "abs(i) + abs(a)",
    "floor(a) + ceil(b) * 2 + round(a) * 3",
    "round(i)",
    "sqrt(a)",
    "log(b)",
    "exp(a)",
    "exp(i * 1000)",
    "sqrt(-1) + a",
    "t - 90m",
    "t + 1us",
    "t - u",
    "t > u",
    "minutes(t - u)",
    "hours(t - u) + days(u - t)",
    "(t - u) // 1h",
    "(t - u) / 7d",
    "(t - u) % 1d",
    "1s * 3000 + (t - u)",
    "max(t, u) - min(t, u)",
    "hour(t)",
    "weekday(u) * 24 + hour(t)",
    "month(t)",
    "month(t - 3650d)",
    "a / 0 > 1 or p",
    "floor(a / b) % 7",
]


def drawn_rows():
    draw = random.Random(3)
    columns = {name: pa.array(draw.choices(values, k=600), TYPES[name]) for name, values in VALUES.items()}
    return pa.table({"place": range(600)} | columns)


def plain(value):
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, np.datetime64 | np.timedelta64):
        return None if np.isnat(value) else int(value.astype(np.int64))
    if hasattr(value, "timestamp"):
        return pd.Timestamp(value).value // 1000
    return value if isinstance(value, str) else float(value)


def same(one, other):
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-12)
    return one == other
