"""`ml-platform status`: a line for each model, one model in full, and the same facts for a program."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ml_platform.cli import status as module
from ml_platform.cli.arguments import model_and_directory
from ml_platform.cli.run import simulated
from ml_platform.cli.status import show_status
from ml_platform.core.errors import UnknownModel
from ml_platform.project import Project
from ml_platform.reporting.overview.model_overview import overview_of
from ml_platform.reporting.overview.worth import Worth
from tests.audit.verify.factory import MODEL, NOON, build_factory

WORTH = Worth(1234.5, 1000.0, 1500.0, 1300.0, 90, "2024-03-01", "2024-03-09", "EUR", "9 days")


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = build_factory(tmp_path_factory.mktemp("factory"))
    simulated(project).advance(NOON + timedelta(days=1, hours=12) - project.clock.now())
    return project


def printed(capsys: pytest.CaptureFixture[str], project: Project, model: str | None = None) -> list[str]:
    show_status(project.root, model, as_json=False)
    return capsys.readouterr().out.splitlines()


def test_each_model_has_one_line_with_what_is_live_earned_health_and_the_last_training(
    factory: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(capsys, factory)
    place = lines.index("model\tlive\tearned since deployment\tnewest window\thealth\tlast training")
    name, live, earned, _, health, training = lines[place + 1].split("\t")
    assert (name, live, training) == (MODEL, "version 2 since 2024-03-02", "version 2 on 2024-03-02: live")
    assert earned == "not known yet"
    assert health in ("healthy", "worth a look", "needs a person")


@pytest.mark.parametrize("model", [None, MODEL])
def test_status_loads_no_library_of_data_frames(factory: Project, model: str | None) -> None:
    """Pandas alone takes as long to load as all that the command does."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom ml_platform.cli.status import show_status\n"
        f"for as_json in (False, True):\n    show_status(Path({str(factory.root)!r}), {model!r}, as_json)\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert MODEL in done.stdout
    assert not {*done.stdout.splitlines()[-1].split()} & {"pandas", "pyarrow", "scipy", "ibis", "duckdb", "sklearn"}


def test_what_was_earned_is_shown_beside_what_was_expected(
    factory: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    window = replace(WORTH, gain=12.25, expected=None, start="2024-03-08")
    real = overview_of
    for newest, text in ((window, "12.25 EUR (assumed)"), (WORTH, "the same days")):
        monkeypatch.setattr(module, "overview_of", lambda *a, n=newest: replace(real(*a), worth=WORTH, window_worth=n))
        (line,) = [line for line in printed(capsys, factory) if line.startswith(f"{MODEL}\tversion")]
        assert line.split("\t")[2:4] == ["1,234 EUR (assumed; 1,300 expected)", text]


def test_one_model_is_shown_with_every_version_and_why(factory: Project, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, factory, MODEL)
    facts = dict(line.split("\t") for line in lines if line.count("\t") == 1)
    assert facts["live"] == "version 2 since 2024-03-02 (2 trained)"
    assert facts["next training"].startswith("2024-03-04 03:00 UTC, or earlier, when drift is found 2 days")
    assert [line.split(":")[0].strip() for line in lines if line.startswith("  version ")] == [
        "version 2 is live since 2024-03-02",
        "version 1 was live from 2024-03-01, replaced on 2024-03-02",
    ]
    with pytest.raises(UnknownModel, match="Did you mean late_parcel"):
        show_status(factory.root, "late_parcle", as_json=False)


def test_a_program_reads_health_worth_attention_versions_and_the_next_runs(
    factory: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    show_status(factory.root, MODEL, as_json=True)
    document = json.loads(capsys.readouterr().out)
    (overview,), (model,) = document["overview"], document["models"]
    assert (overview["name"], model["name"], overview["live"]) == (MODEL, MODEL, 2)
    assert [version["outcome"] for version in overview["versions"]] == ["live", "was live"]
    assert overview["next_runs"]["training"] == "2024-03-04T03:00:00.000000Z"
    assert {"health", "worth", "window_worth", "worth_text", "drift", "attention"} <= overview.keys()
    assert all({"urgent", "what", "then"} == item.keys() for item in overview["attention"])


def test_a_word_is_a_folder_where_it_is_a_path_or_has_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/project.yaml").touch()
    (tmp_path / "shop/churn").mkdir()
    monkeypatch.chdir(tmp_path)
    assert model_and_directory(None, None) == (None, Path())
    assert model_and_directory("shop", None) == (None, Path("shop"))
    assert model_and_directory("nowhere", None) == (None, Path("nowhere"))
    assert model_and_directory("churn", Path("shop")) == ("churn", Path("shop"))
    monkeypatch.chdir(tmp_path / "shop")
    assert model_and_directory("churn", None) == ("churn", Path())
    for path in (".", "..", "./churn", str(tmp_path)):
        assert model_and_directory(path, None) == (None, Path(path))
