"""A project of hourly orders and sales, and its snapshots."""

import random
from typing import Any

from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.sources.ingest import ingest_source
from tests.features.world import at, write_csv, write_project

COLUMNS = {
    "orders": {"id": "string", "shop": "string", "at": "timestamp", "seen": "timestamp", "n": "int"},
    "sales": {"id": "string", "shop": "string", "at": "timestamp", "seen": "timestamp", "amount": "float"},
}
MODEL: dict[str, Any] = {
    "task": "binary",
    "population": {"source": "orders", "entity": "order", "prediction_time": "at"},
    "label": {"source": "sales", "expression": "amount > 5", "horizon": "6h"},
    "features": ["recent.*", "orders.n"],
    "split": {"train": "3d", "validate": "1d", "test": "1d"},
    "algorithm": "lightgbm",
    "value": {"actions": {"act": "label * 2 - 1", "wait": "0"}, "do_nothing": "wait"},
    "deployment": {"batch": "0 * * * * UTC"},
    "monitoring": {"window": "1d"},
}
RECENT = {
    "entity": "shop",
    "source": "sales",
    "refresh": "1h",
    "publish_delay": "0s",
    "features": {
        "mean": {"mean": "amount", "windows": ["1d"]},
        "high": {"max": "amount", "windows": ["1d"]},
        "newest": {"last": "amount", "windows": ["ever"]},
    },
}


def project_of(directory, orders, sales, freshness=None, **changes):
    for name, rows in (("orders", orders), ("sales", sales)):
        write_csv(directory / f"data/{name}.csv", list(COLUMNS[name]), rows)
    known = {"key": ["id"], "event_timestamp": "at", "known_at": {"column": "seen"}}
    return write_project(
        directory,
        sources={
            name: {"reader": {"csv": f"data/{name}.csv"}, **known, "columns": columns}
            | ({"freshness": freshness} if freshness and name == "sales" else {})
            for name, columns in COLUMNS.items()
        },
        features={"recent": RECENT},
        models={"dear": MODEL | changes},
        entities={"order": ["id"], "shop": ["shop"]},
    )


def ingested(project, now):
    ids = {f"sources/{name}": ingest_source(project, name, now).made.artifact.id for name in COLUMNS}
    return ids | {"features/recent": build_feature_table(project, "recent", ids["sources/sales"]).artifact.id}


def snapshot_of(project, as_of, now=None):
    return build_snapshot(project, "dear", ingested(project, at(now or as_of)), at(as_of)).artifact


def world(hours, seed=1):
    """One order an hour, known 8 hours ahead, and its sale 2 to 5 hours later (7: too late); some orders have none."""
    draw = random.Random(seed)
    orders, sales = [], []
    for hour in range(hours):
        shop = draw.choice("abc")
        orders.append([f"o{hour:04d}", shop, at(hour), at(hour - 8), draw.randint(0, 9)])
        if draw.random() < 0.9:
            seen = hour + draw.choice([2, 3.5, 5, 7])
            sales.append([f"o{hour:04d}", shop, at(hour + 2), at(seen), round(draw.uniform(0, 10), 2)])
    return orders, sales


# Rows of 160 hours as of 150: labels settle 6 h after the batch run, so test is (120, 144], validate (96, 120] and
# train (24, 96]. Rows whose label settles in the next stretch are purged: 6 h before each boundary.
AS_OF = 150
