"""Predictions for a file of many rows: `ml-platform predict` beside bare LightGBM that reads and writes the same rows.

The file has all features, so nothing is looked up. Both run as processes of one thread, in turn. Of each: seconds of
the processor and of the wall, and the most memory, which is measured with a tenth of the rows, too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODEL, _PART = "spend", 100_000
_BARE = """
import sys, lightgbm, numpy as np, pyarrow as pa, pyarrow.parquet as pq
model, source, to = sys.argv[1:]
booster, schema = lightgbm.Booster(model_file=model), pq.read_schema(source)
with pq.ParquetWriter(to, schema.append(pa.field("score", pa.float64()))) as out:
    for batch in pq.ParquetFile(source).iter_batches(100_000):
        table = pa.Table.from_batches([batch])
        matrix = np.column_stack([table[number].to_numpy() for number in range(1, len(schema))])
        out.write_table(table.append_column("score", pa.array(booster.predict(matrix, num_threads=1))))
"""
_COMPARE = """
import sys, pyarrow.parquet as pq
ours, bare = (pq.read_table(file, columns=["score"])["score"].to_numpy() for file in sys.argv[1:])
if ours.tobytes() != bare.tobytes():
    sys.exit(f"{(ours != bare).sum():,} of {len(ours):,} scores differ")
"""


def main() -> None:
    """Measure, compare the scores, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--make", help="Make the project and the files in a folder, and nothing else.")
    asked = parser.parse_args()
    if asked.make:
        return make(Path(asked.make), asked.rows)
    with tempfile.TemporaryDirectory() as folder:
        # A process's largest memory counts that of its parent when it began, so this one stays small.
        subprocess.run([sys.executable, __file__, "--make", folder, "--rows", str(asked.rows)], check=True)
        root = next(Path(folder).glob("project-*"))
        large, small = (_path(Path(folder), rows) for rows in (asked.rows, asked.rows // 10))
        runs = [(_run(_ours(root, large)), _run(_bare(root, large))) for _ in range(asked.repeats)]
        subprocess.run([sys.executable, "-c", _COMPARE, f"{large}.ours.parquet", f"{large}.bare.parquet"], check=True)
        fewer = _run(_ours(root, small)), _run(_bare(root, small))
    medians = [[statistics.median(run[side][figure] for run in runs) for figure in range(3)] for side in (0, 1)]
    print(f"{asked.rows:,} rows, 75 features, 300 trees, one thread; medians of {asked.repeats}")
    for name, (processor, wall, memory), less in zip(("ml-platform predict", "LightGBM"), medians, fewer, strict=True):
        memories = f"{memory:,.0f} MB; with a tenth of the rows {less[2]:,.0f} MB"
        print(f"  {name:20} {processor:7.1f} s of the processor, {wall:7.1f} s of the wall, {memories}")
    ratios = [ours / theirs for ours, theirs in zip(*medians, strict=True)]
    print(f"  ratio: {ratios[0]:.2f} of the processor, {ratios[1]:.2f} of the wall")


def make(folder: Path, rows: int) -> None:
    """Make a project, and two files of entities with features, each drawn from what the snapshot has of it."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from serving_world import served_project

    import ml_platform

    root = served_project(folder, 5, 2_000, 200_000)
    frame = ml_platform.load_snapshot(root, f"{MODEL}@1").train
    values = {name: frame[name].to_numpy(dtype=float) for name in frame if name.startswith("table_")}
    schema = pa.schema([("entity", pa.int64()), *((name, pa.float64()) for name in values)])
    for wanted in (rows, rows // 10):
        draw = np.random.default_rng(wanted)
        with pq.ParquetWriter(_path(folder, wanted), schema) as out:
            for start in range(0, wanted, _PART):
                count = min(_PART, wanted - start)
                drawn = {name: draw.choice(known, count) for name, known in values.items()}
                out.write_table(pa.table({"entity": draw.integers(0, 2_000, count), **drawn}, schema=schema))


def _path(folder: Path, rows: int) -> Path:
    return folder / f"rows-{rows}.parquet"


def _ours(root: Path, file: Path) -> list[str]:
    program = str(Path(sys.executable).parent / "ml-platform")
    return [program, "predict", f"{MODEL}@1", str(file), str(root), "--to", f"{file}.ours.parquet"]


def _bare(root: Path, file: Path) -> list[str]:
    return [sys.executable, "-c", _BARE, str(root / "trees.txt"), str(file), f"{file}.bare.parquet"]


def _run(command: list[str]) -> tuple[float, float, float]:
    """Run a process; return seconds of the processor, seconds of the wall, and its most memory in MB."""
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    begun = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **one}, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} ended with {os.waitstatus_to_exitcode(status)}")
    return used.ru_utime + used.ru_stime, time.perf_counter() - begun, used.ru_maxrss / 1024


if __name__ == "__main__":
    main()
