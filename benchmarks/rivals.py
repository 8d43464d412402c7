"""What the platform's features are held against: bare DuckDB and Polars scripts, and Feast. Run by features.py.

    python rivals.py NAME EVENTS QUESTIONS RESULT

Each reads Parquet, writes Parquet, and prints its seconds, processor seconds and memory as JSON. They need Polars and
Feast, which the platform does not: benchmarks/rivals.txt.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ATTRIBUTES = ("amount", "a0", "a1", "a2", "a3")
HOUR = 3_600_000_000
DELAY = 300_000_000  # values of a full hour can be read five minutes later


def duckdb_as_of(events: str, questions: str, result: str) -> None:
    """Join the newest event of an entity at or before each question."""
    columns = ", ".join(f"e.{name}" for name in ATTRIBUTES)
    _duckdb().execute(
        f"COPY (SELECT q.point, q.entity, q.ts, {columns} FROM '{questions}' q ASOF LEFT JOIN '{events}' e "
        f"ON q.entity = e.entity AND q.ts >= e.ts) TO '{result}' (FORMAT parquet)"
    )


def polars_as_of(events: str, questions: str, result: str) -> None:
    """Do the same in Polars."""
    import polars as pl

    questions_scanned = pl.scan_parquet(questions).sort("ts")
    right = pl.scan_parquet(events).select("entity", "ts", *ATTRIBUTES).sort("ts")
    questions_scanned.join_asof(right, on="ts", by="entity").collect().write_parquet(result)


def feast_as_of(events: str, questions: str, result: str) -> None:
    """Do the same with Feast's historical features, over its DuckDB store."""
    import pandas as pd
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
    from feast.types import Float64

    with tempfile.TemporaryDirectory() as folder:
        config = RepoConfig(
            project="benchmark",
            provider="local",
            registry=f"{folder}/registry.db",
            offline_store={"type": "duckdb"},
            online_store={"type": "sqlite", "path": f"{folder}/online.db"},
            entity_key_serialization_version=3,
        )
        store = FeatureStore(config=config)
        entity = Entity(name="entity", join_keys=["entity"], value_type=ValueType.INT64)
        view = FeatureView(
            name="events",
            entities=[entity],
            ttl=None,
            schema=[Field(name=name, dtype=Float64) for name in ATTRIBUTES],
            source=FileSource(path=events, timestamp_field="ts"),
        )
        store.apply([entity, view])
        asked = pd.read_parquet(questions).rename(columns={"ts": "event_timestamp"})
        wanted = [f"events:{name}" for name in ATTRIBUTES]
        store.get_historical_features(asked, wanted).to_df().to_parquet(result)


def duckdb_join(events: str, questions: str, result: str) -> None:
    """Six features over windows: join each question with its events of thirty days, and group."""
    _duckdb().execute(
        f"""COPY (WITH p AS (SELECT point, entity,
              make_timestamptz(((epoch_us(ts) - {DELAY}) // {HOUR}) * {HOUR}) AS tick FROM '{questions}')
            SELECT point, count(e.id) FILTER (e.ts > tick - INTERVAL 1 HOUR) AS n_1h,
              coalesce(sum(amount) FILTER (e.ts > tick - INTERVAL 1 DAY), 0) AS total_1d,
              avg(amount) FILTER (e.ts > tick - INTERVAL 7 DAY) AS mean_7d, stddev_samp(amount) AS spread_30d,
              max(amount) FILTER (e.ts > tick - INTERVAL 7 DAY) AS high_7d, arg_max(amount, e.ts) AS newest_30d
            FROM p LEFT JOIN '{events}' e
              ON e.entity = p.entity AND e.ts <= tick AND e.ts > tick - INTERVAL 30 DAY GROUP BY point)
            TO '{result}' (FORMAT parquet)"""
    )


def duckdb_windows(events: str, questions: str, result: str) -> None:
    """Six features over windows: group events by the hour, take windows over the hours, and join the questions."""
    frames = {"n_1h": 0, "d_1d": 23, "w_7d": 167, "m_30d": 719}
    windows = ", ".join(
        f"{name} AS (PARTITION BY entity ORDER BY h RANGE BETWEEN {hours} PRECEDING AND CURRENT ROW)"
        for name, hours in frames.items()
    )
    _duckdb().execute(
        f"""COPY (WITH p AS (SELECT point, entity, (epoch_us(ts) - {DELAY}) // {HOUR} AS h FROM '{questions}'),
            c AS (SELECT entity, (epoch_us(ts) + {HOUR - 1}) // {HOUR} AS h, count(*) AS n, sum(amount) AS s,
              sum(amount * amount) AS q, max(amount) AS top, arg_max(amount, ts) AS newest
              FROM '{events}' GROUP BY ALL),
            u AS (SELECT * FROM c UNION ALL BY NAME SELECT entity, h, 0 AS n FROM p GROUP BY ALL),
            g AS (SELECT entity, h, sum(n) AS n, coalesce(sum(s), 0) AS s, coalesce(sum(q), 0) AS q, max(top) AS top,
              max(newest) AS newest FROM u GROUP BY ALL),
            w AS (SELECT entity, h, sum(n) OVER n_1h AS n_1h, sum(s) OVER d_1d AS total_1d,
              sum(s) OVER w_7d / nullif(sum(n) OVER w_7d, 0) AS mean_7d, sum(n) OVER m_30d AS n, sum(s) OVER m_30d AS s,
              sum(q) OVER m_30d AS q, max(top) OVER w_7d AS high_7d,
              last_value(newest IGNORE NULLS) OVER m_30d AS newest_30d FROM g WINDOW {windows})
            SELECT point, n_1h, total_1d, mean_7d,
              CASE WHEN n > 1 THEN sqrt(greatest(q - s * s / n, 0) / (n - 1)) END AS spread_30d, high_7d, newest_30d
            FROM p JOIN w USING (entity, h)) TO '{result}' (FORMAT parquet)"""
    )


def polars_windows(events: str, questions: str, result: str) -> None:
    """Six features over windows: group by the hour, and differences of running sums; greatest values by rolling."""
    import polars as pl

    hour = (pl.col("ts").dt.epoch("us") + HOUR - 1) // HOUR
    cells = (
        pl.scan_parquet(events)
        .sort("ts")
        .group_by("entity", h=hour)
        .agg(
            n=pl.len().cast(pl.Int64),
            s=pl.col("amount").sum(),
            q=(pl.col("amount") ** 2).sum(),
            top=pl.col("amount").max(),
            newest=pl.col("amount").last(),
        )
    )
    asked = pl.scan_parquet(questions).select("point", "entity", h=(pl.col("ts").dt.epoch("us") - DELAY) // HOUR)
    both = pl.concat([cells, asked.select("entity", "h", n=0).unique()], how="diagonal_relaxed")
    summed = both.group_by("entity", "h").agg(pl.col("n", "s", "q").sum(), pl.col("top").max(), pl.col("newest").max())
    rolled = summed.sort("entity", "h").with_columns(
        n_1h=pl.col("n"),
        total_1d=pl.col("s").rolling_sum_by("h", "24i").over("entity"),
        s7=pl.col("s").rolling_sum_by("h", "168i").over("entity"),
        n7=pl.col("n").rolling_sum_by("h", "168i").over("entity"),
        s30=pl.col("s").rolling_sum_by("h", "720i").over("entity"),
        n30=pl.col("n").rolling_sum_by("h", "720i").over("entity"),
        q30=pl.col("q").rolling_sum_by("h", "720i").over("entity"),
        high_7d=pl.col("top").rolling_max_by("h", "168i").over("entity"),
        newest_30d=pl.col("newest").forward_fill().over("entity"),
    )
    spread = ((pl.col("q30") - pl.col("s30") ** 2 / pl.col("n30")).clip(0) / (pl.col("n30") - 1)).sqrt()
    rows = rolled.select(
        "entity",
        "h",
        "n_1h",
        "total_1d",
        "high_7d",
        mean_7d=pl.when(pl.col("n7") > 0).then(pl.col("s7") / pl.col("n7")),
        spread_30d=pl.when(pl.col("n30") > 1).then(spread),
        newest_30d=pl.when(pl.col("n30") > 0).then("newest_30d"),
    )
    asked.join(rows, on=["entity", "h"]).drop("entity", "h").collect().write_parquet(result)


def _duckdb():
    import duckdb

    connection = duckdb.connect(config={"threads": 2})
    connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
    return connection


RIVALS: dict[str, Callable[[str, str, str], None]] = {
    "duckdb_as_of": duckdb_as_of,
    "polars_as_of": polars_as_of,
    "feast_as_of": feast_as_of,
    "duckdb_join": duckdb_join,
    "duckdb_windows": duckdb_windows,
    "polars_windows": polars_windows,
}
IMPORTS = {"polars": ("polars",), "feast": ("feast", "pandas"), "duckdb": ("duckdb",)}

if __name__ == "__main__":
    name, *paths = sys.argv[1:]
    for module in IMPORTS[name.partition("_")[0]]:
        __import__(module)
    began, used = time.perf_counter(), time.process_time()
    RIVALS[name](*paths)
    figures = {"seconds": time.perf_counter() - began, "processor": time.process_time() - used}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps(figures | {"memory": memory, "rows": Path(paths[2]).stat().st_size > 0}))
