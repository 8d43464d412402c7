"""How often a 95 % interval of money holds the truth, in worlds whose truth is known, beside the former method.

    python benchmarks/intervals.py [--replications N] [--days D] [--check] [WORLD ...]

The library's own `earnings` is called on rows; the former method is a percentile bootstrap over days. A world is a mean
payoff a row, or a paired difference (it is the same: a column of rows). Coverage is over the replications that are not
declined; their median width is in widths of one who knows the true standard error (3.92 of it). All is seeded.
With ``--check`` the script fails where a coverage is below its floor by more than three standard errors. In worlds of
correlated days, of which it then draws at least 1,000, it also fails where intervals without a warning hold the truth
in less than 93 or more than 97 %.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
from interval_worlds import WORLDS, WORLDS_IN_BAND, run, shortfalls

from ml_platform.registry.evaluation.intervals import earnings


def cost() -> float:
    """Return the processor time of 10 pairs of 5 contenders, 1 M rows, 90 days, 50,000 entities, in seconds."""
    draw, rows = np.random.default_rng(0), 1_000_000
    day, entity = np.sort(draw.integers(0, 90, rows)), draw.integers(0, 50_000, rows)
    values = {str(number): draw.standard_t(3, rows) for number in range(5)}
    began = time.process_time()
    earned = earnings(values, day, entity)
    for name in values:
        for other in values:
            if name < other:
                earned.difference(name, other)
    return time.process_time() - began


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("worlds", nargs="*", help="names of worlds; all without one")
    parser.add_argument("--replications", type=int, default=400)
    parser.add_argument("--days", type=int, help="this number of days alone")
    parser.add_argument("--check", action="store_true", help="fail where a floor is missed")
    asked = parser.parse_args()
    print(
        "| world | days | bootstrap over days (before) | now | now, with 60 days of history | oracle |\n"
        + "|---" * 6
        + "|"
    )
    problems = []
    for name in asked.worlds or WORLDS:
        world, seed = WORLDS[name], list(WORLDS).index(name)
        replications = (
            max(asked.replications, WORLDS_IN_BAND) if asked.check and world.is_correlated else asked.replications
        )
        for days in (asked.days,) if asked.days else world.days:
            ran = run(world, days, replications, seed)
            shown = " | ".join(str(ran.get(method, "")) for method in ("before", "now", "history", "oracle"))
            print(f"| {name} | {days} | {shown} |", flush=True)
            problems += shortfalls(name, world, days, ran, replications)
    print(f"\n10 pairs of 5 contenders, 1 M rows, 90 days, 50,000 entities: {cost():.2f} s of processor time")
    print("\n".join(problems), file=sys.stderr)
    return 1 if asked.check and problems else 0


if __name__ == "__main__":
    sys.exit(main())
