"""After an erasure no file of a factory that ran holds the person: Dagster's event log, MLflow and logs included."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.erase import erase
from ml_platform.audit.erasure.plan import plan_erasure
from ml_platform.reporting.mlflow.client import open_client, open_experiment
from ml_platform.storage.prediction_log import read_predictions
from tests.dagster.shop import Shop


def places_of(folder: Path, text: str) -> list[str]:
    """Return the files that hold a text: as bytes, as a cell of a table, or as a cell of a database."""
    return [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (text.encode() in path.read_bytes() or text in cells_of(path))
    ]


def cells_of(path: Path) -> str:
    content = path.read_bytes()
    if content[:4] == b"PAR1":
        return "\n".join(str(row) for row in pq.read_table(io.BytesIO(content)).to_pylist())
    if content[:15] == b"SQLite format 3":
        with closing(sqlite3.connect(path)) as connection:
            return "\n".join(connection.iterdump())
    return ""


def test_no_file_of_a_factory_holds_the_person_and_the_factory_goes_on(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))  # an engine of another test may be at work
    project = shop.project
    now = project.clock.now()
    order = str(read_predictions(project, "late_parcel", now - timedelta(days=30), now)["order_id"].iloc[0])
    plant(shop, order)
    held = places_of(project.state, order)
    assert {"logs/run.log", "mlflow.sqlite", "dagster/history/runs/index.db"} <= set(held)

    person = Person.of(project, "order", {"order_id": order})
    plan = plan_erasure(project, person, now)
    assert {"logs/run.log", "mlflow.sqlite", "dagster/history/runs/index.db"} <= {item.path for item in plan.files}
    done = erase(project, person, plan.id, now, actor="ada", reason="asked for by letter 17")
    assert done.elsewhere == ()
    assert places_of(project.state, order) == []
    assert plan_erasure(project, person, now).is_empty

    event = shop.instance.get_latest_materialization_event(dg.AssetKey("planted"))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["rows"].value == [{"order_id": "[erased]", "amount": 7}]
    shop.advance(hours=1)
    assert shop.run("score_late_parcel").success


def plant(shop: Shop, order: str) -> None:
    """Write the key where a run could: into a log, the event log of Dagster, and a tag of MLflow."""
    project = shop.project
    log = project.state / "logs/run.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text(f"order {order} has no courier\n")
    metadata: dict[str, Any] = {
        "rows": dg.MetadataValue.json([{"order_id": order, "amount": 7}]),
        "note": f"{order} is late",
    }
    shop.instance.report_runless_asset_event(dg.AssetMaterialization("planted", metadata=metadata))
    client = open_client(project)
    (run, *_) = client.search_runs([open_experiment(project, client, "late_parcel")])
    client.set_tag(run.info.run_id, "error", f"order {order} failed")
