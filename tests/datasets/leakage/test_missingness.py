"""Rows without a value that all have one label."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from ml_platform.datasets.leakage.missingness import OneSided, one_sided


def side(nulls: int, label: bool, others: int, hits: int, features: int = 1, each: int = 1) -> OneSided:
    """Some rows without a value, all of one label, and others, some of which have that label; `each` rows an entity."""
    feature = pd.Series([None] * nulls + [1.0] * others, dtype="float64")
    truth = pd.Series([label] * nulls + [label] * hits + [not label] * (others - hits))
    interval = one_sided(feature, truth, np.arange(nulls + others) // each, features)
    assert interval is not None
    return interval


@pytest.mark.parametrize(("nulls", "others", "hits", "features"), [(20, 80, 38, 1), (300, 1000, 20, 50), (7, 40, 0, 3)])
def test_limits_are_those_of_clopper_and_pearson(nulls: int, others: int, hits: int, features: int) -> None:
    actual, sure = side(nulls, True, others, hits, features), 1 - 2e-6 / features
    assert (actual.rows, actual.label, actual.share_elsewhere) == (nulls, True, hits / others)
    without = binomtest(nulls, nulls).proportion_ci(sure, "exact")
    elsewhere = binomtest(hits, others).proportion_ci(sure, "exact")
    assert actual.at_least == pytest.approx(without.low)
    assert actual.elsewhere_at_most == pytest.approx(elsewhere.high)


def test_a_rare_label_needs_few_rows() -> None:
    assert side(20, True, 5000, 50).is_leak
    assert side(4, True, 5000, 50).is_no_chance
    assert not side(4, True, 5000, 50).is_leak
    assert not side(3, True, 5000, 50).is_no_chance


def test_a_label_that_is_common_anyway_is_no_leak_however_many_rows_have_it() -> None:
    """2 % of the others are positive. Of 20,000 rows without a value none is: worth a look, and no proof."""
    actual = side(20_000, False, 30_000, 29_400)
    assert actual.is_no_chance
    assert not actual.is_leak


def test_rows_of_the_same_entities_are_no_independent_evidence() -> None:
    assert side(60, True, 600, 200).is_leak
    repeated = side(60, True, 600, 200, each=20)
    assert repeated.rows == 60
    assert not repeated.is_no_chance


def test_where_every_row_has_the_label_there_is_no_evidence() -> None:
    assert not side(500, False, 500, 500).is_no_chance


@pytest.mark.parametrize(
    ("feature", "label"),
    [
        ([1.0, 2.0, 3.0], [True, False, True]),  # no null
        ([None, None, None], [True, True, True]),  # nothing else
        ([None, None, 3.0], [True, False, True]),  # both labels
    ],
)
def test_other_columns_are_not_one_sided(feature: list[float | None], label: list[bool]) -> None:
    assert one_sided(pd.Series(feature, dtype="float64"), pd.Series(label), np.arange(3)) is None
