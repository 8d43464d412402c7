"""How often a 95 % interval of money holds the truth, in worlds whose truth is known, beside the former method.

    python benchmarks/intervals.py [--replications N] [--check] [WORLD ...]

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
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from interval_worlds import WORLDS, World

from ml_platform.registry.evaluation.intervals import Earnings, earnings

HISTORY = 60
BAND, WORLDS_IN_BAND = (0.93, 0.97), 1000
_DRAWS = 200


@dataclass(frozen=True)
class Result:
    """What a method did in one world over one number of days; `unwarned` is the coverage of intervals without a note.

    `unwarned` has the number of such intervals beside it; None where each has a note.
    """

    coverage: float
    declined: float
    width: float
    unwarned: tuple[float, int] | None = None

    def __str__(self) -> str:
        declined = f", {self.declined:.0%} declined" if self.declined >= 0.005 else ""
        return f"{self.coverage:.3f} ({self.width:.1f}{declined})" if self.declined < 1 else "declined"


def run(world: World, days: int, replications: int, seed: int) -> dict[str, Result]:
    """Return the results of the former method, of the interval, and of the interval with 60 days of history.

    The oracle adds and takes off 1.96 of the true standard error.
    """
    horizon = timedelta(days=world.horizon)
    bounds: dict[str, list[tuple[float, float, float, float]]] = {"before": [], "now": [], "history": []}
    estimates = []
    for number in range(replications):
        draw = np.random.default_rng([seed, days, number])
        rows = world.draw(draw, days + (HISTORY if world.history else 0))
        past = rows.day < rows.day.max() + 1 - days
        test = {"a": rows.value[~past]}
        entity = None if rows.entity is None else rows.entity[~past]
        others = [] if rows.training is None else [{"a": rows.training}]
        estimates.append(test["a"].mean() - rows.truth)
        bounds["before"].append(_former(test["a"], rows.day[~past], rows.truth))
        bounds["now"].append(
            _now(earnings(test, rows.day[~past], entity, other_rows=others, horizon=horizon), rows.truth)
        )
        if world.history:
            earlier = earnings({"a": rows.value[past]}, rows.day[past])
            known = earnings(test, rows.day[~past], entity, earlier, others, horizon=horizon)
            bounds["history"].append(_now(known, rows.truth))
    oracle = 3.92 * float(np.std(estimates))
    results = {name: _result(np.array(lines), oracle) for name, lines in bounds.items() if lines}
    return {**results, "oracle": Result(float(np.mean(np.abs(estimates) <= oracle / 2)), 0.0, 1.0)}


def _now(earned: Earnings, truth: float) -> tuple[float, float, float, float]:
    """Return whether the interval holds the truth, whether it is declined, its width, and whether it has a note."""
    interval = earned.per_row("a")
    if interval.low is None or interval.high is None:
        return 0.0, 1.0, 0.0, 0.0
    noted = float(interval.note is not None)
    return float(interval.low <= truth <= interval.high), 0.0, interval.high - interval.low, noted


def _former(value: np.ndarray, day: np.ndarray, truth: float) -> tuple[float, float, float, float]:
    """Return the percentile bootstrap over days as if they were independent."""
    _, place = np.unique(day, return_inverse=True)
    sums, rows = np.bincount(place, weights=value), np.bincount(place).astype("float64")
    times = np.random.default_rng(0).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=_DRAWS)
    low, high = np.quantile((times * sums).sum(axis=1) / (times * rows).sum(axis=1), (0.025, 0.975))
    return float(low <= truth <= high), 0.0, float(high - low), 1.0


def _result(lines: np.ndarray, oracle: float) -> Result:
    kept = lines[lines[:, 1] == 0]
    if not len(kept):
        return Result(1.0, 1.0, 0.0)
    bare = kept[kept[:, 3] == 0]
    unwarned = (float(bare[:, 0].mean()), len(bare)) if len(bare) else None
    width = float(np.median(kept[:, 2])) / oracle
    return Result(float(kept[:, 0].mean()), float(lines[:, 1].mean()), width, unwarned)


def shortfalls(name: str, world: World, days: int, actual: dict[str, Result], replications: int) -> list[str]:
    """Return what is below its floor, or too wide, by more than chance."""
    problems = []
    for method, floor in (("now", world.floor), ("history", world.floor_with_history)):
        result = actual.get(method)
        if result is None or floor is None or result.declined == 1:
            continue
        error = np.sqrt(floor * (1 - floor) / (replications * (1 - result.declined)))
        if result.coverage < floor - 3 * error:
            problems.append(f"{name}, {days} days, {method}: coverage {result.coverage:.3f}, floor {floor}")
        if world.is_correlated and result.unwarned is not None:
            problems += [f"{name}, {days} days, {method}: {text}" for text in outside(*result.unwarned)]
    if name == "independent days" and days == 14:
        widths = actual["now"].width, actual["history"].width
        if widths[0] > 2.1 or widths[1] > 1.4:
            problems.append(f"{name}, {days} days: {widths[0]:.2f} and {widths[1]:.2f} times the oracle's width")
    return problems


def outside(coverage: float, intervals: int) -> list[str]:
    """Return why the coverage of intervals without a warning is not 93 to 97 %, by more than chance; else nothing."""
    low, high = BAND
    if low - 2 * np.sqrt(low * (1 - low) / intervals) <= coverage <= high + 2 * np.sqrt(high * (1 - high) / intervals):
        return []
    return [f"{coverage:.3f} of {intervals} intervals without a warning hold the truth, outside of {low} to {high}"]


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
        for days in world.days:
            ran = run(world, days, replications, seed)
            shown = " | ".join(str(ran.get(method, "")) for method in ("before", "now", "history", "oracle"))
            print(f"| {name} | {days} | {shown} |", flush=True)
            problems += shortfalls(name, world, days, ran, replications)
    print(f"\n10 pairs of 5 contenders, 1 M rows, 90 days, 50,000 entities: {cost():.2f} s of processor time")
    print("\n".join(problems), file=sys.stderr)
    return 1 if asked.check and problems else 0


if __name__ == "__main__":
    sys.exit(main())
