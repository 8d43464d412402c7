"""Every column tells what it is made of."""

from __future__ import annotations

import pytest

from ml_platform.declarations.lineage import feature_lineage, snapshot_lineage
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.project import ProjectSpec
from tests.worlds import write_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> ProjectSpec:
    return load_project(write_shop(tmp_path_factory.mktemp("shop"), days=1))


def test_a_feature_comes_from_the_columns_that_it_aggregates_and_the_event_time(shop: ProjectSpec) -> None:
    origins = feature_lineage(shop, shop.feature_tables["courier_recent"])
    assert origins["courier"] == (("sources/deliveries", "courier"),)
    assert origins["mean_late_7d"] == (
        ("sources/deliveries", "minutes_late"),
        ("sources/deliveries", "delivered_at"),
    )
    assert origins["parcels_1d"] == (("sources/deliveries", "delivered_at"),)


def test_a_snapshot_comes_from_population_features_and_label(shop: ProjectSpec) -> None:
    origins = snapshot_lineage(shop, shop.models["late_parcel"])
    assert origins["order_id"] == (("sources/orders", "order_id"),)
    assert origins["prediction_time"] == (("sources/orders", "placed_at"),)
    assert origins["label"] == (("sources/deliveries", "minutes_late"),)
    assert origins["courier_recent.late_share_7d"] == (("features/courier_recent", "late_share_7d"),)
    assert origins["orders.amount"] == (("sources/orders", "amount"),)
