"""Leaks that were planted in the shop are found in its snapshot, named, and not trained on."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ml_platform.core.errors import LabelLeakage
from ml_platform.datasets.leakage.check import check_leaks
from ml_platform.datasets.leakage.find_leaks import COPY, LEAK_CHECKS, NULLNESS, SETTLED, SINGLE
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.models.train import train_model
from ml_platform.project import Project, open_project
from ml_platform.sources.checks.results import CheckResult
from ml_platform.sources.ingest import ingest_source
from tests.worlds import LATE_PARCEL, LATENESS, NOW, ORDERS, write_shop

Row = dict[str, str]


def shop(directory: Path, hint: Callable[[Row], object] | None = None, leaks: str = "") -> Project:
    """The shop, whose orders have a column `hint`, made from the order's delivery; it is a feature of both models."""
    write_shop(directory)
    if hint is not None:
        truth = {row["order_id"]: row for row in read(directory / "data/deliveries.csv")}
        rewrite(
            directory / "data/orders.csv", lambda row: {**row, "hint": hint_value(hint, truth.get(row["order_id"]))}
        )
        (directory / "sources/orders.yaml").write_text(
            ORDERS.replace("  items: int\n", "  items: int\n  hint: float\n")
        )
    for name, text in (("late_parcel", LATE_PARCEL), ("lateness", LATENESS)):
        wanted = text if hint is None else text.replace("orders.items]", "orders.items, orders.hint]")
        (directory / f"models/{name}.yaml").write_text(wanted + leaks)
    return open_project(directory)


def read(path: Path) -> list[Row]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def rewrite(path: Path, change: Callable[[Row], Row]) -> None:
    rows = [change(row) for row in read(path)]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def hint_value(hint: Callable[[Row], object], delivery: Row | None) -> str:
    value = None if delivery is None else hint(delivery)
    return "" if value is None else str(value)


def snapshot_of(project: Project, model: str = "late_parcel") -> str:
    ids = {f"sources/{name}": ingest_source(project, name, NOW).made.artifact.id for name in project.spec.sources}
    table = build_feature_table(project, "courier_recent", ids["sources/deliveries"])
    return build_snapshot(project, model, ids | {"features/courier_recent": table.artifact.id}, NOW).artifact.id


def checks_of(project: Project, model: str = "late_parcel") -> dict[str, CheckResult]:
    return {result.name: result for result in check_leaks(project, model, snapshot_of(project, model))}


def minutes(delivery: Row) -> float:
    return float(delivery["minutes_late"])


def noise(delivery: Row) -> float:
    return float(np.random.default_rng(int(delivery["order_id"][1:])).normal())


@pytest.mark.parametrize("model", ["late_parcel", "lateness"])
def test_the_shop_without_leaks_passes(tmp_path: Path, model: str) -> None:
    results = checks_of(shop(tmp_path), model)
    assert tuple(results) == LEAK_CHECKS
    assert all(result.passed for result in results.values()), results
    assert results[SETTLED].summary["known_before"] == 0


def test_a_copy_of_the_label_s_column_is_detected_and_nothing_is_trained(tmp_path: Path) -> None:
    project = shop(tmp_path, minutes)
    snapshot = snapshot_of(project, "lateness")
    results = {result.name: result for result in check_leaks(project, "lateness", snapshot)}
    assert results[COPY].blocks
    assert results[COPY].summary["problem"] == "orders.hint is equal to the label"
    assert results[SINGLE].blocks
    with pytest.raises(LabelLeakage) as caught:
        train_model(project, "lateness", snapshot)
    assert str(caught.value) == (
        "lateness: orders.hint (variance explained 1.000, at least 1.00) predicts the label too well by itself (limit "
        "0.98); orders.hint is equal to the label. A model that is trained on this fails in production, so training "
        "stops. Leave the feature out, or correct the known_at of its source. If it is legitimately available at "
        "prediction time, list it in leakage.allow of models/lateness.yaml."
    )


def test_a_function_of_the_column_that_the_label_is_made_of_is_detected(tmp_path: Path) -> None:
    result = checks_of(shop(tmp_path, lambda row: -3 * minutes(row)))[COPY]
    assert result.blocks
    assert result.summary["problem"] == "orders.hint always rises with the label, or always falls with it"
    rounded = checks_of(shop(tmp_path / "rounded", lambda row: minutes(row) // 7))[COPY]
    assert (
        rounded.summary["problem"] == "orders.hint always rises with deliveries.minutes_late, or always falls with it"
    )


def test_a_missing_value_that_gives_the_label_away_is_detected(tmp_path: Path) -> None:
    """A value that is missing only for some of the late parcels: about one in ten of them."""

    def hint(delivery: Row) -> object:
        return None if minutes(delivery) >= 30 and int(delivery["order_id"][1:]) % 9 == 0 else round(noise(delivery), 1)

    project = shop(tmp_path, hint)
    frame = load_snapshot(project, snapshot_of(project)).frame
    rows, others = int(frame["orders.hint"].isna().sum()), frame[frame["orders.hint"].notna()]["label"]
    results = checks_of(project)
    assert results[SINGLE].passed
    assert results[NULLNESS].blocks
    assert results[NULLNESS].summary["problem"] == (
        f"orders.hint is missing in {rows} rows, all with label true ({others.mean():.1%} of the others)"
    )
    allowed = shop(tmp_path / "allowed", hint, "leakage: {allow: [orders.hint]}\n")
    assert checks_of(allowed)[NULLNESS].passed


def test_a_feature_with_an_auc_of_099_is_detected(tmp_path: Path) -> None:
    """Two normal distributions 3.29 deviations apart: the AUC is Phi(3.29 / sqrt(2)) = 0.99, give or take the draw."""
    project = shop(tmp_path, lambda row: 3.29 * (minutes(row) >= 30) + noise(row))
    rows = load_snapshot(project, snapshot_of(project)).part("validate")
    plain = roc_auc_score(rows["label"], rows["orders.hint"])
    assert 0.98 < plain < 1
    results = checks_of(project)
    assert results[COPY].passed
    assert results[SINGLE].blocks
    assert results[SINGLE].summary["strongest"][0] == {"feature": "orders.hint", "AUC": round(plain, 4)}


def test_a_strong_feature_is_reported_without_stopping_anything(tmp_path: Path) -> None:
    """Two deviations apart: an AUC of Phi(2 / sqrt(2)) = 0.92. The declared limit can be lower."""

    def hint(delivery: Row) -> float:
        return 2 * (minutes(delivery) >= 30) + noise(delivery)

    project = shop(tmp_path, hint)
    result = checks_of(project)[SINGLE]
    assert (result.passed, result.severity) == (False, "warn")
    train_model(project, "late_parcel", snapshot_of(project))
    strict = shop(tmp_path / "strict", hint, "leakage: {single_feature: 0.85}\n")
    assert checks_of(strict)[SINGLE].blocks


def early(directory: Path, every: int) -> Project:
    """The shop, where every so many deliveries were handed over a day before the order was placed."""
    write_shop(directory)
    placed = {row["order_id"]: row["placed_at"] for row in read(directory / "data/orders.csv")}

    def change(row: Row) -> Row:
        if int(row["order_id"][1:]) % every:
            return row
        before = datetime.fromisoformat(placed[row["order_id"]]) - timedelta(days=1)
        return {**row, "delivered_at": before.isoformat()}

    rewrite(directory / "data/deliveries.csv", change)
    return open_project(directory)


def test_rows_that_were_asked_about_when_their_label_was_known_are_counted_and_named(tmp_path: Path) -> None:
    project = early(tmp_path, every=50)
    frame = load_snapshot(project, snapshot_of(project)).frame
    wrong = frame[frame["order_id"].str[1:].astype(int) % 50 == 0]
    result = checks_of(project)[SETTLED]
    assert result.blocks
    assert result.summary["problem"] == (
        f"the label of {len(wrong)} of {len(frame)} rows was known when they were asked about"
    )
    assert [row["order_id"] for row in result.failing_rows] == wrong["order_id"].head(10).tolist()
    assert set(result.failing_rows[0]) == {"order_id", "prediction_time", "effective_time", "label_known_at"}
    with pytest.raises(LabelLeakage, match="rows was known when they were asked about"):
        train_model(project, "late_parcel", snapshot_of(project))


def test_labels_of_events_before_the_question_are_ignored_and_counted_in_a_warning(tmp_path: Path) -> None:
    project = early(tmp_path, every=50)
    source = tmp_path / "sources/deliveries.yaml"
    source.write_text(
        source.read_text().replace("{delay: 10m}", "{delay: 30h}")
    )  # 24 h before it was placed, 1 h after
    result = checks_of(open_project(tmp_path))[SETTLED]
    assert (result.passed, result.severity) == (False, "warn")
    assert (result.summary["known_before"], result.summary["happened_before"]) == (0, 0)
    about = project.store.get("snapshot", snapshot_of(open_project(tmp_path))).about
    ignored = about["dropped"]["label_before"]
    assert ignored > 0
    problem = f"the label rows of {ignored} rows are about events before the batch run, and became known afterwards"
    assert result.summary["problem"] == f"{problem}: they are no answers and were ignored"


def test_the_same_snapshot_is_checked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = shop(tmp_path)
    snapshot = snapshot_of(project)
    first = check_leaks(project, "late_parcel", snapshot)
    monkeypatch.setattr("ml_platform.datasets.leakage.check.load_snapshot", lambda *_: pytest.fail("it was read again"))
    assert check_leaks(project, "late_parcel", snapshot) == first
