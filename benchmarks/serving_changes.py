"""Requests without pause while champions change, and while the online store is refreshed: failures, p99, the longest.

    python benchmarks/serving_changes.py swaps|refresh [--requests N] [--project FOLDER]

One worker and one connection. The same load is measured before, without any change, and beside a process that computes
and has nothing to do with the service: on two cores that is what every other process does to a p99. Changes are made
by a process of their own: 50 deployments and 10 rollbacks, or one refresh after the other. Refreshes are measured a
second time with `nice -n 10`, as one would run them on a machine that also serves.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import psutil
from serving import free_port, requests_of, running, service
from serving_load import Load, load
from serving_world import MODEL, keys_of, served_project, take_champion

SWAPS, ROLLBACKS = 50, 10
SPIN = "while True:\n    sum(number * number for number in range(1000))"


def second_version(root: Path) -> None:
    """Train one tree more, and deploy it."""
    from ml_platform.models.train import train_model
    from ml_platform.project import open_project
    from ml_platform.storage.versions import register_version

    file = root / f"models/{MODEL}.yaml"
    file.write_text(file.read_text().replace('"num_iterations": 300', '"num_iterations": 301'))
    project = open_project(root)
    now = project.clock.now()
    snapshot = json.loads((root / "inputs.json").read_text())["snapshot"]
    take_champion(project, register_version(project, MODEL, train_model(project, MODEL, snapshot).artifact, now), now)


def swap(root: Path, seconds: float) -> None:
    """Deploy the two versions by turns, and roll back after every fifth, spread over some seconds."""
    from ml_platform.project import open_project
    from ml_platform.registry.rollback import roll_back
    from ml_platform.storage.versions import versions

    project = open_project(root)
    both = versions(project, MODEL)[:2]
    for move in range(SWAPS + ROLLBACKS):
        version, now = both[move % 2], project.clock.now()
        if move % 6 == 5:
            roll_back(project, MODEL, to=version, actor="benchmark", reason="it is measured", now=now)
        else:
            take_champion(project, version, now)
        time.sleep(seconds / (SWAPS + ROLLBACKS))


def refresh(root: Path, _: float) -> None:
    """Publish one hourly tick after the other until it is killed."""
    from ml_platform.operations.online.publish import online_store, publish_online
    from ml_platform.project import open_project

    project = open_project(root)
    inputs = json.loads((root / "inputs.json").read_text())["online"]
    with online_store(project).view() as view:
        from ml_platform.core.clock import from_micros

        now = from_micros(view.description.as_of)
    while True:
        now, begun = now + timedelta(hours=1), time.monotonic()
        done = publish_online(project, inputs, now)
        print(
            f"{done.outcome}: {done.changed:,} records in {time.monotonic() - begun:.1f} s", file=sys.stderr, flush=True
        )


def beside(command: Sequence[str], port: int, process: psutil.Process, asked: Sequence[bytes], seconds: float) -> Load:
    """Measure while a process runs."""
    other = subprocess.Popen(command)
    try:
        return load(port, process, asked, 1, seconds)
    finally:
        other.kill()
        other.wait()


def measure(what: str, root: Path, folder: Path, total: int, entities: int, rounds: int) -> None:
    """Print a line for each time."""
    rival, port = service("service", root, keys_of(folder, 0, entities)), free_port()
    asked = requests_of(rival, port)
    change = [sys.executable, __file__, "--change", what, "--project", str(root), "--seconds"]
    polite = {"swaps": {}, "refresh": {"refresh, nice -n 10": ["nice", "-n", "10", *change]}}[what]
    print("| | requests | not answered | p50 | p99 | longest | over 20 ms | p99, against quiet", end=" | ")
    print("p99, longest of the server's processor time | p99 of it, against quiet |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    with running(rival, port, folder) as process:
        for _ in range(rounds):
            load(port, process, asked, 1, 2.0)
            quiet = load(port, process, asked, 1, 15.0)
            seconds = total / rounds / quiet.rate
            loads = {"quiet": quiet}
            for name, command in {what: change, **polite}.items():
                loads[name] = beside([*command, str(seconds * 0.9)], port, process, asked, seconds)
            loads["another process"] = beside([sys.executable, "-c", SPIN], port, process, asked, 15.0)
            for name, one in loads.items():
                shown = f"{one.requests:,} | {one.failed} | {one.p50:.2f} ms | {one.p99:.1f} ms | {one.longest:.0f} ms"
                shown += f" | {one.over_20_ms} | {one.p99 / quiet.p99:.2f}"
                worked = f"{one.worked_p99:.2f} ms, {one.worked_longest:.1f} ms"
                print(f"| {name} | {shown} | {worked} | {one.worked_p99 / quiet.worked_p99:.2f} |", flush=True)


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["swaps", "refresh"], nargs="?", default="swaps")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--entities", type=int, default=20_000)
    parser.add_argument("--project", type=Path, help="a project that `serving_world.py` made")
    parser.add_argument("--change", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=60.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.change:
        return {"swaps": swap, "refresh": refresh}[options.change](options.project, options.seconds)
    with tempfile.TemporaryDirectory() as directory:
        root = options.project or served_project(Path(directory), 5, options.entities, 600_000)
        second_version(root)
        measure(options.what, root, Path(directory), options.requests, options.entities, options.rounds)


if __name__ == "__main__":
    main()
