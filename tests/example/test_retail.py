"""The retail example, as a person runs it: what the platform says was earned is what the files say."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = str(Path(sys.executable).parent / "ml-platform")
CUSTOMERS = "400"


def called(*arguments: str) -> str:
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def retail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with fewer customers, run, and run again fourteen weeks later."""
    folder = tmp_path_factory.mktemp("retail") / "shop"
    called("init", "--example", "retail", str(folder))
    subprocess.run([sys.executable, str(folder / "make_data.py"), CUSTOMERS], check=True)
    called("validate", str(folder))
    called("run", str(folder), "--until", "2024-10-14T09:00:00Z")
    return folder


def test_what_was_earned_is_what_the_files_show(retail: Path) -> None:
    actual = runpy.run_path(str(retail / "check_truth.py"))["compared"](retail, PROGRAM)
    assert set(actual) == {"churn", "spend", "redeems"}
    for name, item in actual.items():
        assert item["rows"] == item["true_rows"] > 100, name
        assert item["gain"] == pytest.approx(item["true_gain"], abs=0.01), name


def test_goods_are_reserved_for_the_five_best_coupons_of_each_day(retail: Path) -> None:
    assert runpy.run_path(str(retail / "check_truth.py"))["shelf"](retail, PROGRAM) == (5, [])


def test_every_model_is_deployed_and_predicts(retail: Path) -> None:
    models: list[dict[str, Any]] = json.loads(called("status", str(retail), "--json"))["models"]
    assert {model["name"] for model in models if model["champion"]} == {"churn", "spend", "redeems", "next_category"}
    assert all(model["predictions"] > 0 for model in models)


def test_the_data_are_the_same_every_time(retail: Path, tmp_path: Path) -> None:
    script = tmp_path / "make_data.py"
    script.write_text((retail / "make_data.py").read_text())
    subprocess.run([sys.executable, str(script), CUSTOMERS], check=True)
    for path in sorted((tmp_path / "data").iterdir()):
        assert path.read_bytes() == (retail / "data" / path.name).read_bytes(), path.name
