"""What the online store answers is what training reads, to the bit."""

import math

import pytest

from ml_platform.core.clock import tick_at, to_micros
from ml_platform.core.errors import OnlineRequestFault, OnlineStoreUnavailable
from ml_platform.features.known_entities import known_entities
from ml_platform.operations.online.content import input_names
from ml_platform.operations.online.lookup import ModelLookup
from ml_platform.operations.online.publish import online_store, publish_online
from tests.features.world import at
from tests.operations.online.worlds import (
    BY_ROWS,
    CUSTOMERS,
    FEATURES,
    SHOPS,
    inputs_of,
    plain,
    project_of,
    random_rows,
    trained_values,
)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A project whose models answer since 20:00."""
    project = project_of(tmp_path_factory.mktemp("world"), random_rows(1))
    publish_online(project, inputs_of(project, at(60)), at(20))
    return project


def looked_up(project, name, row):
    with online_store(project).view() as view:
        return ModelLookup(project.spec, project.spec.models[name]).look_up(view, row)


def full_rows():
    """Every pair of a shop and a customer, known or not, or null."""
    pairs = [(shop or None, customer) for shop in SHOPS for customer in CUSTOMERS]
    return [
        {"id": f"q{number}", "shop": shop, "customer": customer, "items": 1, "gift": None}
        for number, (shop, customer) in enumerate(pairs)
    ]


@pytest.mark.parametrize("seed", range(6))
def test_a_look_up_is_what_training_reads_at_any_moment_to_the_bit(tmp_path, seed):
    project = project_of(tmp_path, random_rows(seed))
    inputs = inputs_of(project, at(60))
    shops = [{"shop": shop} for shop in SHOPS if shop]
    for hours in (-1, 5.13, 12, 17.61, 31.2, 58):  # the last: nothing new for a day, and windows are empty again
        now = at(hours)
        publish_online(project, inputs, now)
        for name, rows in (("by_rows", full_rows()), ("by_ticks", shops)):
            expected = trained_values(project, name, inputs, rows, now)
            wanted = input_names(project.spec, project.spec.models[name])
            for row, values in zip(rows, expected, strict=True):
                actual = looked_up(project, name, row)
                assert not actual.missing
                assert plain({column: actual.values[column] for column in wanted}) == values


@pytest.mark.parametrize("seed", [3, 4])
def test_each_table_shows_its_tick_and_whether_it_knew_the_entity(tmp_path, seed):
    project, now = project_of(tmp_path, random_rows(seed)), at(13.3)
    inputs = inputs_of(project, at(60))
    publish_online(project, inputs, now)
    for row in full_rows():
        states = {state.alias: state for state in looked_up(project, "by_rows", row).tables}
        assert set(states) == {"shop_recent", "shop_slow", "customer_profile", "there"}
        for alias, key in (("shop_recent", "shop"), ("shop_slow", "shop"), ("customer_profile", "customer")):
            spec = project.spec.feature_tables[alias]
            artifact = project.store.get("feature_table", inputs[f"features/{alias}"])
            known = known_entities(project, [artifact], [key]).at(to_micros(now))[key].to_pylist()
            assert states[alias].has_history == (row[key] in known)
            assert states[alias].tick == to_micros(tick_at(now, spec.refresh, spec.publish_delay))


def newest(rows, id, now):
    """The row of an order that became known last by a moment, by hand; None where its condition does not hold."""
    known = [row for row in rows if row[0] == id and row[4] <= now]
    largest = max(known, key=lambda row: row[4], default=None)
    return largest if largest is not None and largest[6] is not None and largest[6] > 0 else None


@pytest.mark.parametrize("seed", [1, 2])
def test_a_key_alone_is_answered_with_the_newest_row_of_the_population_that_is_known(tmp_path, seed):
    rows = random_rows(seed)
    project, now = project_of(tmp_path, rows), at(21.5)
    publish_online(project, inputs_of(project, at(60)), now)
    answered = 0
    for number in range(42):
        row, actual = newest(rows["orders"], f"r{number}", now), looked_up(project, "by_rows", {"id": f"r{number}"})
        if row is None:
            assert set(actual.missing) == {"orders.shop", "orders.customer", "orders.items", "orders.gift"}
            assert not actual.row_read
            continue
        answered += 1
        assert actual.row_read
        whole = dict(zip(("id", "shop", "customer", "placed", "seen", "amount", "items", "gift"), row, strict=True))
        sent = {name: whole[name] for name in ("id", "shop", "customer", "items", "gift")}
        assert plain(actual.values) == plain(looked_up(project, "by_rows", sent).values)
    assert answered > 5


def test_values_of_a_request_go_before_the_published_row(tmp_path):
    rows = random_rows(1)
    rows["orders"] = [["r1", "a", 1, at(1), at(1), 0.5, 3, True]]
    project = project_of(tmp_path, rows)
    publish_online(project, inputs_of(project, at(60)), at(20))
    features = looked_up(project, "by_rows", {"id": "r1", "items": 7, "gift": None, "shop": "b"})
    assert features.values["orders.items"] == 7
    assert features.values["orders.gift"] is None
    assert features.values["orders.customer"] == 1
    full = {"id": "x", "shop": "b", "customer": 1, "items": 7, "gift": None}
    same = looked_up(project, "by_rows", full).values
    assert plain({**features.values, "orders.id": "x"}) == plain(same)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"id": 5}, ["by_rows", "column id", "must be string", "int '5'"]),
        ({"id": "r", "items": True}, ["column items", "must be int", "bool"]),
        ({"id": "r", "items": 2**63}, ["column items", "must be int"]),
        ({"id": "r", "customer": 1.0}, ["column customer", "must be int", "float"]),
        ({"id": "r", "amount": "1"}, ["column amount", "must be float", "str '1'"]),
        ({"id": "r", "amount": 10**400}, ["column amount", "must be float"]),
        ({"id": "r", "gift": 1}, ["column gift", "must be bool"]),
        ({"id": "r", "placed": at(1).replace(tzinfo=None)}, ["column placed", "timestamp", "time zone"]),
        ({"id": None}, ["column id is null", "key of the entity"]),
        ({"id": "\ud800"}, ["column id", "must be string"]),
        ({"id": "r", "itmes": 1}, ["'itmes'", "Did you mean items?"]),
    ],
)
def test_a_wrong_column_of_a_request_is_an_error_that_names_it(published, row, words):
    with pytest.raises(OnlineRequestFault) as caught:
        looked_up(published, "by_rows", row)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_request_without_its_key_and_without_columns_names_all_that_is_missing(published):
    features = looked_up(published, "by_rows", {"shop": "a"})
    assert set(features.missing) == {"orders.id", "orders.customer", "orders.items", "orders.gift"}


def test_before_anything_is_published_the_error_names_what_to_run(tmp_path):
    project = project_of(tmp_path, random_rows(1))
    with pytest.raises(OnlineStoreUnavailable, match=r"by_rows: the online store does not hold .*`ml-platform run`"):
        looked_up(project, "by_rows", {"id": "r1", "shop": "a", "customer": 1, "items": 1, "gift": True})


def test_a_column_that_is_declared_later_is_missed_until_it_is_published(tmp_path):
    project = project_of(tmp_path, random_rows(1), {"by_rows": BY_ROWS})
    publish_online(project, inputs_of(project, at(60)), at(20))
    table = FEATURES["shop_slow"]
    more = {**table, "features": {**table["features"], "later": {"sum": "pieces", "windows": ["1d"]}}}
    FEATURES["shop_slow"] = more
    try:
        later = project_of(tmp_path, random_rows(1), {"by_rows": BY_ROWS})
        row = {"id": "r1", "shop": "a", "customer": 1, "items": 1, "gift": True}
        with pytest.raises(OnlineStoreUnavailable, match="later_1d"):
            looked_up(later, "by_rows", row)
        publish_online(later, inputs_of(later, at(60)), at(20))
        assert "shop_slow.later_1d" in looked_up(later, "by_rows", row).values
    finally:
        FEATURES["shop_slow"] = table


def test_a_float_that_is_null_is_nan_and_other_nulls_are_none(published):
    values = looked_up(published, "by_ticks", {"shop": "unseen"}).values
    assert math.isnan(values["shop_recent.mean_1h"])
    assert values["shop_recent.kind_6h"] is None
    assert values["shop_recent.sales_1h"] == 0
