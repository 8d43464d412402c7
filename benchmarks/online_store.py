"""The online store: what the refresh of an hourly tick costs beside a bare DuckDB query, and what a look-up costs.

    python benchmarks/online_store.py [ENTITIES] [--rounds N] [--only refresh|lookup]

There are ten events for each entity (100,000 entities unless another number is given). A refresh is timed from a new
file with an hour's events until the tick is served: ingest, feature table, publication. The bare query reads the same
files, computes the same values for all entities, and writes them as Parquet. Values are compared.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

START, DAYS, HOURS = datetime.fromisoformat("2023-01-01T00:00:00Z"), 28, 3
FEATURES = {
    "n": {"count": True, "windows": ["1h"]},
    "total": {"sum": "amount", "windows": ["1d"]},
    "mean": {"mean": "amount", "windows": ["7d"]},
    "high": {"max": "amount", "windows": ["7d"]},
    "visits": {"count": True, "windows": ["28d"]},
    "newest": {"last": "amount", "windows": ["28d"]},
}
COLUMNS = {"id": "int", "entity": "int", "ts": "timestamp", "amount": "float"}
LOOKED_UP = 75


def project_of(folder: Path, tables: dict[str, Any]) -> Any:
    """Return a project whose one model reads all columns of some feature tables online."""
    from ml_platform.project import open_project

    header = {"spec_version": 1, "description": "For a benchmark.", "owner": "team:benchmark"}
    clock = {"clock": {"simulated_from": "2023-01-01T00:00:00Z"}}
    first = next(iter(tables))
    column = next(iter(tables[first]))
    model = {
        "task": "regression",
        "population": {
            "every": "0 6 * * * UTC",
            "entity": "who",
            "while": f"{first}.{column}_{tables[first][column]['windows'][0]} >= 0",
        },
        "label": {"source": "events", "sum": "amount", "within": "1d", "settle": "6h"},
        "features": [f"{name}.*" for name in tables],
        "split": {"train": "30d", "validate": "30d", "test": "30d"},
        "deployment": {"online": True},
    }
    write(
        folder / "project.yaml",
        header | {"name": "benchmark", "currency": "EUR", "entities": {"who": ["entity"]}} | clock,
    )
    source = {"key": ["id"], "event_timestamp": "ts", "known_at": {"delay": "0s"}, "columns": COLUMNS}
    write(folder / "sources/events.yaml", header | {"name": "events", "reader": {"parquet": "data/*.parquet"}} | source)
    for name, features in tables.items():
        declared = {"entity": "who", "source": "events", "refresh": "1h", "publish_delay": "5m", "features": features}
        write(folder / f"features/{name}.yaml", header | {"name": name} | declared)
    write(folder / "models/spend.yaml", header | {"name": "spend"} | model)
    return open_project(folder)


def write(path: Path, declaration: dict[str, Any]) -> None:
    """Write a declaration as JSON, which is YAML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(declaration))


def write_events(path: Path, first: int, rows: int, entities: int, start: datetime, span: timedelta) -> None:
    """Write events of random entities, in the order of time."""
    draw = np.random.default_rng(first)
    offsets = np.sort(draw.integers(1, span // timedelta(microseconds=1), rows))
    path.parent.mkdir(parents=True, exist_ok=True)
    table = {
        "id": np.arange(first, first + rows),
        "entity": draw.integers(0, entities, rows),
        "ts": pa.array(int(start.timestamp() * 1e6) + offsets, pa.timestamp("us", tz="UTC")),
        "amount": np.round(draw.normal(50, 20, rows), 2),
    }
    pq.write_table(pa.table(table), path)


def inputs_of(project: Any, now: datetime) -> dict[str, str]:
    """Ingest and build, and return the ids by node."""
    from ml_platform.features.build import build_feature_table
    from ml_platform.sources.ingest import ingest_source

    source = ingest_source(project, "events", now).made.artifact.id
    tables = {f"features/{name}": build_feature_table(project, name, source) for name in project.spec.feature_tables}
    return {"sources/events": source} | {node: made.artifact.id for node, made in tables.items()}


# Refresh -------------------------------------------------------------------------


def refresh(folder: Path, entities: int) -> None:
    """Print what each of some hourly ticks costs, and the first publication."""
    from ml_platform.operations.online.publish import online_store, publish_online

    project, end = project_of(folder, {"recent": FEATURES}), START + timedelta(days=DAYS)
    write_events(folder / "data/history.parquet", 0, entities * 10, entities, START, end - START)
    inputs, readable = inputs_of(project, end), timedelta(minutes=5)  # the publish delay
    first = timed(lambda: publish_online(project, inputs, end + readable))
    size = sum(path.stat().st_blocks * 512 for path in (project.state / "online").rglob("*") if path.is_file())
    print(f"\n### Refresh of an hourly tick: {entities:,} entities, {entities * 10:,} events in 28 days, 6 features\n")
    print(f"First publication: {first[0]:.1f} s, {first[2].changed:,} records, {size / 1e6:,.0f} MB on disk.\n")
    print(
        "| tick | ingest and table | publish | to served | processor | written | bare DuckDB with its write "
        "| its processor | ratio |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    ratios, rows = [], entities * 10 // (DAYS * 24)
    for hour in range(HOURS):
        start = end + timedelta(hours=hour)
        write_events(folder / f"data/hour{hour}.parquet", (hour + 1) * 10**9, rows, entities, start, timedelta(hours=1))
        tick = start + timedelta(hours=1)
        made, used, inputs = timed(partial(inputs_of, project, tick))
        took, used_too, published = timed(partial(publish_online, project, inputs, tick + readable))
        bare, bare_used, _ = timed(partial(by_hand, folder, tick))
        ratios.append((made + took) / bare)
        written = f"{published.changed:,} of {published.changed + published.unchanged:,}"
        print(
            f"| {hour + 1} | {made:.1f} s | {took:.1f} s | {made + took:.1f} s | {used + used_too:.1f} s | {written} | "
            f"{bare:.1f} s | {bare_used:.1f} s | {ratios[-1]:.2f} |",
            flush=True,
        )
    print(f"\nMedian ratio {statistics.median(ratios):.2f}. Values that differ from the query: ", end="")
    print(compare(project, folder, online_store(project)))


def by_hand(folder: Path, tick: datetime) -> None:
    """Compute the same values in one query, and write them."""
    until = f"TIMESTAMPTZ '{tick.isoformat()}'"

    def inside(days: str) -> str:
        return f"FILTER (WHERE ts > {until} - INTERVAL {days})"

    query = f"""
        SELECT entity, count(*) {inside("1 HOUR")} AS n_1h, coalesce(sum(amount) {inside("1 DAY")}, 0) AS total_1d,
        avg(amount) {inside("7 DAYS")} AS mean_7d, max(amount) {inside("7 DAYS")} AS high_7d,
        count(*) {inside("28 DAYS")} AS visits_28d, arg_max(amount, ts) {inside("28 DAYS")} AS newest_28d
        FROM read_parquet('{folder}/data/*.parquet') WHERE ts <= {until} GROUP BY entity"""
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY ({query}) TO '{folder}/by_hand.parquet' (FORMAT parquet)")


def compare(project: Any, folder: Path, store: Any) -> int:
    """Return how many values of the last tick differ from the query's by more than rounding."""
    from ml_platform.operations.online.lookup import ModelLookup

    rows, wrong = pq.read_table(folder / "by_hand.parquet").to_pylist(), 0
    lookup = ModelLookup(project.spec, project.spec.models["spend"])
    for row in random.Random(1).sample(rows, min(len(rows), 20_000)):
        with store.view() as view:
            values = lookup.look_up(view, {"entity": row["entity"]}).values
        for name, value in row.items():
            artifact = values.get(f"recent.{name}", value)
            same = artifact != artifact if value is None else abs(artifact - value) <= 1e-9 * max(abs(value), 1)
            wrong += not same
    return wrong


# Look-up -------------------------------------------------------------------------


def lookups(folder: Path, entities: int, rounds: int) -> None:
    """Print what a look-up of the same 75 columns costs in 1, 5 and 25 tables."""
    from ml_platform.operations.online.lookup import ModelLookup
    from ml_platform.operations.online.publish import online_store, publish_online

    asked: dict[int, Callable[..., Any]] = {}
    now = START + timedelta(days=4, minutes=6)
    for count in (1, 5, 25):
        each = LOOKED_UP // count
        tables = {
            f"t{table}": {
                f"f{number}": {"sum": "amount", "windows": [f"{table * each + number + 1}h"]} for number in range(each)
            }
            for table in range(count)
        }
        project = project_of(folder / str(count), tables)
        write_events(folder / str(count) / "data/events.parquet", 0, entities * 2, entities, START, timedelta(days=4))
        publish_online(project, inputs_of(project, now), now)
        store, lookup = online_store(project), ModelLookup(project.spec, project.spec.models["spend"])

        def one(entity: int, store: Any = store, lookup: Any = lookup) -> Any:
            with store.view() as view:
                return lookup.look_up(view, {"entity": entity})

        assert len(one(1).values) == LOOKED_UP + 1
        asked[count] = one
    keys = random.Random(1).choices(range(entities), k=20_000)
    seconds: dict[int, list[float]] = {count: [] for count in asked}
    for _ in range(rounds):
        for count, one in asked.items():
            began = time.process_time()
            for key in keys:
                one(key)
            seconds[count].append((time.process_time() - began) / len(keys) * 1e6)
    print(f"\n### Look-up of {LOOKED_UP} columns of one entity, {entities:,} entities asked at random, LMDB\n")
    print("| tables | processor us, least | median | against 1 table |\n|---|---|---|---|")
    for count, took in seconds.items():
        ratio = min(took) / min(seconds[1])
        print(f"| {count} | {min(took):.1f} | {statistics.median(took):.1f} | {ratio:.2f} |")


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return wall time, processor time, and what the work gave."""
    began, used = time.perf_counter(), time.process_time()
    outcome = work()
    return time.perf_counter() - began, time.process_time() - used, outcome


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("entities", nargs="?", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        if "refresh".startswith(options.only):
            refresh(folder / "refresh", options.entities)
        if "lookup".startswith(options.only):
            lookups(folder / "lookup", min(options.entities, 100_000), options.rounds)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
