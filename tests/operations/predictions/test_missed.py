"""Rows without a prediction in time: counted in the log, shared out in a window, alerted above the declared limit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.erase import erase
from ml_platform.audit.erasure.plan import plan_erasure
from ml_platform.audit.explain.lookup import find_predictions
from ml_platform.features.build import build_feature_table
from ml_platform.operations.predictions.missed import Missed, missed_alert, missed_rows
from ml_platform.operations.predictions.recompute_features import features_then
from ml_platform.operations.predictions.score import score_batch
from ml_platform.project import Project, open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.prediction_log import append_predictions, read_predictions
from tests.models.rows import shop_rows
from tests.operations.monitoring.hand_made_world import hand_made_world
from tests.shop_project import open_shop

MODEL = "late_parcel"
EXPORTED = datetime(2024, 3, 1, 10, tzinfo=UTC)
HEADER = "order_id,courier,placed_at,amount,items\n"


def orders(project: Project, *rows: str) -> None:
    (project.root / "data/orders.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows))


def scored(project: Project, now: datetime) -> None:
    """Ingest and score as a run does."""
    ids = {f"sources/{name}": ingest_source(project, name, now).made.artifact.id for name in ("orders", "deliveries")}
    ids["features/courier_recent"] = build_feature_table(
        project, "courier_recent", ids["sources/deliveries"]
    ).artifact.id
    score_batch(project, MODEL, ids, now.date(), now)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The shop with a version in charge, one order known in time, and the file of 10:00 ingested at once."""
    project = open_shop(tmp_path)
    with monkeypatch.context() as patched:
        world = hand_made_world(project, patched)
        world.appoint(MODEL, world.train(MODEL, shop_rows(300, seed=1), "s"), EXPORTED - timedelta(hours=4))
    (project.root / "data").mkdir(exist_ok=True)
    (project.root / "data/deliveries.csv").write_text(
        "order_id,courier,delivered_at,minutes_late\nold,ada,2024-02-20T10:00:00Z,12\n"
    )
    orders(project, "first,ada,2024-03-01T08:30:00Z,10,1")
    scored(project, EXPORTED)
    return project


IN_TIME = "first,ada,2024-03-01T08:30:00Z,10,1"
# Placed before the ingest at 10:00, and exported a minute after it: to be asked about at 10:00, known from 10:01.
EXPORTED_LATE = ["second,bo,2024-03-01T09:10:00Z,20,2", "third,cy,2024-03-01T09:40:00Z,30,3"]


def test_an_ingest_a_minute_after_the_export_is_counted_and_alerted(shop: Project) -> None:
    # Both orders are asked about at 10:00 (placed_at + 1h lies in the hour from then) and are known from 10:01.
    orders(shop, IN_TIME, *EXPORTED_LATE)
    scored(shop, EXPORTED + timedelta(minutes=1))
    now = EXPORTED + timedelta(hours=1, minutes=1)
    scored(shop, now)
    missed = missed_rows(shop, MODEL, now)
    reasons = {"missed": 2, "asked_twice": 0, "no_key": 0, "no_prediction_time": 0, "no_condition": 0}
    assert missed == Missed(date(2024, 3, 1), date(2024, 3, 1), in_time=1, late=0, excluded=reasons)
    assert missed.share == pytest.approx(2 / 3)
    alert = missed_alert(shop, MODEL, now)
    assert alert is not None
    assert alert.title == "late_parcel: 66.7% of the rows got no prediction in time"
    assert alert.body == "From 2024-03-01 to 2024-03-01: 2 known only after their batch run; 1 rows in time."
    assert alert.key == "missed.late_parcel.2024-03-01"


@pytest.mark.parametrize(
    ("counts", "late", "words"),
    [
        ({"missed": 3}, 0, ["deployment.batch of models/late_parcel.yaml", "late_rows: score"]),
        ({}, 3, ["deployment.batch of models/late_parcel.yaml run after its rows are ingested."]),
        ({"no_key": 2, "no_prediction_time": 1}, 0, ["Correct rows without a key or a time in their source."]),
        ({"no_condition": 2}, 0, ["population.where of models/late_parcel.yaml"]),
        ({"asked_twice": 2, "no_membership": 9}, 0, ["one row for each entity and batch run"]),
    ],
)
def test_the_alert_gives_the_next_step_of_the_reasons_that_there_are_and_no_other(
    shop: Project, monkeypatch: pytest.MonkeyPatch, counts: dict[str, int], late: int, words: list[str]
) -> None:
    missed = Missed(date(2024, 3, 1), date(2024, 3, 8), in_time=1, late=late, excluded=counts)
    monkeypatch.setattr("ml_platform.operations.predictions.missed.missed_rows", lambda *_: missed)
    alert = missed_alert(shop, MODEL, EXPORTED)
    assert alert is not None
    step = alert.next_step
    assert step is not None
    assert all(word in step for word in words)
    for other in ("late_rows", "their source", "population.where", "one row"):
        assert (other in step) == any(other in word for word in words)


def test_a_declared_share_of_missed_rows_raises_no_alert(shop: Project) -> None:
    _declare(shop, "max_missed_share: 0.7")
    orders(shop, IN_TIME, *EXPORTED_LATE)
    now = EXPORTED + timedelta(hours=1, minutes=1)
    scored(shop, EXPORTED + timedelta(minutes=1))
    scored(shop, now)
    assert missed_alert(open_project(shop.root), MODEL, now) is None
    assert missed_alert(shop, MODEL, now) is not None


def test_a_late_prediction_stays_counted_as_late_after_its_row_is_gone(shop: Project) -> None:
    late = _declare(shop, "late_rows: score")
    orders(late, IN_TIME, *EXPORTED_LATE)
    now = EXPORTED + timedelta(hours=1)
    scored(late, now)
    # The second order is corrected: its prediction time is tomorrow's. Its late prediction is in the log all the same.
    orders(late, IN_TIME, EXPORTED_LATE[0].replace("03-01T09:10", "03-02T09:10"), EXPORTED_LATE[1])
    scored(late, now + timedelta(hours=1))
    log = read_predictions(late, MODEL, EXPORTED - timedelta(days=1), now + timedelta(hours=1))
    assert log.set_index("order_id")["late"].to_dict() == {"first": False, "second": True, "third": True}
    missed = missed_rows(late, MODEL, now + timedelta(hours=1))
    assert missed is not None
    assert (missed.in_time, missed.late, missed.excluded["missed"]) == (1, 2, 0)


def test_an_erased_late_prediction_is_counted_no_more(shop: Project) -> None:
    late = _declare(shop, "late_rows: score")
    orders(late, IN_TIME, *EXPORTED_LATE)
    now = EXPORTED + timedelta(hours=1)
    scored(late, now)
    person = Person.of(late, "order", {"order_id": "second"})
    erase(late, person, plan_erasure(late, person, now).id, now, actor="ada", reason="asked for")
    log = read_predictions(late, MODEL, EXPORTED - timedelta(days=1), now)
    assert log.set_index("order_id")["late"].to_dict() == {"first": False, "third": True}
    missed = missed_rows(late, MODEL, now)
    assert missed is not None
    assert (missed.in_time, missed.late) == (1, 1)


def test_rows_that_came_late_are_scored_where_the_declaration_asks_for_it_and_marked(shop: Project) -> None:
    late = _declare(shop, "late_rows: score")
    orders(late, IN_TIME, *EXPORTED_LATE)
    scored(late, EXPORTED + timedelta(minutes=1))
    now = EXPORTED + timedelta(hours=1, minutes=1)
    scored(late, now)
    log = read_predictions(late, MODEL, EXPORTED - timedelta(days=1), now).set_index("order_id")
    assert log["late"].to_dict() == {"first": False, "second": True, "third": True}
    assert log.loc["second", "prediction_time"] == EXPORTED + timedelta(minutes=10)
    assert log.loc["second", "effective_time"] == EXPORTED + timedelta(hours=1)
    missed = missed_rows(late, MODEL, now)
    assert missed is not None
    assert (missed.in_time, missed.late, sum(missed.excluded.values())) == (1, 2, 0)
    assert missed.reasons == ("2 scored late",)


def test_a_prediction_that_was_scored_late_is_explained_from_the_features_of_the_run_that_scored_it(
    shop: Project,
) -> None:
    late = _declare(shop, "late_rows: score")
    orders(late, IN_TIME, *EXPORTED_LATE)
    now = EXPORTED + timedelta(hours=1, minutes=1)
    scored(late, now - timedelta(hours=1))
    scored(late, now)
    log = read_predictions(late, MODEL, EXPORTED - timedelta(days=1), now).set_index("prediction_id")
    actual = [features_then(late, logged) for logged in find_predictions(late, list(log.index))]
    all_parts = pd.concat(actual)
    assert set(all_parts.index) == set(log.index)
    for column in ("orders.amount", "orders.items", "courier_recent.parcels_7d"):
        assert all_parts[column].astype(float).to_dict() == log[column].astype(float).to_dict()


def test_predictions_of_the_service_are_no_rows_in_time(shop: Project) -> None:
    """Else 50 requests would hide that two of three rows of the population were missed."""
    both = _declare(shop, "online: true")
    orders(both, IN_TIME, *EXPORTED_LATE)
    now = EXPORTED + timedelta(hours=1, minutes=1)
    scored(both, EXPORTED + timedelta(minutes=1))
    scored(both, now)
    log = read_predictions(both, MODEL, EXPORTED - timedelta(days=1), now)
    requests = pd.concat([log] * 50, ignore_index=True)
    requests = requests.assign(prediction_id=[f"served{number}" for number in requests.index], online=True)
    table = pa.Table.from_pandas(requests, preserve_index=False)
    append_predictions(both, MODEL, now.date(), "served", lambda _: table, {}, None)
    assert len(read_predictions(both, MODEL, EXPORTED - timedelta(days=1), now)) == 51
    missed = missed_rows(both, MODEL, now)
    assert missed is not None
    assert missed.in_time == 1
    assert missed.share == pytest.approx(2 / 3)


def test_without_a_logged_day_there_is_nothing_to_count(tmp_path: Path) -> None:
    project = open_shop(tmp_path)
    assert missed_rows(project, MODEL, EXPORTED) is None
    assert missed_alert(project, MODEL, EXPORTED) is None


def _declare(project: Project, deployment: str) -> Project:
    path = project.root / "models/late_parcel.yaml"
    path.write_text(path.read_text().replace('batch: "0 * * * * UTC"', f'batch: "0 * * * * UTC", {deployment}'))
    return open_project(project.root)


def test_rows_excluded_by_the_declaration_are_listed_apart_and_are_not_missed() -> None:
    missed = Missed(date(2024, 3, 1), date(2024, 3, 8), in_time=98, late=0, excluded={"missed": 2, "asked_before": 36})
    assert missed.share == 0.02
    assert missed.reasons == ("2 known only after their batch run",)
    (declared,) = missed.as_declared
    assert declared.startswith("36 about an entity that an earlier row had asked about")
