"""What the catalog tells of sources and feature tables, against rows that are counted by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml_platform.features.build import build_feature_table
from ml_platform.project import Project, open_project
from ml_platform.reporting.catalog.feature_facts import Importance
from ml_platform.reporting.catalog.feature_tables import feature_table_facts
from ml_platform.reporting.catalog.node_facts import Link, Use
from ml_platform.reporting.catalog.profiles import source_null_shares
from ml_platform.reporting.catalog.project_facts import catalog_facts
from ml_platform.reporting.catalog.sources import source_facts
from ml_platform.sources.checks.results import CheckResult, record_checks
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.outputs import record_output
from tests.datasets.test_joins import project_of
from tests.features.world import SALES, at, sale, write_csv, write_project
from tests.shop_project import open_shop

NOW = datetime(2024, 5, 2, tzinfo=UTC)


def sales(directory: Path, rows: list[list[object]]) -> Project:
    write_csv(directory / "data/sales.csv", list(SALES["columns"]), rows)
    table = {
        "entity": "shop",
        "source": "sales",
        "refresh": "1h",
        "publish_delay": "0s",
        "features": {"mean": {"mean": "amount", "windows": ["ever"], "unit": "EUR", "description": "What one pays."}},
    }
    sources = {"sales": {"reader": {"csv": "data/sales.csv"}, **SALES}}
    return write_project(directory, sources=sources, features={"recent": table})


def make(project: Project, now: datetime) -> tuple[str, str]:
    source = ingest_source(project, "sales", now).made.artifact.id
    record_output(project.database, "sources/sales", "source", source, run="r", at=now)
    table = build_feature_table(project, "recent", source).artifact.id
    record_output(project.database, "features/recent", "feature_table", table, run="r", at=now)
    return source, table


def test_before_anything_was_made_declarations_are_shown(tmp_path: Path) -> None:
    facts = catalog_facts(open_shop(tmp_path), NOW)
    (courier,) = facts.feature_tables
    assert courier.stored.state == "not made yet"
    assert (courier.keys, courier.refresh, courier.publish_delay) == (("courier",), "1 hour", "5 minutes")
    assert courier.availability.endswith("= up to 1h15m old")
    mean = {column.name: column for column in courier.columns}["mean_late_1d"]
    assert (mean.formula, mean.window, mean.type, mean.unit) == ("mean of minutes_late", "1d", "float", "min")
    assert mean.made_from == (
        Link("sources", "deliveries", "minutes_late"),
        Link("sources", "deliveries", "delivered_at"),
    )
    assert (mean.null_share, mean.distribution, mean.used_by) == (None, None, (Importance("late_parcel"),))
    orders = {source.name: source for source in facts.sources}["orders"]
    assert (orders.stored.state, orders.known, orders.ingests) == (
        "not made yet",
        "Each row is known at placed_at.",
        0,
    )
    assert [check.passed for check in orders.checks] == [None, None]
    model = {actual.name: actual for actual in facts.models}["late_parcel"]
    assert (model.champion, model.judged, model.monitored, model.problems) == (None, None, None, ())
    assert model.gates[0].limit == ">= 0.55"
    assert model.declared.text == (tmp_path / "models/late_parcel.yaml").read_text()


def test_who_uses_a_source_and_what_as(tmp_path: Path) -> None:
    facts = catalog_facts(open_shop(tmp_path), NOW)
    used = {source.name: source.used_by for source in facts.sources}
    models = [Link("models", "late_parcel"), Link("models", "lateness")]
    assert set(used["orders"]) == {Use(models[0], "population, 2 features"), Use(models[1], "population, 1 feature")}
    assert set(used["deliveries"]) == {
        Use(Link("features", "courier_recent"), "its rows"),
        Use(models[0], "label"),
        Use(models[1], "label"),
    }
    (table,) = facts.feature_tables
    assert set(table.used_by) == {Use(models[0], "6 features"), Use(models[1], "2 features")}
    readers = {column.name: set(column.used_by) for source in facts.sources for column in source.columns}
    assert readers["amount"] == {models[0]}
    assert readers["minutes_late"] == {Link("features", "courier_recent"), *models}


def test_a_column_that_only_a_payoff_reads_is_used(tmp_path: Path) -> None:
    project = open_shop(tmp_path)
    file = tmp_path / "models/lateness.yaml"
    file.write_text(file.read_text().replace("payoff: -0.05", "payoff: 0 * amount - 0.05"))
    facts = source_facts(open_project(project.root), "orders")
    assert Link("models", "lateness") in {column.name: column.used_by for column in facts.columns}["amount"]


def test_a_table_that_is_met_twice_or_gives_keys_is_used(tmp_path: Path) -> None:
    facts = catalog_facts(project_of(tmp_path), NOW)
    tables = {table.name: table for table in facts.feature_tables}
    model = Link("models", "delay")
    assert tables["aircraft"].used_by == (Use(model, "keys of carrier"),)
    assert tables["aircraft"].columns[0].used_by == (Importance("delay", "as a key of carrier"),)
    wind = tables["airport_weather"].columns[0]
    assert (wind.formula, wind.window) == ("newest known wind", "")
    assert wind.used_by == (Importance("delay", "as here.wind"), Importance("delay", "as there.wind"))
    flights = {source.name: source for source in facts.sources}["flights"]
    readers = {column.name: column.used_by for column in flights.columns}
    assert all(readers[column] == (model,) for column in ("origin", "dest", "tail"))
    assert facts.models[0].features[0].name == "carrier.late_1d"


def test_null_shares_of_a_source_are_those_of_all_its_rows_also_after_more_came(tmp_path: Path) -> None:
    rows = [sale("r", 1), sale("s", 2, amount=None), sale("t", 3, shop=None, amount=None)]
    project = sales(tmp_path, rows)
    make(project, at(4))
    first = source_facts(project, "sales")
    assert (first.stored.rows, first.ingests, first.new_rows) == (3, 1, 3)
    assert {column.name: column.null_share for column in first.columns} == {
        "id": 0.0,
        "shop": 1 / 3,
        "at": 0.0,
        "seen": 0.0,
        "amount": 2 / 3,
    }
    project = sales(tmp_path, [*rows, sale("u", 6)])
    make(project, at(7))
    later_facts = source_facts(project, "sales")
    assert {column.name: column.null_share for column in later_facts.columns}["amount"] == 2 / 4
    assert later_facts.stored.newest == at(6)
    assert later_facts.events == (at(1), at(6))


def test_only_chunks_that_are_new_are_counted(tmp_path: Path) -> None:
    project = sales(tmp_path, [sale("r", 1, amount=None)])
    old, _ = make(project, at(4))
    source_null_shares(project, project.store.get("source", old))
    for stored in project.store.get("source", old).objects.values():
        Path(project.store.url, "objects", stored.sha256[:2], stored.sha256).unlink()
    source = project.store.get("source", old)
    assert source_null_shares(open_project(tmp_path), source)["amount"] == 1.0


def test_a_feature_shows_its_nulls_and_how_its_values_are_spread(tmp_path: Path) -> None:
    a = [sale("r", 0, amount=2.0), sale("s", 10, amount=4.0)]
    b = [sale("t", 0, shop="b", amount=None), sale("u", 10, shop="b", amount=6.0)]
    project = sales(tmp_path, [*a, *b])
    make(project, at(11))
    facts = feature_table_facts(project, "recent", at(11), {})
    (mean,) = facts.columns
    assert (facts.sampled, mean.description) == (22, "What one pays.")  # both at 0:00 to 10:00
    assert mean.null_share == 10 / 22  # b before its sale at 10:00
    assert mean.distribution is not None
    assert [period.start for period in mean.distribution.periods] == ["2024-04-30", "2024-05-01"]
    assert mean.distribution.whole.median == 2.0  # a's mean is 2 ten times and 3 once, b's is 6 once


def test_importances_are_ranked(tmp_path: Path) -> None:
    importances = {"late_parcel": {"courier_recent.parcels_1d": 0.2, "orders.items": 0.7, "orders.amount": 0.1}}
    facts = feature_table_facts(open_shop(tmp_path), "courier_recent", NOW, importances)
    used = {column.name: column.used_by[0] for column in facts.columns}
    assert used["parcels_1d"] == Importance("late_parcel", share=0.2, rank=2, among=3)
    assert used["parcels_7d"] == Importance("late_parcel")


def test_the_last_result_of_a_check_is_shown_and_one_that_never_ran_is_open(tmp_path: Path) -> None:
    project = open_shop(tmp_path)
    results = [
        CheckResult("column_values_to_not_be_null_courier", passed=False, summary={"problem": "found 3 nulls"}),
        CheckResult("freshness", passed=True),
    ]
    record_checks(project.database, "sources/orders", results, "r", NOW)
    checks = source_facts(project, "orders").checks
    assert [(check.expects, check.passed, check.problem) for check in checks] == [
        ("courier: values to not be null", False, "found 3 nulls"),
        ("amount: values to be between, min value 0, max value 10000", None, ""),
        ("freshness", True, ""),
    ]


@pytest.mark.parametrize("what", ["manifests/feature_table", "objects"])
def test_what_is_missing_from_the_store_is_reported_and_the_rest_is_shown(tmp_path: Path, what: str) -> None:
    project = sales(tmp_path, [sale("r", 1)])
    make(project, at(4))
    for file in Path(project.store.url, what).rglob("*"):
        if file.is_file():
            file.unlink()
    facts = feature_table_facts(open_project(tmp_path), "recent", at(4), {})
    assert facts.stored.state == ("missing" if what.startswith("manifests") else "made")
    assert "is not in" in facts.stored.problem
    assert (facts.columns[0].unit, facts.columns[0].null_share) == ("EUR", None)


def test_a_table_of_an_earlier_declaration_is_reported(tmp_path: Path) -> None:
    project = sales(tmp_path, [sale("r", 1)])
    make(project, at(4))
    file = tmp_path / "features/recent.yaml"
    file.write_text(file.read_text().replace('"mean": "amount"', '"max": "amount"'))
    facts = feature_table_facts(open_project(tmp_path), "recent", at(4), {})
    assert "is from an earlier declaration" in facts.stored.problem
    assert facts.columns[0].formula == "max of amount"
