"""Slices of the test period, against loops over rows and against corrected tests of statsmodels."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from ml_platform.core.errors import DeclarationError
from ml_platform.models.train import train_model
from ml_platform.registry.evaluation.candidates import CHALLENGER, CHAMPION, DO_NOTHING
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.registry.evaluation.intervals import earnings
from ml_platform.registry.evaluation.slices import MOST_VALUES, slice_figures, slice_masks, slice_results
from tests.models.rows import keep_snapshots, shop_project, snapshot
from tests.worlds import LATE_PARCEL

DAYS, A_DAY, PARTS = 40, 30, 8
GATES = 'gates: {auc: ">= 0.55"}'


World: TypeAlias = tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray, np.ndarray]


def _world(seed: int, effect: np.ndarray) -> World:
    """Return slices of which each has a mean gain, what rows earned, their days and entities."""
    random = np.random.default_rng(seed)
    rows = DAYS * A_DAY
    part = random.integers(len(effect), size=rows)
    gain = effect[part] + random.normal(size=rows)
    days = np.repeat(np.datetime64("2024-01-01") + np.arange(DAYS), A_DAY)
    values = {CHALLENGER: gain, CHAMPION: gain - 0.1, DO_NOTHING: np.zeros(rows)}
    masks = {f"part = {number}": part == number for number in range(len(effect))}
    return masks, values, days, np.arange(rows)


def test_the_values_of_a_column_are_slices_the_most_frequent_first() -> None:
    random = np.random.default_rng(1)
    cities = [f"city {number}" for number in range(MOST_VALUES + 5)]
    column = [None if random.random() < 0.1 else cities[int(random.random() ** 2 * len(cities))] for _ in range(2000)]
    frame = pd.DataFrame({"orders.city": column, "orders.size": random.integers(9, size=2000)})
    masks = dict(slice_masks({"city": "city", "large": "size >= 5"}, "orders", frame))
    counts = {city: column.count(city) for city in cities}
    largest = sorted(cities, key=lambda city: (-counts[city], city))[:MOST_VALUES]
    assert list(masks) == [*(f"city = {city}" for city in largest), "city = other values", "city = missing", "large"]
    for city in largest:
        assert masks[f"city = {city}"].tolist() == [value == city for value in column]
    assert masks["city = missing"].tolist() == [value is None for value in column]
    assert masks["city = other values"].sum() == sum(counts[city] for city in cities if city not in largest)
    assert masks["large"].tolist() == [size >= 5 for size in frame["orders.size"]]


def test_values_that_are_called_as_the_slices_of_the_platform_lose_no_row() -> None:
    column = ["missing", None, "other values", "Bonn", "missing", *(f"city {number}" for number in range(MOST_VALUES))]
    masks = list(slice_masks({"city": "city"}, "orders", pd.DataFrame({"orders.city": column})))
    assert len({name for name, _ in masks}) == len(masks)
    assert np.sum([mask for _, mask in masks], axis=0).tolist() == [1] * len(column)
    by_name = dict(masks)
    assert by_name["city = 'missing'"].tolist() == [value == "missing" for value in column]
    assert by_name["city = missing"].tolist() == [value is None for value in column]


def test_a_slice_has_the_gain_of_its_rows_and_its_interval_is_that_of_all_slices_together() -> None:
    masks, values, days, entities = _world(2, np.linspace(-0.5, 0.5, PARTS))
    for line in slice_results(masks, values, days, entities):
        mask = masks[line.name]
        assert line.rows == mask.sum()
        assert line.days == len(set(days[mask]))
        gains = [gain for gain, member in zip(values[CHALLENGER], mask, strict=True) if member]
        assert line.do_nothing.figure == pytest.approx(sum(gains))
        assert line.champion.figure == pytest.approx(0.1 * len(gains))
        alone = earnings({name: value[mask] for name, value in values.items()}, days[mask])
        chance = alone.probability_above(CHALLENGER, DO_NOTHING, line.do_nothing.low / line.rows)
        assert chance == pytest.approx(1 - 0.05 / (2 * PARTS) / 2, abs=1e-6)  # two rivals: 2 * PARTS intervals


def test_the_slices_that_surely_lose_are_those_of_bonferronis_correction() -> None:
    for seed in range(20):
        masks, values, days, entities = _world(seed, np.linspace(-0.4, 0.4, PARTS))
        above = []
        for mask in masks.values():
            alone = earnings({name: value[mask] for name, value in values.items()}, days[mask])
            above.append(alone.probability_above(CHALLENGER, DO_NOTHING))
        values.pop(CHAMPION)
        doubted = multipletests([2 * min(p, 1 - p) for p in above], alpha=0.05, method="bonferroni")[0]
        losing = sum(bool(surely) and p < 0.5 for surely, p in zip(doubted, above, strict=True))
        assert slice_figures(slice_results(masks, values, days, entities))["slices_losing"] == losing


@pytest.mark.slow
def test_where_no_slice_gains_or_loses_few_worlds_show_one() -> None:
    """At most 5 % of worlds have an interval beyond zero; of 200, 18 or more would come once in 200 such tests."""
    seen = 0
    for seed in range(200):
        lines = slice_results(*_world(seed, np.zeros(PARTS)))
        seen += any(line.do_nothing.low > 0 or line.do_nothing.high < 0 for line in lines)
    assert seen < 18


@pytest.mark.slow
def test_with_a_champion_few_worlds_show_a_difference_from_any_rival() -> None:
    """The champion and doing nothing earn what the challenger earns on average: 5 % of worlds may show a difference."""
    seen = 0
    for seed in range(200):
        masks, values, days, entities = _world(seed, np.zeros(PARTS))
        values[CHAMPION] = np.random.default_rng(seed + 1000).normal(size=len(days))
        lines = slice_results(masks, values, days, entities)
        ends = [end for line in lines for end in (line.do_nothing, line.champion)]
        seen += any(end.low > 0 or end.high < 0 for end in ends)
    assert seen < 18


@pytest.mark.slow
def test_an_evaluation_has_its_declared_slices_and_a_gate_on_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_snapshots(monkeypatch, {"s": snapshot()})
    declared = 'slices: {large: "orders.items >= 3"}\ngates: {slices_losing: "<= 0"}'
    project = shop_project(tmp_path, models__late_parcel=LATE_PARCEL.replace(GATES, declared))
    trained = train_model(project, "late_parcel", "s").artifact.id
    about = evaluate_model(project, "late_parcel", trained, "s", None).artifact.about
    rows = snapshot().part("test")
    (line,) = about["slices"]
    assert (line["name"], line["rows"]) == ("large", sum(items >= 3 for items in rows["orders.items"]))
    assert CHAMPION not in line
    assert about["figures"]["slices_losing"] == 0.0
    assert [gate["name"] for gate in about["gates"]] == ["slices_losing"]


@pytest.mark.parametrize(
    ("text", "fault"), [("orders.itms > 1", "orders.itms"), ("label", "label"), ("placed_at", "found a timestamp")]
)
def test_a_slice_that_cannot_be_read_is_a_fault_with_its_place(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(DeclarationError, match=fault) as caught:
        shop_project(tmp_path, models__late_parcel=f'{LATE_PARCEL}slices: {{wrong: "{text}"}}\n')
    assert "models/late_parcel.yaml" in str(caught.value)


def test_a_gate_on_slices_needs_slices(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="slices_losing is not a figure"):
        shop_project(tmp_path, models__late_parcel=LATE_PARCEL.replace(GATES, 'gates: {slices_losing: "<= 0"}'))
