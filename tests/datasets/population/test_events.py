"""Rows that ask when they become known, against loops over rows, written from docs/guides/populations.md."""

from datetime import timedelta

import numpy as np
import pytest

from ml_platform.datasets.population.events import first_of_each
from tests.datasets.population.customers import (
    asked_of,
    at,
    basket,
    drawn,
    frame_of,
    inputs_of,
    pairs,
    project_of,
    random_baskets,
)
from tests.features import oracle

BATCH = {"deployment": {"batch": "0 */3 * * * UTC"}}
POPULATIONS = {
    "each": {"on": "baskets", "entity": "shop"},
    "large": {"on": "baskets", "entity": "shop", "where": "amount >= 1"},
    "weekly": {"on": "baskets", "entity": "shop", "where": "amount >= 1", "at_most_once_per": "20h"},
}
HOLDS = {"each": lambda row: True, "large": lambda row: None if row["amount"] is None else row["amount"] >= 1}
HOLDS["weekly"] = HOLDS["large"]
SPAN = {"each": timedelta(0), "large": timedelta(0), "weekly": timedelta(hours=20)}


def run_that_knows(instant):
    """The first run, of every three hours, at or after an instant."""
    hours = -((at(0) - instant) // timedelta(hours=3))
    return next(run for run in (at(3 * (hours + more)) for more in (-1, 0, 1)) if run >= instant)


def asking(rows, name):
    """The version with which each row asks, with its run: the first that a run knows and whose condition holds."""
    asked_rows = {}
    for row in oracle.with_intervals(rows):
        run = run_that_knows(row["seen"])
        if run < row["until"] and HOLDS[name](row) and row["id"] not in asked_rows:
            asked_rows[row["id"]] = row | {"run": run}
    return asked_rows.values()


def expected(rows, name):
    """(shop, run, row) of every question, in the order in which they are asked."""
    questions: list = []
    last: dict = {}
    for row in sorted(asking(rows, name), key=lambda row: (row["run"], row["seen"], row["id"])):
        before = last.get(row["shop"])
        if before is None or (row["run"] > before and row["run"] - before >= SPAN[name]):
            last[row["shop"]] = row["run"]
            questions.append((row["shop"], row["run"], row["id"]))
    return questions


def questions(frame):
    times = (time.to_pydatetime() for time in frame["prediction_time"])
    return sorted(zip(frame["shop"], times, frame["baskets.id"], strict=True))


@pytest.mark.parametrize("seed", range(3))
def test_questions_are_those_of_the_loop_with_late_rows_and_corrections(tmp_path, seed):
    rows = random_baskets(drawn(seed), count=150)
    project = project_of(tmp_path, rows, POPULATIONS, **BATCH)
    inputs = inputs_of(project, at(400))
    for name in POPULATIONS:
        every = expected(rows, name)
        assert len(every) > 20
        for start, end in ((-24, 300), (60, 110)):
            asked = asked_of(project, name, inputs, at(start), at(end), at(400))
            assert questions(asked.rows) == sorted(item for item in every if at(start) < item[1] <= at(end))
            assert (asked.rows["effective_time"] == asked.rows["prediction_time"]).all()


@pytest.mark.parametrize("seed", range(2))
def test_rows_that_do_not_ask_are_counted(tmp_path, seed):
    rows = random_baskets(drawn(seed), count=150)
    project = project_of(tmp_path, rows, POPULATIONS, **BATCH)
    inputs = inputs_of(project, at(400))
    for name in POPULATIONS:
        asked = asked_of(project, name, inputs, at(-24), at(300), at(400))
        counts = asked.excluded.groupby("reason")["rows"].sum().to_dict()
        assert counts.get("asked_before", 0) == len(asking(rows, name)) - len(expected(rows, name))
        nulls = [
            row
            for row in oracle.with_intervals(rows)
            if HOLDS[name](row) is None and run_that_knows(row["seen"]) < row["until"]
        ]
        assert counts.get("no_condition", 0) == len(nulls)
        assert set(counts) <= {"asked_before", "no_condition"}


def test_rows_that_become_known_later_change_no_earlier_question(tmp_path):
    rows, now = random_baskets(drawn(3), count=150), at(90)
    before = project_of(tmp_path / "before", [row for row in rows if row["seen"] <= now], POPULATIONS, **BATCH)
    after = project_of(tmp_path / "after", rows, POPULATIONS, **BATCH)
    inputs = [inputs_of(project, at(400)) for project in (before, after)]
    for name in POPULATIONS:
        one, other = (
            frame_of(project, name, ids, at(-24), now, now)
            for project, ids in zip((before, after), inputs, strict=True)
        )
        assert one.equals(other)
        assert len(one)


def test_a_correction_is_no_second_question_and_a_row_asks_as_it_is_known_then(tmp_path):
    rows = [basket("x", 1, amount=10.0), basket("x", 1, seen=50, amount=99.0), basket("y", 1, seen=2, amount=0.5)]
    rows.append(basket("y", 1, seen=60, amount=2.0))
    project = project_of(tmp_path, rows, {"large": POPULATIONS["large"]}, **BATCH)
    frame = frame_of(project, "large", inputs_of(project, at(400)), at(-24), at(300), at(400))
    assert list(zip(frame["effective_time"], frame["baskets.id"], frame["baskets.amount"], strict=True)) == [
        (at(3), "x", 10.0),
        (at(60), "y", 2.0),  # only its correction meets the condition
    ]


def test_a_second_question_is_allowed_when_exactly_the_span_has_passed(tmp_path):
    rows = [basket(f"b{hours}", hours, amount=5.0) for hours in (3, 15, 21, 24)]
    project = project_of(tmp_path, rows, {"p": POPULATIONS["weekly"] | {"at_most_once_per": "18h"}}, **BATCH)
    frame = frame_of(project, "p", inputs_of(project, at(400)), at(0), at(100), at(400))
    assert pairs(frame) == [("a", at(3)), ("a", at(21))]


@pytest.mark.parametrize("span", [1, 4, 9])
def test_jumps_to_the_next_question_equal_the_loop(span):
    draw = np.random.default_rng(span)
    entity = np.sort(draw.integers(0, 30, 400))
    runs = np.concatenate([np.sort(draw.integers(0, 50, (entity == each).sum())) for each in range(30)])
    last: dict = {}
    expected: list = []
    for one, run in zip(entity.tolist(), runs.tolist(), strict=True):
        asks = one not in last or run - last[one] >= span
        last |= {one: run} if asks else {}
        expected.append(asks)
    assert first_of_each(entity, runs, span).tolist() == expected
