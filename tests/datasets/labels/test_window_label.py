"""Labels over a window against loops over rows, written from docs/labels.md, and the cases that people get wrong."""

import random
from datetime import timedelta

import pyarrow as pa
import pytest

from ml_platform.core.errors import FeatureError
from ml_platform.datasets.labels.labels import with_labels
from ml_platform.features import row_cells
from ml_platform.sources.ingest import ingest_source
from tests.features import oracle
from tests.features.world import at, write_csv, write_project

COLUMNS = {
    "orders": {"id": "string", "shop": "string", "at": "timestamp", "seen": "timestamp"},
    "sales": {
        "id": "string",
        "shop": "string",
        "at": "timestamp",
        "seen": "timestamp",
        "amount": "float",
        "items": "int",
        "kind": "string",
    },
}
MODEL = {
    "task": "regression",
    "population": {"source": "orders", "entity": "shop", "prediction_time": "at"},
    "features": ["orders.id"],
    "split": {"train": "30d", "validate": "30d", "test": "30d"},
    "algorithm": "lightgbm",
    "value": {"payoff": "label", "do_nothing": "0"},
    "deployment": {"batch": "0 * * * * UTC"},
    "monitoring": {"window": "7d"},
}
BINARY = {"task": "binary", "value": {"actions": {"act": "label * 1", "wait": "0"}, "do_nothing": "wait"}}
CLASSES = {"task": "multiclass", "value": {"actions": {"act": "1", "wait": "0"}, "do_nothing": "wait"}}


def amount(row):
    return row["amount"]


def is_large(row):
    return None if row["amount"] is None else row["amount"] > 2


# By name: the declaration, the window in hours (after, within, settle), and (aggregate, value of a row, condition).
LABELS = {
    "spend": ({"sum": "amount", "within": "6h", "settle": "2h"}, (0, 6, 2), ("sum", amount, None)),
    "gap": (
        {"sum": "items", "after": "1h", "within": "5h", "settle": "0h"},
        (1, 5, 0),
        ("sum", lambda r: r["items"], None),
    ),
    "rows": ({"count": True, "within": "3h", "horizon": "7h"}, (0, 3, 4), ("count", None, None)),
    "filtered": (
        {"count": True, "within": "9h", "settle": "1h", "where": "kind == 'x'"},
        (0, 9, 1),
        ("count", None, lambda row: row["kind"] == "x"),
    ),
    "mean": ({"mean": "amount", "within": "6h", "settle": "2h"}, (0, 6, 2), ("mean", amount, None)),
    "low": ({"min": "amount", "within": "4h", "settle": "1h"}, (0, 4, 1), ("min", amount, None)),
    "high": ({"max": "amount", "within": "4h", "settle": "1h"}, (0, 4, 1), ("max", amount, None)),
    "kinds": (
        {"count_distinct": "kind", "within": "8h", "settle": "1h"},
        (0, 8, 1),
        ("count_distinct", lambda r: r["kind"], None),
    ),
    "middle": ({"median": "amount", "within": "8h", "settle": "3h"}, (0, 8, 3), ("median", amount, None)),
    "spread": ({"std": "amount", "within": "8h", "settle": "3h"}, (0, 8, 3), ("std", amount, None)),
    "time": ({"time_to": "amount > 2", "within": "5h", "settle": "1h"}, (0, 5, 1), ("time_to", is_large, None)),
    "buys": ({"any": "amount > 2", "within": "5h", "settle": "1h"}, (0, 5, 1), ("any", is_large, None)),
    "leaves": ({"none": "amount > 2", "within": "5h", "settle": "1h"}, (0, 5, 1), ("none", is_large, None)),
    "first": ({"first": "kind", "within": "6h", "settle": "1h"}, (0, 6, 1), ("first", lambda r: r["kind"], None)),
    "last": ({"last": "kind", "within": "6h", "settle": "1h"}, (0, 6, 1), ("last", lambda r: r["kind"], None)),
    "usual": ({"mode": "kind", "within": "6h", "settle": "1h"}, (0, 6, 1), ("mode", lambda r: r["kind"], None)),
}
TASKS = {"buys": BINARY, "leaves": BINARY, "first": CLASSES, "last": CLASSES, "usual": CLASSES}


DELETES = {"columns": COLUMNS["sales"] | {"gone": "bool"}, "deletes": "gone"}


def project_of(directory, sales, labels, freshness=None, deletes=None, tasks=TASKS, **project):
    write_csv(directory / "data/orders.csv", list(COLUMNS["orders"]), [["o", "a", at(0), at(0)]])
    columns = (deletes or {}).get("columns", COLUMNS["sales"])
    rows = [[row.get(name, False) for name in columns] for row in sales]
    write_csv(directory / "data/sales.csv", list(columns), rows)
    known = {"key": ["id"], "event_timestamp": "at", "known_at": {"column": "seen"}}
    sources = {
        name: {"reader": {"csv": f"data/{name}.csv"}, **known, "columns": columns} for name, columns in COLUMNS.items()
    }
    sources["sales"] |= deletes or {}
    if freshness:
        sources["sales"]["freshness"] = freshness
    models = {
        name: {**MODEL, **tasks.get(name, {}), "label": {"source": "sales", **declared}}
        for name, declared in labels.items()
    }
    return write_project(directory, sources=sources, models=models, entities={"shop": ["shop"]}, **project)


def sale(id, hours, seen=None, shop="a", amount=1.0, items=1, kind="x"):
    event = at(hours)
    return {
        "id": id,
        "shop": shop,
        "at": event,
        "seen": event if seen is None else at(seen),
        "amount": amount,
        "items": items,
        "kind": kind,
    }


def labels(project, names, asked, now):
    """Return (label, state) of each (shop, instant) through the platform, by the name of the label."""
    source = ingest_source(project, "sales", now).made.artifact.id
    rows = pa.table(
        {
            "shop": pa.array([shop for shop, _ in asked], pa.string()),
            "effective_time": pa.array([instant for _, instant in asked], pa.timestamp("us", "UTC")),
        }
    )
    by_label = {}
    with project.engine() as engine:
        for name in names:
            labelled = with_labels(project, name, source, rows, engine, now)
            assert labelled.select(["shop", "effective_time"]).equals(rows)
            by_label[name] = list(zip(labelled["label"].to_pylist(), labelled["label_state"].to_pylist(), strict=True))
    return by_label


def label_of(directory, declared, sales, asked, now=60, **changes):
    """Return (label, state) of each question to a label of its own."""
    name = "leaves" if "none" in declared else "only"
    project = project_of(directory, sales, {name: declared}, **changes)
    return labels(project, [name], [(shop, at(hours)) for shop, hours in asked], at(now))[name]


def expected(rows, name, shop, instant, now):
    """Return (label, state) by the words of the documentation."""
    _, (after, within, settle), (how, value, where) = LABELS[name]
    start, end, settled = (instant + timedelta(hours=hours) for hours in (after, within, within + settle))
    known = [row for row in rows if row["seen"] <= now]
    rows = [row for row in known if not row.get("gone")]
    if max((row["seen"] for row in rows), default=at(-999)) < settled:
        return None, "incomplete"
    in_window = [
        row
        for row in oracle.with_intervals(known)
        if not row.get("gone") and row["shop"] == shop and start < row["at"] <= end and (where is None or where(row))
    ]
    in_time = [row for row in in_window if row["seen"] <= settled < row["until"]]
    seen_first = {row["id"]: min(other["seen"] for other in rows if other["id"] == row["id"]) for row in rows}
    late = [row for row in in_window if row["seen"] == seen_first[row["id"]] > settled]
    label = answer(how, value, in_time, instant, end)
    if late and answer(how, value, in_time + late, instant, end) != label:
        return None, "late"
    return label, "null" if label is None else "known"


def answer(how, value, rows, instant, end):
    if how == "time_to":
        meeting = [row["at"] for row in rows if value(row)]
        return (min([*meeting, end]) - instant) / timedelta(seconds=1)
    return oracle.aggregate(how, rows, value, instant)


def random_rows(draw, count=220):
    rows = []
    for number in range(count):
        row = sale(
            f"r{number}",
            draw.choice([draw.randint(0, 40), draw.uniform(0, 40)]),
            shop=draw.choice(["a", "b", "c"]),
            amount=draw.choice([None, 0.1, 0.2, 3.0, -7.25, 1e10]),
            items=draw.choice([None, 1, 2, -3]),
            kind=draw.choice(["x", "y", None]),
        )
        row["seen"] = row["at"] + timedelta(hours=draw.choice([0, 0, 0, 1, 2, 5, -3]))
        rows.append(row)
        if draw.random() < 0.2:  # a correction, sometimes of another day
            rows.append(
                row
                | {"seen": row["seen"] + timedelta(hours=draw.choice([1, 4])), "amount": 2.5}
                | ({"at": row["at"] + timedelta(hours=2)} if draw.random() < 0.3 else {})
            )
    return rows


def agrees(actual, value):
    if isinstance(actual[0], float) and isinstance(value[0], float):
        return actual[1] == value[1] and actual[0] == pytest.approx(value[0], rel=1e-12, abs=1e-12)
    return actual == value


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
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


# The ends of the window ----------------------------------------------------------

HOURS = {"count": True, "after": "1h", "within": "3h", "settle": "0h"}
COMPLETE = sale("end", 50, shop="z")


def test_an_event_at_the_window_s_open_start_is_outside_and_at_its_closed_end_inside(tmp_path):
    rows = [sale("r", 10), COMPLETE]
    # The window of a question at t is (t + 1h, t + 3h]: the event at 10:00 is in it from t = 7:00 to before t = 9:00.
    actual = label_of(tmp_path, HOURS, rows, [("a", hour) for hour in (6.999, 7, 8.999, 9)])
    assert [label for label, _ in actual] == [0, 1, 1, 0]


def test_an_event_at_the_question_itself_is_not_after_it(tmp_path):
    declared = {"count": True, "within": "3h", "settle": "0h"}
    assert label_of(tmp_path, declared, [sale("r", 10), COMPLETE], [("a", 10), ("a", 9.999)]) == [
        (0, "known"),
        (1, "known"),
    ]


# What is not known ---------------------------------------------------------------


def test_an_entity_without_rows_has_an_answer_only_where_the_source_is_complete(tmp_path):
    rows = [sale("r", 10), sale("s", 20, shop="z")]
    asked = [("never", 15), ("never", 17), ("never", 17.001)]
    assert label_of(tmp_path, HOURS, rows, asked) == [(0, "known"), (0, "known"), (None, "incomplete")]


def test_a_source_that_may_be_silent_is_complete_for_as_long_as_its_freshness(tmp_path):
    rows = [sale("r", 10), sale("s", 20, shop="z")]
    label = label_of(tmp_path, HOURS, rows, [("never", 18), ("never", 18.001)], freshness="1h")
    assert label == [(0, "known"), (None, "incomplete")]


def test_a_row_known_after_the_horizon_never_makes_its_question_negative(tmp_path):
    churn = {"none": "amount > 0", "within": "3h", "settle": "1h"}
    late, in_time = sale("late", 10, seen=13), sale("early", 10.5, seen=11)
    asked = [("a", 8.5)]  # settled at 12:30, when only the other row is known
    assert label_of(tmp_path / "x", churn, [late, COMPLETE], asked) == [(None, "late")]
    assert label_of(tmp_path / "y", churn, [late, in_time, COMPLETE], asked) == [(False, "known")]


def test_a_label_is_what_was_known_when_it_settled_whatever_was_corrected_later(tmp_path):
    first, corrected = sale("r", 10, amount=3.0), sale("r", 10, seen=30, amount=99.0)
    declared = {"sum": "amount", "within": "3h", "settle": "1h"}
    assert label_of(tmp_path, declared, [first, corrected, COMPLETE], [("a", 9)]) == [(3.0, "known")]


def test_several_aggregates_are_combined_by_an_expression(tmp_path):
    rows = [sale("r", 10, amount=3.0), sale("s", 11, amount=5.0), COMPLETE]
    declared = {
        "within": "4h",
        "settle": "0h",
        "aggregates": {"spend": {"sum": "amount"}, "large": {"count": True, "where": "amount > 4"}},
        "expression": "spend * 10 + large",
    }
    label = label_of(tmp_path, declared, rows, [("a", 9), ("a", 10), ("b", 9)])
    assert label == [(81.0, "known"), (51.0, "known"), (0.0, "known")]


def test_a_sum_that_is_too_large_names_the_label(tmp_path):
    rows = [sale(f"r{number}", 10 + number / 100, items=2 * 10**18 * (-1) ** number) for number in range(30)]
    declared = {"std": "items", "within": "6h", "settle": "0h"}
    with pytest.raises(FeatureError, match="the label of only: a value is too large for exact sums"):
        label_of(tmp_path, declared, [*rows, COMPLETE], [("a", 9)])
