"""A part of `benchmarks/intervals.py`: how often intervals hold the truth. ``make prove`` runs all of its worlds."""

import pytest

from benchmarks.interval_worlds import WORLDS, run, shortfalls

pytestmark = pytest.mark.slow

REPLICATIONS = 250


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("independent days", 14),
        ("AR .7", 7),
        ("uneven days", 5),
        ("rare gains, 20 rows a day", 7),
        ("20 shops", 14),
    ],
)
def test_intervals_hold_the_truth_as_often_as_they_promise(name, days):
    world = WORLDS[name]
    actual = run(world, days, REPLICATIONS, seed=100)
    assert shortfalls(name, world, days, actual, REPLICATIONS) == []
    assert actual["now"].declined < 0.1


def test_the_former_method_is_caught():
    world = WORLDS["AR .7"]
    actual = run(world, 14, REPLICATIONS, seed=100)
    former = {"now": actual["before"], "history": actual["before"]}
    assert len(shortfalls("AR .7", world, 14, former, REPLICATIONS)) == 2
