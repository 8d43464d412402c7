"""Worlds whose truth is known, and how often intervals of money hold it there: what `intervals.py` prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from ml_platform.registry.evaluation.intervals import Earnings, earnings

DAYS = (5, 7, 14, 28, 60, 90)
HISTORY = 60
BAND, WORLDS_IN_BAND = (0.93, 0.97), 1000
_DRAWS = 200


@dataclass(frozen=True)
class Rows:
    """Simulated rows: what each earned, its day, its entity, and training rows that only show the shape of payoffs."""

    value: np.ndarray
    day: np.ndarray
    truth: float
    entity: np.ndarray | None = None
    training: np.ndarray | None = None


@dataclass(frozen=True)
class World:
    """A way to draw rows, what coverage is asked of it, with and without history, on which days, and a label's days.

    Attributes
    ----------
    is_correlated
        Whether its days are correlated and its rows have heavy tails: there an interval without a warning is asked to
        be right in 93 to 97 %.
    """

    draw: Callable[[np.random.Generator, int], Rows]
    floor: float | None = 0.92
    floor_with_history: float | None = 0.93
    days: tuple[int, ...] = DAYS
    history: bool = True
    horizon: int = 0
    is_correlated: bool = False


def persistent(draw: np.random.Generator, days: int, rho: float) -> np.ndarray:
    """Return a first order autoregression of variance 1."""
    level = draw.normal(size=days)
    for day in range(1, days):
        level[day] = rho * level[day - 1] + np.sqrt(1 - rho**2) * level[day]
    return level


def by_level(level: Callable[[np.random.Generator, int], np.ndarray], rows: int = 20) -> Callable[..., Rows]:
    """Return a world of days with a level each, and heavy-tailed rows (Student's t, 3 degrees of freedom)."""

    def drawn(draw: np.random.Generator, days: int) -> Rows:
        day = np.repeat(np.arange(days), rows)
        return Rows(1 + level(draw, days)[day] + draw.standard_t(3, len(day)), day, 1.0)

    return drawn


def slow(draw: np.random.Generator, days: int) -> np.ndarray:
    """Return a level of which 35 % moves slowly, under fresh daily noise."""
    return np.sqrt(0.35) * persistent(draw, days, 0.9) + np.sqrt(0.65) * draw.normal(size=days)


def overlapping(draw: np.random.Generator, days: int) -> np.ndarray:
    """Return the mean of seven days' luck: labels whose horizon is seven days."""
    return np.convolve(draw.normal(size=days + 6), np.ones(7) / np.sqrt(7), "valid")


def weekly(draw: np.random.Generator, days: int) -> np.ndarray:
    """Return independent days on a weekly pattern."""
    return draw.normal(size=days) + 0.8 * np.sin(2 * np.pi * (np.arange(days) + 1) / 7)


def uneven(draw: np.random.Generator, days: int) -> Rows:
    """Return days of log-normal size."""
    rows = np.maximum(1, np.floor(20 * draw.lognormal(-0.5, 1.0, days))).astype(int)
    day = np.repeat(np.arange(days), rows)
    return Rows(1 + draw.normal(size=days)[day] + draw.standard_t(3, len(day)), day, 1.0)


def log_normal(draw: np.random.Generator, days: int) -> Rows:
    """Return log-normal amounts of sigma 1.5, without luck of the day."""
    day, training = np.repeat(np.arange(days), 20), draw.lognormal(0, 1.5, 90 * 20)
    return Rows(draw.lognormal(0, 1.5, len(day)), day, float(np.exp(1.125)), training=training)


def rare(rows: int) -> Callable[..., Rows]:
    """Return a world where one row in 200 earns 200."""

    def drawn(draw: np.random.Generator, days: int) -> Rows:
        day = np.repeat(np.arange(days), rows)
        value = 200.0 * (draw.random(len(day)) < 1 / 200) + 0.3 * draw.normal(size=days)[day]
        training = 200.0 * (draw.random(90 * rows) < 1 / 200) + 0.3 * np.repeat(draw.normal(size=90), rows)
        return Rows(value, day, 1.0, training=training)

    return drawn


def paired(draw: np.random.Generator, days: int) -> Rows:
    """Return a difference of two models: heavy tails, and one row in 400 on which only one of them gains 40."""
    day = np.repeat(np.arange(days), 60)
    training = 0.5 * draw.standard_t(3, 90 * 60) + 40.0 * (draw.random(90 * 60) < 1 / 400)
    luck = 0.3 * persistent(draw, days, 0.3)[day] + 0.5 * draw.standard_t(3, len(day))
    return Rows(luck + 40.0 * (draw.random(len(day)) < 1 / 400), day, 0.1, training=training)


def entities(
    count: int, separate: float, by_day: float, rho: float, seen: float = 1.0, row: float = 1.0
) -> Callable[..., Rows]:
    """Return a world of entities with a level of their own, each seen on a share of the days."""

    def drawn(draw: np.random.Generator, days: int) -> Rows:
        levels, luck = separate * draw.normal(size=count), by_day * persistent(draw, days, rho)
        entity, day = (place.ravel() for place in np.meshgrid(np.arange(count), np.arange(days)))
        kept = draw.random(len(day)) < seen
        entity, day = entity[kept], day[kept]
        return Rows(levels[entity] + luck[day] + row * draw.normal(size=len(day)), day, 0.0, entity)

    return drawn


WORLDS: dict[str, World] = {
    "independent days": World(by_level(lambda draw, days: draw.normal(size=days))),
    "AR .3": World(by_level(lambda draw, days: persistent(draw, days, 0.3)), is_correlated=True),
    "AR .5": World(by_level(lambda draw, days: persistent(draw, days, 0.5)), is_correlated=True),
    "AR .7": World(by_level(lambda draw, days: persistent(draw, days, 0.7)), is_correlated=True),
    "slow level under noise": World(by_level(slow), 0.87, 0.9, is_correlated=True),
    "labels of 7 days overlap": World(by_level(overlapping), horizon=7, is_correlated=True),
    "labels of 7 days overlap, 300 rows a day": World(
        by_level(overlapping, rows=300), 0.9, horizon=7, is_correlated=True
    ),
    "weekly pattern": World(by_level(weekly)),
    "uneven days": World(uneven),
    "one row a day": World(by_level(lambda draw, days: draw.normal(size=days), rows=1)),
    "log-normal amounts": World(log_normal),
    "rare gains, 20 rows a day": World(rare(20)),
    "rare gains, 60 rows a day": World(rare(60)),
    "paired difference, rare": World(paired, is_correlated=True),
    "2,000 households, 4 dates": World(entities(2000, 1.0, 0.0, 0.0, row=1.7), days=(4,), history=False),
    "2,000 households, 4 dates, luck": World(entities(2000, 1.0, 0.1, 0.5, row=1.7), days=(4,), history=False),
    "20 shops": World(entities(20, 0.5, 0.3, 0.5), days=(7, 14, 28, 90), history=False),
    "6 shops": World(entities(6, 0.5, 0.3, 0.3), days=(14, 28, 60), history=False),
    "3 shops": World(entities(3, 0.5, 0.3, 0.3), days=(14, 28, 60), history=False),
    "300 entities, 1 day in 10": World(entities(300, 1.0, 0.3, 0.3, 0.1, 1.7), days=(7, 14, 28), history=False),
}


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
