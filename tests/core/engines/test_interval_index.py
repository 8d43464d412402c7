"""Aggregates over intervals that hold an instant, against loops over the cells."""

import random
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from ml_platform.core.engines.exact_sums import exact_sums
from ml_platform.core.engines.interval_index import Entries, Ranges

NEVER = 2**62


def world(seed, *, span, orderly):
    """Cells (entity, enter, leave) and questions (entity, tick); orderly cells leave in the order of their entry."""
    draw = random.Random(seed)
    cells = []
    for _ in range(draw.randint(0, 80)):
        enter = draw.randint(-3, span)
        leave = enter + span // 3 if orderly else draw.choice([enter - 1, enter, enter + draw.randint(1, span), NEVER])
        cells.append((draw.randint(0, 4), enter, leave))
    questions = sorted((draw.randint(-1, 5), draw.randint(-5, span + 5)) for _ in range(60))
    return cells, questions


def ranges_of(cells, questions):
    entity, enter, leave = np.array(cells, np.int64).reshape(-1, 3).T
    asked = np.array(questions, np.int64).reshape(-1, 2).T
    return Ranges(Entries(entity, enter, *asked), leave)


def counting(cells, entity, tick):
    return [place for place, (other, enter, leave) in enumerate(cells) if other == entity and enter <= tick < leave]


WORLDS = [(seed, span, orderly) for seed in range(30) for span in (6, 2**60 // 5) for orderly in (True, False)]


@pytest.mark.parametrize(("seed", "span", "orderly"), WORLDS)
def test_every_answer_is_that_of_a_loop(seed, span, orderly):
    cells, questions = world(seed, span=span, orderly=orderly)
    draw = random.Random(seed + 1000)
    values = [draw.randint(-9, 9) for _ in cells]
    known = [draw.random() < 0.7 for _ in cells]
    order = [(draw.randint(0, 5), place) for place in range(len(cells))]
    ranges = ranges_of(cells, questions)
    sums = ranges.sums(np.array(values, np.int64))
    least = ranges.extremes(np.array(values, np.int64), 99, greatest=False)
    greatest = ranges.extremes(np.array(values, np.float64), -np.inf, greatest=True)
    entities = np.array([entity for entity, _, _ in cells], np.int64)
    event, finer = np.array(order, np.int64).reshape(-1, 2).T
    newest = ranges.newest(entities, event, np.array(known, bool), lambda: [finer])
    for number, (entity, tick) in enumerate(questions):
        seen = counting(cells, entity, tick)
        assert sums[number] == sum(values[place] for place in seen)
        assert least[number] == min((values[place] for place in seen), default=99)
        assert greatest[number] == max((values[place] for place in seen), default=-np.inf)
        assert newest[number] == max(((*order[p], p) for p in seen if known[p]), default=(-1,))[-1]


def test_rows_in_their_order_and_out_of_it_give_the_same_newest_cell():
    """Where cells come in the order that is asked for nothing is ranked; both ways have to agree."""
    cells = [(0, tick, tick + 3) for tick in range(20)]
    questions = [(0, tick) for tick in range(25)]
    known = np.array([tick % 3 != 0 for tick in range(20)])
    entities, ticks = np.zeros(20, np.int64), np.arange(20)
    expected = [max((p for p in counting(cells, 0, tick) if known[p]), default=-1) for _, tick in questions]
    assert ranges_of(cells, questions).newest(entities, ticks, known, list).tolist() == expected
    backwards = [
        max((p for p in counting(cells, 0, tick) if known[p]), key=lambda p: -p, default=-1) for _, tick in questions
    ]
    assert ranges_of(cells, questions).newest(entities, -ticks, known, list).tolist() == backwards


@pytest.mark.parametrize("digits", [3, 17, 36])
def test_sums_are_exact_to_38_digits(digits):
    cells, questions = world(7, span=6, orderly=False)
    draw = random.Random(digits)
    values = [draw.choice([-1, 1]) * draw.randint(0, 10**digits) for _ in cells]
    column = pa.chunked_array([pa.array([Decimal(value) for value in values], pa.decimal128(38, 0))])
    sums = exact_sums(ranges_of(cells, questions), column).to_pylist()
    expected = [sum(values[place] for place in counting(cells, *question)) for question in questions]
    assert [int(value) for value in sums] == expected


def test_sums_of_slices_and_chunks_are_those_of_the_whole():
    cells, questions = [(0, 0, NEVER)] * 6, [(0, 1)]
    whole = pa.array([Decimal(value) for value in range(8)], pa.decimal128(38, 0))
    pieces = pa.chunked_array([whole.slice(2, 3), whole.slice(5, 3)])
    assert exact_sums(ranges_of(cells, questions), pieces).to_pylist() == [Decimal(2 + 3 + 4 + 5 + 6 + 7)]


def test_nothing_asked_and_nothing_there_have_no_answer():
    assert ranges_of([(0, 1, 2)], []).sums(np.ones(1, np.int64)).tolist() == []
    assert ranges_of([], [(0, 1)]).sums(np.zeros(0, np.int64)).tolist() == [0]
    assert ranges_of([], [(0, 1)]).newest(
        np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, bool), list
    ).tolist() == [-1]


def test_an_entity_without_cells_counts_none_however_large_its_number_is():
    entity, none = np.array([0, 1]), np.zeros(2, np.int64)
    entries = Entries(entity, none, np.array([1, 2**31]), np.array([0, 2**45]))
    assert Ranges(entries, None).sums(np.ones(2, np.int64)).tolist() == [1, 0]
