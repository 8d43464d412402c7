"""A snapshot that knows the label can be looked at, and stops its training, in the same run and launched alone."""

from __future__ import annotations

import dagster as dg
import pytest

from ml_platform.storage.versions import versions
from tests.dagster.shop import Shop

SNAPSHOT = "late_parcel/snapshot"


def check(shop: Shop, name: str) -> dg.AssetCheckEvaluation:
    key = dg.AssetCheckKey(dg.AssetKey(SNAPSHOT.split("/")), name)
    record = shop.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.event is not None
    return record.event.dagster_event.asset_check_evaluation_data


def test_every_snapshot_is_checked(untouched: Shop) -> None:
    for name in ("single_feature", "copy_of_label", "nullness", "label_known_before"):
        checked = check(untouched, name)
        assert checked.passed
        assert checked.blocking


@pytest.fixture
def leaky(shop: Shop) -> Shop:
    """The shop a day later, whose orders say how late they will be."""
    shop.advance(days=1)
    late = {}
    for line in (shop.root / "data/deliveries.csv").read_text().splitlines()[1:]:
        order, _, _, minutes = line.split(",")
        late[order] = minutes
    path = shop.root / "data/orders.csv"
    header, *rows = path.read_text().splitlines()
    with_hint = [f"{row},{late.get(row.split(',')[0], '')}" for row in rows]
    path.write_text("\n".join([f"{header},hint", *with_hint]) + "\n")
    shop.edit("sources/orders.yaml", "  items: int\n", "  items: int\n  hint: float\n")
    shop.edit("models/late_parcel.yaml", "orders.items]", "orders.items, orders.hint]")
    return shop


def test_a_leak_is_shown_and_stops_what_depends_on_it(leaky: Shop) -> None:
    before = leaky.metadata(SNAPSHOT)["id"]
    outcome = leaky.run("retrain_late_parcel")
    assert not outcome.success
    assert "orders.hint always rises with the label, or always falls with it" in outcome.problems[SNAPSHOT]
    assert "late_parcel/trained_model" in leaky.done("skipped")
    assert leaky.metadata(SNAPSHOT)["id"] != before, "the snapshot stands"
    checked = check(leaky, "copy_of_label")
    assert (checked.passed, checked.description) == (
        False,
        "orders.hint always rises with the label, or always falls with it",
    )
    alone = leaky.materialize("late_parcel/trained_model")
    assert not alone.success
    (failure,) = alone.get_step_failure_events()
    assert "orders.hint always rises with the label, or always falls with it" in str(failure.step_failure_data.error)
    assert len(versions(leaky.project, "late_parcel")) == 1


def test_what_is_allowed_is_trained_on(leaky: Shop) -> None:
    path = leaky.root / "models/late_parcel.yaml"
    path.write_text(path.read_text() + "leakage: {allow: [orders.hint]}\n")
    leaky.run("retrain_late_parcel")
    assert len(versions(leaky.project, "late_parcel")) == 2
