"""What the platform does in the benchmark of features, each in a fresh process: `features.py` starts them."""

from __future__ import annotations

import importlib
import json
import resource
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
from worlds import DAY, START

HERE = Path(__file__).parent

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
    """Attributes as they were known at each question, from a feature table that is there."""
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
    build_took = in_a_process("built", str(project.root), asked, result)
    return {"build": build_took["seconds"], "build_processor": build_took["processor"]} | in_a_process(
        "looked_up", str(project.root), asked, result
    )


def built(root: str, asked: str, result: str) -> dict[str, float]:
    """Ingest, which does not count, and build."""
    from ml_platform.project import open_project

    project = open_project(root)
    source = ingest(project)
    return _timed(lambda: build(project, source))


def looked_up(root: str, asked: str, result: str) -> dict[str, float]:
    """Look the questions up in the table that is there."""
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


def in_a_process(name: str, *arguments: str) -> dict[str, float]:
    """Run a function of `PLATFORM` in a fresh process of this file, and return what it measured."""
    command = [sys.executable, __file__, name, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=HERE)
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    print(json.dumps(PLATFORM[sys.argv[1]](*sys.argv[2:])))
