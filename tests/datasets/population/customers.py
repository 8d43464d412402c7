"""Random worlds of baskets, and the model frames of populations over them."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ml_platform.datasets.model_frame import asked_frame, model_frame
from ml_platform.features.build import build_feature_table
from ml_platform.sources.ingest import ingest_source
from tests.features.world import write_csv, write_project

BASE = datetime(2024, 3, 7, tzinfo=UTC)
"""Three days before clocks in New York go forward."""
COLUMNS = {
    "baskets": {"id": "string", "shop": "string", "at": "timestamp", "seen": "timestamp", "amount": "float"},
    "closures": {"id": "string", "shop": "string", "at": "timestamp", "seen": "timestamp", "kind": "string"},
}
SHOPPING: dict[str, Any] = {
    "entity": "shop",
    "source": "baskets",
    "refresh": "1h",
    "publish_delay": "20m",
    "features": {
        "visits": {"count": True, "windows": ["2d"]},
        "mean": {"mean": "amount", "windows": ["1d"]},
    },
}
MODEL: dict[str, Any] = {
    "task": "regression",
    "label": {"source": "baskets", "sum": "amount", "within": "1d", "settle": "6h"},
    "features": ["shopping.visits_2d"],
    "split": {"train": "30d", "validate": "30d", "test": "30d"},
    "algorithm": "lightgbm",
    "value": {"payoff": "label", "do_nothing": "0"},
    "monitoring": {"window": "7d"},
}


def at(hours=0.0):
    return BASE + timedelta(hours=hours)


def basket(id, hours, seen=None, shop="a", amount=1.0):
    return {"id": id, "shop": shop, "at": at(hours), "seen": at(hours if seen is None else seen), "amount": amount}


def closure(id, hours, seen=None, shop="a", kind="closed"):
    return {"id": id, "shop": shop, "at": at(hours), "seen": at(hours if seen is None else seen), "kind": kind}


def project_of(directory, baskets, populations, closures=(), engine="duckdb", **changes):
    """A project with one model for each population, by name."""
    rows = {"baskets": baskets, "closures": closures or [closure("none", -9999, shop="zzz")]}
    for name, columns in COLUMNS.items():
        write_csv(directory / f"data/{name}.csv", list(columns), [[row[c] for c in columns] for row in rows[name]])
    known = {"key": ["id"], "event_timestamp": "at", "known_at": {"column": "seen"}}
    return write_project(
        directory,
        sources={
            name: {"reader": {"csv": f"data/{name}.csv"}, **known, "columns": columns}
            for name, columns in COLUMNS.items()
        },
        features={"shopping": SHOPPING},
        models={name: {**MODEL, "population": population, **changes} for name, population in populations.items()},
        entities={"shop": ["shop"]},
        engine=engine,
        clock={"simulated_from": "2024-03-01T00:00:00Z"},
    )


def inputs_of(project, now):
    ids = {f"sources/{name}": ingest_source(project, name, now).made.artifact.id for name in COLUMNS}
    return ids | {"features/shopping": build_feature_table(project, "shopping", ids["sources/baskets"]).artifact.id}


def frame_of(project, name, inputs, start, end, now):
    return model_frame(project, name, inputs, start, end, now)


def asked_of(project, name, inputs, start, end, now):
    return asked_frame(project, name, inputs, start, end, now)


def pairs(frame):
    """The (entity, prediction time) of each row, sorted."""
    times = (time.to_pydatetime() for time in frame["prediction_time"])
    return sorted(zip(frame["shop"], times, strict=True))


def random_baskets(draw, count=60, hours=150.0, shops="abcdefgh"):
    """Baskets with ties, late rows, and corrections of the amount, the day or the shop."""
    rows = []
    for number in range(count):
        row = basket(
            f"r{number:03}",
            draw.choice([draw.randint(0, int(hours)), draw.uniform(0, hours)]),
            shop=draw.choice(shops),
            amount=draw.choice([None, 0.5, 1.0, 2.0, 75.0]),
        )
        row["seen"] = row["at"] + timedelta(hours=draw.choice([0, 0, 0, 1, 5, 30]))
        rows.append(row)
        if draw.random() < 0.25:
            change = draw.choice(
                [{"amount": 80.0}, {"shop": draw.choice(shops)}, {"at": row["at"] - timedelta(hours=3)}]
            )
            rows.append(row | {"seen": row["seen"] + timedelta(hours=draw.choice([1, 4, 40]))} | change)
    return rows


def local_hours(zone, hour, first, last):
    """The instants in (first, last] at which clocks of a zone show a full hour, found minute by minute."""
    instants, instant = [], first
    while instant < last:
        instant += timedelta(minutes=30)
        local = instant.astimezone(ZoneInfo(zone))
        if (local.hour, local.minute) == (hour, 0):
            instants.append(instant)
    return instants


def drawn(seed):
    return random.Random(seed)
