"""Random worlds of orders, and the online store of their models, beside what training reads."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from ml_platform.core.clock import from_micros, to_micros
from ml_platform.datasets.feature_columns import with_feature_columns
from ml_platform.features.build import build_feature_table
from ml_platform.operations.online.content import input_names
from ml_platform.operations.online.lookup import ModelLookup
from ml_platform.sources.ingest import ingest_source
from tests.features.world import at, write_csv, write_project

COLUMNS = {
    "orders": {
        "id": "string",
        "shop": "string",
        "customer": "int",
        "placed": "timestamp",
        "seen": "timestamp",
        "amount": "float",
        "items": "int",
        "gift": "bool",
    },
    "sales": {
        "id": "string",
        "shop": "string",
        "at": "timestamp",
        "seen": "timestamp",
        "amount": "float",
        "pieces": "int",
        "kind": "string",
        "paid": "bool",
    },
    "profiles": {"id": "string", "customer": "int", "at": "timestamp", "seen": "timestamp", "region": "string"},
    "weather": {"id": "string", "region": "string", "at": "timestamp", "seen": "timestamp", "wind": "float"},
}
ENTITIES = {"order": ["id"], "shop": ["shop"], "customer": ["customer"], "region": ["region"]}
_HOURS = ["1h", "6h"]
FEATURES: dict[str, Any] = {
    "shop_recent": {
        "entity": "shop",
        "source": "sales",
        "refresh": "1h",
        "publish_delay": "7m",
        "features": {
            "sales": {"count": True, "windows": _HOURS},
            "mean": {"mean": "amount", "windows": _HOURS},
            "spread": {"std": "amount", "windows": ["6h"]},
            "total": {"sum": "pieces", "windows": _HOURS},
            "least": {"min": "pieces", "windows": ["6h"]},
            "kind": {"last": "kind", "windows": ["6h"]},
            "usual": {"mode": "kind", "windows": ["6h"]},
            "paid": {"last": "paid", "windows": ["6h"]},
            "any_paid": {"any": "paid", "windows": ["1h"]},
            "since": {"time_since_last": True, "windows": ["6h"]},
            "change": {"derived": "mean_1h - mean_6h"},
        },
    },
    "shop_slow": {
        "entity": "shop",
        "source": "sales",
        "refresh": "3h",
        "publish_delay": "20m",
        "where": "pieces > 2",
        "features": {"large": {"count": True, "windows": ["1d"]}, "newest": {"last": "at", "windows": ["1d"]}},
    },
    "customer_profile": {
        "entity": "customer",
        "source": "profiles",
        "refresh": "30m",
        "publish_delay": "0s",
        "features": {"region": {"as_of": "region"}},
    },
    "region_weather": {
        "entity": "region",
        "source": "weather",
        "refresh": "1h",
        "publish_delay": "5m",
        "features": {"wind": {"max": "wind", "windows": ["6h"]}, "readings": {"count": True, "windows": ["6h"]}},
    },
}
MODEL: dict[str, Any] = {
    "task": "regression",
    "label": {"source": "orders", "expression": "amount", "horizon": "2h"},
    "split": {"train": "3d", "validate": "3d", "test": "3d"},
    "algorithm": "lightgbm",
    "value": {"payoff": "-abs(label - prediction) * items", "do_nothing": "0"},
    "deployment": {"batch": "0 * * * * UTC", "online": True},
    "monitoring": {"window": "1d"},
}
BY_ROWS: dict[str, Any] = {
    **MODEL,
    "population": {"source": "orders", "entity": "order", "prediction_time": "seen + 1h", "where": "items > 0"},
    "joins": {"there": {"table": "region_weather", "keys": {"region": "customer_profile.region"}}},
    "features": ["shop_recent.*", "shop_slow.*", "there.*", "orders.gift"],
}
BY_TICKS: dict[str, Any] = {
    **MODEL,
    "population": {"every": "0 * * * * UTC", "entity": "shop", "while": "shop_recent.sales_6h > 0"},
    "label": {"source": "sales", "sum": "amount", "within": "1d", "settle": "6h"},
    "features": ["shop_recent.*", "shop_slow.large_1d"],
    "value": {"payoff": "-abs(label - prediction)", "do_nothing": "0"},
    "deployment": {"online": True},
}
SHOPS, CUSTOMERS = ("a", "b", "c", "", "unseen"), (1, 2, -(2**63), None, 99)


def _versions(draw: random.Random, count: int, row: Callable[..., list[Any]]) -> list[list[Any]]:
    made: dict[tuple[str, datetime], list[Any]] = {}
    for number in range(count):
        happened = at(draw.choice([draw.randrange(0, 30), draw.uniform(0, 30)]))
        known = happened + draw.choice([timedelta(0), timedelta(minutes=draw.randrange(300))])
        id = f"r{draw.randrange(number + 1)}" if draw.random() < 0.2 else f"r{number}"
        made[id, known] = row(id, happened, known)
    return list(made.values())


def random_rows(seed: int) -> dict[str, list[list[Any]]]:
    """Rows with ties, rows that come late, corrections of earlier rows, and nulls everywhere but in times."""
    draw = random.Random(seed)

    def some(*values: Any) -> Any:
        return draw.choice([*values, None])

    return {
        "orders": _versions(
            draw,
            40,
            lambda id, happened, known: [
                id,
                some(*SHOPS[:3]),
                some(*CUSTOMERS[:3]),
                happened,
                known,
                some(0.1, -2.5),
                some(0, 1, 2**62),
                some(True, False),
            ],
        ),
        "sales": _versions(
            draw,
            1 + draw.randrange(60),
            lambda id, happened, known: [
                id,
                some(*SHOPS[:3]),
                happened,
                known,
                some(0.1, 1e17, -3.25, draw.random()),
                some(1, 2, 3, 2**40),
                some("x", "y", "ä\0z"),
                some(True, False),
            ],
        ),
        "profiles": _versions(
            draw, 15, lambda id, happened, known: [id, some(*CUSTOMERS[:3]), happened, known, some("north", "south")]
        ),
        "weather": _versions(
            draw,
            20,
            lambda id, happened, known: [id, some("north", "south"), happened, known, some(1.5, draw.random())],
        ),
    }


def project_of(directory, rows, models=None, **file):
    """Write a project of these rows, whose models answer online."""
    sources = {}
    for name, columns in COLUMNS.items():
        write_csv(directory / f"data/{name}.csv", list(columns), rows[name])
        sources[name] = {
            "reader": {"csv": f"data/{name}.csv"},
            "key": ["id"],
            "event_timestamp": "placed" if name == "orders" else "at",
            "known_at": {"column": "seen"},
            "columns": columns,
        }
    models = {"by_rows": BY_ROWS, "by_ticks": BY_TICKS} if models is None else models
    return write_project(directory, sources=sources, features=FEATURES, models=models, entities=ENTITIES, **file)


def inputs_of(project, now):
    """Ingest and build everything; return the ids by node."""
    ids = {f"sources/{name}": ingest_source(project, name, now).made.artifact.id for name in COLUMNS}
    for name, table in FEATURES.items():
        made = build_feature_table(project, name, ids[f"sources/{table['source']}"])
        ids[f"features/{name}"] = made.artifact.id
    return ids


def content_of(store):
    """Everything in a store: records by key, and the description."""
    with store.view() as view:
        kinds = [records.record_keys.prefix for records in view.description.records.values()]
        keys = sorted(key for prefix in kinds for key in view.keys(prefix))
        return {key: bytes(value) for key, value in zip(keys, view.get(keys), strict=True)}, view.description


def trained_values(project, name, inputs, rows, now):
    """What training's own look-up says of rows, dicts of the population's columns, at a moment."""
    model = project.spec.models[name]
    lookup = ModelLookup(project.spec, model)
    owner = model.population.owner
    kinds = {"string": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    columns = {
        f"{owner}.{column}": pa.array([row.get(column) for row in rows], kinds[kind])
        for column, kind in lookup.needed_columns.items()
    }
    asked = pa.table({**columns, "_effective": pa.array([to_micros(now)] * len(rows), pa.int64())})
    wanted = list(input_names(project.spec, model))
    with project.engine() as engine:
        featured = with_feature_columns(project, model, inputs, engine, asked, wanted)
    return [plain(row) for row in featured.select(wanted).to_pylist()]


def plain(row):
    """Values as bits: NaN and null are one, 0.0 and -0.0 are two; Python's True is not 1."""
    return {name: _bits(value) for name, value in row.items()}


def _bits(value):
    if value is None or (isinstance(value, float) and value != value):
        return None
    return struct.pack("<d", value) if isinstance(value, float) else (type(value).__name__, value)


def tick_of(state):
    return from_micros(state.tick)
