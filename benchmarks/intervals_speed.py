"""Intervals of five candidates on a million rows and ten slices, beside a bare NumPy script that resamples.

The script adds up the rows of each day, draws 2,000 samples of days, and takes two percentiles of the mean, for each
candidate less doing nothing, on all rows and on each slice. Where entities are asked about again and again it also does
that for entities, and keeps the wider interval. It knows no persistence from day to day and no shape of rows. The
platform's intervals draw no samples, and know all of that. Both take turns on the same rows; printed are processor
seconds, and the median of the ratios of all rounds.

    python benchmarks/intervals_speed.py [--rows 1000000] [--rounds 3] [--check]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np
import scipy.optimize
import scipy.special  # noqa: F401 - imported before anything is measured

from ml_platform.registry.evaluation.intervals import earnings

LIMIT, SECONDS = 1.5, 10.0
"""The platform takes at most this many times the script, and at most so many seconds."""
CANDIDATES, SLICES, RESAMPLES, DAYS = 5, 10, 2_000, 90
NOTHING = "do_nothing"
Ends = list[tuple[float, float]]
World = tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, dict[str, np.ndarray]]


def world(rows: int, seed: int, *, once: bool) -> World:
    """Return what each row earned by contender, its day, its entity, and the rows of each slice.

    Parameters
    ----------
    once
        Whether every entity is asked about once.
    """
    draw = np.random.default_rng(seed)
    days = np.datetime64("2024-01-01") + np.sort(draw.integers(0, DAYS, rows))
    luck = draw.normal(size=DAYS)[(days - days[0]).astype(int)]
    values = {NOTHING: np.zeros(rows)}
    for place in range(CANDIDATES):
        values[f"candidate {place}"] = 0.1 * place + luck + draw.standard_t(3, size=rows)
    entities = np.arange(rows) if once else draw.integers(0, rows // 20, rows)
    kind = draw.integers(0, SLICES, rows)
    return values, days, entities, {f"slice {place}": kind == place for place in range(SLICES)}


def by_days(whole: World) -> Ends:
    """Return the interval of each candidate less doing nothing, on all rows and on each slice, by resampling days."""
    values, days, _, masks = whole
    place = (days - days.min()).astype("int64")
    return [ends for mask in (None, *masks.values()) for ends in resampled(values, place, mask)]


def by_days_and_entities(whole: World) -> Ends:
    """Return the wider of the intervals by resampling days and by resampling entities."""
    values, _, entities, masks = whole
    by_entity = [ends for mask in (None, *masks.values()) for ends in resampled(values, entities, mask)]
    return [max(pair, key=lambda ends: ends[1] - ends[0]) for pair in zip(by_days(whole), by_entity, strict=True)]


def resampled(values: Mapping[str, np.ndarray], place: np.ndarray, mask: np.ndarray | None) -> Ends:
    """Return an interval for each candidate by resampling clusters of rows."""
    draw, chosen = np.random.default_rng(0), place if mask is None else place[mask]
    clusters = int(chosen.max()) + 1
    sums = [np.bincount(chosen, minlength=clusters).astype("float64")]
    for name in list(values)[1:]:
        gain = values[name] - values[NOTHING] if mask is None else values[name][mask] - values[NOTHING][mask]
        sums.append(np.bincount(chosen, gain, minlength=clusters))
    table, drawn = np.column_stack(sums), np.empty((RESAMPLES, len(sums)))
    for sample in range(RESAMPLES):
        drawn[sample] = np.bincount(draw.integers(0, clusters, clusters), minlength=clusters) @ table
    low, high = np.percentile(drawn[:, 1:] / drawn[:, :1], (2.5, 97.5), axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def by_platform(whole: World) -> Ends:
    """Return the same intervals by the platform."""
    values, days, entities, masks = whole
    ends = []
    for mask in (None, *masks.values()):
        part: Mapping[str, np.ndarray] = values if mask is None else {name: item[mask] for name, item in values.items()}
        about = (days, entities) if mask is None else (days[mask], entities[mask])
        earned = earnings(part, *about)
        for name in list(values)[1:]:
            interval = earned.difference(name, NOTHING)
            assert interval.low is not None
            assert interval.high is not None
            ends.append((interval.low, interval.high))
    return ends


def seconds(work: Callable[[World], Ends], whole: World) -> float:
    """Return how many processor seconds something takes."""
    began = time.process_time()
    ends = work(whole)
    taken = time.process_time() - began
    assert len(ends) == CANDIDATES * (SLICES + 1)
    return taken


def main() -> int:
    """Print both times and their ratio, and return 1 where a limit is missed and that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="exit with 1 where a limit is missed")
    asked = parser.parse_args()
    missed = False
    for text, once, script in (
        ("entities asked about once, script by days", True, by_days),
        ("entities asked about 20 times, script by days and entities", False, by_days_and_entities),
    ):
        whole = world(asked.rows, 7, once=once)
        pairs = [(seconds(script, whole), seconds(by_platform, whole)) for _ in range(asked.rounds)]
        ratio = statistics.median(platform / bare for bare, platform in pairs)
        both = [statistics.median(column) for column in zip(*pairs, strict=True)]
        print(f"{text}: script {both[0]:.2f} s, platform {both[1]:.2f} s, ratio {ratio:.2f}")
        missed |= ratio > LIMIT or both[1] > SECONDS
    print(f"at most {LIMIT} x and {SECONDS:.0f} s: {'missed' if missed else 'met'}")
    return int(missed and asked.check)


if __name__ == "__main__":
    sys.exit(main())
