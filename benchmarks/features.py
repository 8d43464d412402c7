"""The feature engine beside bare scripts and Feast: time, processor time and memory, in fresh processes, by turns.

    python benchmarks/features.py [ROUNDS] [--rivals PYTHON] [--only WORD]

PYTHON is an interpreter that has benchmarks/rivals.txt installed (`make bench` makes one). Imports do not count.
Each table gives medians, and ratios to the rival that it names. What the platform gives is compared with
what the rivals give, so that all of them did the same work.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from worlds import DAY, START, daily, events, questions

HERE = Path(__file__).parent
EVENTS, QUESTIONS, LARGE = 5_000_000, 1_000_000, 16_000_000
ATTRIBUTES = ("amount", "a0", "a1", "a2", "a3")
SIX = {
    "n": {"count": True, "windows": ["1h"]},
    "total": {"sum": "amount", "windows": ["1d"]},
    "mean": {"mean": "amount", "windows": ["7d"]},
    "spread": {"std": "amount", "windows": ["30d"]},
    "high": {"max": "amount", "windows": ["7d"]},
    "newest": {"last": "amount", "windows": ["30d"]},
}
IMPORTED = ("duckdb", "ibis.backends.sql.compilers.duckdb", "ml_platform.features.point_in_time", "pyarrow.parquet")
AFTER = datetime.fromisoformat("2030-01-01T00:00:00Z")


# The platform ------------------------------------------------------------------


def project_of(folder: Path, reader: str, features: dict[str, Any], refresh: str, delay: str, **settings: Any) -> Any:
    """Return a project with one source of events and one feature table, as a person would declare it."""
    columns = {"id": "int", "entity": "int", "ts": "timestamp", "amount": "float"}
    columns |= {name: "float" for name in ATTRIBUTES if name in json.dumps(features)}
    header = {"spec_version": 1, "description": "For a benchmark.", "owner": "team:benchmark"}
    entities = {"entities": {"who": ["entity"]}, "currency": "EUR", "name": "benchmark"}
    source = {"key": ["id"], "event_timestamp": "ts", "known_at": {"delay": "0s"}, "columns": columns}
    table = {"entity": "who", "source": "events", "refresh": refresh, "publish_delay": delay, "features": features}
    _write(
        folder / "project.yaml", header | entities | {"clock": {"simulated_from": "2023-01-01T00:00:00Z"}} | settings
    )
    _write(folder / "sources/events.yaml", header | {"name": "events", "reader": {"parquet": reader}} | source)
    _write(folder / "features/recent.yaml", header | {"name": "recent"} | table)
    from ml_platform.project import open_project

    return open_project(folder)


def _write(path: Path, declaration: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(declaration, indent=1))


def ingest(project: Any, now: datetime = AFTER) -> str:
    """Bring the events in and return the source's id."""
    from ml_platform.sources.ingest import ingest_source

    return ingest_source(project, "events", now).made.artifact.id


def build(project: Any, source: str) -> Any:
    """Build the feature table."""
    from ml_platform.features.build import build_feature_table

    return build_feature_table(project, "recent", source).artifact


def look_up(project: Any, table: Any, asked: str, result: str) -> None:
    """Read questions, look their features up, and write both."""
    from ml_platform.features.point_in_time import features_at

    read = pq.read_table(asked)
    rows = read.append_column("when", read["ts"].cast(pa.int64()))
    with project.engine() as engine:
        columns = list(project.spec.feature_tables["recent"].columns)
        same = {"entity": "entity"}
        features = features_at(project, engine, table, rows, keys=same, instant="when", columns=columns)
        engine.copy(engine.arrow("found", features), Path(result))


def platform_as_of(feed: str, asked: str, result: str) -> dict[str, float]:
    """Attributes as they were known at each question, from a feature table that stands."""
    features = {name: {"as_of": name} for name in ATTRIBUTES}
    with _folder() as folder:
        project = project_of(folder, feed, features, "1us", "0s")
        return _in_two(project, feed, asked, result)


def platform_windows(feed: str, asked: str, result: str) -> dict[str, float]:
    """Six features over windows: what making the table costs once, and what a look-up costs."""
    with _folder() as folder:
        return _in_two(project_of(folder, feed, SIX, "1h", "5m"), feed, asked, result)


def _in_two(project: Any, feed: str, asked: str, result: str) -> dict[str, float]:
    """Build in a process of its own, so that the look-up's memory is the look-up's."""
    build_took = _in_a_process("built", str(project.root), asked, result)
    return {"build": build_took["seconds"], "build_processor": build_took["processor"]} | _in_a_process(
        "looked_up", str(project.root), asked, result
    )


def built(root: str, asked: str, result: str) -> dict[str, float]:
    """Ingest, which does not count, and build."""
    from ml_platform.project import open_project

    project = open_project(root)
    source = ingest(project)
    return _timed(lambda: build(project, source))


def looked_up(root: str, asked: str, result: str) -> dict[str, float]:
    """Look the questions up in the table that stands."""
    from ml_platform.project import open_project
    from ml_platform.sources.ingest_history import last_ingest

    project = open_project(root)
    source = last_ingest(project.database, "events")
    assert source is not None
    table = build(project, source.id)
    return _timed(lambda: look_up(project, table, asked, result))


def another_day(feed: str, days: str, result: str) -> dict[str, float]:
    """One more day of 5,000 rows on a history of some days: ingest and feature table."""
    import ml_platform.sources.ingest as ingesting

    count = int(days)
    files: list[str] = []
    with _folder() as folder:
        data = folder / "data"
        data.mkdir()
        for path in sorted(Path(feed).iterdir())[:count]:
            (data / path.name).symlink_to(path)
        project = project_of(folder, "data/*.parquet", SIX, "1h", "5m")
        whole = _timed(lambda: build(project, ingest(project, _midnight(count))))
        reading = ingesting.read_parts

        def counted(staging: Any, spec: Any, parts: Any, *arguments: Any) -> Any:
            files.extend(part.name for part in parts)
            return reading(staging, spec, parts, *arguments)

        ingesting.read_parts = counted
        (data / f"{count:05d}.parquet").symlink_to(Path(feed) / f"{count:05d}.parquet")
        day = _timed(lambda: build(project, ingest(project, _midnight(count + 1))))
        assert len(files) == 1, f"one more day read {files}"
        unchanged = _timed(lambda: build(project, ingest(project, _midnight(count + 1))))
        assert len(files) == 1, "an unchanged project read its source"
    return {"whole": whole["seconds"], "again": unchanged["seconds"]} | day


def little_memory(feed: str, memory: str, result: str) -> dict[str, float]:
    """Ingest and build with an engine that may take far less memory than the source has."""
    with _folder() as folder:
        project = project_of(folder, feed, SIX, "1h", "5m", memory=memory)
        return _timed(lambda: build(project, ingest(project)))


def _midnight(days: int) -> datetime:
    return datetime.fromisoformat("1970-01-01T00:00:00Z") + timedelta(microseconds=START + days * DAY)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _timed(work: Callable[[], Any]) -> dict[str, float]:
    for name in IMPORTED:
        importlib.import_module(name)
    began, used = time.perf_counter(), time.process_time()
    work()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"seconds": time.perf_counter() - began, "processor": time.process_time() - used, "memory": memory}


PLATFORM: dict[str, Callable[..., dict[str, float]]] = {
    "as_of": platform_as_of,
    "windows": platform_windows,
    "built": built,
    "looked_up": looked_up,
    "another_day": another_day,
    "little_memory": little_memory,
}


def _in_a_process(name: str, *arguments: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--run", name, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=HERE)
    return dict(json.loads(done.stdout.splitlines()[-1]))


# The tables --------------------------------------------------------------------


class Bench:
    """Runs the platform and its rivals by turns, and prints what came of it."""

    def __init__(self, rounds: int, rivals: str | None, folder: Path) -> None:
        self._rounds, self._rivals, self._folder = rounds, rivals, folder

    def as_of(self) -> None:
        """Attributes at questions, Parquet to Parquet."""
        feed, asked = self._world(50_000)
        rivals = ("duckdb_as_of", "polars_as_of", "feast_as_of")
        turns = self._by_turns("as_of", rivals, feed, asked)
        self._agree(turns, "point", list(ATTRIBUTES), [f"recent.{name}" for name in ATTRIBUTES], "duckdb_as_of")
        print(f"\n### Point-in-time join: {QUESTIONS:,} rows x {EVENTS:,} rows x 5 columns, Parquet to Parquet\n")
        _table(turns, against="duckdb_as_of")

    def windows(self, entities: int) -> None:
        """Six features over windows."""
        feed, asked = self._world(entities)
        rivals = ("duckdb_join", "duckdb_windows", "polars_windows") if entities > 1000 else RIVALS_FOR_FEW
        results = self._by_turns("windows", rivals, feed, asked)
        names = [f"{name}_{feature['windows'][0]}" for name, feature in SIX.items()]  # type: ignore[index]
        self._agree(results, "point", names, [f"recent.{name}" for name in names], rivals[0])
        able = [rival for rival in rivals if rival in results]
        best = min(able, key=lambda rival: _median(results[rival], "seconds"), default="")
        print(f"\n### Six features over 1 h, 1 d, 7 d, 30 d: {EVENTS:,} events of {entities:,}, {QUESTIONS:,} points\n")
        _table(results, against=best)

    def days(self) -> None:
        """One more day on one, two and four years."""
        print("\n### One more day of 5,000 rows, and the same again with nothing new\n")
        print(
            "| history | made at once | one more day | processor time | again, no source read |\n|---|---|---|---|---|"
        )
        feed = daily(self._folder, 4 * 365 + 1, 5_000, 2_000)
        for years in (1, 2, 4):
            runs = [_in_a_process("another_day", str(feed), str(years * 365), "") for _ in range(self._rounds)]
            whole, day, used, unchanged = (_median(runs, name) for name in ("whole", "seconds", "processor", "again"))
            history = f"{years} years, {years * 365 * 5_000:,} rows"
            print(f"| {history} | {whole:.1f} s | {day:.2f} s | {used:.2f} s | {unchanged:.2f} s |")

    def memory(self) -> None:
        """A source ten times larger than the engine's memory."""
        feed = events(self._folder, LARGE, 50_000)
        size = LARGE * 8 * 8 / 1e6
        limit = f"{int(size // 10)}MB"
        run = _in_a_process("little_memory", str(feed), limit, "")
        print(f"\n### {LARGE:,} rows, {size:,.0f} MB in memory, with `memory: {limit}`\n")
        took = f"{run['seconds']:.0f} s, {run['processor']:.0f} s of processor time"
        print(f"Ingested and built in {took}; the process took {run['memory']:.2f} GB at most.")

    def _world(self, entities: int) -> tuple[Path, Path]:
        return events(self._folder, EVENTS, entities), questions(self._folder, QUESTIONS, entities)

    def _by_turns(
        self, name: str, rivals: tuple[str, ...], feed: Path, asked: Path
    ) -> dict[str, list[dict[str, float]]]:
        able = rivals if self._rivals else ()
        runs_of: dict[str, list[dict[str, float]]] = {"ml_platform": [], **{rival: [] for rival in able}}
        for number in range(self._rounds):
            for who, runs in runs_of.items():
                if who == "feast_as_of" and number:
                    continue  # half a minute each; once tells enough
                print(f"round {number + 1} of {self._rounds}: {who}", file=sys.stderr)
                paths = (str(feed), str(asked), str(self._folder / f"{who}.parquet"))
                runs.append(_in_a_process(name, *paths) if who == "ml_platform" else self._rival(who, paths))
        return runs_of

    def _rival(self, who: str, paths: tuple[str, ...]) -> dict[str, float]:
        command = [str(self._rivals), str(HERE / "rivals.py"), who, *paths]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        return dict(json.loads(done.stdout.splitlines()[-1]))

    def _agree(self, values: dict[str, Any], key: str, theirs: list[str], ours: list[str], rival: str) -> None:
        """Raise where the platform and a rival differ in any value."""
        if rival not in values:
            return
        mine = pq.read_table(self._folder / "ml_platform.parquet").sort_by(key).to_pandas()
        other = pq.read_table(self._folder / f"{rival}.parquet").sort_by(key).to_pandas()
        for here, there in zip(ours, theirs, strict=True):
            one, two = mine[here].astype(float), other[there].astype(float)
            same = ((one - two).abs() <= 1e-6 * two.abs().clip(1)) | (one.isna() & two.isna())
            assert same.all(), f"{here}: {(~same).sum()} of {len(same)} values differ from {rival}"


RIVALS_FOR_FEW = ("duckdb_windows", "polars_windows")


def _table(actual: dict[str, list[dict[str, float]]], against: str) -> None:
    print("| | time | ratio | processor time | memory |\n|---|---|---|---|---|")
    beside = _median(actual[against], "seconds") if against in actual else None
    for who, runs in actual.items():
        seconds, processor, memory = (_median(runs, name) for name in ("seconds", "processor", "memory"))
        ratio = f"{seconds / beside:.2f}" if beside else ""
        what = f"{who} (look-up)" if "build" in runs[0] else who
        print(f"| {what} | {seconds:.1f} s | {ratio} | {processor:.1f} s | {memory:.1f} GB |")
        if "build" in runs[0]:
            made, used = _median(runs, "build"), _median(runs, "build_processor")
            both = f"{(seconds + made) / beside:.2f}" if beside else ""
            print(f"| ... making the table, once | {made:.1f} s | | {used:.1f} s | |")
            print(f"| ... both | {seconds + made:.1f} s | {both} | {processor + used:.1f} s | |")


def _median(runs: list[dict[str, float]], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    parser.add_argument("--rivals")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    bench = Bench(options.rounds, options.rivals, folder)
    parts = {
        "as_of": bench.as_of,
        "windows_many": lambda: bench.windows(50_000),
        "windows_few": lambda: bench.windows(50),
        "days": bench.days,
        "memory": bench.memory,
    }
    try:
        for name, run in parts.items():
            if options.only in name:
                run()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps(PLATFORM[sys.argv[2]](*sys.argv[3:])))
    else:
        main()
