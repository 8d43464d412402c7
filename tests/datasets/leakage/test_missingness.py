"""Rows without a value that all have one label."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from ml_platform.datasets.leakage.missingness import is_no_chance, one_sided


def rows(nulls: int, label: bool, others: int, hits: int) -> tuple[pd.Series, pd.Series]:
    """Some rows without a value, all of one label, and others, some of which have that label."""
    feature = pd.Series([None] * nulls + [1.0] * others, dtype="float64")
    return feature, pd.Series([label] * nulls + [label] * hits + [not label] * (others - hits))


def test_the_chance_is_the_share_elsewhere_to_the_power_of_the_rows() -> None:
    found = one_sided(*rows(20, True, 80, 38))
    assert found is not None
    assert (found.rows, found.label, found.share_elsewhere) == (20, True, 38 / 80)
    assert found.log10_chance == pytest.approx(20 * math.log10(39 / 82))  # -6.45


def test_chance_is_ruled_out_for_all_features_together() -> None:
    found = one_sided(*rows(20, True, 80, 38))
    assert found is not None
    assert is_no_chance(found, 1)  # 10 ** -6.45 is below 1e-6
    assert not is_no_chance(found, 10)


def test_a_common_label_needs_more_rows_than_a_rare_one() -> None:
    """For 90 % elsewhere: (901 + 1) / 1002 to the power of n is below 1e-6 from n = 132 on."""
    few, many = (one_sided(*rows(count, False, 1000, 901)) for count in (131, 132))
    assert few is not None
    assert many is not None
    assert not is_no_chance(few, 1)
    assert is_no_chance(many, 1)


def test_where_every_row_has_the_label_nothing_is_told() -> None:
    found = one_sided(*rows(500, False, 500, 500))
    assert found is not None
    assert not is_no_chance(found, 1)


@pytest.mark.parametrize(
    ("feature", "label"),
    [
        ([1.0, 2.0, 3.0], [True, False, True]),  # no null
        ([None, None, None], [True, True, True]),  # nothing else
        ([None, None, 3.0], [True, False, True]),  # both labels
    ],
)
def test_other_columns_tell_nothing(feature: list[float | None], label: list[bool]) -> None:
    assert one_sided(pd.Series(feature, dtype="float64"), pd.Series(label)) is None
