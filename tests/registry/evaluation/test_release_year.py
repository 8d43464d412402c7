"""A year of release rules, by the simulation in `benchmarks/release_years.py`: losses cannot add up.

Two years a world are always lived; with ``ML_PLATFORM_PROVE=1`` fifty. The bounds come from the promise, not from the
simulation: worse by 1 % a week loses less than 3 % of the gain over a year.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from benchmarks.release_years import AT_ONCE, KEPT, RULES, WORLDS, World, Year, broken, first_releases, years_of

pytestmark = pytest.mark.slow

PROVE = bool(os.environ.get("ML_PLATFORM_PROVE"))
YEARS = 50 if PROVE else 2


def _live(name: str, rule: str, years: int = YEARS) -> list[Year]:
    return years_of(WORLDS[name], RULES[rule], years, seed=7)


def _mean(years: list[Year], what: str) -> float:
    return float(np.mean([getattr(year, what) for year in years]))


@pytest.mark.parametrize("name", ["1 % worse each week", "1 % worse, 100 in every action"])
def test_challengers_that_are_truly_worse_by_one_per_cent_a_week_cost_less_than_three_per_cent(name):
    assert _mean(_live(name, "refresh"), "gain") > 0.97


def test_a_constant_in_every_action_releases_the_same_challengers():
    plain, shifted = (_live(name, "refresh", 1) for name in ("5 % worse each week", "5 % worse, 100 in every action"))
    assert plain == shifted


def test_a_champion_that_loses_money_is_not_replaced_by_one_that_loses_less():
    (year,) = years_of(World(gain=-1.0, step=0.02), RULES["refresh"], 1, seed=7)
    assert (year.releases, year.deploy_none) == (0, 52)


def test_the_former_rule_lost_more_than_three_per_cent():
    assert _mean(_live("1 % worse each week", "before"), "gain") < 0.97


@pytest.mark.parametrize(
    ("name", "rule"),
    list(KEPT)
    if PROVE
    else [
        ("5 % worse each week", "refresh"),
        ("1 % worse each week", "changed_declaration"),
        ("models decay by 1 % a week", "refresh"),
        ("exchangeable, sd 0.1", "refresh"),
    ],
)
def test_the_rule_keeps_the_gain_where_challengers_lose_and_releases_where_that_helps(name, rule):
    slack = 0.0 if PROVE else 0.1  # one year alone may go either way
    assert _mean(_live(name, rule, YEARS if PROVE else 1), "gain") > KEPT[name, rule] - slack


def test_a_promise_that_is_broken_is_named():
    worse = [Year(0.95, 0.9, 20, 0)]
    assert broken("1 % worse each week", "refresh", worse) == [
        "1 % worse each week, refresh: keeps 0.950, at least 0.97"
    ]
    assert broken("1 % worse each week", "before", worse) == []
    assert broken("1 % worse each week", "refresh", [Year(0.98, 0.96, 3, 0)]) == []
    assert len(broken("loses money: -1.00, then -0.98", "refresh", [Year(-1.0, -1.0, 0, 51)])) == 1


def test_a_first_version_that_is_worth_nothing_is_seldom_released_at_once():
    years = 200 if PROVE else 20
    weeks = list(first_releases(0.0, years, seed=7, weeks=1))
    assert np.mean([week == 0 for week in weeks]) <= AT_ONCE + 3 * np.sqrt(AT_ONCE * (1 - AT_ONCE) / years)
