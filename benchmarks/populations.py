"""A population at the ticks of a schedule beside a bare DuckDB script: time, processor time and memory, by turns.

    python benchmarks/populations.py [ROUNDS] [--events N] [--entities N] [--weeks N]

Each Monday at six every entity is asked about that had an event in 28 days, with two features. Both read the same
stored rows, each in a fresh process, and write one row for each tick and member. The rows are compared. Memory is that
of the whole process; `--weeks` shows whether it grows with the number of ticks.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from features_platform import _timed, _write, build, ingest
from worlds import events

END = datetime(2023, 12, 31, tzinfo=UTC)
EVERY = "0 6 * * 1 UTC"
FEATURES = {
    "visits": {"count": True, "windows": ["28d"]},
    "spend": {"sum": "amount", "windows": ["84d"]},
}


def project_of(folder: Path, feed: str) -> Any:
    """Return a project with one source of events, one feature table, and a model that asks at ticks."""
    from ml_platform.project import open_project

    header = {"spec_version": 1, "description": "For a benchmark.", "owner": "team:benchmark"}
    entities = {"entities": {"who": ["entity"]}, "currency": "EUR", "name": "benchmark"}
    columns = {"id": "int", "entity": "int", "ts": "timestamp", "amount": "float"}
    source = {"key": ["id"], "event_timestamp": "ts", "known_at": {"delay": "2h"}, "columns": columns}
    table = {"entity": "who", "source": "events", "refresh": "1h", "publish_delay": "10m", "features": FEATURES}
    model = {
        "task": "regression",
        "population": {"entity": "who", "every": EVERY, "while": "recent.visits_28d > 0"},
        "label": {"source": "events", "sum": "amount", "within": "28d"},
        "features": ["recent.*"],
        "split": {"train": "60d", "validate": "30d", "test": "30d"},
        "algorithm": "ridge",
        "value": {"payoff": "label", "do_nothing": "0"},
        "monitoring": {"window": "7d"},
    }
    _write(folder / "project.yaml", header | entities | {"clock": {"simulated_from": "2023-01-01T00:00:00Z"}})
    _write(folder / "sources/events.yaml", header | {"name": "events", "reader": {"parquet": feed}} | source)
    _write(folder / "features/recent.yaml", header | {"name": "recent"} | table)
    _write(folder / "models/spend.yaml", header | {"name": "spend"} | model)
    return open_project(folder)


def platform(root: str, weeks: str, result: str) -> dict[str, float]:
    """Write the population with its features, period by period, as a snapshot is made."""
    from ml_platform.datasets.frame import Frame
    from ml_platform.project import open_project

    project = open_project(root)
    inputs = json.loads((Path(root) / "inputs.json").read_text())

    def work() -> None:
        writer = None
        with project.engine() as engine:
            frame = Frame(project, "spend", inputs, engine)
            for period in frame.periods(END - timedelta(weeks=int(weeks)), END):
                rows = frame.rows(*period)
                writer = writer or pq.ParquetWriter(result, rows.schema)
                writer.write_table(rows)
        assert writer is not None
        writer.close()

    return _timed(work)


def script(root: str, weeks: str, result: str) -> dict[str, float]:
    """Do the same with SQL."""
    import duckdb

    files = json.loads((Path(root) / "chunks.json").read_text())
    start = (END - timedelta(weeks=int(weeks))).isoformat()
    query = f"""
        COPY (WITH ticks AS (
                  SELECT day + INTERVAL 6 HOUR AS tick, day + INTERVAL 5 HOUR AS read
                  FROM (SELECT unnest(generate_series(TIMESTAMPTZ '2022-12-26', TIMESTAMPTZ '{END.isoformat()}',
                                                      INTERVAL 7 DAY)) AS day)
                  WHERE day + INTERVAL 6 HOUR > TIMESTAMPTZ '{start}')
              SELECT tick, entity, sum(amount) AS spend,
                     count(*) FILTER (r._event_at > read - INTERVAL 28 DAY) AS visits
              FROM ticks JOIN read_parquet({files}) r
              ON r._event_at > read - INTERVAL 84 DAY AND r._event_at <= read AND r._known_at <= read
              GROUP BY ALL HAVING visits > 0) TO '{result}' (FORMAT parquet)"""
    return _timed(lambda: duckdb.connect(config={"threads": 2}).execute("SET TimeZone='UTC'").execute(query))


def made_world(folder: Path, rows: int, entities: int) -> str:
    """Ingest the events and build the feature table; return the project's folder."""
    from ml_platform.sources.source_log import chunk_names

    root = folder / "project"
    project = project_of(root, str(events(folder, rows, entities)))
    id = ingest(project)
    source = project.store.get("source", id)
    files = [str(project.store.local_path(source.objects[name])) for name in chunk_names(source)]
    (root / "chunks.json").write_text(json.dumps(files))
    (root / "inputs.json").write_text(json.dumps({"sources/events": id, "features/recent": build(project, id).id}))
    return str(root)


def compare(folder: Path) -> int:
    """Return how many rows there are; raise where one differs."""
    import duckdb

    query = f"""
        SELECT count(*), count(*) FILTER (
            p.entity IS NULL OR s.entity IS NULL OR visits <> "recent.visits_28d"
            OR abs(spend - "recent.spend_84d") > 1e-6 * greatest(abs(spend), 1))
        FROM '{folder}/platform.parquet' p FULL JOIN '{folder}/script.parquet' s
        ON p.entity = s.entity AND p.effective_time = s.tick"""
    rows, different = duckdb.sql(query).fetchall()[0]
    assert rows > 0, "there is no member"
    assert different == 0, f"{different} of {rows} rows differ"
    return int(rows)


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--entities", type=int, default=100_000)
    parser.add_argument("--weeks", type=int, default=26)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        root = made_world(folder, options.events, options.entities)
        runs: dict[str, list[dict[str, float]]] = {"platform": [], "script": []}
        for _ in range(options.rounds):
            for who, took in runs.items():
                took.append(_in_a_process(who, root, str(options.weeks), str(folder / f"{who}.parquet")))
        rows = compare(folder)
        print(f"### {options.entities:,} entities, {options.events:,} events, {options.weeks} weeks: {rows:,} rows\n")
        print("| ml_platform | bare DuckDB | ratio | processor time, ratio | memory |")
        print("|---|---|---|---|---|")
        print(_line(runs))


def _line(runs: dict[str, list[dict[str, float]]]) -> str:
    mine, theirs = (
        {what: statistics.median(run[what] for run in runs[who]) for what in ("seconds", "processor", "memory")}
        for who in ("platform", "script")
    )
    ratio, used = (mine[what] / theirs[what] for what in ("seconds", "processor"))
    both = f"{mine['seconds']:.1f} s | {theirs['seconds']:.1f} s"
    return f"| {both} | {ratio:.2f} | {used:.2f} | {mine['memory']:.1f} and {theirs['memory']:.1f} GB |"


def _in_a_process(who: str, *arguments: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--run", who, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parent)
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps({"platform": platform, "script": script}[sys.argv[2]](*sys.argv[3:])))
    else:
        main()
