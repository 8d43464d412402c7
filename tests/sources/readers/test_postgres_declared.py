"""What a declaration of the PostgreSQL reader may say, and how its connection is shown."""

import pytest

from ml_platform.core.errors import DeclarationError
from ml_platform.project import open_project
from tests.features.world import SALES, write_project
from tests.sources.readers.postgres_sales import opened


def test_connections_may_come_from_the_environment(tmp_path):
    opened(tmp_path, "postgresql://here", table="sales")
    file = tmp_path / "project.yaml"
    file.write_text(file.read_text().replace("postgresql://here", "${SHOP_URL}"))
    project = open_project(tmp_path, {"SHOP_URL": "postgresql://there"})
    assert project.spec.file.connections == {"shop_db": "postgresql://there"}


WRONG = {
    "an unknown connection": (
        {"connection": "shop_bd", "table": "t"},
        "shop_bd is not a connection. Did you mean shop_db?",
    ),
    "neither": ({"connection": "shop_db"}, "give either table or query, found neither"),
    "both": ({"connection": "shop_db", "table": "t", "query": "select 1"}, "give either table or query, found both"),
    "no such cursor": (
        {"connection": "shop_db", "table": "t", "cursor": "sen"},
        "sen is not a column. Did you mean seen?",
    ),
    "a text as cursor": (
        {"connection": "shop_db", "table": "t", "cursor": "shop"},
        "must be an int or a timestamp, found shop of type string",
    ),
    "a local time as cursor": (
        {"connection": "shop_db", "table": "t", "cursor": "closed"},
        "closed is a local time of Europe/Oslo. When clocks go back, new rows have smaller values than those that were "
        "read, and would never be read. Take an int or a timestamp with a time zone, or make one in a query: closed AT "
        "TIME ZONE 'Europe/Oslo' AS closed.",
    ),
    "a name of three parts": (
        {"connection": "shop_db", "table": "a.b.c"},
        "reader.postgres.table must be NAME or SCHEMA.NAME, found 'a.b.c'.",
    ),
    "a URL": ({"url": "postgresql://x", "table": "t"}, "url"),
}


@pytest.mark.parametrize(("reader", "message"), WRONG.values(), ids=WRONG)
def test_faults_of_the_reader_are_reported_when_it_is_declared(tmp_path, reader, message):
    columns = SALES["columns"] | {"closed": {"type": "timestamp", "zone": "Europe/Oslo"}}
    source = SALES | {"reader": {"postgres": reader}, "columns": columns}
    with pytest.raises(DeclarationError) as caught:
        write_project(tmp_path, sources={"sales": source}, connections={"shop_db": "postgresql://there"})
    assert message in str(caught.value)
    assert "sources/sales.yaml:" in str(caught.value)


def test_the_catalog_and_the_graph_show_the_connection_by_name(tmp_path):
    reader = opened(tmp_path, "postgresql://secret", table="public.sales").spec.sources["sales"].reader
    assert (reader.name, reader.label) == ("postgres", "shop_db: table public.sales")
