"""A plan with what the change is worth: the same figures as an experiment, which is gone afterwards."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml_platform.cli.plan import CHANGES, PlanForm, show_plan
from ml_platform.declarations.fingerprint import deciding_of
from ml_platform.declarations.graph import build_graph
from ml_platform.declarations.load.load import load_project
from ml_platform.operations.experiments.changed import changed_models
from ml_platform.operations.experiments.launch import Wanted, run_experiment
from ml_platform.operations.experiments.listing import experiment_named, list_experiments, remove_experiment
from ml_platform.operations.experiments.words import difference_text
from ml_platform.project import Project, open_project
from ml_platform.storage.last_declarations import record_declared
from tests.audit.verify.factory import MODEL, build_factory
from tests.worlds import write_shop

pytestmark = pytest.mark.slow
NOW = datetime(2024, 3, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A factory whose declarations were edited since its versions were made."""
    project = build_factory(tmp_path_factory.mktemp("factory"))
    for node in build_graph(project.spec):  # as each step of a run does
        record_declared(project.database, node.name, deciding_of(project.spec, node.kind, node.subject))
    project.database.engine.dispose()
    file = project.root / "features/courier_recent.yaml"
    text = file.read_text()
    assert "minutes_late >= 30, windows: [7d]" in text
    file.write_text(text.replace("minutes_late >= 30, windows: [7d]", "minutes_late >= 30, windows: [3d, 7d]"))
    return open_project(project.root)


def test_the_worth_of_a_plan_is_that_of_an_experiment_and_nothing_of_it_stays(
    production: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    run_experiment(production, Wanted("by_hand", models=[MODEL]), NOW)
    (by_hand,) = experiment_named(production, "by_hand").record["models"]
    remove_experiment(production, "by_hand")
    code = show_plan(production.root, None, PlanForm(evaluate=True, exit_code=True, as_json=True))
    document = json.loads(capsys.readouterr().out)
    (planned,) = document["evaluated"]
    assert code == CHANGES == 2
    assert planned["paired"]["difference"] == by_hand["paired"]["difference"]
    assert planned["trained_model"] == by_hand["trained_model"]
    assert list_experiments(production) == []

    assert show_plan(production.root, None, PlanForm(evaluate=True, markdown=True)) == 0
    text = capsys.readouterr().out
    assert text.startswith("## Plan of shop at ")
    assert "| step | plan | about | why |" in text
    assert "### What the change is worth" in text
    assert difference_text(by_hand).split(" (")[0] in text.replace("\\", "")


def test_a_model_that_is_only_judged_in_another_way_is_evaluated_too(tmp_path: Path) -> None:
    root = write_shop(tmp_path)
    project = open_project(root)
    for node in build_graph(project.spec):
        record_declared(project.database, node.name, deciding_of(project.spec, node.kind, node.subject))
    assert changed_models(project.spec, project.database) == []
    file = root / f"models/{MODEL}.yaml"
    declared = file.read_text()
    for edited in (
        declared.replace(">= 0.55", ">= 0.6"),
        declared.replace("do_nothing: wait", "do_nothing: wait\n  capacity: {upgrade: 3 per day UTC}"),
    ):
        assert edited != declared
        file.write_text(edited)
        assert changed_models(load_project(root), project.database) == [MODEL]


def test_a_project_without_anything_to_do_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = "spec_version: 1\nname: empty\nowner: team:a\ncurrency: EUR\nclock: wall\nentities: {a: [b]}\n"
    (tmp_path / "project.yaml").write_text(facts)
    assert show_plan(tmp_path, None, PlanForm(evaluate=True, exit_code=True)) == 0
    assert "there is nothing to evaluate" in capsys.readouterr().out


def test_markdown_shows_the_text_of_a_declaration_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    from ml_platform.cli.plan_markdown import plan_markdown
    from ml_platform.operations.planning.changes import Comparison
    from ml_platform.operations.planning.plan import Plan, Planned

    node = Planned("m/snapshot", "snapshot", "would run", None, ("label was `a | b`, is <script>x</script>",), None)
    lines = plan_markdown(Plan("shop", NOW, (node,)), None, Comparison(())).splitlines()
    assert lines[-1] == (
        "| `m/snapshot` | would run | unknown | label was \\`a \\| b\\`, is &lt;script>x&lt;/script> |"
    )
