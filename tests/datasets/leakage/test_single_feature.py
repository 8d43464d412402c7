"""How well one feature alone predicts the label: against scikit-learn, and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, pearsonr
from sklearn.metrics import roc_auc_score

from ml_platform.datasets.leakage.single_feature import Strength, read_column, strength


def halves(values: object, label: object) -> tuple[pd.Series, pd.Series, pd.Series, pd.Series]:
    """Train and validate, of a feature and of a label."""
    feature, truth = pd.Series(values), pd.Series(label)
    half = len(feature) // 2
    return feature[:half], feature[half:], truth[:half], truth[half:]


def strength_of(
    values: object, label: object, *, is_number: bool = False, each: int = 1, features: int = 1
) -> Strength | None:
    """The strength of a feature; `each` later rows belong to one entity."""
    train, validate, truth, later = halves(values, label)
    column, entity = read_column(train, validate), np.arange(len(later)) // each
    return strength(column, truth, later, is_number=is_number, entity=entity, features=features)


def strength_alone(values: object, label: object, *, is_number: bool = False) -> float | None:
    item = strength_of(values, label, is_number=is_number)
    return None if item is None else item.figure


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_ordered_feature_predicts_as_well_as_its_auc_in_either_direction(
    draw: np.random.Generator, sign: int
) -> None:
    label = draw.random(4000) < 0.3
    values = sign * (label + draw.normal(0, 1, 4000))
    plain = roc_auc_score(label[2000:], sign * values[2000:])
    assert strength_alone(values, label) == pytest.approx(plain, abs=0.005)


def test_a_feature_that_predicts_at_both_ends_is_detected_where_its_order_predicts_nothing(
    draw: np.random.Generator,
) -> None:
    values = draw.normal(0, 1, 4000)
    label = np.abs(values) > 1.5
    assert roc_auc_score(label[2000:], values[2000:]) == pytest.approx(0.5, abs=0.06)
    assert (strength_alone(values, label) or 0) > 0.98


@pytest.mark.parametrize("kinds", [3, 40, 10**9])
def test_levels_are_bins_of_equal_row_counts_with_nulls_for_themselves(draw: np.random.Generator, kinds: int) -> None:
    """A row's level is one more than how many of the earlier rows' quantiles it reaches."""
    values = pd.Series(draw.integers(0, kinds, 1200).astype("float64")).mask(draw.random(1200) < 0.2)
    values[[3, 700, 701]] = [np.inf, -np.inf, 2.0 * kinds]
    train, later = values[:600], values[600:]
    known = train.dropna()
    edges = sorted(set(np.quantile(known, [(place + 1) / (len(known) // 20) for place in range(len(known) // 20 - 1)])))
    column = read_column(train, later)
    for part, codes in ((train, column.codes), (later, column.later_codes)):
        expected = [0 if np.isnan(value) else 1 + sum(edge <= value for edge in edges) for value in part]
        assert codes.tolist() == expected


def test_a_missing_value_is_a_value(draw: np.random.Generator) -> None:
    label = draw.random(400) < 0.2
    assert strength_alone(np.where(label, np.nan, 1.0), label) == 1.0
    assert strength_alone(np.array([None if hidden else "here" for hidden in label], dtype=object), label) == 1.0
    assert strength_alone(pd.array([None if hidden else 7 for hidden in label], dtype="Int64"), label) == 1.0


def test_a_text_is_what_it_was_worth_before(draw: np.random.Generator) -> None:
    """Ten of a hundred couriers are late in 9 of 10, the others in 1 of 10: AUC by the shares of the four kinds."""
    courier = draw.integers(0, 100, 40_000)
    label = draw.random(40_000) < np.where(courier < 10, 0.9, 0.1)
    positives, negatives = np.array([10 * 0.9, 90 * 0.1]), np.array([10 * 0.1, 90 * 0.9])
    hit, miss = positives / positives.sum(), negatives / negatives.sum()
    expected = hit[0] * miss[1] + 0.5 * (hit * miss).sum()
    names = np.array([f"c{number:02d}" for number in range(100)], dtype=object)[courier]
    assert strength_alone(names, label) == pytest.approx(expected, abs=0.02)


def test_what_only_repeats_its_period_predicts_nothing_later(draw: np.random.Generator) -> None:
    label = draw.random(2000) < 0.5
    assert strength_alone(np.array([f"id{number}" for number in range(2000)], dtype=object), label) == 0.5
    assert strength_alone(draw.normal(0, 1, 2000), label) == pytest.approx(0.5, abs=0.05)


def test_of_several_classes_the_one_that_is_predicted_best_counts(draw: np.random.Generator) -> None:
    label = np.array(["ada", "bob", "cyd"], dtype=object)[draw.integers(0, 3, 3000)]
    assert strength_alone(label == "cyd", label) == 1.0


def test_too_few_rows_of_a_class_give_no_figure() -> None:
    label = np.array(([True] * 9 + [False] * 41) * 2)
    assert strength_alone(label.astype(float), label) is None
    assert strength_alone([1.0] * 19 + [2.0] * 19, np.arange(38.0), is_number=True) is None


@pytest.mark.parametrize("shift", [0, 500])
def test_of_numbers_it_is_the_share_of_variance_whatever_their_level(draw: np.random.Generator, shift: int) -> None:
    values = draw.normal(0, 2, 4000)
    label = 3 * values + draw.normal(0, 6, 4000)  # the variances are alike: half is explained
    label[2000:] += shift
    assert strength_alone(values, label, is_number=True) == pytest.approx(0.5, abs=0.04)
    assert strength_alone(values**2, values**2 * 7, is_number=True) == pytest.approx(1.0)


def test_instants_and_columns_of_nulls_have_a_figure(draw: np.random.Generator) -> None:
    label = draw.random(400) < 0.5
    instants = pd.Series(pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(label * 5, "h"))
    assert strength_alone(instants.astype("datetime64[us, UTC]"), label) == 1.0
    assert strength_alone(np.full(400, np.nan), label) == 0.5


@pytest.mark.parametrize("positives", [15, 60])
@pytest.mark.parametrize("true", [0.8, 0.95])
def test_few_lower_limits_of_an_auc_are_above_the_true_one(
    draw: np.random.Generator, positives: int, true: float
) -> None:
    """Two normal distributions whose AUC is known: of limits for 1 in 100, at most 3 % of 300 are too high."""
    apart, label = np.sqrt(2) * norm.ppf(true), np.array(([True] * positives + [False] * 600) * 2)
    limits = []
    for _ in range(300):
        item = strength_of(apart * label + draw.normal(0, 1, len(label)), label)
        assert item is not None
        limits.append(item.at_least)
    assert np.mean(np.array(limits) > true) <= 0.03
    assert np.median(limits) > true - 3.5 * np.sqrt((true * (1 - true)) / positives)  # no looser than a share's limit


def test_the_limit_of_explained_variance_is_that_of_the_correlation(draw: np.random.Generator) -> None:
    """Fisher's z by SciPy, for 1 in 100 on one side."""
    values = draw.normal(0, 1, 400)
    label = values + draw.normal(0, 0.3, 400)
    item = strength_of(values, label, is_number=True)
    assert item is not None
    correlation = pearsonr(values[200:], label[200:])
    assert item.at_least == pytest.approx(correlation.confidence_interval(0.98).low ** 2, abs=0.01)


def test_rows_of_the_same_entities_and_more_features_make_a_limit_lower(draw: np.random.Generator) -> None:
    label = draw.random(4000) < 0.05
    values = 2.5 * label + draw.normal(0, 1, 4000)
    alone, repeated, among = (
        strength_of(values, label, each=each, features=features) for each, features in ((1, 1), (100, 1), (1, 200))
    )
    assert alone is not None
    assert repeated is not None
    assert among is not None
    assert repeated.figure == alone.figure == among.figure
    assert repeated.at_least < among.at_least < alone.at_least < alone.figure
