"""The flights factory beside the same thing written by hand: time of the core stages, and what comes out.

    python benchmarks/flights.py [ROUNDS]

All see 2013, train on 90 days, choose the number of trees on 14 and are tested on the last 14 of the year. The second
rival makes its windows only over the weeks that this one training needs; a factory keeps the whole year's. Each round
runs all of them in a fresh process each, one after the other; imports do not count. The table gives medians.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FLIGHTS = HERE.parent / "examples" / "flights"
MODEL = "late_arrival"
AS_OF = datetime(2014, 1, 2, 12, tzinfo=UTC)
IMPORTED = ("ibis.backends.sql.compilers.duckdb", "lightgbm", "skops.io", "sklearn.linear_model", "sklearn.pipeline")
STAGES = ("ingest", "feature tables", "snapshot", "train", "evaluate")


def by_hand(since: str = "2013-01-01") -> dict[str, Any]:
    """Run the script."""
    from flights_by_hand import run

    began = time.process_time()
    figures = run(since)
    return {"all": figures["all"], "auc": figures["auc"], "processor": time.process_time() - began}


def by_hand_for_once() -> dict[str, Any]:
    """Run the script on no more than it needs."""
    return by_hand(since="2013-08-28")


def platform() -> dict[str, Any]:
    """Run the factory's core stages for one model in an empty store, and then once more with nothing new."""
    for name in IMPORTED:
        importlib.import_module(name)
    from ml_platform.project import open_project

    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(FLIGHTS, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"), dirs_exist_ok=True)
        began = time.process_time()
        first, evaluation = _stages(open_project(Path(folder)))
        processor = time.process_time() - began
        unchanged, _ = _stages(open_project(Path(folder)))
    about = evaluation.about
    return {
        **first,
        "all": sum(first.values()),
        "processor": processor,
        "again": sum(unchanged.values()),
        "auc": about["figures"]["auc"],
        "value": [about["figures"][f"value_vs_do_nothing{end}"] for end in ("", "_low", "_high")],
        "rows": about["rows"],
    }


def _stages(project: Any) -> tuple[dict[str, float], Any]:
    from ml_platform.datasets.snapshot.build import build_snapshot
    from ml_platform.features.build import build_feature_table
    from ml_platform.models.train import train_model
    from ml_platform.registry.evaluation.evaluate import evaluate_model
    from ml_platform.sources.ingest import ingest_source

    spec, ids, times = project.spec, {}, dict.fromkeys(STAGES, 0.0)

    def timed(stage: str, node: str, make: Callable[[], Any]) -> None:
        started = time.perf_counter()
        ids[node] = make().artifact.id
        times[stage] += time.perf_counter() - started

    for name in spec.sources:
        timed("ingest", f"sources/{name}", lambda name=name: ingest_source(project, name, AS_OF).made)
    for name, table in spec.feature_tables.items():
        source = ids[f"sources/{table.source}"]
        make = lambda name=name, source=source: build_feature_table(project, name, source)  # noqa: E731
        timed("feature tables", f"features/{name}", make)
    timed("snapshot", "snapshot", lambda: build_snapshot(project, MODEL, dict(ids), AS_OF))
    timed("train", "trained_model", lambda: train_model(project, MODEL, ids["snapshot"]))
    timed("evaluate", "evaluation", lambda: evaluate_model(project, MODEL, ids["trained_model"], ids["snapshot"], None))
    return times, project.store.get("evaluation", ids["evaluation"])


def measure(rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Return what each rival gave in each round."""
    runs_of: dict[str, list[dict[str, Any]]] = {rival: [] for rival in RIVALS}
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}  # else waiting threads are measured on a busy machine
    for number in range(rounds):
        for rival, results in runs_of.items():
            print(f"round {number + 1} of {rounds}: {rival}", file=sys.stderr)
            command = [sys.executable, __file__, rival]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=HERE, env=environment)
            results.append(json.loads(done.stdout.splitlines()[-1]))
    return runs_of


def show(actual: dict[str, list[dict[str, Any]]]) -> None:
    """Print the table."""
    hand, once, factory = (_medians(actual[rival]) for rival in RIVALS)
    print("| | by hand | by hand, for once | ml_platform | ratio |\n|---|---|---|---|---|")
    _line("core stages", hand["all"], once["all"], factory["all"])
    for stage in STAGES:
        print(f"| ... {stage} | | | {factory[stage]:.1f} s | |")
    _line("processor time of all threads", hand["processor"], once["processor"], factory["processor"])
    _line("again, nothing new", hand["all"], once["all"], factory["again"])
    print(f"| AUC on the year's last 14 days | {hand['auc']:.4f} | {once['auc']:.4f} | {factory['auc']:.4f} | |")
    value, low, high = actual["platform"][0]["value"]
    print(f"| worth on those days against doing nothing, USD | | | {value:,.0f} ({low:,.0f} to {high:,.0f}) | |")


def _line(name: str, hand: float, once: float, factory: float) -> None:
    ratios = f"{factory / hand:.2f}, {factory / once:.2f}"
    print(f"| {name} | {hand:.1f} s | {once:.1f} s | {factory:.1f} s | {ratios} |")


def _medians(results: list[dict[str, Any]]) -> dict[str, float]:
    numbers = [name for name, figure in results[0].items() if isinstance(figure, int | float)]
    return {name: statistics.median(result[name] for result in results) for name in numbers}


RIVALS: dict[str, Callable[[], dict[str, Any]]] = {
    "by_hand": by_hand,
    "by_hand_for_once": by_hand_for_once,
    "platform": platform,
}

if __name__ == "__main__":
    argument = sys.argv[1] if len(sys.argv) > 1 else "3"
    if argument in RIVALS:
        print(json.dumps(RIVALS[argument]()))
    else:
        show(measure(int(argument)))
