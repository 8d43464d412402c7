"""A sample of a feature table holds what the table says at ticks that it covers, and is the same each time."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ml_platform.core.errors import ArtifactMissing
from ml_platform.features.build import build_feature_table
from ml_platform.features.sample import newest_values, sample_values
from ml_platform.project import Project
from ml_platform.sources.ingest import ingest_source
from tests.features.world import SALES, T0, at, sale, write_csv, write_project

ROWS = [sale(f"s{n}", n * 0.7, shop="ab"[n % 2], amount=float(n)) for n in range(20)]
FEATURES = {"sales": {"count": True, "windows": ["3h"]}, "since": {"time_since_last": True, "windows": ["3h"]}}


def table(features: object = FEATURES) -> dict[str, object]:
    return {"entity": "shop", "source": "sales", "refresh": "1h", "publish_delay": "20m", "features": features}


def made(directory: Path, rows: list[list[object]] = ROWS, **more: str) -> tuple[Project, str]:
    write_csv(directory / "data/sales.csv", list(SALES["columns"]), rows)
    sources = {"sales": {"reader": {"csv": "data/sales.csv"}, **SALES}}
    project = write_project(directory, sources=sources, features={"recent": table() | more})
    source = ingest_source(project, "sales", at(14)).made.artifact.id
    return project, build_feature_table(project, "recent", source).artifact.id


def sold(shop: str, tick: datetime) -> list[datetime]:
    events = [row[2] for row in ROWS if row[1] == shop]
    return [event for event in events if tick - timedelta(hours=3) < event <= tick]


def test_each_sampled_value_is_what_a_loop_over_the_rows_finds_at_that_tick(tmp_path: Path) -> None:
    project, id = made(tmp_path)
    sample = sample_values(project, "recent", id, rows=200)
    assert sample.column_names == ["shop", "tick", "sales_3h", "since_3h"]
    assert set(sample["shop"].to_pylist()) == {"a", "b"}
    for row in sample.to_pylist():
        events = sold(row["shop"], row["tick"])
        assert row["sales_3h"] == len(events)
        assert row["since_3h"] == ((row["tick"] - max(events)).total_seconds() if events else None)


def test_ticks_are_those_from_an_entity_s_first_row_to_its_last_and_each_comes_once(tmp_path: Path) -> None:
    project, id = made(tmp_path)
    rows = sample_values(project, "recent", id, rows=500).select(["shop", "tick"]).to_pylist()
    a = [("a", T0 + timedelta(hours=hour)) for hour in range(14)]  # rows at 0:00 to 12:36
    b = [("b", T0 + timedelta(hours=hour)) for hour in range(1, 15)]  # rows at 0:42 to 13:18
    assert sorted((row["shop"], row["tick"]) for row in rows) == [*a, *b]


def test_the_newest_values_are_of_the_ticks_at_which_the_newest_rows_came_in(tmp_path: Path) -> None:
    project, id = made(tmp_path)
    rows = newest_values(project, "recent", id, rows=2).select(["shop", "tick"]).to_pylist()
    assert [(row["shop"], row["tick"]) for row in rows] == [("a", at(13)), ("b", at(14))]


def test_the_same_artifact_gives_the_same_sample(tmp_path: Path) -> None:
    project, id = made(tmp_path)
    assert sample_values(project, "recent", id, rows=9).equals(sample_values(project, "recent", id, rows=9))


def test_of_more_entities_than_rows_as_many_are_drawn_as_there_are_rows(tmp_path: Path) -> None:
    project, id = made(tmp_path, [sale(f"s{n}", 1, shop=f"shop{n:02d}") for n in range(30)])
    sample = sample_values(project, "recent", id, rows=10)
    assert sample["shop"].to_pylist() == [f"shop{n:02d}" for n in range(0, 30, 3)]


def test_a_table_without_a_row_gives_none(tmp_path: Path) -> None:
    project, id = made(tmp_path, [sale("s", 1)], where="amount > 5")
    sample = sample_values(project, "recent", id)
    assert (sample.num_rows, sample.column_names) == (0, ["shop", "tick", "sales_3h", "since_3h"])


def test_a_table_that_is_not_in_the_store_is_reported(tmp_path: Path) -> None:
    project, _ = made(tmp_path)
    with pytest.raises(ArtifactMissing):
        sample_values(project, "recent", "0" * 64)
