"""A shop that has lived: two deployments, corrections of source rows, and days that were scored late.

What happened to the deliveries is kept beside it as plain rows, each with the stretch in which it was known, so that
tests can tell what was visible without asking the platform.
"""

from __future__ import annotations

import csv
import pickle
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ml_platform.audit.explain import Explanation, explain
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.models.train import train_model
from ml_platform.operations.predictions.score import score_days
from ml_platform.project import Project, open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.manifest import StoredObject
from ml_platform.storage.outputs import record_output
from tests.once import made_once
from tests.operations.monitoring.hand_made_world import appoint
from tests.worlds import NOW, write_shop

MODEL = "late_parcel"
END = datetime.max.replace(tzinfo=UTC)
FIRST_CORRECTION, SECOND_CORRECTION = NOW + timedelta(days=2, hours=1), NOW + timedelta(days=7)


@dataclass(frozen=True)
class Delivery:
    """One version of a delivery's row, and when it was known."""

    order_id: str
    courier: str
    delivered_at: datetime
    minutes_late: float
    known: datetime
    until: datetime = END


@dataclass
class Lived:
    """The project, and every version of every delivery."""

    project: Project
    deliveries: list[Delivery]
    now: datetime


def live(directory: Path, declared: dict[str, str] | None = None) -> Lived:
    """Let a shop live through a week.

    Parameters
    ----------
    declared
        Declarations that are other than those of `tests.worlds`, by path.
    """
    write_shop(directory)
    for name, text in (declared or {}).items():
        (directory / name).write_text(text)
    lived = Lived(open_project(directory), deliveries_of(directory), NOW)
    train(lived, NOW)
    score(lived, NOW + timedelta(hours=13), 0)
    score(lived, NOW + timedelta(days=1, hours=20), 0, 1)
    correct(lived, FIRST_CORRECTION, every=3)
    train(lived, NOW + timedelta(days=3, hours=7))
    score(lived, NOW + timedelta(days=6), 1, 2, 3, 4, 5)  # late: two versions answer, each for its own batch runs
    correct(lived, SECOND_CORRECTION, every=2)
    lived.now = SECOND_CORRECTION
    return lived


def lived_shop(directory: Path) -> Lived:
    """Put a shop that lived through a week into a folder: a copy of the one that is made once in a test run."""
    made = made_once("lived", _live_and_remember)
    shutil.copytree(made / "shop", directory, dirs_exist_ok=True)
    deliveries, now = pickle.loads((made / "remembered").read_bytes())
    return Lived(open_project(directory), deliveries, now)


def _live_and_remember(folder: Path) -> None:
    lived = live(folder / "shop")
    lived.project.database.engine.dispose()
    (folder / "remembered").write_bytes(pickle.dumps((lived.deliveries, lived.now)))


def deliveries_of(directory: Path) -> list[Delivery]:
    """Return the deliveries as the file has them; each is known ten minutes after it was handed over."""
    with (directory / "data/deliveries.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    deliveries = []
    for row in rows:
        at = datetime.fromisoformat(row["delivered_at"])
        late, known = float(row["minutes_late"]), at + timedelta(minutes=10)
        deliveries.append(Delivery(row["order_id"], row["courier"], at, late, known))
    return deliveries


def inputs(lived: Lived, now: datetime) -> dict[str, str]:
    """Bring sources and feature tables up to date."""
    project, ids = lived.project, {}
    for name in ("orders", "deliveries"):
        ids[f"sources/{name}"] = ingest_source(project, name, now).made.artifact.id
        record_output(project.database, f"sources/{name}", "source", ids[f"sources/{name}"], run="test", at=now)
    table = build_feature_table(project, "courier_recent", ids["sources/deliveries"]).artifact.id
    record_output(project.database, "features/courier_recent", "feature_table", table, run="test", at=now)
    return {**ids, "features/courier_recent": table}


def train(lived: Lived, now: datetime, model: str = MODEL) -> None:
    """Train a version and put it in charge."""
    snapshot = build_snapshot(lived.project, model, inputs(lived, now), now).artifact.id
    appoint(lived.project, model, train_model(lived.project, model, snapshot).artifact, now)


def score(lived: Lived, now: datetime, *days: int, model: str = MODEL) -> None:
    """Score some days, counted from 1 March, as far as they have come."""
    asked = [date(2024, 3, 1) + timedelta(days=day) for day in days]
    feature_inputs = inputs(lived, now)
    del feature_inputs["sources/deliveries"]  # a prediction reads the population's source and the feature tables
    score_days(lived.project, model, feature_inputs, asked, now)


def correct(lived: Lived, now: datetime, every: int) -> None:
    """Correct upstream how late some of last week's parcels were; the next ingest finds it."""
    path, changed = lived.project.root / "data/deliveries.csv", []
    latest = {row.order_id: row for row in lived.deliveries if row.until == END}
    for number, row in enumerate(latest.values()):
        if number % every == 0 and now - timedelta(days=8) < row.delivered_at < now - timedelta(hours=2):
            changed.append(row)
    for row in changed:
        place = lived.deliveries.index(row)
        lived.deliveries[place] = Delivery(**{**vars(row), "until": now})
        late = round(row.minutes_late + 100, 1)
        lived.deliveries.append(Delivery(**{**vars(row), "minutes_late": late, "known": now}))
    current = [row for row in lived.deliveries if row.until == END]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["order_id", "courier", "delivered_at", "minutes_late"])
        for row in current:
            writer.writerow([row.order_id, row.courier, row.delivered_at.isoformat(), row.minutes_late])
    inputs(lived, now)


def explained_now(shop: Project, before: Explanation) -> Explanation:
    return explain(open_project(shop.root), before.prediction_id, NOW + timedelta(days=7))


def object_of(shop: Project, stored: StoredObject) -> Path:
    return shop.state / "store/objects" / stored.sha256[:2] / stored.sha256
