"""Whatever a label or a population can declare becomes an asset graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ml_platform.declarations.lineage import snapshot_lineage
from ml_platform.project import Project
from ml_platform_dagster.jobs.build import build_definitions
from tests.datasets.labels import test_question_columns, window_labels
from tests.datasets.population import customers, test_limits, test_on_spark

HOURLY = {"deployment": {"batch": "0 * * * * UTC"}}


def models_with_a_snapshot(project: Project) -> set[str]:
    """The models that have an asset of their snapshot."""
    keys = build_definitions(project).resolve_asset_graph().get_all_asset_keys()
    return {key.path[0] for key in keys if key.path[-1] == "snapshot"}


def test_each_label_over_a_window_becomes_assets(tmp_path: Path) -> None:
    labels = {name: item[0] for name, item in window_labels.LABELS.items()}
    project = window_labels.project_of(tmp_path, [], labels)
    assert models_with_a_snapshot(project) == set(labels)


def test_each_label_that_compares_with_its_question_becomes_assets(tmp_path: Path) -> None:
    project = test_question_columns.declared(tmp_path, [])
    assert models_with_a_snapshot(project) == set(test_question_columns.LABELS)


@pytest.mark.parametrize(
    ("populations", "more"),
    [(test_on_spark.TICKS, {}), (test_on_spark.EVENTS, HOURLY), (test_limits.KINDS, HOURLY)],
    ids=["ticks", "events", "rows"],
)
def test_each_population_becomes_assets(
    tmp_path: Path, populations: dict[str, dict[str, object]], more: dict[str, Any]
) -> None:
    assert models_with_a_snapshot(customers.project_of(tmp_path, [], populations, **more)) == set(populations)


def test_a_label_that_compares_a_column_with_that_of_its_question_comes_from_this_column_once(tmp_path: Path) -> None:
    label = {"source": "baskets", "any": "amount > baskets.amount", "within": "1d", "settle": "6h"}
    population = {"on": "baskets", "entity": "shop"}
    project = customers.project_of(tmp_path, [], {"more": population}, label=label, **window_labels.BINARY, **HOURLY)
    assert models_with_a_snapshot(project) == {"more"}
    assert snapshot_lineage(project.spec, project.spec.models["more"])["label"] == (("sources/baskets", "amount"),)
