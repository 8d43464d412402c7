"""Numbers and instants on both engines, against Python's own arithmetic."""

import math
import random
from decimal import Decimal
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest

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
    ticks_up,
    wall_time_of,
)
from ml_platform.core.errors import ValueTooLarge
from ml_platform.sources.source_log import FOREVER
from tests.core.engines.numbered import DECIMAL, INSTANT, computed, numbered

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
