"""Derived sources that are refused: queries without one meaning at every moment, and rows that contradict them."""

import random
from typing import Any

import pytest

from ml_platform.core.errors import DeclarationError, DuplicateKey, SourceError
from ml_platform.sources.ingest import ingest_source
from tests.features.world import at
from tests.sources.derived_rows import OTHER, QUERIES, TABLES, ingest_all, project_of, random_rows, row


def test_several_rows_of_one_key_at_one_moment_are_refused(tmp_path):
    rows = {"lines": [row("lines", 1)], "products": [row("products", 1)], "brands": [row("brands", 0)]}
    rows["brands"].append(row("brands", 2, brand="other"))
    query = (
        "select line, l.at, price as amount from lines l join products p using (sku) join brands b on b.country = 'y' "
    )
    project = project_of(tmp_path, rows, query + "and b.at = l.at")
    for name in TABLES:
        ingest_source(project, name, at(9))
    with pytest.raises(DuplicateKey) as refused:
        ingest_source(project, "sold", at(9))
    assert "key line 'l': the query gives several rows that are known at 2024-05-01T02:00" in str(refused.value)


def test_a_row_without_an_event_timestamp_is_refused(tmp_path):
    rows = {"lines": [row("lines", 1)], "products": [OTHER, row("products", 9)], "brands": [row("brands", 0)]}
    project = project_of(
        tmp_path, rows, "select line, p.at, price as amount from lines l left join products p using (sku)"
    )
    for name in TABLES:
        ingest_source(project, name, at(4))
    with pytest.raises(SourceError, match="column at is null"):
        ingest_source(project, "sold", at(4))


FAULTS = {
    "select line, at, count(*) as amount from lines group by all": "Aggregates belong to feature tables",
    "select line, at, sum(qty) over () as amount from lines": "is made of many rows. Aggregates belong",
    "select line, at, random() as amount from lines": "RANDOM() may differ from moment to moment",
    "select line, now() as at, 1.0 as amount from lines": "NOW() may differ from moment to moment",
    "select line, at, 1.0 as amount from lines limit 3": "limit has no meaning for rows one by one",
    "select distinct line, at, 1.0 as amount from lines": "Declare a key that distinguishes rows",
    "select line, l.at, price as amount from lines l, products p": "cross join is not supported",
    "select line, l.at, price as amount from lines l full join products p using (sku)": "full join is not supported",
    "select line, l.at, price as amount from lines l join products p on qty > 1": "has no equality with a source",
    "select line, at, 1.0 as amount from linez": "there is no source linez. Did you mean lines?",
    "select line, at, prize as amount from lines": "Column 'prize' could not be resolved",
    "select line, at, qty from lines": "the query gives no amount",
    "select line, at, amount from sold": "sources/sold -> sources/sold",
    "select line, at, 1.0 as amount from read_csv('x')": "is no source. Name sources of the project",
    "delete from lines": "is no select",
    "select line, at, 1.0 as amount from lines where sku in (select sku from products)": "a query inside the query",
    f"select line, at, {'abs(' * 400}qty{')' * 400} as amount from lines": "nested too deeply: at most 25 brackets",
    f"select line, at, {'(' * 3000}qty{')' * 3000} as amount from lines": "nested too deeply: at most 25 brackets",
    f"select line, at, {'case when qty > 1 then ' * 300}1{' end' * 300} as amount from lines": "nested too deeply",
    f"select line, at, {' + '.join(['qty'] * 2000)} as amount from lines": "nested too deeply: at most 25 brackets",
    f"select line, at, {'not ' * 2000} true as amount from lines": "nested too deeply: at most 25 brackets",
}


@pytest.mark.parametrize(
    "query",
    [
        "abs(" * 24 + "qty" + ")" * 24,
        " + ".join(["qty"] * 90),
        "coalesce(" * 24 + "qty" + ", 1)" * 24,
        " + ".join(["length('((case')"] * 30),
    ],
)
def test_a_query_that_is_deep_but_allowed_is_computed(tmp_path, query):
    rows = random_rows(random.Random(1), 15, 0, 10)
    project = project_of(tmp_path, rows, f"select line, at, cast({query} as double) as amount from lines")
    assert ingest_all(project, 24).made.artifact.id


@pytest.mark.parametrize(("query", "fault"), FAULTS.items())
def test_a_query_that_has_no_one_meaning_at_every_moment_is_a_fault(tmp_path, query, fault):
    rows: dict[str, list[Any]] = {name: [] for name in TABLES}
    with pytest.raises(DeclarationError, match=r"sources/sold\.yaml:") as refused:
        project_of(tmp_path, rows, query)
    assert fault in str(refused.value)


@pytest.mark.parametrize(
    ("derived", "fault"),
    [
        ({"known_at": {"delay": "1h"}}, "known_at: follows from the inputs"),
        ({"full": True}, "full belongs to sources that read data"),
        ({"deletes": "amount < 0"}, "deletes belongs to sources that read data"),
    ],
)
def test_keys_of_reading_are_refused(tmp_path, derived, fault):
    rows: dict[str, list[Any]] = {name: [] for name in TABLES}
    with pytest.raises(DeclarationError) as refused:
        project_of(tmp_path, rows, QUERIES["join"], derived=derived)
    assert fault in str(refused.value)
