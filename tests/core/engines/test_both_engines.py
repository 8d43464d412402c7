"""The same expressions on both engines, against Python's own arithmetic, and bit for bit against each other."""

import math
import random
from decimal import Decimal
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_platform.core.engines import DuckDB, Engine, Spark
from ml_platform.core.engines.ibis_functions import (
    ceil_divide,
    ceil_float,
    epoch_us,
    float_of,
    floor_divide,
    floor_float,
    half_to_even,
    instant_of,
    modulo,
    newest_of,
    ticks_up,
    wall_time_of,
)
from ml_platform.core.errors import ValueTooLarge
from ml_platform.core.expressions import parse_expression
from ml_platform.core.expressions.functions import functions
from ml_platform.core.hashing import frame_id
from ml_platform.sources.source_log import FOREVER

pytestmark = pytest.mark.slow

DRAW = random.Random(2)
NUMBERS = [0, 1, -1, 7, -7, 899_999_999, 900_000_000, -900_000_001, FOREVER, -62_135_596_800_000_000, None]
NUMBERS += [DRAW.randint(-(10**17), 2 * 10**17) for _ in range(200)]
STEPS = [1, 2, 3, 1_000_000, 900_000_000, 86_400_000_000, 7 * 86_400_000_000]
FLOATS: list[Any] = [
    0.5,
    1.5,
    2.5,
    -0.5,
    -1.5,
    0.49999999999999994,
    1e15 + 0.5,
    3.2,
    -3.7,
    -0.3,
    4503599627370495.5,
    1e22,
    -7e37,
]
FLOATS += [0.0, 2.0**53, 2.0**62, -(2.0**63), 2.0**63, 2.0**64, 1.2345678901234567e30, 9007199254740993.0, None]
FLOATS += [DRAW.choice([-1, 1]) * DRAW.random() * 10 ** DRAW.randint(0, 37) for _ in range(300)]
WHOLE = [DRAW.choice([-1, 1]) * DRAW.randint(0, 10 ** DRAW.randint(1, 37)) for _ in range(500)]
WHOLE += [2**53, 2**53 + 1, 2**53 - 1, -(2**53) - 1, 10**38 - 1, 58258643466660376553, 0]
DECIMAL = pa.decimal128(38, 0)
INSTANT = pa.timestamp("us", "UTC")


def numbered(values, kind=None):
    return pa.table({"place": pa.array(range(len(values)), pa.int64()), "x": pa.array(values, kind)})


def computed(engine: Engine, values, make, kind=None):
    table = engine.arrow("numbers", numbered(values, kind))
    return engine.run(table.select("place", found=make(table.x)).order_by("place"))["found"].to_pylist()


def each(values, function):
    return [None if value is None else function(value) for value in values]


class TestBothEngines:
    @pytest.mark.parametrize("step", [*STEPS, -3])
    def test_quotients_and_remainders_are_python_s(self, engine, step):
        table = engine.arrow("numbers", numbered(NUMBERS))
        right = ibis.literal(step, "int64")
        made = {
            "floor": floor_divide(table.x, right),
            "ceil": ceil_divide(table.x, right),
            "rest": modulo(table.x, right),
        }
        if step > 0:
            made["ticks"] = ticks_up(table.x, step)
        columns = engine.run(table.select("place", **made).order_by("place")).to_pydict()
        assert columns["floor"] == each(NUMBERS, lambda number: number // step)
        assert columns["ceil"] == each(NUMBERS, lambda number: -(-number // step))
        assert columns["rest"] == each(NUMBERS, lambda number: number % step)
        assert step < 0 or columns["ticks"] == columns["ceil"]

    @pytest.mark.parametrize(
        ("make", "expected"),
        [(half_to_even, round), (floor_float, math.floor), (ceil_float, math.ceil)],
        ids=["half to even", "floor", "ceil"],
    )
    def test_floats_are_rounded_as_python_does(self, engine, make, expected):
        assert computed(engine, FLOATS, make) == each(FLOATS, expected)

    def test_whole_floats_become_decimals_digit_by_digit(self, engine):
        decimals = computed(engine, FLOATS, lambda x: half_to_even(x).cast("decimal(38, 0)"))
        assert each(decimals, int) == each(FLOATS, round)

    def test_decimals_become_the_nearest_float(self, engine):
        assert computed(engine, [Decimal(number) for number in WHOLE], float_of, DECIMAL) == each(WHOLE, float)

    def test_sums_of_decimals_are_exact_to_38_digits(self, engine):
        table = engine.arrow("numbers", numbered([*map(Decimal, WHOLE), None], DECIMAL))
        ran = engine.run(table.aggregate(total=table.x.sum(), square=(table.x % 10**9 * (table.x % 10**9)).sum()))
        rests = [abs(number) % 10**9 for number in WHOLE]
        assert ran.to_pylist() == [{"total": sum(WHOLE), "square": sum(rest * rest for rest in rests)}]

    @pytest.mark.parametrize("way", ["run", "keep"])
    @pytest.mark.parametrize(
        ("value", "kind", "make"),
        [
            (2**62, pa.int64(), lambda x: x * 4),
            (2**62, pa.int64(), lambda x: x + x),
            (-(2**63), pa.int64(), lambda x: x - 1),
            (-(2**63), pa.int64(), lambda x: -x),
            (-(2**63), pa.int64(), lambda x: x.abs()),
            (-(2**63), pa.int64(), lambda x: floor_divide(x, ibis.literal(-1, "int64"))),
            (1e19, pa.float64(), lambda x: x.cast("int64")),
            (1e39, pa.float64(), lambda x: x.cast("decimal(38, 0)")),
            (Decimal(2**63), DECIMAL, lambda x: x.cast("int64")),
            (Decimal(10**38 - 1), DECIMAL, lambda x: x + x),
            (Decimal(10**20), DECIMAL, lambda x: x * x),
        ],
        ids=["times", "plus", "minus", "neg", "abs", "quotient", "float", "float 39", "decimal", "sum", "square"],
    )
    def test_a_number_that_does_not_fit_is_an_error_and_never_wraps(self, engine, way, value, kind, make):
        table = engine.arrow("numbers", numbered([value], kind))
        query = table.select(found=make(table.x))
        with pytest.raises(ValueTooLarge):
            engine.run(query) if way == "run" else engine.keep("kept", query)

    @pytest.mark.parametrize(("value", "kind"), [(2**62, pa.int64()), (Decimal(10**38 - 1), DECIMAL)])
    def test_a_sum_that_does_not_fit_is_an_error(self, engine, value, kind):
        table = engine.arrow("numbers", numbered([value] * 3, kind))
        with pytest.raises(ValueTooLarge):
            engine.run(table.aggregate(total=table.x.sum()))

    def test_instants_keep_their_microseconds_on_either_side_of_1970_and_of_the_change_of_calendars(self, engine):
        micros = [
            0,
            -1,
            1,
            1_364_774_400_123_456,
            -62_135_596_800_000_000,
            -12_219_292_800_000_001,
            FOREVER // 32,
            None,
        ]
        table = engine.arrow("instants", numbered(micros, pa.int64()).append_column("t", pa.array(micros, INSTANT)))
        actual = engine.run(
            table.order_by("place").select(
                us=epoch_us(table.t),
                back=instant_of(table.x),
                month=wall_time_of(table.x).month().cast("int64"),
            )
        )
        assert actual["us"].to_pylist() == micros
        assert actual["back"].cast(pa.int64()).to_pylist() == micros
        assert actual["back"].type == INSTANT
        month = [None if value is None else str(np.datetime64(value, "us"))[5:7] for value in micros]
        assert actual["month"].to_pylist() == each(month, int)

    def test_strings_are_ordered_by_code_points_and_nulls_come_last(self, engine):
        strings = ["b", "", "B", "a", "é", "z", "\uff5e", "\U0001f600", "ab", "a b", "Ä", None, "10", "9", "a\x01"]
        table = engine.arrow("strings", numbered(strings))
        ordered = engine.run(table.order_by("x"))["x"].to_pylist()
        assert ordered == [*sorted(text for text in strings if text is not None), None]
        assert engine.run(table.order_by(table.x.desc()))["x"].to_pylist() == [*ordered[-2::-1], None]
        assert engine.run(table.aggregate(low=table.x.min(), high=table.x.max())).to_pylist() == [
            {"low": "", "high": "\U0001f600"}
        ]

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

    def test_columns_may_have_any_name_and_tables_no_rows(self, engine):
        names = ["orders.placed_at", "a b", "Größe", "select", "_x", "1st", "x-y", "don't"]
        rows = engine.arrow("odd", pa.table({name: [number] for number, name in enumerate(names)}))
        kept = engine.keep("kept", rows.filter(rows["a b"] == 1))
        assert engine.run(kept).to_pylist() == [{name: number for number, name in enumerate(names)}]
        empty = engine.keep("empty", rows.filter(rows["a b"] == 2))
        assert engine.run(empty.select("orders.placed_at")).to_pydict() == {"orders.placed_at": []}
        assert engine.run(engine.arrow("none", numbered([], INSTANT))).schema == numbered([], INSTANT).schema

    def test_parquet_files_are_read_as_they_were_written_wherever_they_lie(self, engine, tmp_path):
        folder = tmp_path / "it's [a] *{b} ünd?"
        folder.mkdir()
        table = pa.table(
            {
                "t": pa.array([-62_135_596_800_000_000, -1, 1_364_774_400_123_456, None], INSTANT),
                "x": pa.array([Decimal(10**38 - 1), Decimal(-1), None, Decimal(0)], DECIMAL),
                "s": ["", None, "é", "x"],
                "p": [True, None, False, True],
                "i": pa.array([2**63 - 1, -(2**63), None, 0], pa.int64()),
                "n": pa.array([1, 2, 3, 4], pa.int32()),
                "f": [0.1, -0.0, None, 1e300],
            }
        )
        paths = [folder / "1.parquet", folder / "two parts.parquet"]
        for path, part in zip(paths, [table.slice(0, 1), table.slice(1)], strict=True):
            pq.write_table(part, path, write_page_checksum=True)
        assert engine.run(engine.parquet("files", paths).order_by("n")).equals(table)

    def test_what_is_kept_is_computed_once(self, engine):
        numbers = engine.arrow("numbers", numbered(list(range(100))))
        kept = engine.keep("kept", numbers.mutate(drawn=ibis.random()))
        assert engine.run(kept.order_by("place")).equals(engine.run(kept.order_by("place")))

    def test_a_name_may_stand_for_something_new(self, engine):
        numbers = engine.arrow("numbers", numbered([1, 2]))
        kept = engine.keep("kept", numbers.mutate(y=numbers.x + 1))
        kept_twice = engine.keep("kept_again", kept.mutate(y=kept.y * 10))
        engine.arrow("numbers", pa.table({"z": ["other"]}))
        assert engine.run(kept_twice.order_by("place"))["y"].to_pylist() == [20, 30]

    def test_nulls_are_a_group_and_join_only_where_they_are_asked_to(self, engine):
        ordered = engine.arrow("left_rows", pa.table({"k": ["a", None, "b", None], "v": [1, 2, 3, 4]}))
        right = engine.arrow("right_rows", pa.table({"k": ["a", None], "w": [10, 20]}))
        grouped = ordered.group_by("k").aggregate(n=ordered.count(), v=ordered.v.sum()).order_by("k")
        assert engine.run(grouped).to_pydict() == {"k": ["a", "b", None], "n": [1, 1, 2], "v": [1, 3, 6]}
        equal = engine.run(ordered.left_join(right, ordered.k == right.k).order_by("v"))["w"].to_pylist()
        identical = engine.run(ordered.left_join(right, [ordered.k.identical_to(right.k)]).order_by("v"))[
            "w"
        ].to_pylist()
        assert (equal, identical) == ([10, None, None, None], [10, 20, None, 20])

    def test_windows_over_rows_and_over_spans_hold_the_declared_rows(self, engine):
        table = engine.arrow(
            "events", pa.table({"k": ["a"] * 4 + ["b"], "at": [0, 5, 5, 4_000_000_000, 1], "v": [1, 2, 4, 8, 16]})
        )
        after = ibis.window(group_by="k", order_by=["at", "v"], rows=(1, None))
        span = ibis.window(group_by="k", order_by="at", range=(-3_999_999_995, 0))
        made = {"later": table.v.sum().over(after), "near": table.v.sum().over(span)}
        made["place"] = ibis.row_number().over(ibis.window(group_by="k", order_by=["at", "v"]))
        made["next"] = table["at"].lead().over(ibis.window(group_by="k", order_by=["at", "v"]))
        columns = engine.run(table.mutate(**made).order_by("v")).to_pydict()
        assert columns["later"] == [14, 12, 8, None, None]
        assert columns["near"] == [1, 7, 7, 14, 16]
        assert columns["place"] == [0, 1, 2, 3, 0]
        assert columns["next"] == [5, 5, 4_000_000_000, None, None]

    @pytest.mark.parametrize(
        ("kind", "values"),
        [(pa.string(), ["x", "y", None, "z"]), (pa.int64(), [1, 2, None, 4]), (pa.bool_(), [True, False, None, True])],
    )
    def test_the_newest_of_a_group_may_be_null_and_is_of_the_rows_that_take_part(self, engine, kind, values):
        # In a the last row that takes part is the null one; in b none does, and in c its place is not known.
        groups = pa.table(
            {
                "k": ["a", "a", "a", "a", "b", "c"],
                "v": pa.array([*values, values[0], values[0]], kind),
                "place": pa.array([Decimal(n) for n in (1, 2, 10**37, 10**37 + 1, 1)] + [None], DECIMAL),
                "counts": [True, True, True, False, False, True],
            }
        )
        table = engine.arrow("grouped", groups)
        newest = table.group_by("k").aggregate(v=newest_of(table.v, table.place, table.counts)).order_by("k")
        assert engine.run(newest)["v"].to_pylist() == [None, None, None]
        known = table.group_by("k").aggregate(v=newest_of(table.v, table.place, table.v.notnull())).order_by("k")
        assert engine.run(known)["v"].to_pylist() == [values[3], values[0], None]

    def test_an_as_of_join_finds_the_last_answer_at_or_before_each_question(self, engine):
        asked = [("a", 5), ("a", 4), ("a", 0), ("b", 5), (None, 5), ("a", None), ("a", 6), ("new", 9)]
        answers = {("a", 1): "x", ("a", 5): None, ("b", 6): "z", (None, 0): "n"}
        questions = engine.arrow(
            "asked", pa.table({"who": [k for k, _ in asked], "at": pa.array([t for _, t in asked]), "place": range(8)})
        )
        right = engine.arrow(
            "answers",
            pa.table({"who": [k for k, _ in answers], "from": [t for _, t in answers], "told": answers.values()}),
        )
        later = questions.mutate(at=questions["at"] + 0)
        joined = later.asof_join(right, on=later["at"] >= right["from"], predicates=[later.who == right.who])
        rows = engine.run(joined.select("place", joined["from"], text=joined.told).order_by("place")).to_pylist()
        assert [(row["from"], row["text"]) for row in rows] == [
            (5, None), (1, "x"), (None, None), (None, None), (None, None), (None, None), (5, None), (None, None)
        ]  # fmt: skip
        anyone = questions.asof_join(right, on=questions["at"] >= right["from"])
        joined = engine.run(anyone.select("place", anyone["from"]).order_by("place"))["from"].to_pylist()
        assert joined == [5, 1, 0, 5, 5, None, 6, 6]

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
