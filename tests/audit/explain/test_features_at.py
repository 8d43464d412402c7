"""Features at points equal what snapshots hold, and what a loop over all rows and corrections gives."""

from __future__ import annotations

import statistics
from datetime import datetime, timedelta

import pandas as pd
import pytest

from ml_platform.api.notebook_project import NotebookProject
from ml_platform.core.errors import FrameError, NoSuchPrediction, PredictionError
from tests.audit.explain.shop_with_history import FIRST_CORRECTION, SECOND_CORRECTION, Delivery, Lived
from tests.features.oracle import tick_at
from tests.worlds import NOW

HOUR, DELAY = timedelta(hours=1), timedelta(minutes=5)
INGESTS = [NOW + timedelta(hours=hours) for hours in (0, 13, 44, 49, 79, 144, 168)]
"""When `live` ingested. A row that was corrected before any of them saw it was never known as it was."""


@pytest.fixture(scope="module")
def project(lived: Lived) -> NotebookProject:
    opened = NotebookProject(lived.project.spec)
    opened.__dict__.update(store=lived.project.store, database=lived.project.database, clock=_At(lived.now))
    return opened


class _At:
    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


@pytest.mark.parametrize("version", ["late_parcel@1", "late_parcel@2"])
def test_each_row_of_a_snapshot_has_the_features_of_its_batch_run(project: NotebookProject, version: str) -> None:
    held = project.snapshot(version).frame
    points = held[["orders.courier", "effective_time"]].rename(
        columns={"orders.courier": "courier", "effective_time": "time"}
    )
    answers = project.features_at(points)
    columns = [name for name in map(str, held) if name.startswith("courier_recent.")]
    assert len(columns) == 6
    assert len(held) > 1000
    pd.testing.assert_frame_equal(answers[columns], held[columns], check_exact=True)
    by_model = project.features_at(points.sample(frac=0.1, random_state=3), model="late_parcel")
    pd.testing.assert_frame_equal(by_model[columns], held.loc[by_model.index, columns], check_exact=True)


def test_points_around_corrections_see_the_rows_that_a_loop_finds(project: NotebookProject, lived: Lived) -> None:
    couriers = sorted({row.courier for row in lived.deliveries})
    moments = [
        change + timedelta(minutes=minutes)
        for change in (NOW, FIRST_CORRECTION, SECOND_CORRECTION - 2 * HOUR)
        for minutes in (-65, -5, 0, 4, 5, 6, 64, 65)
    ]
    points = pd.DataFrame([{"courier": who, "time": when} for who in [*couriers, "nobody"] for when in moments])
    answers, deliveries = project.features_at(points, ["courier_recent"]), _as_ingested(lived.deliveries)
    assert len(answers) == len(points) > 50
    for place, point in enumerate(points.to_dict("records")):
        tick = tick_at(point["time"], HOUR, DELAY)
        day, week = (_visible(deliveries, point["courier"], tick, timedelta(days=days)) for days in (1, 7))
        row = answers.iloc[place]
        assert (row["courier_recent.parcels_1d"], row["courier_recent.parcels_7d"]) == (len(day), len(week))
        for name, rows in (("mean_late_1d", day), ("mean_late_7d", week)):
            expected = statistics.fmean(item.minutes_late for item in rows) if rows else None
            actual = row[f"courier_recent.{name}"]
            assert pd.isna(actual) if expected is None else actual == pytest.approx(expected, rel=1e-12)


def _as_ingested(rows: list[Delivery]) -> list[Delivery]:
    unseen = {row.order_id: row for row in rows if not any(row.known <= ingest < row.until for ingest in INGESTS)}
    kept = [row for row in rows if row is not unseen.get(row.order_id)]
    return [
        Delivery(**{**vars(row), "known": unseen[row.order_id].known}) if row.order_id in unseen else row
        for row in kept
        if row.order_id not in unseen or row.known >= unseen[row.order_id].until
    ]


def _visible(rows: list[Delivery], courier: str, tick: datetime, window: timedelta) -> list[Delivery]:
    return [
        row
        for row in rows
        if row.courier == courier and tick - window < row.delivered_at <= tick and row.known <= tick < row.until
    ]


@pytest.mark.parametrize(
    ("points", "features", "error", "words"),
    [
        ({"courier": ["anna"]}, ["courier_recent.mean_late_7"], FrameError, "mean_late_7d"),
        ({"order_id": ["o1"]}, [], FrameError, "Give a key (courier) and time"),
        ({"order_id": ["o1"]}, ["courier_recent"], FrameError, "the points lack courier"),
        ({"courier": ["anna"], "time": [pd.Timestamp("2030-01-01", tz="UTC")]}, [], PredictionError, "after now"),
        ({"courier": ["anna"], "time": [pd.NaT]}, [], PredictionError, "time"),
        ({"courier": ["anna"], "time": ["soon"]}, [], PredictionError, "time"),
        ({"courier": [7]}, [], PredictionError, "courier must be string"),
    ],
)
def test_points_that_do_not_fit_are_refused(
    project: NotebookProject, points: dict[str, list[object]], features: list[str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as raised:
        project.features_at(pd.DataFrame(points), features)
    assert words in str(raised.value)


def test_no_point_gives_no_row_and_the_columns(project: NotebookProject) -> None:
    answers = project.features_at(pd.DataFrame({"courier": pd.Series([], dtype=object)}))
    assert (len(answers), "courier_recent.mean_late_7d" in answers) == (0, True)


def test_a_version_explains_its_predictions_and_names_who_made_others(project: NotebookProject) -> None:
    logged = project.predictions("late_parcel")
    assert set(logged["version"]) == {1, 2}
    id = logged.loc[logged["version"] == 2, "prediction_id"].iloc[0]
    assert project.version("late_parcel@2").explain(id, rows=1).prediction_id == id
    with pytest.raises(NoSuchPrediction, match="late_parcel@1 did not make it, but late_parcel@2"):
        project.version("late_parcel@1").explain(id)


def test_a_version_predicts_and_shows_its_test_rows_as_its_functions_do(project: NotebookProject) -> None:
    version = project.version("late_parcel@1")
    test = version.snapshot.test
    rows = version.evaluation_rows()
    assert len(rows) == len(test) > 100
    predicted = version.predict(test[[name for name in map(str, test) if "." in name]])
    assert (predicted["score"].to_numpy() == rows["score"].to_numpy()).all()
    late = rows["label"].to_numpy(dtype=float)
    upgraded = (rows["action"] == "upgrade").to_numpy()
    assert rows["value"].to_numpy() == pytest.approx(upgraded * (-4 + 9 * late))  # the payoffs of the declaration


def test_names_are_completed(project: NotebookProject) -> None:
    import ml_platform

    assert {"open_project", "explain"} <= set(dir(ml_platform))
    assert {"version", "versions", "snapshot", "features_at", "explain"} <= set(dir(project))
    assert {"predict", "evaluation_rows", "explain", "snapshot"} <= set(dir(project.version("late_parcel")))
    completions = project.versions._ipython_key_completions_()  # type: ignore[attr-defined]
    assert completions == ["late_parcel@1", "late_parcel@2"]
