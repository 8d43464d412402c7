"""One model's predictions as another's features: the shop's late_parcel reads what lateness expects of each parcel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa

from ml_platform.datasets.model_frame import model_frame
from ml_platform.declarations.data_age import availability_of
from ml_platform.project import Project, open_project
from ml_platform.sources.arrivals import source_fingerprints
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.source_log import FOREVER, KNOWN, UNTIL
from ml_platform.storage.prediction_log import append_predictions, read_predictions
from tests.sources.readers.expected_minutes import (
    MODEL,
    UPSTREAM,
    after,
    edit,
    micros,
    rows_of,
    score,
    up_to_date,
)
from tests.worlds import NOW

COLUMNS = ["order_expected.minutes", "order_expected.version", "order_expected.times_7d"]


FACTS = {"before_first_deployment": 0, "late": 0, "excluded": {}}


def frame_of(project: Project, now: datetime) -> pd.DataFrame:
    ids = up_to_date(project, now, "orders", "deliveries", "expected")
    return model_frame(project, MODEL, ids, NOW - timedelta(days=1), now, now)


def expected_of(
    log: Sequence[Mapping[Any, Any]], order: str, effective: datetime
) -> tuple[float | None, int | None, int]:
    """Go through the whole log for one row: what had been predicted of its order, and could be read at the tick."""
    tick = (effective - timedelta(minutes=5)).replace(minute=0, second=0, microsecond=0)
    seen = [row for row in log if row["order_id"] == order and row["scored_at"] <= tick]
    recent = [row for row in seen if tick - timedelta(days=7) < row["effective_time"] <= tick]
    newest = max(seen, key=lambda row: row["effective_time"], default=None)
    return (newest["score"], newest["version"], len(recent)) if newest else (None, None, len(recent))


def test_the_other_models_frame_holds_exactly_what_had_been_predicted_by_then(shop: Project) -> None:
    for hours in (*range(6), 26.4, 30, 48, 49.2, *range(50, 54)):  # some runs at once, some a day later
        score(shop, after(hours))
        up_to_date(shop, after(hours), "expected")
    frame = frame_of(shop, after(56))
    log = read_predictions(shop, UPSTREAM, NOW - timedelta(days=1), after(56)).to_dict("records")
    places = frame[COLUMNS].astype(object).where(frame[COLUMNS].notna(), None).to_numpy().tolist()
    expected = [
        list(expected_of(log, order, effective))
        for order, effective in zip(frame["order_id"], frame["effective_time"], strict=True)
    ]
    assert places == expected
    versions = [version for _, version, _ in expected]
    assert versions.count(1) > 5
    assert versions.count(2) > 3
    assert versions.count(None) > 20


def test_a_day_that_is_scored_later_is_known_from_then_and_not_before(shop: Project) -> None:
    score(shop, after(72))
    rows = rows_of(shop, after(72))
    assert len(rows) > 50
    assert {row["_event_at"].date().isoformat() for row in rows} == {
        "2024-03-01",
        "2024-03-02",
        "2024-03-03",
        "2024-03-04",
    }
    assert {row[KNOWN] for row in rows} == {micros(after(72))}
    frame = frame_of(shop, after(76))
    seen = frame[frame["order_expected.minutes"].notna()]
    assert len(seen) > 0
    assert seen["effective_time"].min() >= pd.Timestamp(
        after(73)
    )  # the first tick from then on, published at five past


def test_a_second_prediction_is_a_correction_known_from_then(shop: Project) -> None:
    score(shop, after(6))
    before = rows_of(shop, after(7))
    raw = read_predictions(shop, UPSTREAM, NOW - timedelta(hours=1), after(6)).head(1)
    corrected = pa.Table.from_pandas(
        raw.assign(version=2, score=raw["score"] + 100, scored_at=pd.Timestamp(after(30))), preserve_index=False
    )
    append_predictions(shop, UPSTREAM, NOW.date(), "by hand", lambda logged: corrected, {}, FACTS)
    id = raw["prediction_id"][0]
    actual = [row for row in rows_of(shop, after(31)) if row["prediction_id"] == id]
    assert [(row["version"], row[KNOWN], row[UNTIL]) for row in sorted(actual, key=lambda row: row[KNOWN])] == [
        (1, micros(after(6)), micros(after(30))),
        (2, micros(after(30)), FOREVER),
    ]
    assert len(rows_of(shop, after(31))) == len(before) + 1


def test_a_prediction_is_never_known_before_its_batch_run(shop: Project) -> None:
    score(shop, after(6))
    raw = read_predictions(shop, UPSTREAM, NOW - timedelta(hours=1), after(6)).tail(1)
    early = raw.assign(prediction_id="by hand", scored_at=pd.Timestamp(after(-5)))
    rows = pa.Table.from_pandas(early, preserve_index=False)
    append_predictions(shop, UPSTREAM, NOW.date(), "by hand", lambda logged: rows, {}, FACTS)
    (actual,) = [row for row in rows_of(shop, after(7)) if row["prediction_id"] == "by hand"]
    assert actual[KNOWN] == micros(early["effective_time"].iloc[0])


def test_before_the_first_prediction_features_are_null_and_counts_zero(shop: Project) -> None:
    frame = frame_of(shop, NOW)
    assert len(frame) > 20
    assert frame["order_expected.minutes"].isna().all()
    assert (frame["order_expected.times_7d"] == 0).all()
    first, second = (ingest_source(shop, "expected", after(hours)) for hours in (1, 2))
    assert (first.made.artifact.about["rows"], first.made.artifact.id) == (0, second.made.artifact.id)
    assert second.made.reused
    score(shop, after(3))
    known = {row[KNOWN] for row in rows_of(shop, after(4))}
    assert known == {micros(after(3))}


def test_declared_freshness_asks_nothing_of_a_model_that_has_not_predicted_yet(shop: Project) -> None:
    edit(shop, "sources/expected.yaml", "columns:", "freshness: 2h\ncolumns:")
    shop = open_project(shop.root)
    (check,) = ingest_source(shop, "expected", after(1)).checks
    assert (check.name, check.passed) == ("freshness", True)
    score(shop, after(2))
    assert [ingest_source(shop, "expected", after(hours)).checks[0].passed for hours in (3, 5)] == [True, False]


def test_new_predictions_are_noticed_from_the_outside(shop: Project) -> None:
    rows = []
    for hours in (1, 6):
        score(shop, after(hours))
        rows.append(source_fingerprints(shop, NOW))
    fingerprints = source_fingerprints(shop, NOW)
    assert rows[0]["expected"] != rows[1]["expected"] == fingerprints["expected"]
    assert rows[0]["orders"] == rows[1]["orders"]


def test_the_newest_prediction_is_at_worst_a_batch_run_old(shop: Project) -> None:
    assert availability_of(shop.spec, "order_expected").sentence == (
        "lateness predicts at batch runs up to 1h apart + refresh 1h + published 5m after the tick = up to 2h5m old"
    )
    measured = availability_of(shop.spec, "order_expected", delay=timedelta(minutes=3))
    assert measured.worst_age == timedelta(hours=2, minutes=8)
