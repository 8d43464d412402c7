"""Labels over a window against loops over rows, written from docs/guides/labels.md."""

import random
from datetime import timedelta

import pytest

from ml_platform.features import row_cells
from tests.datasets.labels.window_labels import (
    COLUMNS,
    LABELS,
    SEEDS,
    agrees,
    expected,
    labels,
    project_of,
    random_rows,
)
from tests.features.world import at

DELETES = {"columns": COLUMNS["sales"] | {"gone": "bool"}, "deletes": "gone"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_every_label_equals_the_loop_with_ties_gaps_corrections_late_rows_and_nulls(tmp_path, seed):
    draw = random.Random(seed)
    rows = random_rows(draw)
    project = project_of(tmp_path, rows, {name: declared for name, (declared, _, _) in LABELS.items()})
    moments = [draw.choice([draw.randint(-10, 45), draw.uniform(-10, 45)]) for _ in range(120)]
    asked = [(draw.choice(["a", "b", "c", "never"]), at(moment)) for moment in moments]
    states = set()
    for name, actual in labels(project, LABELS, asked, at(60)).items():
        for (shop, instant), label in zip(asked, actual, strict=True):
            value = expected(rows, name, shop, instant, at(60))
            assert agrees(label, value), (name, shop, instant, label, value)
            states.add(label[1])
    assert states == {"known", "null", "late", "incomplete"}


@pytest.mark.slow
@pytest.mark.parametrize("alone", [0.0, 2.0], ids=["rows_as_they_are", "grouped_rows"])
def test_labels_at_full_hours_equal_the_loop_whether_rows_are_grouped_or_not(tmp_path, monkeypatch, alone):
    monkeypatch.setattr(row_cells, "_ALONE", alone)
    draw = random.Random(11)
    rows = random_rows(draw)
    names = ["spend", "gap", "rows", "filtered", "mean", "low", "high", "spread", "buys", "leaves"]
    project = project_of(tmp_path, rows, {name: LABELS[name][0] for name in names})
    asked = [(draw.choice(["a", "b", "c", "never"]), at(draw.randint(-10, 45))) for _ in range(120)]
    for name, actual in labels(project, names, asked, at(60)).items():
        for (shop, instant), label in zip(asked, actual, strict=True):
            value = expected(rows, name, shop, instant, at(60))
            assert agrees(label, value), (name, shop, instant, label, value)


@pytest.mark.slow
def test_every_label_equals_the_loop_where_rows_are_deleted(tmp_path):
    draw = random.Random(5)
    rows = random_rows(draw)
    for row in random_rows(random.Random(5))[::4]:
        rows.append(row | {"seen": row["seen"] + timedelta(hours=draw.choice([2, 3, 7]), minutes=1), "gone": True})
    declared = {name: how for name, (how, _, _) in LABELS.items()}
    project = project_of(tmp_path, rows, declared, deletes=DELETES)
    asked = [(draw.choice(["a", "b", "c", "never"]), at(draw.uniform(-10, 45))) for _ in range(120)]
    states = set()
    for name, actual in labels(project, LABELS, asked, at(60)).items():
        for (shop, instant), label in zip(asked, actual, strict=True):
            value = expected(rows, name, shop, instant, at(60))
            assert agrees(label, value), (name, shop, instant, label, value)
            states.add(label[1])
    assert states == {"known", "null", "late", "incomplete"}


@pytest.mark.slow
def test_labels_are_the_same_on_spark(tmp_path):
    draw = random.Random(9)
    rows = random_rows(draw, 60)
    asked = [(draw.choice(["a", "b", "never"]), at(draw.uniform(-10, 45))) for _ in range(30)]
    declared = {name: LABELS[name][0] for name in ("spend", "filtered", "middle", "leaves", "first", "time")}
    here = project_of(tmp_path / "duckdb", rows, declared)
    there = project_of(tmp_path / "spark", rows, declared, engine="spark")
    assert labels(here, declared, asked, at(60)) == labels(there, declared, asked, at(60))
