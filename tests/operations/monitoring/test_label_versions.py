"""After a change of the label, each version's predictions are about the label that it learned."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ml_platform.core.hashing import canonical_json
from ml_platform.operations.monitoring import label_versions
from ml_platform.operations.monitoring.monitor import monitor_model
from ml_platform.project import Project, open_project
from ml_platform.storage.prediction_log import read_predictions
from tests.customers import write_customers
from tests.models.rows import shop_rows
from tests.operations.monitoring.hand_made_world import HandMadeWorld
from tests.operations.monitoring.monitored_shop import DEPLOYED, INPUTS, MODEL, NOW, about, score_until

CHANGED = NOW - timedelta(days=2)


@pytest.fixture
def changed(world: HandMadeWorld, monkeypatch: pytest.MonkeyPatch) -> HandMadeWorld:
    """The shop whose label was "late or not", known after 2 days, and is "in time or not", known after 1 day."""
    before = label_versions.declared_label(world.project, MODEL)
    score_until(world, CHANGED)
    path = world.project.root / f"models/{MODEL}.yaml"
    path.write_text(path.read_text().replace("expression: minutes_late >= 30", "expression: minutes_late < 30"))
    path.write_text(path.read_text().replace("horizon: 2d", "horizon: 1d"))
    world.project = open_project(world.project.root)
    after = label_versions.declared_label(world.project, MODEL)
    assert after != before
    learned = {1: before, 2: after}

    def truth(project: Project, model: str, source: str, rows: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
        late = rows["order_id"].map(world.labels)
        is_late = project.spec.models[model].label.formula == "minutes_late >= 30"
        return pd.DataFrame({"label": late if is_late else ~late.astype(bool), "label_state": "known"})

    monkeypatch.setattr(label_versions, "_label_of", lambda project, version: learned[version.number])
    monkeypatch.setattr("ml_platform.operations.monitoring.settled_predictions.labels_of", truth)
    return world


@pytest.mark.parametrize(
    "label",
    [
        "{source: baskets, none: amount > 0, within: 14d}",
        "{source: baskets, count: true, where: amount > 5, after: 1d, within: 14d, settle: 2d}",
        "{source: baskets, within: 7d, aggregates: {a: {sum: amount}, n: {count: true}}, expression: a > n * 9}",
        "{source: closures, expression: is_null(closed_at), horizon: 3d, missing: negative}",
    ],
)
def test_a_label_is_read_as_a_snapshot_keeps_it(tmp_path: Path, label: str) -> None:
    project = open_project(write_customers(tmp_path, customers=2))
    task = "regression" if "count: true, where" in label else "binary"
    with_former = tmp_path / "models/churn.yaml"
    text = with_former.read_text().replace("{source: baskets, none: amount > 0, within: 14d}", label)
    if task == "regression":
        text = text.replace("task: binary", "task: regression").replace("[logistic_regression]", "[]")
        text = (
            text.split("value:")[0]
            + 'value: {payoff: "-abs(label - prediction)", do_nothing: "0"}\nmonitoring: {window: 14d}\n'
        )
    with_former.write_text(text)
    former = open_project(tmp_path)
    kept = json.loads(canonical_json(label_versions.declared_label(former, "churn")))
    then = label_versions._with_label(former, "churn", kept)
    assert then is not None
    assert then.spec.models["churn"].label == former.spec.models["churn"].label
    if "none" not in label and task == "binary":
        over_first = label_versions._with_label(project, "churn", kept)  # over the first declaration
        assert over_first is not None
        assert over_first.spec.models["churn"].label == former.spec.models["churn"].label


def earned(rows: list[dict[Any, Any]], labels: dict[str, bool]) -> float:
    return sum((-4 + 9 * labels[row["order_id"]]) * (row["action"] == "upgrade") for row in rows)


def test_the_figures_of_a_version_are_about_the_label_that_it_learned(changed: HandMadeWorld) -> None:
    """The label is declared otherwise, and the version of before is still the champion."""
    score_until(changed, NOW)
    details = about(monitor_model(changed.project, MODEL, INPUTS, NOW))
    rows = read_predictions(changed.project, MODEL, DEPLOYED, NOW - timedelta(days=2)).to_dict("records")
    since = details["realized_since"]
    assert (since["settled"], since["value"]) == (len(rows), pytest.approx(earned(rows, dict(changed.labels))))
    assert details["metrics"]["auc"] > 0.6


def test_figures_over_two_labels_are_of_the_champion_s_alone(changed: HandMadeWorld) -> None:
    changed.appoint(MODEL, changed.train(MODEL, shop_rows(900, seed=8), "of the new label"), CHANGED)
    score_until(changed, NOW)
    since = about(monitor_model(changed.project, MODEL, INPUTS, NOW))["realized_since"]
    rows = read_predictions(changed.project, MODEL, DEPLOYED, NOW - timedelta(days=1))
    new = rows[rows["version"] == 2].to_dict("records")
    assert 0 < len(new) < len(rows)
    in_time = {order: not label for order, label in changed.labels.items()}
    assert (since["settled"], since["value"]) == (len(new), pytest.approx(earned(new, in_time)))
    assert since["start"] == min(row["effective_time"] for row in new).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
