"""A feature table at a look agrees with a loop over the rows of its source, and becomes the output of no run."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from ml_platform.core.errors import NotMaterialized, PlatformError
from ml_platform.features.build import build_feature_table
from ml_platform.features.sample import sample_values
from ml_platform.project import Project, open_project
from ml_platform.reporting.overview.feature_preview import preview_features
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.outputs import current_output, record_output
from tests.worlds import NOW, write_shop

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = open_project(write_shop(tmp_path_factory.mktemp("shop")))
    made = ingest_source(project, "deliveries", NOW).made.artifact
    record_output(project.database, "sources/deliveries", "source", made.id, run="r", at=NOW)
    return project


def test_the_history_of_an_entity_is_what_a_loop_over_its_rows_finds(shop: Project) -> None:
    preview = preview_features(shop, "courier_recent", {"courier": "courier_a"}, NOW)
    rows = pd.read_csv(shop.root / "data/deliveries.csv")
    rows = rows[rows["courier"] == "courier_a"]
    spec = shop.spec.feature_tables["courier_recent"]
    source = shop.spec.sources["deliveries"]
    happened = pd.to_datetime(rows[source.event_timestamp], utc=True)
    delay = source.known_at.delay or timedelta(0)
    assert len(preview.history) == 12
    assert datetime.fromisoformat(preview.history[-1]["tick"]) == NOW
    for row in preview.history:
        at = pd.Timestamp(row["tick"]) - spec.publish_delay
        tick = at.floor(spec.refresh)
        known = (happened + delay <= tick) & (happened <= tick) & (happened > tick - pd.Timedelta("7d"))
        assert row["parcels_7d"] == int(known.sum())


def test_missing_values_and_quantiles_are_those_of_the_sample(shop: Project) -> None:
    preview = preview_features(shop, "courier_recent", {}, NOW, rows=3)
    second_preview = preview_features(shop, "courier_recent", {}, NOW, rows=3)
    assert second_preview.reused
    assert (second_preview.columns, second_preview.newest, second_preview.history) == (
        preview.columns,
        preview.newest,
        (),
    )
    assert len(preview.newest) == 3
    assert [row["tick"] for row in preview.newest] == sorted((row["tick"] for row in preview.newest), reverse=True)
    spec = shop.spec.feature_tables["courier_recent"]
    assert [column.name for column in preview.columns] == list(spec.columns)
    source = current_output(shop.database, "sources/deliveries")
    assert source is not None
    built = build_feature_table(shop, "courier_recent", source)
    sample = sample_values(shop, "courier_recent", built.artifact.id).to_pylist()
    for column in preview.columns:
        values = [row[column.name] for row in sample]
        assert column.missing == pytest.approx(sum(value is None for value in values) / len(values))
        assert column.distinct == len({value for value in values if value is not None})


def test_a_preview_is_the_output_of_no_run(shop: Project) -> None:
    preview_features(shop, "courier_recent", {}, NOW)
    assert current_output(shop.database, "features/courier_recent") is None


@pytest.mark.parametrize(
    ("name", "entity", "words"),
    [
        ("courier_recnt", {}, "there is no feature table courier_recnt. Did you mean courier_recent?"),
        ("courier_recent", {"courrier": "a"}, "courrier is no key column of courier. Did you mean courier?"),
    ],
)
def test_what_does_not_exist_is_named(shop: Project, name: str, entity: dict[str, str], words: str) -> None:
    with pytest.raises(PlatformError) as raised:
        preview_features(shop, name, entity, NOW)
    assert words in str(raised.value)


def test_a_source_that_was_never_ingested_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotMaterialized, match="sources/deliveries"):
        preview_features(open_project(write_shop(tmp_path)), "courier_recent", {}, NOW)
