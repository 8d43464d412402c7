"""What an experiment costs beside the same work by hand, and how long a comparison of 1,000 runs takes.

    python benchmarks/experiment.py feature [--project FOLDER] [--model NAME]
    python benchmarks/experiment.py compare [--project FOLDER] [--model NAME] [--runs N]

The project is one that was run, such as the flights after `make demo`; it is copied first, and only the copy is worked
on. `feature` changes the window of one feature. By hand means: the changed feature table, the snapshot and the model
are made by calls of the library in one process, on another copy of the state. Both train once. `compare` copies one
experiment's record and rows under other names, with other declared values and other money, and writes the page of all.
The page is then opened in a browser, where one is installed. Processor time is given beside the time of the clock: on a
machine that others use, it is the figure to compare.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

TABLE, BEFORE, AFTER = "flight_history", "{mean: arr_delay, windows: [28d]", "{mean: arr_delay, windows: [14d]"
PROGRAM = Path(sys.executable).with_name("ml-platform")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of the clock, and of processors, that work takes, processes that it starts among them."""
    begun, before = time.perf_counter(), _processor()
    work()
    return time.perf_counter() - begun, _processor() - before


def _processor() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def run(*command: str) -> str:
    """Run a command of the platform and return what it prints."""
    return subprocess.run([str(PROGRAM), *command], check=True, capture_output=True, text=True).stdout


def changed(project: Path, folder: Path) -> Path:
    """Write the declarations of a project with another window of one feature."""
    shutil.copytree(project, folder, ignore=shutil.ignore_patterns(".ml_platform"))
    file = folder / f"features/{TABLE}.yaml"
    assert BEFORE in file.read_text()
    file.write_text(file.read_text().replace(BEFORE, AFTER))
    return folder


def by_hand(folder: Path, model: str) -> None:
    """Make the changed feature table, the snapshot and the model, as of the last snapshot."""
    from datetime import datetime

    from ml_platform.datasets.snapshot.build import build_snapshot, last_as_of
    from ml_platform.declarations.graph import build_graph
    from ml_platform.declarations.node_name import NodeName
    from ml_platform.features.build import build_feature_table
    from ml_platform.models.train import train_model
    from ml_platform.project import open_project
    from ml_platform.storage.outputs import current_output

    project = open_project(folder)
    (node,) = (node for node in build_graph(project.spec) if node.name == NodeName("snapshot", model))
    inputs = {str(name): str(current_output(project.database, name)) for name in node.inputs}
    source = current_output(project.database, NodeName("source", project.spec.feature_tables[TABLE].source))
    inputs[f"features/{TABLE}"] = build_feature_table(project, TABLE, str(source)).artifact.id
    as_of = last_as_of(project, model)
    assert isinstance(as_of, datetime)
    train_model(project, model, build_snapshot(project, model, inputs, as_of).artifact.id)


def feature(project: Path, model: str, folder: Path) -> int:
    """Print what the change of one feature costs in both ways, and return the exit code."""
    other = changed(project, folder / "changed")
    hand = folder / "hand"
    shutil.copytree(other, hand)
    shutil.copytree(project / ".ml_platform", hand / ".ml_platform")
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import experiment; " + (
        f"experiment.by_hand(experiment.Path({str(hand)!r}), {model!r})"
    )
    manual = timed(lambda: subprocess.run([sys.executable, "-c", code], check=True))
    tried = timed(lambda: run("experiment", "one-feature", str(project), "--from", str(other), "--model", model))
    for name, (clock, processor) in (("by hand", manual), ("experiment", tried)):
        print(f"{name:<12}{clock:8.1f} s   {processor:8.1f} s of processors")
    print(f"{'beyond':<12}{tried[0] - manual[0]:8.1f} s   {tried[1] - manual[1]:8.1f} s of processors; limit: 10 s")
    return int(min(tried[0] - manual[0], tried[1] - manual[1]) > 10)


def copies(project: Path, model: str, number: int) -> None:
    """Make experiments of one: each with another declared value, and with money that differs by row."""
    from ml_platform.operations.experiments.rows import EarnedRows, read_rows, write_rows

    spaces, draw = project / ".ml_platform/experiments", np.random.default_rng(7)
    record = json.loads((spaces / "first/record.json").read_text())
    test, earlier = read_rows(spaces / f"first/space/rows-{model}.arrow")
    for count in range(number):
        folder = spaces / f"run-{count:04d}"
        (folder / "space").mkdir(parents=True)
        trial = json.loads(json.dumps(record)) | {"name": folder.name}
        trial["declared"][f"models/{model} algorithm.params.num_leaves"] = str(7 + count % 50)
        trial["declared"][f"models/{model} algorithm.params.learning_rate"] = str(round(0.01 + count % 20 / 100, 2))
        noise = draw.normal(1, 0.1, len(test.value))
        result = next(item for item in trial["models"] if item["model"] == model)
        result["paired"]["difference"]["amount"] = float((test.value * (noise - 1)).sum())
        (folder / "record.json").write_text(json.dumps(trial))
        rows = EarnedRows(test.keys, test.times, test.entities, test.value * noise, test.nothing)
        write_rows(folder / f"space/rows-{model}.arrow", rows, earlier)


def compare(project: Path, model: str, number: int, folder: Path) -> int:
    """Print how long the page of many runs takes to write and to open, and return the exit code."""
    run("experiment", "first", str(project), "--model", model)
    copies(project, model, number)
    page = folder / "many.html"
    against = ("--model", model, "--html", str(page))
    written = timed(lambda: run("compare", str(project), *against))
    print(f"page of {number:,} runs against the live version: {written[0]:.1f} s, {written[1]:.1f} s of processors")
    for name in ("first time", "again"):
        other = timed(lambda: run("compare", str(project), *against, "--against", "run-0000"))
        print(f"against another run, {name}: {other[0]:.1f} s, {other[1]:.1f} s of processors")
    opened = opens(page)
    print(
        f"{page.stat().st_size / 1e6:.1f} MB, opens in {'?' if opened is None else f'{opened:.2f} s'}; limits: 5 s, 2 s"
    )
    return int(min(written) > 5 or (opened or 0) > 2)


def opens(page: Path) -> float | None:
    """Return after how many seconds a browser has loaded and laid out a page; None without a browser."""
    sys.path.insert(0, str(Path(__file__).parent.parent))
    try:
        from tests.browser import chromium
    except ImportError:
        return None
    with chromium() as driver:
        driver.get("about:blank")
        driver.get(page.as_uri())
        driver.execute_script("return document.body.offsetHeight")
        timing = "const [entry] = performance.getEntriesByType('navigation'); return entry.loadEventEnd"
        return float(driver.execute_script(timing)) / 1000


def main() -> int:
    """Measure, print, and return 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("feature", "compare"))
    parser.add_argument("--project", type=Path, default=Path("examples/flights"))
    parser.add_argument("--model", default="late_arrival")
    parser.add_argument("--runs", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = folder / "project"
        shutil.copytree(options.project, project, ignore=shutil.ignore_patterns("experiments"))
        if options.what == "feature":
            return feature(project, options.model, folder)
        return compare(project, options.model, options.runs, folder)


if __name__ == "__main__":
    sys.exit(main())
