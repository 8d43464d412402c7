"""Declared labels over a window, random rows for them, and the same labels as loops over rows."""

import os
from datetime import timedelta

import pyarrow as pa
import pytest

from ml_platform.datasets.labels.labels import with_labels
from ml_platform.sources.ingest import ingest_source
from tests.features import oracle
from tests.features.world import at, write_csv, write_project

SEEDS = range(8 if os.environ.get("ML_PLATFORM_PROVE") else 1)  # a world of twelve seconds each
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
