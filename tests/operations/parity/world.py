"""A project that answers, copied for each test, with requests in its prediction log and faults planted on the way."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml_platform.features.point_in_time import features_at
from ml_platform.operations.online.publish import publish_online
from ml_platform.operations.parity.measure import Parity, measure_parity, newest_days
from ml_platform.operations.predictions.compact_online import compact_online_log
from ml_platform.project import open_project
from ml_platform.registry.champion import champion
from ml_platform.serving.service import Service
from tests.features.world import at
from tests.operations.online.worlds import BY_TICKS, SHOPS, random_rows
from tests.serving import world as serving_world
from tests.serving.world import LABELS, MODELS, NOW, ServedWorld, made_up_rows, served_world

LATER = at(21)
"""When faults are published: an hour after the honest publication."""
SEED = 8
"""Of rows that have, at both moments, nulls with and without history, and means that no float32 holds."""
RECORDS = "ml_platform.operations.online.records.features_at"
TRANSFORM = """
import pandas as pd


def local(rows):
    at = rows["shop_slow.newest_1d"].dt.tz_convert("UTC")
    return pd.DataFrame({"hour": at.dt.hour.astype("Int64")}, index=rows.index)


def local_row(row):
    at = row["shop_slow.newest_1d"]
    return {"hour": None if at is None else at.astimezone().hour}
"""
ZONED: dict[str, Any] = {
    **BY_TICKS,
    "features": ["shop_recent.*", "shop_slow.*"],
    "transforms": ["transforms.zones:local"],
}


def in_zone(patch: pytest.MonkeyPatch, zone: str) -> None:
    """Set the time zone of this process; `time.tzset` again after the patch is undone."""
    patch.setenv("TZ", zone)
    time.tzset()


def base_world(directory: Path, patch: pytest.MonkeyPatch) -> ServedWorld:
    """Return a world whose models answer at 20:00 from what training reads."""
    in_zone(patch, "UTC")
    patch.setitem(MODELS, "zoned", ZONED)
    patch.setitem(LABELS, "zoned", "number")
    patch.setattr(serving_world, "random_rows", lambda _: random_rows(SEED))
    patch.setattr(serving_world, "made_up_rows", _learnable)
    (directory / "transforms").mkdir(parents=True)
    (directory / "transforms/zones.py").write_text(TRANSFORM)
    return served_world(directory, patch, ["by_rows", "by_ticks", "zoned"])


def _learnable(project: Any, model: str, seed: int, count: int = 200) -> pd.DataFrame:
    """Return made-up rows; those of the model with a transform have a label that follows from the hour."""
    frame = made_up_rows(project, model, seed, count)
    return frame.assign(label=frame["shop_slow.newest_1d"].dt.hour.fillna(0.0)) if model == "zoned" else frame


def copy_of(world: ServedWorld, directory: Path) -> ServedWorld:
    """Return the same world in another folder."""
    shutil.copytree(world.project.root, directory)
    return ServedWorld(open_project(directory), world.inputs, world.patch)


Change = Callable[[pa.ChunkedArray], pa.ChunkedArray]


def publish_changed(world: ServedWorld, patch: pytest.MonkeyPatch, column: str, change: Change) -> None:
    """Publish at `LATER` with one feature changed on its way into the online store."""

    def changed(*args: Any, **named: Any) -> pa.Table:
        rows = features_at(*args, **named)
        if column not in rows.column_names:
            return rows
        return rows.set_column(rows.column_names.index(column), column, change(rows[column]))

    with patch.context() as fault:
        fault.setattr(RECORDS, changed)
        publish_online(world.project, world.inputs, LATER)


def publish_one_tick_off(world: ServedWorld, patch: pytest.MonkeyPatch, table: str) -> None:
    """Publish at `LATER` with the windows of a table as they were a refresh before its tick."""
    earlier = world.project.spec.feature_tables[table].refresh

    def shifted(project: Any, engine: Any, artifact: Any, rows: pa.Table, **named: Any) -> pa.Table:
        if artifact.about["table"] == table:
            place = rows.column_names.index(named["instant"])
            before = pc.subtract(rows[named["instant"]], int(earlier.total_seconds() * 1e6))
            rows = rows.set_column(place, named["instant"], before)
        return features_at(project, engine, artifact, rows, **named)

    with patch.context() as fault:
        fault.setattr(RECORDS, shifted)
        publish_online(world.project, world.inputs, LATER)


def requests_of(model: str) -> list[dict[str, Any]]:
    """Return requests about every shop."""
    shops = [shop for shop in SHOPS if shop]
    if "every" in MODELS[model]["population"]:
        return [{"shop": shop} for shop in shops]
    known = [{"shop": shop, "customer": customer} for shop in shops for customer in (1, 2, 99, None)]
    return [{"id": f"q{number}", "items": 2, "gift": None, **row} for number, row in enumerate(known)]


def ask(
    world: ServedWorld, model: str, now: datetime, change: Callable[[Any], None] | None = None
) -> list[dict[str, Any]]:
    """Answer requests at a moment, move the records into the prediction log, and return the answers.

    Parameters
    ----------
    change
        Is given what serves, to plant a fault in it.
    """
    service = Service(world.project)
    try:
        service.followed.seen_at = now
        served = service.model(model)
        if change is not None:
            change(served)
        answers = service.record(service.answer(served, requests_of(model)))
    finally:
        service.close()
    compact_online_log(world.project, now)
    return [dict(answer) for answer in answers]


def measured(world: ServedWorld, model: str, size: int = 5000, now: datetime = NOW) -> Parity:
    """Return the parity of the champion."""
    version = champion(world.project, model)
    assert version is not None
    trained = world.project.store.get("trained_model", version.id)
    return measure_parity(world.project, model, trained, newest_days(now), size, now)
