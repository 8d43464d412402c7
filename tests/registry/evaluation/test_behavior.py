"""What actions came to, against a loop over rows."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from ml_platform.declarations.project import ProjectSpec
from ml_platform.registry.evaluation.behavior import action_outcomes, behavior_of
from ml_platform.registry.evaluation.candidates import EvaluationRows
from ml_platform.storage.artifact_kinds.behavior import BehaviorManifest
from ml_platform.storage.versions import versions
from tests.audit.verify.factory import MODEL, build_factory
from tests.shop_project import open_shop


class Fixed:
    """A predictor that recommends what it was made with."""

    def __init__(self, actions: list[str]) -> None:
        self._actions = actions

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"action": self._actions}, index=frame.index)


@pytest.fixture
def shop(tmp_path: Any) -> ProjectSpec:
    return open_shop(tmp_path).spec


def test_each_action_and_label_has_its_rows_its_gain_and_what_was_missed(shop: ProjectSpec) -> None:
    spec = shop.models[MODEL]
    actions = list(spec.value.actions or {})
    frame = pd.DataFrame(
        {
            "effective_time": pd.date_range("2024-02-01", periods=6, freq="h", tz="UTC"),
            "label": [True, True, False, False, True, False],
            **{f"{spec.population.owner}.{name}": [10.0, 20, 30, 40, None, 60] for name in ("amount",)},
        }
    )
    rows = EvaluationRows.read(shop, spec, frame)
    taken = [actions[0], actions[1], actions[0], actions[1], actions[0], actions[1]]
    predictor: Any = Fixed(taken)
    actual, unvalued = action_outcomes(rows, predictor)
    expected: dict[tuple[str, bool], list[float]] = {}
    skipped = 0
    for place in range(6):
        earned = {
            action: float(rows.decision.value(frame.iloc[[place]], rows.label[[place]], pd.Series([action]))[0])
            for action in actions
        }
        if any(value != value for value in earned.values()):
            skipped += 1
            continue
        known = expected.setdefault((taken[place], bool(rows.label[place])), [0, 0.0, 0.0])
        known[0] += 1
        known[1] += earned[taken[place]] - earned[spec.value.do_nothing]
        known[2] += max(earned.values()) - earned[taken[place]]
    assert unvalued == skipped
    assert {(item.action, bool(item.label)): [item.rows, item.gain, item.missed] for item in actual} == {
        key: pytest.approx(value) for key, value in expected.items()
    }


@pytest.mark.slow
def test_of_a_factory_it_is_computed_once_and_counts_every_test_row(tmp_path: Any) -> None:
    project = build_factory(tmp_path)
    version = versions(project, MODEL)[0]
    first = behavior_of(project, MODEL, version.id, version.snapshot)
    about = BehaviorManifest.of(first)
    assert sum(item.rows for item in about.actions) == about.rows > 0
    assert about.dependence
    assert behavior_of(project, MODEL, version.id, version.snapshot).id == first.id
    assert dict(first.inputs) == {"trained_model": version.id, "snapshot": version.snapshot}
