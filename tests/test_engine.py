"""Whole-number arithmetic of the engine against Python's, and what it says of numbers that do not fit."""

import random

import ibis
import pyarrow as pa
import pytest

from ml_platform.engine import Engine
from ml_platform.engine.functions import ceil_divide, floor_divide, half_to_even, modulo, ticks_up
from ml_platform.errors import ValueTooLarge
from ml_platform.features.source_log import FOREVER

DRAW = random.Random(2)
NUMBERS = [0, 1, -1, 7, -7, 899_999_999, 900_000_000, -900_000_001, FOREVER, -62_135_596_800_000_000]
NUMBERS += [DRAW.randint(-(10**17), 2 * 10**17) for _ in range(200)]
STEPS = [1, 2, 3, 1_000_000, 900_000_000, 86_400_000_000, 7 * 86_400_000_000]


def computed(values, make):
    with Engine(threads=1) as engine:
        table = engine.arrow("numbers", pa.table({"place": range(len(values)), "x": values}))
        return engine.run(table.select("place", found=make(table.x)).order_by("place"))["found"].to_pylist()


@pytest.mark.parametrize("step", STEPS)
def test_quotients_and_remainders_are_python_s(step):
    right = ibis.literal(step, "int64")
    assert computed(NUMBERS, lambda x: floor_divide(x, right)) == [number // step for number in NUMBERS]
    assert computed(NUMBERS, lambda x: ceil_divide(x, right)) == [-(-number // step) for number in NUMBERS]
    assert computed(NUMBERS, lambda x: modulo(x, right)) == [number % step for number in NUMBERS]
    assert computed(NUMBERS, lambda x: ticks_up(x, step)) == [-(-number // step) for number in NUMBERS]


def test_halves_are_rounded_to_the_even_number():
    values = [0.5, 1.5, 2.5, -0.5, -1.5, 0.49999999999999994, 1e15 + 0.5, 3.2, -3.7]
    assert computed(values, half_to_even) == [round(value) for value in values]


def test_a_number_that_does_not_fit_is_an_error_of_the_platform():
    with pytest.raises(ValueTooLarge, match="Overflow"):
        computed([2**62], lambda x: x * 4)


def test_an_engine_that_spills_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Engine(threads=1) as engine:
        engine._connection.execute("SET memory_limit = '40MB'")
        numbers = engine.arrow("numbers", pa.table({"x": pa.array(range(3_000_000), pa.int64())}))
        kept = engine.keep("sorted_numbers", numbers.order_by(-numbers.x))
        assert list(tmp_path.iterdir())
        assert engine.run(kept.aggregate(total=kept.x.sum()))["total"].to_pylist() == [4_499_998_500_000]
    assert list(tmp_path.iterdir()) == []
