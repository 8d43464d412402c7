"""The rule of a population online says what the rule of training says of the same entities at the same ticks."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ml_platform.datasets.membership import membership
from ml_platform.operations.online.lookup import ModelLookup
from ml_platform.operations.online.population_rule import NOT_KNOWN_ONLINE, PopulationRule
from ml_platform.operations.online.publish import online_store, publish_online
from ml_platform.project import open_project
from tests.features.world import at
from tests.operations.online.worlds import BY_ROWS, BY_TICKS, FEATURES, SHOPS, inputs_of, project_of, random_rows

POPULATION: dict[str, Any] = BY_TICKS["population"]
RULES: dict[str, dict[str, Any]] = {
    "a_feature": {},
    "a_table_that_is_no_feature": {"while": "shop_slow.large_1d > 0 or shop_recent.sales_6h > 1"},
    "a_null": {"while": "shop_recent.sales_6h / shop_recent.sales_6h > 0"},
    "everybody": {"while": "shop_recent.sales_6h >= 0"},
    "a_sample": {"while": "shop_recent.sales_6h >= 0", "sample": 0.5},
    "who_has_left": {"while": "shop_recent.sales_6h >= 0", "until": "sales"},
    "a_limit": {"while": "shop_recent.sales_6h >= 0", "max_rows": 2},
}
MODELS = {
    name: {**BY_TICKS, "features": ["shop_recent.*"], "population": {**POPULATION, **changed}}
    for name, changed in RULES.items()
}


@pytest.mark.parametrize("seed", range(2))
def test_online_and_in_training_an_entity_is_in_the_same_populations(tmp_path: Path, seed: int) -> None:
    project_of(tmp_path, random_rows(seed), MODELS)
    project = open_project(tmp_path)
    inputs = inputs_of(project, at(60))
    seen, store = dict[str, set[str]](), online_store(project)
    for hour in (9.3, 30.5):
        now = at(hour)
        publish_online(project, inputs, now, store)
        for name in MODELS:
            model = project.spec.models[name]
            offline = membership(project, name, inputs, pd.DataFrame({"shop": list(SHOPS)}), now)
            lookup = ModelLookup(project.spec, model)
            rule = PopulationRule.of(project.spec, model, lookup.names)
            assert rule is not None
            for shop, expected in zip(SHOPS, offline.itertuples(), strict=True):
                with store.view() as view:
                    online = rule.of_row(lookup.look_up(view, {"shop": shop}), now)
                seen.setdefault(name, set()).add(online.reason)
                if online.reason == NOT_KNOWN_ONLINE:
                    assert online.in_population is None
                    assert name in ("who_has_left", "a_limit")
                    assert expected.reason in ("", "left", "over_max_rows")
                else:
                    assert online == (expected.in_population, expected.reason)
    store.close()
    assert seen["everybody"] == {"", "not_asking"}
    assert seen["a_feature"] == {"", "not_asking", "not_qualified"}
    assert seen["a_null"] == {"", "not_asking", "no_membership"}
    assert seen["a_sample"] == {"", "not_asking", "not_sampled"}
    assert seen["a_limit"] == {NOT_KNOWN_ONLINE, "not_asking"}


GONE = {
    "entity": "shop",
    "source": "sales",
    "refresh": "1m",
    "publish_delay": "0s",
    "where": "kind == 'x' and paid",
    "features": {"gone": {"count": True, "windows": ["ever"]}},
}
BY_FEATURE = {**POPULATION, "while": "shop_recent.sales_6h >= 0 and shop_gone.gone_ever == 0"}
BY_UNTIL = {
    **POPULATION,
    "while": "shop_recent.sales_6h >= 0",
    "until": {"source": "sales", "where": "kind == 'x' and paid"},
}


@pytest.mark.parametrize("seed", range(2))
def test_a_feature_of_the_source_shows_online_which_entity_has_departed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setitem(FEATURES, "shop_gone", GONE)
    rows, features = random_rows(seed), ["shop_recent.*"]
    models = {
        name: {**BY_TICKS, "features": features, "population": population}
        for name, population in {"by_feature": BY_FEATURE, "by_until": BY_UNTIL}.items()
    }
    project_of(tmp_path, rows, models)
    project = open_project(tmp_path)
    inputs, store, seen = inputs_of(project, at(60)), online_store(project), set()
    for minute in range(61, 60 * 31, 372):  # at full minutes, when the table is refreshed
        now = at(0) + timedelta(minutes=minute)
        publish_online(project, inputs, now, store)
        offline = membership(project, "by_until", inputs, pd.DataFrame({"shop": list(SHOPS)}), now)
        model = project.spec.models["by_feature"]
        lookup = ModelLookup(project.spec, model)
        rule = PopulationRule.of(project.spec, model, lookup.names)
        assert rule is not None
        for shop, is_in in zip(SHOPS, offline["in_population"], strict=True):
            with store.view() as view:
                online = rule.of_row(lookup.look_up(view, {"shop": shop}), now)
            assert online.in_population is bool(is_in), (shop, now)
            departed = _has_departed(rows["sales"], shop, now)
            assert not (is_in and departed)
            seen.add((bool(is_in), departed))
    store.close()
    assert seen == {(True, False), (False, True), (False, False)}


def _has_departed(sales: list[list[Any]], shop: str, now: datetime) -> bool:
    """Whether the newest version of some sale that is known is a paid one of kind x that has happened."""
    newest: dict[str, list[Any]] = {}
    for row in sorted((row for row in sales if row[3] <= now), key=lambda row: row[3]):
        newest[row[0]] = row
    return any(row[1] == shop and row[2] <= now and row[6:] == ["x", True] for row in newest.values())


def test_a_population_of_rows_has_no_rule_online(tmp_path: Path) -> None:
    project_of(tmp_path, random_rows(1), {"by_rows": BY_ROWS})
    project = open_project(tmp_path)
    assert PopulationRule.of(project.spec, project.spec.models["by_rows"], ()) is None
