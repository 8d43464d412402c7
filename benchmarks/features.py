"""The feature engine beside bare scripts and Feast: time, processor time and memory, in fresh processes, by turns.

    python benchmarks/features.py [ROUNDS] [--rivals PYTHON] [--only WORD]

PYTHON is an interpreter that has benchmarks/rivals.txt installed (`make bench` makes one). Imports do not count.
Each table gives medians, and ratios to the rival that it names. What the platform gives is compared with
what the rivals give, so that all of them did the same work.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from features_platform import ATTRIBUTES, HERE, SIX, in_a_process
from worlds import daily, events, questions

EVENTS, QUESTIONS, LARGE = 5_000_000, 1_000_000, 16_000_000


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
            runs = [in_a_process("another_day", str(feed), str(years * 365), "") for _ in range(self._rounds)]
            whole, day, used, unchanged = (_median(runs, name) for name in ("whole", "seconds", "processor", "again"))
            history = f"{years} years, {years * 365 * 5_000:,} rows"
            print(f"| {history} | {whole:.1f} s | {day:.2f} s | {used:.2f} s | {unchanged:.2f} s |")

    def memory(self) -> None:
        """A source ten times larger than the engine's memory."""
        feed = events(self._folder, LARGE, 50_000)
        size = LARGE * 8 * 8 / 1e6
        limit = f"{int(size // 10)}MB"
        run = in_a_process("little_memory", str(feed), limit, "")
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
                runs.append(in_a_process(name, *paths) if who == "ml_platform" else self._rival(who, paths))
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
    main()
