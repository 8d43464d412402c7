"""Two versions on the same rows, against a loop over rows and against the evaluation of the same pair."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from ml_platform.cli.compare import compare
from ml_platform.core.errors import NotComparable
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.declarations.node_name import NodeName
from ml_platform.models.predictor import load_predictor
from ml_platform.project import Project
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.reporting.comparison.compare import compare_versions
from ml_platform.reporting.comparison.comparison import VersionComparison
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.outputs import current_output
from ml_platform.storage.versions import versions
from tests.audit.verify.factory import MODEL, NOON, build_factory
from tests.shop_project import open_shop

NOW = NOON + timedelta(days=1, hours=12)
EVERY = 10_000


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return build_factory(tmp_path_factory.mktemp("factory"))


@pytest.fixture(scope="module")
def comparison(factory: Project) -> VersionComparison:
    first, second = versions(factory, MODEL)
    return compare_versions(factory, first, second, EVERY)


def test_rows_that_a_version_was_fitted_on_are_excluded_and_named(
    factory: Project, comparison: VersionComparison
) -> None:
    first, second = (factory.store.get("trained_model", version.id) for version in versions(factory, MODEL))
    until = max(TrainedModelManifest.of(first).until, TrainedModelManifest.of(second).until)
    assert comparison.start > until
    test = load_snapshot(factory, comparison.snapshot, ("test",)).part("test")
    excluded = sum(time.isoformat() <= until for time in test["effective_time"])
    assert bool(excluded) == any("test rows are left out" in note for note in comparison.notes)


def test_money_and_rows_with_another_action_are_those_of_a_loop(
    factory: Project, comparison: VersionComparison
) -> None:
    frame = load_snapshot(factory, comparison.snapshot, ("test",)).part("test")
    frame = frame[frame["effective_time"] >= pd.Timestamp(comparison.start)].reset_index(drop=True)
    predicted = [
        load_predictor(factory, factory.store.get("trained_model", version.id)).predict(frame)["action"]
        for version in versions(factory, MODEL)
    ]
    actions = factory.spec.models[MODEL].value.actions or {}
    payoffs = {
        action: [
            eval(text, {"label": int(row["label"]), "amount": row["orders.amount"]})  # arithmetic of a test's own YAML
            for row in frame.to_dict("records")
        ]
        for action, text in actions.items()
    }
    gained, changed = 0.0, 0
    for place, (before, after) in enumerate(zip(*predicted, strict=True)):
        gained += payoffs[after][place] - payoffs[before][place]
        changed += before != after
    assert comparison.rows == len(frame)
    assert comparison.difference.amount == pytest.approx(gained)
    assert comparison.changed == changed == sum(item.rows for item in comparison.actions) == len(comparison.rows_shown)
    assert sum(item.gain for item in comparison.actions) == pytest.approx(gained)
    assert sum(day.second - day.first for day in comparison.days) == pytest.approx(gained)
    assert sum(row.gain for row in comparison.rows_shown) == pytest.approx(gained)


def test_the_interval_is_that_of_the_evaluation_of_the_same_pair(
    factory: Project, comparison: VersionComparison
) -> None:
    first, second = versions(factory, MODEL)
    if any("left out" in note for note in comparison.notes):
        pytest.fail("the factory's versions were not fitted on the newest test rows")
    made = evaluate_model(factory, MODEL, second.id, comparison.snapshot, first.id).artifact
    champion = next(item for item in EvaluationManifest.of(made).contenders if item.name == "champion")
    ahead = champion.challenger_ahead
    assert comparison.difference.amount == pytest.approx(ahead.per_row * comparison.rows)
    assert comparison.difference.low == pytest.approx(ahead.low * comparison.rows)
    assert comparison.difference.high == pytest.approx(ahead.high * comparison.rows)


def test_a_version_against_itself_differs_in_nothing(factory: Project) -> None:
    first = versions(factory, MODEL)[0]
    same = compare_versions(factory, first, first, EVERY)
    assert (same.difference.amount, same.changed, same.declared, same.rows_shown) == (0.0, 0, (), ())
    assert same.text == f"{first} and {first} earned the same on {same.rows:,} rows."


def test_simpler_algorithms_are_beside_both_on_the_same_rows(factory: Project, comparison: VersionComparison) -> None:
    frame = load_snapshot(factory, comparison.snapshot, ("test",)).part("test")
    frame = frame[frame["effective_time"] >= pd.Timestamp(comparison.start)].reset_index(drop=True)
    newest = factory.store.get("trained_model", versions(factory, MODEL)[1].id)
    actions = factory.spec.models[MODEL].value.actions or {}
    assert comparison.beside == f"{MODEL}@2"
    assert [item.name for item in comparison.simpler] == ["rule", "logistic_regression"]
    for item in comparison.simpler:
        taken = load_predictor(factory, newest, f"baseline/{item.name}").predict(frame)["action"]
        earned = sum(
            eval(actions[action], {"label": int(row["label"]), "amount": row["orders.amount"]})
            for action, row in zip(taken, frame.to_dict("records"), strict=True)
        )
        nothing = eval(actions[factory.spec.models[MODEL].value.do_nothing], {})
        assert item.gain.amount == pytest.approx(earned - nothing * len(frame))
        assert item.more.amount == pytest.approx(item.gain.amount - comparison.gains[1].amount)
    assert comparison.simplest is not None
    assert comparison.simplest.live == f"{MODEL}@2"
    assert dict(comparison.simplest.gains)["rule"] == comparison.simpler[0].gain.amount


def test_what_cannot_be_compared_is_refused(factory: Project, tmp_path: Path) -> None:
    first = versions(factory, MODEL)[0]
    with pytest.raises(NotComparable, match="versions of two models"):
        compare_versions(factory, first, type(first)("lateness", 1, first.id, "", first.registered_at), 1)
    with pytest.raises(NotComparable, match="no snapshot"):
        compare_versions(open_shop(tmp_path), first, first, 1)


def test_the_command_prints_the_verdict_first_writes_json_and_a_page(
    factory: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = f"{MODEL}@1", f"{MODEL}@2"
    compare(factory.root, *names, 3, None, False)
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0].startswith(f"{MODEL}@2 ")
    assert "on the same" in lines[0] or "earned the same" in lines[0]
    compare(factory.root, *names, 3, None, True)
    document = json.loads(capsys.readouterr().out)
    assert (document["first"], document["second"], document["page"]) == (*names, None)
    assert len(document["rows_shown"]) == min(3, document["changed"])
    compare(factory.root, *names, 3, tmp_path / "page.html", False)
    page = (tmp_path / "page.html").read_text()
    assert document["verdict"].split(" (")[0] in page
    assert "<script" not in page


def test_the_newest_snapshot_is_taken(factory: Project, comparison: VersionComparison) -> None:
    assert comparison.snapshot == current_output(factory.database, NodeName("snapshot", MODEL))
