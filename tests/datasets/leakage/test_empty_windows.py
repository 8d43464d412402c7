"""A null that an aggregate explains, since no row lies in its window, is no leak; other nulls are looked at."""

import random
from datetime import timedelta

import numpy as np

from ml_platform.datasets.leakage.check import check_leaks
from ml_platform.datasets.leakage.empty_windows import empty_windows
from ml_platform.datasets.leakage.find_leaks import NULLNESS
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.sources.ingest import ingest_source
from tests.features.world import at, write_csv, write_project

DAYS, SHOPS = 120, 150
KNOWN = {"key": ["id"], "event_timestamp": "at", "known_at": {"delay": "1h"}}
COLUMNS = {
    "asks": {"id": "string", "shop": "string", "at": "timestamp"},
    "sales": {"id": "string", "shop": "string", "at": "timestamp", "amount": "float", "kind": "string"},
}
TABLE = {
    "entity": "shop",
    "source": "sales",
    "refresh": "1h",
    "publish_delay": "0s",
    "where": "kind != 'z'",
    "features": {
        "spend": {"mean": "amount", "windows": ["14d", ["-21d", "-7d"]], "where": "kind == 'x'"},
        "last": {"as_of": "amount"},
        "doubled": {"derived": "spend_14d * 2"},
    },
}
MODEL = {
    "task": "binary",
    "population": {"source": "asks", "entity": "shop", "prediction_time": "at + 2h"},
    "label": {"source": "sales", "none": "kind == 'x'", "within": "14d"},
    "features": ["recent.*"],
    "split": {"train": "50d", "validate": "20d", "test": "20d"},
    "algorithm": "lightgbm",
    "value": {"actions": {"act": "label * 1", "wait": "0"}, "do_nothing": "wait"},
    "deployment": {"batch": "0 * * * * UTC"},
    "monitoring": {"window": "7d"},
}


def rows_of(random_rows: random.Random, *, hide: bool) -> list[list[object]]:
    """Shops that sell every few days, and shops that closed; where `hide`, amounts of those that close are missing."""
    rows = []
    for shop in range(SHOPS):
        closes = random_rows.randint(20, 2 * DAYS)
        for day in range(min(DAYS, closes)):
            if random_rows.random() < 0.9:
                amount = None if hide and closes < DAYS and day > closes - 8 else round(random_rows.uniform(1, 9), 2)
                kind = random_rows.choice(["x", "x", "x", "y", "z"])
                rows.append([f"s{shop}-{day}", f"shop{shop}", at(24 * day, minutes=shop), amount, kind])
    return rows


def checked(directory, rows):
    last = {row[1]: row[2] for row in rows}  # the newest sale of each shop: three weeks later no one asks any more
    asks = [
        [f"a{shop}-{day}", f"shop{shop}", at(24 * day)]
        for shop in range(SHOPS)
        for day in range(10, DAYS, 7)
        if at(24 * day) <= last[f"shop{shop}"] + timedelta(days=21)
    ]
    for name, data in (("asks", asks), ("sales", rows)):
        write_csv(directory / f"data/{name}.csv", list(COLUMNS[name]), data)
    sources = {
        name: {"reader": {"csv": f"data/{name}.csv"}, **KNOWN, "columns": columns} for name, columns in COLUMNS.items()
    }
    project = write_project(
        directory, sources=sources, features={"recent": TABLE}, models={"leaves": MODEL}, entities={"shop": ["shop"]}
    )
    now = at(24 * DAYS)
    ids = {f"sources/{name}": ingest_source(project, name, now).made.artifact.id for name in sources}
    table = build_feature_table(project, "recent", ids["sources/sales"])
    snapshot = build_snapshot(project, "leaves", ids | {"features/recent": table.artifact.id}, now).artifact
    results = {result.name: result for result in check_leaks(project, "leaves", snapshot.id)}
    return project, snapshot, results[NULLNESS]


def expected_empty(rows, frame, days, *, kinds):
    """In which rows of a frame no sale lies in the window, by loops."""
    empty = []
    for shop, run in zip(frame["shop"], frame["effective_time"], strict=True):
        start, end = (run.to_pydatetime() + timedelta(days=day) for day in days)
        known = run.to_pydatetime() - timedelta(hours=1)
        empty.append(not any(row[1] == shop and start < row[2] <= min(end, known) and row[4] in kinds for row in rows))
    return np.array(empty)


def test_what_an_empty_window_explains_is_no_leak(tmp_path):
    rows = rows_of(random.Random(5), hide=False)
    project, snapshot, nullness = checked(tmp_path, rows)
    frame = load_snapshot(project, snapshot.id).frame
    dormant = frame["recent.spend_14d"].isna()
    assert dormant.sum() > 30  # enough to be a leak, were they not explained
    assert not nullness.blocks, nullness.summary
    empty = empty_windows(project, project.spec.models["leaves"], snapshot, frame)
    assert (empty("recent.spend_14d") == dormant.to_numpy()).all()
    assert (empty("recent.spend_14d") == expected_empty(rows, frame, (-14, 0), kinds="x")).all()
    lagged = next(name for name in frame.columns if name.startswith("recent.spend") and name != "recent.spend_14d")
    assert (empty(lagged) == expected_empty(rows, frame, (-21, -7), kinds="x")).all()
    assert (empty("recent.last") == expected_empty(rows, frame, (-999, 0), kinds="xy")).all()
    assert (empty("recent.doubled") == empty("recent.spend_14d")).all()
    assert not empty("asks.id").any()


def test_rows_whose_value_is_hidden_are_a_leak_although_other_windows_are_empty(tmp_path):
    rows = rows_of(random.Random(5), hide=True)
    project, snapshot, nullness = checked(tmp_path, rows)
    frame = load_snapshot(project, snapshot.id).frame
    missing = frame["recent.spend_14d"].isna()
    explained = expected_empty(rows, frame, (-14, 0), kinds="x")
    assert frame["label"][missing].all()
    assert 20 < explained.sum() < missing.sum() - 20
    assert nullness.blocks, nullness.summary
    assert f"recent.spend_14d is missing in {(missing & ~explained).sum()} rows" in nullness.summary["problem"]
