"""The drift monitor in simulated worlds: alarms a year where nothing changed, and how soon planted changes are found.

One year and few features are always simulated; with ``ML_PLATFORM_PROVE=1`` six years of each world, and all changes.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from benchmarks import drift
from benchmarks.drift import ALARMS, DETECTED, STATIONARY, days_to_find, episodes, false_alarms

PROVE = bool(os.environ.get("ML_PLATFORM_PROVE"))
YEARS = 6 if PROVE else 1
FEATURES = 100 if PROVE else 25


def alarms(world: str, reference: int) -> tuple[float, float]:
    """Return the mean number of alarms a year, and the mean share of looks in alarm."""
    years = [false_alarms(world, reference, seed, former=False)["new"] for seed in range(YEARS)]
    return float(np.mean([count for count, _ in years])), float(np.mean([share for _, share in years]))


@pytest.mark.parametrize("reference", [28, 90] if PROVE else [90])
@pytest.mark.parametrize("world", STATIONARY if PROVE else ("iid", "20 entities", "level a day"))
def test_a_year_without_a_change_has_one_alarm_at_most_on_average(world: str, reference: int) -> None:
    count, share = alarms(world, reference)
    assert count <= (ALARMS if PROVE else 2.0)  # a single year may have two
    assert share <= 0.05


@pytest.mark.parametrize("world", ["yearly .3", "yearly .8"] if PROVE else ["yearly .8"])
def test_a_season_that_leaves_the_reference_is_one_alarm(world: str) -> None:
    count, share = alarms(world, 90)
    assert 1.0 <= count <= ALARMS + 0.5
    assert share > 0.3


@pytest.mark.parametrize(("change", "rows"), list(DETECTED)[: None if PROVE else 4])
def test_a_planted_change_is_detected_soon(change: str, rows: int) -> None:
    median, share = DETECTED[change, rows]
    days = days_to_find(change, 90, FEATURES, rows=rows, former=False)["new"]
    assert np.median(days) <= median
    assert np.mean(days <= 28) >= share


def test_where_a_level_moves_by_itself_most_columns_have_no_verdict() -> None:
    for change in ("shift .5 sd, level a day", "shift .5 sd, 20 entities") if PROVE else ("shift .5 sd, level a day",):
        days = days_to_find(change, 28, FEATURES, former=False)
        assert days["undecided"][0] >= 0.9
        assert np.mean(days["new"] <= 28) <= 0.05


def test_promises_that_are_broken_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    late = {"old": np.array([9.0]), "new": np.array([5.0]), "undecided": np.array([0.0])}
    monkeypatch.setattr(drift, "days_to_find", lambda *_, **__: late)
    assert drift.print_speed(1, ["shift .5 sd"], [28, 90]) == ["shift .5 sd, 60 rows a day: found after 5 (1.00) days"]
    monkeypatch.setattr(drift, "false_alarms", lambda *_: {"old": (0, 0), "new": (1.5, 0.1), "undecided": (0, 0)})
    assert drift.print_false_alarms(1, ["iid", "yearly .8"], [90]) == ["iid, 90 days of reference: 1.5 alarms a year"]


def test_alarms_count_as_one_until_four_quiet_windows() -> None:
    looks = np.zeros(200, dtype=bool)
    looks[[10, 11, 38, 67]] = True  # 26 quiet looks after the second, 28 after the third
    assert (episodes(looks, 28), episodes(looks, 27), episodes(looks, 0)) == (1, 2, 3)
