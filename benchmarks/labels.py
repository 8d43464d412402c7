"""Labels over windows beside a bare DuckDB script: time, processor time and memory, in fresh processes, by turns.

    python benchmarks/labels.py [ROUNDS] [--events N] [--questions N]

Both read the same stored rows and the same questions, and write the labels. The script joins rows that were known
when the label settled and groups by question. The labels are compared: both did the same work.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from features_platform import AFTER, _timed, _write, ingest
from worlds import events, questions

ENTITIES = 50_000
HOUR = 3_600_000_000
LABELS = {
    "spend": ({"sum": "amount", "within": "28d"}, "coalesce(sum(amount), 0)"),
    "visits": ({"count": True, "after": "1d", "within": "28d"}, "count(amount)"),
    "usual": ({"mean": "amount", "within": "7d"}, "avg(amount)"),
    "larger": (
        {"count": True, "where": "amount > events.amount", "within": "28d"},
        'count(r.amount) FILTER (r.amount > q."events.amount")',
    ),
}
"""By name: the label, and what it is in SQL. The last one compares each row with a column of the question."""
DAYS = {"spend": (0, 28), "visits": (1, 28), "usual": (0, 7), "larger": (0, 28)}


def project_of(folder: Path, feed: str) -> Any:
    """Return a project with one source of events and a model for each label."""
    from ml_platform.project import open_project

    header = {"spec_version": 1, "description": "For a benchmark.", "owner": "team:benchmark"}
    entities = {"entities": {"who": ["entity"]}, "currency": "EUR", "name": "benchmark"}
    columns = {"id": "int", "entity": "int", "ts": "timestamp", "amount": "float"}
    source = {"key": ["id"], "event_timestamp": "ts", "known_at": {"delay": "2h"}, "columns": columns}
    _write(folder / "project.yaml", header | entities | {"clock": {"simulated_from": "2023-01-01T00:00:00Z"}})
    _write(folder / "sources/events.yaml", header | {"name": "events", "reader": {"parquet": feed}} | source)
    for name, (label, _) in LABELS.items():
        model = {
            "task": "regression",
            "population": {"source": "events", "entity": "who", "prediction_time": "ts + 2h"},
            "label": {"source": "events", **label},
            "features": ["events.amount"],
            "split": {"train": "60d", "validate": "30d", "test": "30d"},
            "algorithm": "ridge",
            "value": {"payoff": "label", "do_nothing": "0"},
            "deployment": {"batch": "0 * * * * UTC"},
            "monitoring": {"window": "7d"},
        }
        _write(folder / f"models/{name}.yaml", header | {"name": name} | model)
    return open_project(folder)


def platform(root: str, asked: str, name: str, result: str) -> dict[str, float]:
    """Label questions and write the labels."""
    from ml_platform.datasets.labels.labels import with_labels
    from ml_platform.project import open_project
    from ml_platform.sources.ingest_history import last_ingest

    project = open_project(root)
    source = last_ingest(project.database, "events")
    assert source is not None

    def work() -> None:
        with project.engine() as engine:
            pq.write_table(with_labels(project, name, source.id, pq.read_table(asked), engine, AFTER), result)

    return _timed(work)


def script(root: str, asked: str, name: str, result: str) -> dict[str, float]:
    """Do the same with SQL."""
    import duckdb

    files = json.loads((Path(root) / "chunks.json").read_text())
    after, within = (f"INTERVAL {days} DAY" for days in DAYS[name])
    query = f"""
        COPY (SELECT q.point, q.entity, q.effective_time, {LABELS[name][1]} AS label
              FROM read_parquet('{asked}') q LEFT JOIN read_parquet({files}) r
              ON r.entity = q.entity AND r._event_at > q.effective_time + {after}
                 AND r._event_at <= q.effective_time + {within}
                 AND r._known_at <= q.effective_time + {within} + INTERVAL 2 HOUR
              GROUP BY ALL) TO '{result}' (FORMAT parquet)"""
    return _timed(lambda: duckdb.connect(config={"threads": 2}).execute("SET TimeZone='UTC'").execute(query))


def made_world(folder: Path, rows: int, count: int) -> tuple[str, str]:
    """Ingest the events, and write questions at full hours; return the project's folder and the questions' file."""
    from ml_platform.sources.source_log import chunk_names

    feed = events(folder, rows, ENTITIES)
    project = project_of(folder / "project", str(feed))
    source = project.store.get("source", ingest(project))
    files = [str(project.store.local_path(source.objects[name])) for name in chunk_names(source)]
    (folder / "project/chunks.json").write_text(json.dumps(files))
    asked = pq.read_table(questions(folder, count, ENTITIES))
    hours = pc.multiply(pc.divide(asked["ts"].cast(pa.int64()), HOUR), HOUR).cast(pa.timestamp("us", "UTC"))
    path = folder / "asked.parquet"
    numbers = pa.array((np.arange(len(asked)) % 97).astype("float64"))
    asked = asked.drop_columns(["ts"]).append_column("effective_time", hours).append_column("events.amount", numbers)
    pq.write_table(asked, path)
    return str(folder / "project"), str(path)


def compare(folder: Path, name: str) -> None:
    """Raise where a label differs that the platform knows."""
    mine, theirs = (
        pq.read_table(folder / f"{who}-{name}.parquet").sort_by("point").to_pandas() for who in ("platform", "script")
    )
    known = mine["label_state"].isin(["known", "null"]).to_numpy()
    assert known.mean() > 0.5, f"{name}: only {known.mean():.0%} of the labels are known"
    one, other = mine["label"].astype(float)[known], theirs["label"].astype(float)[known]
    same = ((one - other).abs() <= 1e-6 * other.abs().clip(1)) | (one.isna() & other.isna())
    assert same.all(), f"{name}: {(~same).sum()} of {len(same)} labels differ"


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--questions", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        root, asked = made_world(folder, options.events, options.questions)
        print(f"### Labels: {options.questions:,} questions x {options.events:,} events of {ENTITIES:,}\n")
        print("| label | ml_platform | bare DuckDB | ratio | processor time, ratio | memory |")
        print("|---|---|---|---|---|---|")
        for name in LABELS:
            runs: dict[str, list[dict[str, float]]] = {"platform": [], "script": []}
            for _ in range(options.rounds):
                for who, took in runs.items():
                    took.append(_in_a_process(who, root, asked, name, str(folder / f"{who}-{name}.parquet")))
            compare(folder, name)
            print(_line(name, runs))


def _line(name: str, runs: dict[str, list[dict[str, float]]]) -> str:
    mine, theirs = (
        {what: statistics.median(run[what] for run in runs[who]) for what in ("seconds", "processor", "memory")}
        for who in ("platform", "script")
    )
    ratio, used = (mine[what] / theirs[what] for what in ("seconds", "processor"))
    both = f"{mine['seconds']:.1f} s | {theirs['seconds']:.1f} s"
    return f"| {name} | {both} | {ratio:.2f} | {used:.2f} | {mine['memory']:.1f} and {theirs['memory']:.1f} GB |"


def _in_a_process(who: str, *arguments: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--run", who, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parent)
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps({"platform": platform, "script": script}[sys.argv[2]](*sys.argv[3:])))
    else:
        main()
