"""Intervals of tests with few days, few gains or few entities: what is too few to say anything."""

import math
from datetime import timedelta

import numpy as np
import pytest
from scipy import stats

from ml_platform.registry.evaluation.intervals import earnings
from tests.registry.evaluation.dense import day_numbers, freedom_of

pytestmark = pytest.mark.slow


def test_days_whose_labels_all_overlap_are_too_few():
    draw = np.random.default_rng(22)
    value, week = draw.normal(size=7), timedelta(days=7)
    declined = earnings({"a": value}, np.arange(7), horizon=week).per_row("a").declined
    assert declined == "too few days: the labels of all 7 days overlap, so that they share their luck"
    assert earnings({"a": draw.normal(size=8)}, np.arange(8), horizon=week).per_row("a").declined is None
    before = earnings({"a": draw.normal(size=60)}, np.arange(60))
    known = earnings({"a": value}, np.arange(60, 67), history=before, horizon=week).per_row("a")
    assert known.declined is None


@pytest.mark.parametrize("days", [1, 2, 3])
def test_fewer_than_four_days_are_too_few(days):
    earned = earnings({"a": np.arange(10.0 * days), "b": np.zeros(10 * days)}, day_numbers(*[10] * days))
    interval = earned.difference("a", "b")
    assert interval.declined == f"too few days: {days}, at least 4 are needed"
    assert (interval.low, interval.high, interval.days) == (None, None, days)
    assert interval.figure == pytest.approx(np.arange(10.0 * days).mean())
    assert earned.probability_above("a", "b") is None
    assert earned.probability_above("a", "b") is None


def test_three_days_are_enough_where_sixty_earlier_days_are_known():
    draw = np.random.default_rng(13)
    before = earnings({"a": draw.normal(size=600)}, day_numbers(*[10] * 60))
    assert earnings({"a": draw.normal(size=30)}, day_numbers(10, 10, 10), history=before).per_row("a").declined is None
    assert earnings({"a": draw.normal(size=20)}, day_numbers(10, 10), history=before).per_row("a").declined is not None


def test_fewer_than_ninety_days_have_a_warning_whether_luck_is_known_to_persist_or_not():
    draw = np.random.default_rng(14)
    note = earnings({"a": draw.normal(size=130)}, day_numbers(*[10] * 13)).per_row("a").note
    assert note == "wide on purpose: 13 days cannot show whether luck persists from day to day"
    before = earnings({"a": draw.normal(size=600)}, day_numbers(*[10] * 60))
    for days, history, share in ((14, None, "89 to 100"), (89, None, "89 to 100"), (13, before, "92 to 100")):
        note = (
            earnings({"a": draw.normal(size=10 * days)}, day_numbers(*[10] * days), history=history).per_row("a").note
        )
        assert note is not None
        assert note.endswith(f"intervals held the truth in {share} % of simulated tests")
    assert earnings({"a": draw.normal(size=900)}, day_numbers(*[10] * 90)).per_row("a").note is None


def test_labels_that_overlap_have_a_warning_however_many_days_there_are():
    """Labels of seven days, asked about each day: each shares its luck with six neighbors."""
    values, days = {"a": np.random.default_rng(15).normal(size=900)}, day_numbers(*[10] * 90)
    note = earnings(values, days, horizon=timedelta(days=7)).per_row("a").note
    assert note == "approximate: a label spans 7 of the days, which share their luck"
    assert earnings(values, days, horizon=timedelta(days=3)).per_row("a").note is None


def test_two_gains_in_a_test_are_too_few():
    """Two rows of 600 have the skewness (1 - 2 / 300) / sqrt(2) but for a term that 600 makes small."""
    value = np.zeros(600)
    value[[100, 400]] = 200.0
    earned = earnings({"a": value}, day_numbers(*[60] * 10))
    interval = earned.per_row("a")
    assert interval.declined == "too few gains: all 600 rows known hold about 2 of them"
    assert interval.low is None
    assert interval.figure == pytest.approx(400 / 600)
    assert 1 / math.sqrt(earned._shape("a", None).gains()) == pytest.approx(stats.skew(value) / math.sqrt(600))


def test_a_test_without_a_gain_is_as_uncertain_as_gains_elsewhere_show():
    """Of 18,000 rows elsewhere 90 earn 200, so that 3 of 600 are expected, give or take the square root of 3."""
    draw = np.random.default_rng(15)
    elsewhere = np.zeros(18_000)
    elsewhere[::200] = 200.0
    calm = draw.normal(0, 0.1, 600)
    blind = earnings({"a": calm}, day_numbers(*[60] * 10)).per_row("a")
    assert blind.high < 0.1, "it cannot know"
    interval = earnings({"a": calm}, day_numbers(*[60] * 10), other_rows=[{"a": elsewhere}]).per_row("a")
    assert interval.declined is None
    error = math.sqrt(np.concatenate([elsewhere, calm]).var() / 600)
    freedom = freedom_of(np.concatenate([elsewhere, calm]))
    assert 150 < freedom < 200, "about two for each of 90 gains"
    assert interval.high - interval.figure == pytest.approx(stats.t.ppf(0.975, freedom) * error)
    assert interval.high > 1.0, "what a row really earns"


def test_differences_of_fixed_entities_are_no_luck():
    """Ten shops of very different size, seen on twenty days without any other luck: only the noise of rows is left."""
    draw = np.random.default_rng(16)
    size = np.linspace(0, 100, 10)
    value, days = np.tile(size, 20) + draw.normal(size=200), day_numbers(*[10] * 20)
    shops = np.tile(np.arange(10), 20)
    fixed = earnings({"a": value}, days, shops, fixed=True).per_row("a")
    sampled = earnings({"a": value}, days, shops).per_row("a")
    assert fixed.high - fixed.figure < 4 / math.sqrt(200)
    assert sampled.high - sampled.figure > 2 * size.std() / math.sqrt(10)
    assert fixed.entities is None


def test_rows_of_one_entity_cannot_speak_of_others():
    """Of entities that differ by 10, one is seen: it earns 3 on each of 30 days, give or take 1."""
    value = np.random.default_rng(18).normal(3, 1, 300)
    one = earnings({"a": value}, day_numbers(*[10] * 30), np.zeros(300, dtype=int)).per_row("a")
    assert (one.low, one.high) == (None, None)
    assert one.figure == pytest.approx(value.mean())
    assert str(one.declined).startswith("one entity cannot speak of others: all 300 rows are of one.")
    fixed = earnings({"a": value}, day_numbers(*[10] * 30), np.zeros(300, dtype=int), fixed=True).per_row("a")
    assert fixed.declined is None
    assert fixed.high - fixed.low > 4 / math.sqrt(300)
