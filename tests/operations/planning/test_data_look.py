"""A look at the data shows what a training would have, and writes nothing into the project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from ml_platform.core.engines.scratch import sweep_scratch
from ml_platform.core.private_files import private_temporary_folder
from ml_platform.operations.planning.data_look import look_at_data
from ml_platform.project import open_project
from tests.worlds import NOW, write_shop

PROGRAM = str(Path(sys.executable).parent / "ml-platform")


def files_of(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def test_rows_labels_and_entities_are_those_of_the_files(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop")
    before = files_of(root)
    by_model = {item.model: item for item in look_at_data(open_project(root), NOW)}
    assert files_of(root) == before
    orders, deliveries = (pd.read_csv(root / f"data/{name}.csv") for name in ("orders", "deliveries"))
    rows = orders.merge(deliveries[["order_id", "minutes_late"]], on="order_id")
    runs = (pd.to_datetime(rows["placed_at"], utc=True) + timedelta(hours=1)).dt.floor("h")
    test = rows[(runs > NOW - timedelta(days=16)) & (runs <= NOW - timedelta(days=2))]
    periods = by_model["late_parcel"].periods
    assert periods is not None
    assert (periods["test"].rows, periods["test"].entities) == (len(test), test["order_id"].nunique())
    assert periods["test"].label["true"] == pytest.approx((test["minutes_late"] >= 30).mean())
    numbers = by_model["lateness"].periods
    assert numbers is not None
    assert numbers["test"].label["mean"] == pytest.approx(test["minutes_late"].mean())
    assert by_model["late_parcel"].uncovered < timedelta(days=1)


def test_a_look_that_was_killed_leaves_no_rows(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop")
    folder = private_temporary_folder()
    others = set(sweep_scratch(folder))  # an earlier test of this process may still hold one
    looks = look_at_data(open_project(root), NOW)
    next(looks)
    (inside,) = set(sweep_scratch(folder)) - others  # the folder of a process at work stays
    assert any(inside.rglob("*.parquet")) or any(inside.rglob("*.sqlite"))
    looks.close()  # type: ignore[attr-defined]
    assert not inside.exists()
    program = (
        "import os, signal; from datetime import datetime; from ml_platform.project import open_project\n"
        "from ml_platform.operations.planning.data_look import look_at_data\n"
        f"looks = look_at_data(open_project({str(root)!r}), datetime.fromisoformat({NOW.isoformat()!r}))\n"
        "next(looks)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = os.environ | {"TMPDIR": tempfile.gettempdir()}
    subprocess.run([sys.executable, "-c", program], env=environment, check=False, timeout=120)
    assert {path for path in folder.iterdir() if path.is_dir()} - others != set()
    assert set(sweep_scratch(folder)) <= others
    assert {path for path in folder.iterdir() if path.is_dir()} <= others


def test_a_train_period_longer_than_the_data_is_named(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop")
    path = root / "models/late_parcel.yaml"
    path.write_text(path.read_text().replace("train: 28d", "train: 300d"))
    done = subprocess.run([PROGRAM, "plan", "--data", str(root)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "have no rows. Shorten split.train, or ingest more history" in " ".join(done.stdout.split())


def test_a_source_that_cannot_be_read_is_the_problem_of_its_models(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop")
    (root / "data/deliveries.csv").write_text("order_id\n1\n")
    done = subprocess.run([PROGRAM, "plan", "--data", "--json", str(root)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)["models"]
    assert [item["model"] for item in document] == ["late_parcel", "lateness"]
    assert all(item["problem"].startswith("sources/deliveries: ") for item in document)
