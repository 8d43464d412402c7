"""Processor time of the smallest project: its first run, a run with nothing to do, and commands that only look.

The project is that of ``ml-platform init DIR --template binary``. Each command is a process of its own, and its child
processes count. `--rounds` repeats the whole in new projects; medians are printed.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMANDS = {
    "first run": ("run",),
    "run, nothing to do": ("run",),
    "status": ("status",),
    "validate": ("validate",),
    "--help": ("--help",),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = [_one_round() for _ in range(parser.parse_args().rounds)]
    print(f"{'command':20} {'processor':>9} {'clock':>7}")
    for name in COMMANDS:
        spent, took = (statistics.median(one[name][place] for one in rounds) for place in (0, 1))
        print(f"{name:20} {spent:7.2f} s {took:5.1f} s")


def _one_round() -> dict[str, tuple[float, float]]:
    with tempfile.TemporaryDirectory() as folder:
        project = str(Path(folder, "shop"))
        _seconds("init", project, "--template", "binary")
        _seconds("validate", project)  # the first process after an installation compiles what it imports
        return {name: _seconds(*words, *([] if name == "--help" else [project])) for name, words in COMMANDS.items()}


def _seconds(*words: str) -> tuple[float, float]:
    """Return the processor time and the elapsed time of a command, in seconds."""
    command = [str(Path(sys.executable).with_name("ml-platform")), *words]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, time.perf_counter() - began


if __name__ == "__main__":
    main()
