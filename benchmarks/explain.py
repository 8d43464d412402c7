"""`ml-platform explain` beside the least that any script has to do: load LightGBM and the model, and split one score.

    python benchmarks/explain.py [ROUNDS] [PROJECT]

The project must have predicted, as the flights have after `make demo`. The command finds the prediction by its id in
the log, looks its features and their source rows up again, scores twice and compares bytes; the script is given the
model and the encoded row in files. Both are fresh processes, by turns, from start to end; the table gives medians.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FLIGHTS = Path(__file__).parent.parent / "examples" / "flights"
MODEL, MANY = "late_arrival", 200
PROGRAM = str(Path(sys.executable).parent / "ml-platform")
BARE = """
import json, sys
import lightgbm, numpy
booster = lightgbm.Booster(model_file=sys.argv[1])
parts = booster.predict(numpy.load(sys.argv[2]), pred_contrib=True)[0]
print(json.dumps({"base": parts[-1], "amounts": sorted(parts[:-1].tolist())}))
"""


def prepare(project: Path, folder: Path) -> tuple[list[str], list[str]]:
    """Return ids of predictions, and the files of the bare script for the first of them."""
    import numpy as np
    import pandas as pd

    from ml_platform.audit.explain.lookup import find_predictions
    from ml_platform.models.inputs.columns import read_columns
    from ml_platform.models.predictor import load_predictor
    from ml_platform.project import open_project

    opened = open_project(project)
    ran = subprocess.run([PROGRAM, "predictions", MODEL, str(project), "--json"], check=True, capture_output=True)
    ids = [row["prediction_id"] for row in json.loads(ran.stdout)]
    (logged,) = find_predictions(opened, ids[:1])
    row: pd.DataFrame = logged.rows
    predictor = load_predictor(opened, opened.store.get("trained_model", row["trained_model"].iloc[0]))
    model, values = folder / "model.txt", folder / "row.npy"
    model.write_text(predictor.estimator.text)
    np.save(values, predictor.encode(read_columns(row, predictor.inputs)).values)
    return ids, [str(model), str(values)]


def run(command: list[str]) -> dict[str, Any]:
    """Run a command in a process of its own; return its time, its processor time and what it said."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"all": time.perf_counter() - started, "processor": processor, "said": done.stdout}


def in_a_process_that_runs(project: Path, ids: list[str]) -> float:
    """Return the median time of one explanation, each of another prediction, where everything is loaded."""
    from ml_platform.audit.explain import explain
    from ml_platform.project import open_project

    opened = open_project(project)
    now, times = opened.clock.now(), []
    for id in ids[: 1 + 2 * ROUNDS]:
        started = time.perf_counter()
        explain(opened, id, now)
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def require_same(explained: str, bare: str) -> None:
    """Stop where the two do not agree."""
    (explained_one,), expected = json.loads(explained)["contributions"], json.loads(bare)
    assert explained_one["base"] == expected["base"]
    assert sorted(term["amount"] for term in explained_one["terms"]) == expected["amounts"]


def show(actual: dict[str, list[dict[str, Any]]], running: float, many: float) -> None:
    """Print the table."""
    figure: Callable[[str, str], float] = lambda who, what: statistics.median(one[what] for one in actual[who])  # noqa: E731
    print("| | time | ratio | processor time |\n|---|---|---|---|")
    bare = figure("bare", "all")
    for who, name in (("command", "`ml-platform explain ID`"), ("bare", "LightGBM alone, in a bare script")):
        took, processor = figure(who, "all"), figure(who, "processor")
        print(f"| {name} | {took:.2f} s | {took / bare:.2f} | {processor:.2f} s |")
    print(f"| `ml_platform.explain` where all is loaded | {running:.2f} s | {running / bare:.2f} | |")
    print(f"| each of {MANY} at once | {many / MANY:.3f} s | {many / MANY / bare:.3f} | |")


ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 7

if __name__ == "__main__":
    project = Path(sys.argv[2]) if len(sys.argv) > 2 else FLIGHTS
    if not (project / ".ml_platform").exists():
        sys.exit(f"{project} has not predicted yet. Run `make demo` first, or name another project.")
    with tempfile.TemporaryDirectory() as folder:
        ids, files = prepare(project, Path(folder))
        commands = {
            "command": [PROGRAM, "explain", ids[0], str(project), "--json"],
            "bare": [sys.executable, "-c", BARE, *files],
        }
        outputs: dict[str, list[dict[str, Any]]] = {who: [] for who in commands}
        for number in range(ROUNDS + 1):  # the first round reads files that nobody has read
            print(f"round {number} of {ROUNDS}", file=sys.stderr)
            for who, command in commands.items():
                done = run(command)
                if number:
                    outputs[who].append(done)
        require_same(outputs["command"][0]["said"], outputs["bare"][0]["said"])
        many = run([PROGRAM, "explain", str(project), "--model", MODEL, "--sample", str(MANY), "--json"])["all"]
        show(outputs, in_a_process_that_runs(project, ids), many)
