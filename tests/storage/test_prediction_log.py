"""The prediction log only grows: segments are immutable, and no writer loses what another wrote."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_platform.core.errors import ArtifactDamaged
from ml_platform.project import Project, open_project
from ml_platform.storage.prediction_log import (
    append_predictions,
    logged_days,
    logged_ids,
    read_predictions,
    segment_names,
)
from tests.shop_project import open_shop
from tests.worlds import COURIER

DAY = date(2024, 3, 1)
START = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return open_shop(tmp_path)


def rows_of(*hours: int, extra: bool = False) -> pa.Table:
    """Predictions whose batch runs are at these hours of the day, one each."""
    instants = [START + timedelta(hours=hour) for hour in hours]
    table = pa.table(
        {
            "prediction_id": [f"late_parcel.20240301.{hour:016d}" for hour in hours],
            "effective_time": pa.array(instants, type=pa.timestamp("us", tz="UTC")),
            "trained_model": ["t1" if hour < 12 else "t2" for hour in hours],
            "score": [hour / 24 for hour in hours],
        }
    )
    return table.append_column("orders.amount", pa.array([1.5] * len(hours))) if extra else table


def append(project: Project, *hours: int, key: str = "key", extra: bool = False) -> int:
    """Append the rows of these hours that are not there yet, as scoring does; return how many."""

    def make_rows(logged: set[str]) -> pa.Table:
        table = rows_of(*hours, extra=extra)
        return table.filter([id not in logged for id in table["prediction_id"].to_pylist()])

    return append_predictions(project, "late_parcel", DAY, key, make_rows, {"sources/orders": "a"}, {})[1]


def test_rows_are_read_back_in_the_order_of_their_batch_runs(project: Project) -> None:
    append(project, 5, 7)
    append(project, 1, 9)
    logged = read_predictions(project, "late_parcel", START - timedelta(days=1), START + timedelta(days=1))
    assert logged["score"].tolist() == [1 / 24, 5 / 24, 7 / 24, 9 / 24]


def test_each_segment_records_what_its_rows_were_made_from(project: Project) -> None:
    def rows(*hours: int) -> Callable[[set[str]], pa.Table]:
        return lambda logged: rows_of(*hours)

    append_predictions(project, "late_parcel", DAY, "one", rows(5), {"sources/orders": "a"}, {})
    (project.root / "features/courier_recent.yaml").write_text(COURIER.replace("refresh: 1h", "refresh: 2h"))
    edited = open_project(project.root)
    state, _ = append_predictions(edited, "late_parcel", DAY, "two", rows(7), {"sources/orders": "b"}, {})
    assert [segment["inputs"] for segment in state.about["segments"]] == [
        {"sources/orders": "a"},
        {"sources/orders": "b"},
    ]
    kept = [json.loads(project.store.read(state.objects[item["declared"]])) for item in state.about["segments"]]
    assert [item["features"]["courier_recent"]["refresh"] for item in kept] == ["1h", "2h"]


def test_reading_takes_batch_runs_after_the_start_up_to_the_end(project: Project) -> None:
    append(project, 5, 7, 9)
    logged = read_predictions(project, "late_parcel", START + timedelta(hours=5), START + timedelta(hours=9))
    assert logged["score"].tolist() == [7 / 24, 9 / 24]


def test_a_row_that_is_there_is_not_added_twice(project: Project) -> None:
    assert append(project, 5, 7) == 2
    assert append(project, 5, 7) == 0
    assert append(project, 5, 7, 8) == 1
    (day,) = logged_days(project, "late_parcel")
    assert (day.day, day.rows) == (DAY, 3)
    assert len(logged_ids(project, "late_parcel", DAY)) == 3


def test_a_state_lists_the_segments_before_it_unchanged(project: Project) -> None:
    first, _ = append_predictions(project, "late_parcel", DAY, "a", lambda _: rows_of(1), {}, {})
    second, _ = append_predictions(project, "late_parcel", DAY, "b", lambda _: rows_of(2), {}, {})
    assert set(first.objects.items()) < set(second.objects.items())
    assert second.about["rows"] == 2
    assert first.id != second.id
    assert project.store.get("predictions", first.id) == first


def test_a_day_without_rows_is_a_state_too_and_reads_as_an_empty_frame(project: Project) -> None:
    state, added = append_predictions(project, "late_parcel", DAY, "a", lambda _: rows_of().slice(0, 0), {}, {})
    assert (added, state.about["rows"], dict(state.objects)) == (0, 0, {})
    logged = read_predictions(project, "late_parcel", START, START + timedelta(days=1))
    assert len(logged) == 0
    assert {"prediction_id", "order_id", "effective_time", "score", "action", "expected_value"} <= set(logged.columns)
    assert str(logged["effective_time"].dtype) == "datetime64[us, UTC]"


def test_segments_of_versions_with_other_columns_are_read_together(project: Project) -> None:
    append(project, 1)
    append(project, 2, extra=True)
    logged = read_predictions(project, "late_parcel", START, START + timedelta(days=1))
    assert logged["orders.amount"].isna().tolist() == [True, False]


def test_many_writers_at_once_lose_nothing(project: Project) -> None:
    threads = [threading.Thread(target=append, args=(project, hour)) for hour in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logged = read_predictions(project, "late_parcel", START - timedelta(hours=1), START + timedelta(days=1))
    assert logged["score"].tolist() == [hour / 24 for hour in range(6)]


def test_a_flipped_bit_in_a_segment_is_an_error_and_never_a_wrong_score(project: Project) -> None:
    append(project, *range(20))
    state = project.store.get("predictions", logged_days(project, "late_parcel")[0].artifact)
    stored = state.objects[segment_names(state)[0]]
    path = project.store.local_path(stored)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(bytes(content))
    with pytest.raises(ArtifactDamaged):
        read_predictions(project, "late_parcel", START, START + timedelta(days=1))


def test_segments_carry_page_checksums(project: Project) -> None:
    append(project, *range(20))
    state = project.store.get("predictions", logged_days(project, "late_parcel")[0].artifact)
    content = bytearray(project.store.read(state.objects[segment_names(state)[0]]))
    score = pq.ParquetFile(io.BytesIO(bytes(content))).metadata.row_group(0).column(2)
    start = score.dictionary_page_offset or score.data_page_offset
    content[start + score.total_compressed_size - 3] ^= 4
    with pytest.raises(OSError, match="CRC checksum"):
        pq.read_table(io.BytesIO(bytes(content)), page_checksum_verification=True)


def test_models_have_separate_logs(project: Project) -> None:
    append(project, 1)
    assert logged_days(project, "lateness") == []
    assert isinstance(read_predictions(project, "lateness", START, START + timedelta(days=1)), pd.DataFrame)


def test_whole_numbers_stay_what_they_are_beside_nulls_and_segments_without_their_column(project: Project) -> None:
    large = 2**53 + 1
    written = rows_of(1, 2).append_column("orders.ref", pa.array([large, None]))
    append_predictions(project, "late_parcel", DAY, "first", lambda _: written, {"sources/orders": "a"}, {})
    append(project, 3, key="second")  # a segment of before the column was logged
    frame = read_predictions(project, "late_parcel", START, START + timedelta(days=1))
    assert [None if pd.isna(value) else int(value) for value in frame["orders.ref"]] == [large, None, None]
