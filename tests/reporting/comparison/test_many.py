"""Experiments and versions side by side: money against sums over shared rows, keys that differ, and the page."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from ml_platform.cli.arguments import names_and_directory
from ml_platform.cli.compare_many import compare_runs
from ml_platform.core.errors import NotComparable
from ml_platform.operations.experiments.launch import Wanted, run_experiment
from ml_platform.operations.experiments.listing import experiment_named
from ml_platform.operations.experiments.rows import read_rows
from ml_platform.operations.experiments.space import ExperimentError
from ml_platform.project import Project, open_project
from ml_platform.reporting.comparison.many import ManyComparison, compare_many
from ml_platform.storage.versions import versions
from tests.audit.verify.factory import MODEL, build_factory
from tests.shop_project import open_shop

pytestmark = pytest.mark.slow
NOW = datetime(2024, 3, 3, tzinfo=UTC)
EDITS = {
    "leaves": ("num_leaves: 7", "num_leaves: 3"),
    "rate": ("learning_rate: 0.1", "learning_rate: 0.3"),
    "payoff": ("-4 + label * 9", "-3 + label * 9"),
}


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("many")
    project = build_factory(folder / "shop")
    project.database.engine.dispose()
    production = open_project(project.root)
    for name, (before, after) in EDITS.items():
        shutil.copytree(production.root, folder / name, ignore=shutil.ignore_patterns(".ml_platform"))
        file = folder / name / f"models/{MODEL}.yaml"
        assert before in file.read_text()
        file.write_text(file.read_text().replace(before, after))
        run_experiment(production, Wanted(name, folder / name), NOW)
    return production


@pytest.fixture(scope="module")
def comparison(production: Project) -> ManyComparison:
    return compare_many(production, [])


def test_every_experiment_is_compared_with_the_live_version_and_the_best_is_first(
    production: Project, comparison: ManyComparison
) -> None:
    live = str(versions(production, MODEL)[-1])
    assert comparison.against == live
    assert comparison.runs[0].name == live
    assert comparison.runs[0].ahead is None
    assert {run.name for run in comparison.runs[1:]} == {*EDITS}
    amounts = [run.ahead.amount for run in comparison.runs[1:] if run.ahead and run.ahead.amount is not None]
    assert amounts == sorted(amounts, reverse=True)
    for run in comparison.runs[1:3]:
        result = experiment_named(production, run.name).result()
        assert run.ahead is not None
        assert run.ahead.amount == result["paired"]["difference"]["amount"]
        assert (run.ahead.low, run.ahead.high) == tuple(result["paired"]["difference"][end] for end in ("low", "high"))


def test_the_keys_that_differ_are_named_with_the_value_of_each_run(comparison: ManyComparison) -> None:
    by_name = {run.name: run.declared for run in comparison.runs}
    leaves, rate = (f"models/{MODEL} algorithm.params.{name}" for name in ("num_leaves", "learning_rate"))
    assert {leaves, rate} < {*comparison.keys}
    assert (by_name["leaves"][leaves], by_name["rate"][leaves]) == ("3", "7")
    assert (by_name["leaves"][rate], by_name["rate"][rate]) == ("0.1", "0.3")


def test_money_by_other_payoffs_is_not_compared(comparison: ManyComparison) -> None:
    (payoff,) = (run for run in comparison.runs if run.name == "payoff")
    assert payoff.ahead is not None
    assert payoff.ahead.amount is None
    assert payoff.ahead.declined == "its label or payoffs are declared in another way"


def test_two_experiments_are_compared_on_shared_rows_as_in_a_loop(production: Project) -> None:
    comparison = compare_many(production, ["leaves", "rate"], against="rate")
    (run,) = (run for run in comparison.runs if run.name == "leaves")
    frames = []
    for name in ("leaves", "rate"):
        experiment = experiment_named(production, name)
        rows, _ = read_rows(experiment.space.rows(MODEL))
        frames.append(pd.DataFrame({"key": rows.keys, "day": rows.days, "value": rows.value, "entity": rows.entities}))
    both = frames[0].merge(frames[1], on="key", suffixes=("", "_other"))
    assert run.ahead is not None
    assert run.ahead.rows == len(both)
    earned = zip(both["value"].tolist(), both["value_other"].tolist(), strict=True)
    assert run.ahead.amount == pytest.approx(sum(value - other for value, other in earned))
    kept = experiment_named(production, "leaves").space.folder / f"compared-{MODEL}.json"
    assert compare_many(production, ["leaves", "rate"], against="rate") == comparison
    assert len(json.loads(kept.read_text())) == 1


def test_a_version_among_experiments_is_on_the_same_rows(production: Project) -> None:
    first = str(versions(production, MODEL)[0])
    comparison = compare_many(production, [first, "leaves"])
    assert {run.name for run in comparison.runs} == {first, "leaves", comparison.against}
    (line,) = (run for run in comparison.runs if run.name == first)
    assert line.ahead is not None
    assert line.ahead.rows > 0


def test_what_cannot_be_compared_is_refused(production: Project) -> None:
    with pytest.raises(ExperimentError, match=r"no experiment nothing\."):
        compare_many(production, ["nothing"])
    with pytest.raises(NotComparable, match="no experiment has a result"):
        compare_many(open_shop(production.root.parent / "empty"), [], model=MODEL)


def test_the_command_prints_a_table_writes_json_and_a_page_without_scripts(
    production: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare_runs(production.root, [], None, None, None, False)
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0].startswith("run\tmore than late_parcel@")
    assert {line.split("\t")[0] for line in lines[1:5]} >= {*EDITS}
    compare_runs(production.root, [], None, None, tmp_path / "many.html", True)
    document = json.loads(capsys.readouterr().out)
    assert {run["name"] for run in document["runs"]} >= {*EDITS}
    page = (tmp_path / "many.html").read_text()
    assert "<script" not in page
    assert all(name in page for name in EDITS)


def test_the_last_word_is_the_folder_where_it_is_one(production: Project) -> None:
    assert names_and_directory(["a", "b@2"]) == (["a", "b@2"], Path())
    assert names_and_directory(["a", str(production.root)]) == (["a"], production.root)
    assert names_and_directory(["."]) == ([], Path())
