"""A rule learns nothing: an old one decides as a new one does, also where an action has only some places a day."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.declarations.node_kinds.backtest import BacktestOptions
from ml_platform.features.build import build_feature_table
from ml_platform.project import open_project
from ml_platform.registry.backtest.backtest import backtest_model
from ml_platform.sources.ingest import ingest_source
from tests.worlds import FILES, LATE_PARCEL, NOW, write_shop_data

pytestmark = pytest.mark.slow
RULE = 'algorithm: {name: rule, expression: "min(max(courier_recent.mean_late_7d / 60, 0), 1)"}\n'
MOST, EVERY = 3, timedelta(days=5)


def rule_model() -> str:
    """The shop's model as a rule over one of its features, without baselines, and with a capacity."""
    head, _, rest = LATE_PARCEL.partition("algorithm:")
    tail = rest.partition("value:")[2].replace('gates: {auc: ">= 0.55"}\n', "")
    limited = tail.replace("do_nothing: wait", f"do_nothing: wait\n  capacity: {{upgrade: {MOST} per day UTC}}")
    return f"{head}{RULE}value:{limited}"


def test_under_a_capacity_a_rule_is_worth_the_same_at_every_age(tmp_path: Path) -> None:
    for name, text in FILES.items():
        if name != "models/lateness.yaml":
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(rule_model() if name.startswith("models/") else text)
    write_shop_data(tmp_path, orders_a_day=20)
    project = open_project(tmp_path)
    ids = {f"sources/{name}": ingest_source(project, name, NOW).made.artifact.id for name in ("orders", "deliveries")}
    table = build_feature_table(project, "courier_recent", ids["sources/deliveries"])
    snapshot = build_snapshot(
        project, "late_parcel", ids | {"features/courier_recent": table.artifact.id}, NOW
    ).artifact.id
    about = backtest_model(project, "late_parcel", snapshot, BacktestOptions(origins=4, every=EVERY, seeds=1))
    assert [age.days for age in about.ages] == [5, 10, 15]
    for age in about.ages:
        assert age.fresh == age.aged
        assert age.loss.figure == 0
    # No day has more than the places: an upgrade earns -4 or 5, and nothing else earns anything.
    for origin in about.origins:
        assert abs(origin.gain.figure * origin.rows) <= 5 * MOST * (EVERY / timedelta(days=1) + 1)
