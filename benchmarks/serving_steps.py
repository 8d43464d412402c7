"""Processor time of one prediction of the service without HTTP: rows one after the other, and rows together.

    python benchmarks/serving_steps.py [--slices N] [--project FOLDER]

What is timed: the body is read, the row looked up, predicted, logged, and the answer written as JSON. Entities differ
from row to row. Each slice has 480 rows; the least of all slices says most on a busy machine.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from serving_world import MODEL, keys_of, served_project

ROWS = 480


def answered(routes: object, service: object, bodies: Sequence[bytes], together: int) -> float:
    """Answer bodies, so many together, and return the microseconds of processor time for each."""
    begun = time.process_time()
    for start in range(0, len(bodies), together):
        rows = [routes.row(MODEL, body) for body in bodies[start : start + together]]  # type: ignore[attr-defined]
        for body in routes.log(routes.answer_rows(MODEL, rows)):  # type: ignore[attr-defined]
            service.encode(body)  # type: ignore[attr-defined]
    return (time.process_time() - begun) / len(bodies) * 1e6


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--slices", type=int, default=15)
    parser.add_argument("--project", type=Path, help="a project that `serving_world.py` made")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from ml_platform.project import open_project
    from ml_platform.serving.metrics import Metrics
    from ml_platform.serving.overload import Overload
    from ml_platform.serving.routes import Routes
    from ml_platform.serving.service import Service

    with tempfile.TemporaryDirectory() as folder:
        root = options.project or served_project(Path(folder), 5, 20_000, 600_000)
        service = Service(open_project(root))
        routes = Routes(service, Metrics(), Overload(service.limits))
        bodies = [b'{"entity":%d}' % key for key in keys_of(Path(folder), 0, 20_000)]
        slices = [bodies[start : start + ROWS] for start in range(0, len(bodies) - ROWS, ROWS)]
        gc.collect()
        gc.freeze()
        print("| rows together | least | median |\n|---|---|---|")
        for together in (1, 2, 4, 8, 16):
            answered(routes, service, slices[0], together)
            taken = [answered(routes, service, slices[n % len(slices)], together) for n in range(options.slices)]
            print(f"| {together} | {min(taken):.1f} us | {statistics.median(taken):.1f} us |", flush=True)
        service.close()


if __name__ == "__main__":
    main()
