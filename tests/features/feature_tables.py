"""Small feature tables: their declarations, what they answer, and the same by loops."""

import math
from datetime import timedelta

import pyarrow as pa
from hypothesis import strategies as st

from ml_platform.core.clock import to_micros
from ml_platform.features.build import build_feature_table
from ml_platform.features.point_in_time import features_at
from ml_platform.sources.ingest import ingest_source
from tests.features import oracle
from tests.features.world import SALES, at, write_csv, write_project

COLUMNS = {
    "id": "string",
    "shop": "string",
    "at": "timestamp",
    "seen": "timestamp",
    "amount": "float",
    "items": "int",
    "kind": "string",
}
WINDOWS = {
    "1h": (timedelta(hours=-1), timedelta(0)),
    "ever": (None, timedelta(0)),
    "next_2h": (timedelta(0), timedelta(hours=2)),
    "m2h_to_1h": (timedelta(hours=-2), timedelta(hours=1)),
}
WRITTEN = {"next_2h": ["0h", "2h"], "m2h_to_1h": ["-2h", "1h"]}
AGGREGATES = {
    "rows": ("count", None, None, True),
    "big": ("count", None, lambda row: row["amount"] is not None and row["amount"] > 2, True),
    "total": ("sum", lambda row: row["amount"], None, "amount"),
    "pieces": ("sum", lambda row: row["items"], None, "items"),
    "mean": ("mean", lambda row: row["amount"], None, "amount"),
    "mean_items": ("mean", lambda row: row["items"], lambda row: row["kind"] == "x", "items"),
    "low": ("min", lambda row: row["amount"], None, "amount"),
    "high": ("max", lambda row: row["items"], None, "items"),
    "spread": ("std", lambda row: row["amount"], None, "amount"),
    "share": ("share", lambda row: None if row["amount"] is None else row["amount"] > 2, None, "amount > 2"),
    "newest": ("last", lambda row: row["kind"], None, "kind"),
    "newest_x": ("last", lambda row: row["amount"], lambda row: row["kind"] == "x", "amount"),
    "since": ("time_since_last", None, None, True),
    "oldest": ("first", lambda row: row["kind"], None, "kind"),
    "oldest_x": ("first", lambda row: row["amount"], lambda row: row["kind"] == "x", "amount"),
    "some": ("any", lambda row: None if row["amount"] is None else row["amount"] > 2, None, "amount > 2"),
    "no_one": ("none", lambda row: None if row["items"] is None else row["items"] > 1, None, "items > 1"),
}
WHERE = {"big": "amount > 2", "mean_items": "kind == 'x'", "newest_x": "kind == 'x'", "oldest_x": "kind == 'x'"}


def declared(refresh="1h", delay="0s", windows=tuple(WINDOWS)):
    features = {
        name: {how: text_, "windows": [WRITTEN.get(window, window) for window in windows]}
        | ({"where": WHERE[name]} if name in WHERE else {})
        for name, (how, _, _, text_) in AGGREGATES.items()
    }
    return {"entity": "shop", "source": "sales", "refresh": refresh, "publish_delay": delay, "features": features}


def project_of(directory, rows, table, source=None, **project):
    columns = COLUMNS if source is None else source["columns"]
    write_csv(directory / "data/sales.csv", list(columns), [[row[name] for name in columns] for row in rows])
    source = {**SALES, "reader": {"csv": "data/sales.csv"}, "key": ["id"], "columns": COLUMNS, **(source or {})}
    return write_project(directory, sources={"sales": source}, features={"recent": table}, **project)


def built(project, now):
    source = ingest_source(project, "sales", now).made.artifact.id
    return build_feature_table(project, "recent", source).artifact


def answers(project, artifact, questions, columns=None):
    """Values of all features for (shop, instant) pairs, through the platform's one look-up."""
    spec = project.spec.feature_tables["recent"]
    asked = pa.table(
        {
            "place": pa.array(range(len(questions)), pa.int64()),
            "who": pa.array([shop for shop, _ in questions], pa.string()),
            "when": pa.array([to_micros(instant) for _, instant in questions], pa.int64()),
        }
    )
    with project.engine() as engine:
        wanted = list(columns or spec.columns)
        keys = {"shop": "who"}
        return features_at(project, engine, artifact, asked, keys=keys, instant="when", columns=wanted).to_pylist()


def expected(rows, shop, tick):
    values = {}
    for label, (start, end) in WINDOWS.items():
        seen = oracle.visible(rows, shop, tick, start, end)
        for name, (how, value, where, _) in AGGREGATES.items():
            counted = [row for row in seen if where is None or where(row)]
            values[f"recent.{name}_{label}"] = oracle.aggregate(how, counted, value, tick)
    return values


def same(actual, value, column):
    if "spread" in column and value is not None:
        return actual is not None and math.isclose(actual, value, rel_tol=1e-9, abs_tol=1e-9)
    return actual == value


MOMENTS = [at(hour, microseconds=micro) for hour in range(8) for micro in (-1, 0, 1)] + [at(1.5), at(4.25)]
ROW = st.fixed_dictionaries(
    {
        "id": st.integers(1, 16).map("r{}".format),
        "shop": st.sampled_from(["a", "b", "c", None]),
        "at": st.sampled_from(MOMENTS),
        "seen": st.sampled_from(MOMENTS),
        "amount": st.none() | st.sampled_from([0.0, 0.1, 2.0, 2.5, -3.75, 1e6, 0.0000005]),
        "items": st.none() | st.integers(-3, 9),
        "kind": st.sampled_from(["x", "y", None]),
    }
)


def row(id, hours, seen=None, amount=1.0, shop="a", items=1, kind="x", **more):
    event = at(hours, **more)
    known = event if seen is None else at(seen)
    return {"id": id, "shop": shop, "at": event, "seen": known, "amount": amount, "items": items, "kind": kind}


def one_table(how, windows, **more):
    feature = {**how, "windows": windows}
    return {
        "entity": "shop",
        "source": "sales",
        "refresh": "1h",
        "publish_delay": "0s",
        "features": {"f": feature},
    } | more


def value_at(project, artifact, shop, instant):
    return next(iter(value for name, value in answers(project, artifact, [(shop, instant)])[0].items() if "." in name))
