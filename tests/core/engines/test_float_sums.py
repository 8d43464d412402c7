"""Sums, means and deviations of floats, against Python's exact fractions, in any order and on any number of threads."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Iterable
from datetime import timedelta
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_platform.audit.verify.artifact_ids import mismatches
from ml_platform.core.engines import DuckDB
from ml_platform.core.engines.float_limbs import (
    FEW_ROWS,
    SUM_UNITS,
    extent_of,
    extents_of_squares,
    in_pieces,
    limb_sum,
    on_grid,
    piece,
    square_of,
)
from ml_platform.core.engines.float_sums import rounded_spread, rounded_sum
from ml_platform.features.tile_store import StoredCells, engine_cells
from ml_platform.features.tiles import EVENT_UNIT, Grain
from ml_platform.storage.artifact_kinds.feature_table import FeatureTableManifest
from tests.features.feature_tables import answers, built, one_table, project_of, row
from tests.features.world import at

pytestmark = pytest.mark.slow
DRAWN = 60 if "ML_PLATFORM_PROVE" in os.environ else 15  # a second each

HOSTILE = [0.0, -0.0, 1e-300, 5e-324, 1e-40, 8.12e-6, 0.1, 0.3, 1.0, -1.0, 2.0**53, -(2.0**53), 1e16, -1e16, 1e20]
HOSTILE += [-1e20, 1e42, -1e42, 3.5, 1e9 + 0.001, 1e9 + 0.002, 4503599627370497.5, 2.0**-200, 2.0**-201, -(2.0**-202)]
GRID = Fraction(2) ** SUM_UNITS[0]


def on_the_grid(value: float) -> Fraction:
    return round(Fraction(value) / GRID) * GRID


def exact_sum(values: list[float]) -> float:
    return float(sum(map(on_the_grid, values)))


def exact_spread(values: list[float]) -> float:
    exact = [on_the_grid(value) for value in values]
    return float(len(exact) * sum(value * value for value in exact) - sum(exact) ** 2)


def span_of(values: Iterable[float]) -> tuple[float | None, float | None]:
    sizes = [abs(value) for value in values if value]
    return (min(sizes), max(sizes)) if sizes else (None, None)


def in_limbs(engine: DuckDB, groups: list[list[float]], *, few: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums and the spreads of groups of floats by the engine's limbs."""
    flat = [(number, value) for number, group in enumerate(groups) for value in group]
    span = span_of(value for _, value in flat)
    extent, squared = extent_of(span), extents_of_squares(span)
    floats = {"x": extent} if extent else {}
    squares = dict(zip(("square", "error"), squared, strict=True)) if squared else {}
    rows = engine.arrow("floats", pa.table({"g": [number for number, _ in flat], "x": [value for _, value in flat]}))
    square, error = square_of(on_grid(rows.x))
    cut = in_pieces(rows.mutate(square=square, error=error), floats | squares)
    named = [("s", limb, floats) for at in floats.values() for limb in at.limbs]
    named += [("q", limb, squares) for limb in sorted({limb for at in squares.values() for limb in at.limbs})]
    sums = {f"{kind}{limb}": limb_sum(cut, added, limb, few=few).cast("decimal(38, 0)") for kind, limb, added in named}
    ran = engine.run(cut.group_by("g").aggregate(n=cut.x.count(), **sums).order_by("g"))
    made = {kind: {limb: ran[f"{kind}{limb}"] for part, limb, _ in named if part == kind} for kind in "sq"}
    count = ran["n"].to_numpy().astype(np.int64)
    return rounded_sum(made["s"], SUM_UNITS, len(groups)), rounded_spread(count, made["s"], made["q"], len(groups))


@settings(max_examples=DRAWN, deadline=None)
@given(
    st.lists(
        st.lists(
            st.sampled_from(HOSTILE) | st.floats(-1e42, 1e42) | st.integers(-99, 99).map(lambda n: n / 100), min_size=1
        ),
        min_size=1,
        max_size=30,
    )
)
def test_any_floats_are_summed_as_fractions_are(groups: list[list[float]]) -> None:
    with DuckDB(1) as engine:
        for few in (False, True):
            sums, spreads = in_limbs(engine, groups, few=few)
            assert sums.tolist() == [exact_sum(group) for group in groups]
            assert spreads.tolist() == [exact_spread(group) for group in groups]


def test_a_sum_is_that_of_fsum_where_no_digit_is_below_the_smallest_unit() -> None:
    draw = random.Random(3)
    groups = [[draw.choice([draw.gauss(0, 1e-9), draw.gauss(0, 1e12), 1e16]) for _ in range(20)] for _ in range(200)]
    with DuckDB(1) as engine:
        assert in_limbs(engine, groups, few=False)[0].tolist() == [math.fsum(group) for group in groups]


def test_floats_hold_the_limbs_of_as_many_rows_as_are_few() -> None:
    largest = (2**41 - 1) * 2.0**80  # all bits of the widest limb
    groups = [[largest] * FEW_ROWS, [-largest] * (FEW_ROWS - 1) + [0.1], [largest, -largest] * (FEW_ROWS // 2)]
    with DuckDB(1) as engine:
        sums, spreads = in_limbs(engine, groups, few=True)
    assert sums.tolist() == [exact_sum(group) for group in groups]
    assert spreads.tolist() == [exact_spread(group) for group in groups]


@pytest.mark.parametrize("amount", [0.1, (2**41 - 1) * 2.0**80])
def test_a_cell_of_more_rows_than_a_float_can_hold_is_summed_all_the_same(tmp_path, amount):
    rows = [row(f"r{number}", 1, amount=amount) for number in range(6 * FEW_ROWS + 1)]
    table = one_table({"sum": "amount"}, ["1d"])
    table["features"]["s"] = {"std": "amount", "windows": ["1d"]}
    project = project_of(tmp_path, rows, table)
    answered = answers(project, built(project, at(9)), [("a", at(5))])[0]
    assert answered["recent.f_1d"] == math.fsum([amount] * len(rows))
    assert answered["recent.s_1d"] == 0.0


@pytest.mark.parametrize(
    "values", [[0.01, 99.99], [1.0, 8.0], [1e-12, 1e-3], [5e-324, 1.0], [2.0**80], [0.0], [1e-300]]
)
def test_pieces_are_all_that_floats_are_and_fit_their_limbs(values: list[float]) -> None:
    span = span_of(values)
    squared = extents_of_squares(span)
    extents = {"x": extent_of(span), **dict(zip(("square", "error"), squared or (None, None), strict=True))}
    floats = {name: extent for name, extent in extents.items() if extent}
    with DuckDB(1) as engine:
        rows = engine.arrow("floats", pa.table({"x": values}))
        square, error = square_of(on_grid(rows.x))
        cut = in_pieces(rows.mutate(square=square, error=error), floats)
        columns = engine.run(cut).to_pydict()
    for name, extent in extents.items():
        limbs = extent.limbs if extent else []
        whole = [sum(Fraction(columns[piece(name, limb)][row]) for limb in limbs) for row in range(len(values))]
        unit = Fraction(2) ** (extent.units[0] if extent else 0)
        assert whole == [round(Fraction(value) / unit) * unit for value in columns[name]]
        for limb in limbs[:-1]:
            assert all(abs(Fraction(x)) <= Fraction(2) ** (extent.units[limb] + 39) for x in columns[piece(name, limb)])
        assert len(limbs) <= 4 or min(filter(None, map(abs, values))) < 1e-100


TINY = [8.12e-06, 8.41e-06, 7.99e-06]


@pytest.mark.parametrize(
    ("values", "mean", "deviation"),
    [
        (TINY, 8.173333333333334e-06, 2.1501937897160237e-07),  # math.fsum(x) / 3, statistics.stdev(x)
        ([1e-30, 3e-30], 2e-30, math.sqrt(2) * 1e-30),
        ([1e15 + 0.25, 1e15 + 0.5, 1e15 + 0.75], 1e15 + 0.5, 0.25),  # n - 1: sqrt(0.125 / 2)
        ([0.1] * 7, math.fsum([0.1] * 7) / 7, 0.0),
        ([1e40, -1e40, 1.0], 1 / 3, 1e40),
        ([1e16, 1.0, -1e16], 1 / 3, 1e16),
    ],
)
def test_means_and_deviations_keep_small_values_and_small_differences(tmp_path, values, mean, deviation):
    table = one_table({"mean": "amount"}, ["1d"])
    table["features"]["s"] = {"std": "amount", "windows": ["1d"]}
    table["features"]["t"] = {"sum": "amount", "windows": ["1d"]}
    rows = [row(f"r{number}", number, amount=value) for number, value in enumerate(values)]
    project = project_of(tmp_path, rows, table)
    answered = answers(project, built(project, at(30)), [("a", at(20))])[0]
    assert answered["recent.t_1d"] == math.fsum(values)
    assert answered["recent.f_1d"] == mean
    assert answered["recent.s_1d"] == pytest.approx(deviation, rel=4e-16)


def test_windows_sum_what_is_in_them_whatever_was_before(tmp_path):
    """Running sums are subtracted: what left the window leaves no rounding behind."""
    draw = random.Random(11)
    values = [draw.choice([1e38, -1e38, draw.gauss(0, 1), draw.gauss(0, 1e-7)]) for _ in range(60)]
    rows = [row(f"r{number}", number, amount=value) for number, value in enumerate(values)]
    actual = set()
    for threads in (1, 3):
        table = one_table({"sum": "amount"}, ["5h"])
        table["features"]["m"] = {"mean": "amount", "windows": ["5h"]}
        table["features"]["s"] = {"std": "amount", "windows": ["5h"]}
        draw.shuffle(rows)
        project = project_of(tmp_path / str(threads), rows, table, threads=threads)
        asked = [("a", at(hour)) for hour in range(65)]
        answered = answers(project, built(project, at(70)), asked)
        for hour, cells in enumerate(answered):
            inside = [value for number, value in enumerate(values) if hour - 5 < number <= hour]
            assert cells["recent.f_5h"] == math.fsum(inside)
            assert cells["recent.m_5h"] == (math.fsum(inside) / len(inside) if inside else None)
            if len(inside) > 1:
                exact = exact_spread(inside) / (len(inside) * (len(inside) - 1))
                assert cells["recent.s_5h"] == pytest.approx(math.sqrt(exact), rel=4e-16)
        actual.add(str(answered))
    assert len(actual) == 1
    assert timedelta(hours=5) == at(5) - at(0)


@pytest.mark.parametrize("large", [1e12, 1e42])
def test_chunks_keep_the_limbs_that_the_numbers_in_them_have(tmp_path, large):
    """Small numbers in May, large ones in June: what a chunk does not store is zero, in both forms of a look-up.

    The highest limb of 1e42 needs decimals, beside whole numbers of 64 bits in the other chunk.
    """
    values = [1e-12, 3e-12, large, large * (1 + 2**-50), -7e-13]
    hours = [1, 2, 24 * 40, 24 * 40 + 1, 24 * 40 + 2]
    values += [1e13] if large > 1e40 else []
    hours += [3] if large > 1e40 else []
    table = one_table({"sum": "amount"}, ["60d"])
    table["features"]["s"] = {"std": "amount", "windows": ["60d"]}
    rows = [row(f"r{n}", hour, amount=value) for n, (hour, value) in enumerate(zip(hours, values, strict=True))]
    project = project_of(tmp_path, rows, table)
    artifact = built(project, at(24 * 41))
    may, june = FeatureTableManifest.of(artifact).chunks
    assert set(may.zeros) & {name for names in june.objects.values() for name in names}
    assert not set(may.zeros) & {name for names in may.objects.values() for name in names}
    asked = [("a", at(5)), ("a", at(24 * 41))]
    before, after = answers(project, artifact, asked)
    assert before["recent.f_60d"] == math.fsum([*values[:2], *values[5:]])
    assert after["recent.f_60d"] == math.fsum(values)
    spread = exact_spread(values) / (len(values) * (len(values) - 1))
    assert after["recent.s_60d"] == pytest.approx(math.sqrt(spread), rel=4e-16)
    grain = Grain.of(project.spec.feature_tables["recent"], ["shop"])
    parts = sorted({*may.zeros, *(name for names in may.objects.values() for name in names)} - {"cells"})
    with project.engine() as engine:
        by_engine = engine_cells(
            engine, project.store, artifact, grain, parts, FeatureTableManifest.of(artifact).chunks
        )
        actual = engine.run(by_engine).sort_by(EVENT_UNIT)
    read = StoredCells(project.store, artifact, grain, FeatureTableManifest.of(artifact).chunks).read(
        actual.column_names
    )
    assert actual.to_pylist() == read.sort_by(EVENT_UNIT).to_pylist()
    assert mismatches(project, artifact) == []
