"""Erasing and removing on every database and every kind of store."""

from datetime import timedelta

import pytest

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.erase import erase
from ml_platform.audit.erasure.plan import plan_erasure
from ml_platform.audit.retention.plan import plan_removal
from ml_platform.audit.retention.remove import remove
from ml_platform.audit.verify.verify import verify_project
from ml_platform.features.build import build_feature_table
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.erasure_marks import marks_of
from ml_platform.storage.outputs import record_output
from tests.audit.retention.conftest import wall
from tests.features.world import SALES, at, sale, write_csv, write_project
from tests.storage.conftest import database_url, postgres_server, store_url  # noqa: F401

RECENT = {
    "entity": "sale",
    "source": "sales",
    "refresh": "1h",
    "publish_delay": "0s",
    "features": {"total": {"sum": "amount", "windows": ["1d"]}},
}


@pytest.fixture
def shop(tmp_path, database_url, store_url):  # noqa: F811
    write_csv(tmp_path / "data/sales.csv", list(SALES["columns"]), [sale(f"sale{n}", n) for n in range(9)])
    project = write_project(
        tmp_path,
        sources={"sales": {"reader": {"csv": "data/sales.csv"}, **SALES}},
        features={"recent": RECENT},
        storage={"database": database_url, "artifacts": store_url},
        retention={"feature_tables": "1d", "sources": "1d"},
    )
    yield project
    project.database.engine.dispose()


def made(project, now):
    source = ingest_source(project, "sales", at(now)).made.artifact
    table = build_feature_table(project, "recent", source.id).artifact
    for node, artifact in (("sources/sales", source), ("features/recent", table)):
        record_output(project.database, node, artifact.kind, artifact.id, run="r", at=at(now))
    return source, table


def test_one_is_erased_and_former_states_are_removed(shop, tmp_path):
    source, table = made(shop, 20)
    write_csv(tmp_path / "data/sales.csv", list(SALES["columns"]), [sale(f"sale{n}", n) for n in range(12)])
    made(shop, 30)
    person = Person.of(shop, "sale", {"id": "sale3"})
    plan = plan_erasure(shop, person, at(40))
    assert plan.rows == {"feature_table": 1, "source": 1}
    erase(shop, person, plan.id, at(40), actor="ada", reason="letter")
    assert plan_erasure(shop, person, at(40)).is_empty
    artifact = shop.store.get("source", source.id)
    assert (artifact.about["rows"], source.about["rows"]) == (8, 9)
    assert shop.store.get("feature_table", table.id).about["rows"] == 8
    assert [mark.rows for mark in marks_of(shop, "source", source.id)] == [1]
    assert verify_project(shop).damages == []
    later, gone = at(40) + timedelta(days=30), plan_removal(shop, at(40) + timedelta(days=30), wall(2))
    assert {(item.kind, item.id) for item in gone.goes} == {
        ("source", artifact.id),
        ("feature_table", shop.store.get("feature_table", table.id).id),
    }
    remove(shop, gone.id, later, wall(2), actor="ada")
    final = plan_removal(shop, later, wall(4))
    assert len(final.final) == len(gone.set_aside)
    remove(shop, final.id, later, wall(4), actor="ada")
    assert verify_project(shop).damages == []
    write_csv(tmp_path / "data/sales.csv", list(SALES["columns"]), [sale(f"sale{n}", n) for n in range(14)])
    assert ingest_source(shop, "sales", at(50)).new_rows == 2, "and not sale3"
