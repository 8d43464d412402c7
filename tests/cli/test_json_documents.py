"""Every command, run with ``--json`` until it succeeds: its document has exactly the fields of the reference."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from ml_platform.project import Project
from ml_platform.reporting.reference.json_documents import FIELDS, fields_of
from ml_platform.storage.prediction_log import read_predictions
from tests.audit.verify.factory import MODEL, NOON, build_factory
from tests.cli.conftest import Call

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),  # MLflow's own models
]

VERSION = f"{MODEL}@2"
LIVES: Mapping[str, Sequence[str]] = {
    "look": (
        "doctor ROOT",
        "validate ROOT",
        "graph ROOT",
        "plan ROOT",
        "plan ROOT --data",
        "status ROOT",
        "drift ROOT",
        "alerts ROOT",
        "digest ROOT",
        f"open {MODEL} ROOT",
        "quarantine ROOT",
        "preview courier_recent ROOT",
        f"preview {MODEL} ROOT",
        f"predictions {MODEL} ROOT",
        "advance 1h ROOT",
    ),
    "make": (
        "init NEW/bare",
        "init NEW/binary --template binary",
        "init NEW/file --from NEW/binary/data/orders.csv",
        "run NEW/bare",
        "error E-LEAK-001",
        "reference NEW/reference",
        "site ROOT --to NEW/site",
        f"card {MODEL} ROOT --to NEW/card.html",
        f"predict {VERSION} NEW/rows.csv ROOT --to NEW/scored.csv",
        f"predict {VERSION} NEW/rows.csv ROOT",
        f"export {VERSION} ROOT --format lightgbm --output NEW/exported --without nulls --without actions",
    ),
    "audit": (
        "explain ID ROOT",
        "explain ID ROOT --html NEW/explained.html",
        f"champion {MODEL} ROOT",
        f"compare {MODEL}@1 {VERSION} ROOT",
        f"reproduce {VERSION} ROOT",
        "snapshots ROOT",
        f"snapshot show {MODEL} ROOT",
        f"snapshot diff {MODEL}@1 {VERSION} ROOT",
        "verify ROOT",
        "gc ROOT",
        "erase order order_id=o000001 ROOT --reason asked",
    ),
    "try": (
        f"backtest {MODEL} ROOT --origins 2",
        f"ablation {MODEL} ROOT",
        f"experiment try ROOT --model {MODEL}",
        "experiments ROOT",
        "experiments ROOT --mlflow try",
        "promote try ROOT",
        "experiments ROOT --remove try",
    ),
    "release": (
        f"approve {VERSION} ROOT --reject --reason wrong",
        f"rollback {MODEL} ROOT --reason upset",
    ),
}
"""By what they do, in the order in which they run on one copy of a project."""
ELSEWHERE = {
    "up": "tests/cli/test_up.py",
    "serve": "tests/serving/test_processes.py",
    "parity": "tests/dagster/test_parity.py",
}
"""Commands that need servers, and the file whose tests hold their documents."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with two versions that asks for approval, and a file of rows to predict."""
    made = build_factory(tmp_path / "shop")
    file = made.root / f"models/{MODEL}.yaml"
    file.write_text(file.read_text().replace("deployment: {", "deployment: {approval: required, "))
    (tmp_path / "new").mkdir()
    lines = (made.root / "data/orders.csv").read_text().splitlines()
    (tmp_path / "new/rows.csv").write_text("\n".join(lines[:3]) + "\n")
    return made


def command_of(words: Sequence[str]) -> str:
    return next(name for name in (" ".join(words[:2]), words[0]) if name in FIELDS)


@pytest.mark.parametrize("life", LIVES)
def test_a_command_that_succeeds_prints_the_documented_fields(
    life: str, project: Project, tmp_path: Path, inside: Call
) -> None:
    logged = read_predictions(project, MODEL, NOON - timedelta(days=2), NOON + timedelta(days=2))
    names = {"ROOT": str(project.root), "NEW": str(tmp_path / "new"), "ID": str(logged["prediction_id"].iloc[-1])}
    for line in LIVES[life]:
        words = line.split()
        for name, value in names.items():
            words = [value + word.removeprefix(name) if word.split("/")[0] == name else word for word in words]
        done = inside(*words, "--json")
        assert done.returncode == 0 or words[0] == "doctor", done.stderr  # a machine of tests may lack space
        document = json.loads(done.stdout)
        assert document.pop("format_version") == 1
        assert {*document} in fields_of(command_of(words)), line


def test_every_command_with_a_document_is_run() -> None:
    run = {command_of(line.split()) for lines in LIVES.values() for line in lines}
    assert run | ELSEWHERE.keys() == FIELDS.keys()
    root = Path(__file__).parents[2]
    missing = [
        name for name, file in ELSEWHERE.items() if f'require_documented(("{name}",)' not in (root / file).read_text()
    ]
    assert missing == []
