"""A study on request is that of the function alone, is read where a run has made it, and changes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import ml_platform
from ml_platform.cli.ablation import ablation
from ml_platform.cli.backtest import backtest
from ml_platform.core.errors import NotMaterialized
from ml_platform.declarations.node_kinds.backtest import BacktestOptions
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.experiments.space import ExperimentError
from ml_platform.operations.experiments.studies import run_study
from ml_platform.operations.planning.nodes.backtest import BacktestOperation
from ml_platform.project import Project, open_project
from ml_platform.registry.backtest.backtest import backtest_model
from ml_platform.reporting.overview.backtest_lines import backtest_sentences
from ml_platform.storage.outputs import current_output
from tests.audit.verify.factory import MODEL, build_factory
from tests.worlds import write_shop

pytestmark = pytest.mark.slow
NOW = datetime(2024, 3, 3, tzinfo=UTC)
OPTIONS = BacktestOptions(origins=3, seeds=1)


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = build_factory(tmp_path_factory.mktemp("factory"))
    project.database.engine.dispose()
    return open_project(project.root)


def files_of(project: Project) -> dict[str, str]:
    """Return the hash of every file of a project's store and declarations."""
    files = (path for path in project.root.rglob("*") if path.is_file() and path.suffix != ".sqlite-shm")
    return {str(path): sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


def test_a_study_on_request_is_that_of_the_function_and_changes_no_file(production: Project) -> None:
    snapshot = str(current_output(production.database, f"{MODEL}/snapshot"))
    before, events = files_of(production), list[Any]()
    result = run_study(production, "backtest", MODEL, OPTIONS, NOW, events.append)
    assert files_of(production) == before
    assert (result.snapshot, result.was_stored) == (snapshot, False)
    alone = backtest_model(production, MODEL, snapshot, OPTIONS)
    assert result.manifest.as_json() == alone.as_json()
    steps = [event["node"] for event in events if event["event"] == "step"]
    assert [step[:13] for step in steps] == ["origin 1 of 3", "origin 2 of 3", "origin 3 of 3"]


def test_what_a_run_has_made_is_read_and_nothing_is_trained(production: Project) -> None:
    file = production.root / f"models/{MODEL}.yaml"
    text = file.read_text()
    file.write_text(f"{text}nodes: {{backtest: {{origins: 4, seeds: 1}}}}\n")
    declared = open_project(production.root)
    inputs = {str(NodeName("snapshot", MODEL)): str(current_output(declared.database, f"{MODEL}/snapshot"))}
    made = BacktestOperation.run(declared, MODEL, inputs, NOW)
    assert not made.reused
    assert BacktestOperation.run(declared, MODEL, inputs, NOW).reused
    events = list[Any]()
    result = run_study(declared, "backtest", MODEL, BacktestOptions(origins=4, seeds=1), NOW, events.append)
    assert (result.was_stored, events) == (True, [])
    file.write_text(text)


def test_the_command_prints_sentences_a_document_and_a_page(
    production: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {"origins": 3, "seeds": 1}
    backtest(production.root, MODEL, asked, None, as_json=False)
    text = capsys.readouterr().out
    assert f"{MODEL}, retrained every 5 days, gained " in text
    assert "Retraining every 5 days earned " in text
    backtest(production.root, MODEL, asked, tmp_path / "page.html", as_json=True)
    facts = json.loads(capsys.readouterr().out)
    assert [len(facts[name]) for name in ("origins", "ages", "schedules")] == [3, 2, 2]
    page = (tmp_path / "page.html").read_text()
    assert f"Backtest of {MODEL}" in page
    assert facts["verdict"][0] in page
    assert page.count("<table>") == 3


def test_the_command_of_an_ablation_prints_each_input_with_its_record(
    production: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ablation(production.root, MODEL, {}, tmp_path / "inputs.html", as_json=True)
    facts = json.loads(capsys.readouterr().out)
    names = {(item["kind"], item["name"]) for item in facts["lines"]}
    assert {("source", "orders"), ("source", "deliveries"), ("feature table", "courier_recent")} <= names
    page = (tmp_path / "inputs.html").read_text()
    assert facts["verdict"][0] in page
    assert page.count("<table>") == 2
    ablation(production.root, MODEL, {}, None, as_json=False)
    assert "Worth of each source" in capsys.readouterr().out


def test_a_notebook_gets_the_figures_of_the_study_as_frames(production: Project) -> None:
    snapshot = str(current_output(production.database, f"{MODEL}/snapshot"))
    about = backtest_model(production, MODEL, snapshot, OPTIONS)
    study = ml_platform.backtest(production, MODEL, origins=3, seeds=1)
    assert study.verdict == backtest_sentences(about)
    origins, ages = study.tables["origins"], study.tables["ages"]
    assert origins["gain"].tolist() == [item.gain.figure for item in about.origins]
    assert origins["auc"].tolist() == [item.figures["auc"] for item in about.origins]
    assert ages["loss"].tolist() == [item.loss.figure for item in about.ages]
    assert study.tables["schedules"]["more"].tolist() == [item.more.figure for item in about.schedules]
    parts = ml_platform.open_project(production.root).ablation(MODEL).tables["parts"]
    known = parts[parts["worth"].notna()]
    assert (known["low"] <= known["worth"]).all()
    assert set(parts["verdict"]) <= {"earns", "harms", "not certain", "makes no difference", "needed", "not known"}
    with pytest.raises(ExperimentError, match="origins: input should be greater than or equal to 2"):
        ml_platform.backtest(production, MODEL, origins=1)


def test_wrong_options_and_a_missing_snapshot_are_refused_with_the_remedy(production: Project, tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"every: must be whole days, found 36h\. Give days, such as 7d"):
        backtest(production.root, MODEL, {"every": "36h"}, None, as_json=False)
    with pytest.raises(ExperimentError, match=r"origins: 40 origins 1d apart leave 9 .* Take at most 35 origins\.$"):
        backtest(production.root, MODEL, {"origins": 40, "every": "1d"}, None, as_json=False)
    assert not any((production.state / "experiments").glob("backtest-*"))  # no process was started
    with pytest.raises(NotMaterialized, match=f"{MODEL}/snapshot does not exist yet"):
        run_study(open_project(write_shop(tmp_path / "new")), "backtest", MODEL, OPTIONS, NOW)
