"""Who the service shows in a population is who the batch run of the last tick asks about, for every kind of one."""

from datetime import timedelta

import pandas as pd
import pytest

from ml_platform.core.hashing import format_instant
from ml_platform.datasets.membership import WHY_NOT, membership
from ml_platform.operations.online.due import publication_due
from ml_platform.operations.online.populations import NOT_PUBLISHED, Membership, PopulationLookup
from ml_platform.operations.online.publish import online_store, publish_online
from ml_platform.storage.outputs import record_output
from tests.datasets.population.customers import (
    asked_of,
    at,
    basket,
    closure,
    drawn,
    inputs_of,
    project_of,
    random_baskets,
)

SIX = "0 */6 * * * UTC"
LIMITS = {"until": "closures", "sample": 0.7, "max_rows": 3}
TICKS = {
    "ticks": {"entity": "shop", "every": SIX, "while": "shopping.visits_2d > 0", **LIMITS},
    "nulls": {"entity": "shop", "every": SIX, "while": "shopping.mean_1d > 0.9", "until": "closures"},
}
OF_ROWS = {
    "rows": {"source": "baskets", "entity": "shop", "prediction_time": "seen + 9h", "max_rows": 2},
    "late": {"source": "baskets", "entity": "shop", "prediction_time": "seen + 1h", **LIMITS},
}
EVENTS = {
    "events": {"on": "baskets", "entity": "shop", "at_most_once_per": "12h", **LIMITS},
}
SHOPS = [*"abcdefgh", "unknown"]


def looked_up(project, name, store, shops=SHOPS):
    """What the service would answer for each shop."""
    lookup = PopulationLookup(project.spec, project.spec.models[name])
    with store.view() as view:
        return dict(zip(shops, lookup.look_up(view, [[shop] for shop in shops]), strict=True))


def worlds(directory, seed):
    """The same random baskets with populations that are ticks, and with populations of rows."""
    draw = drawn(seed)
    baskets = random_baskets(draw, count=90)
    closures = [closure(f"c{shop}", draw.uniform(0, 150), shop=shop) for shop in "abc"]
    batch = {"batch": SIX, "online": True}
    yield project_of(directory / "ticks", baskets, TICKS, closures, deployment={"online": True})
    yield project_of(directory / "rows", baskets, OF_ROWS, closures, deployment=batch | {"late_rows": "score"})
    yield project_of(directory / "events", baskets, EVENTS, closures, deployment=batch)


@pytest.mark.parametrize("seed", range(2))
def test_the_published_population_is_that_of_the_batch_run_for_every_entity(tmp_path, seed):
    reasons = set()
    for project in worlds(tmp_path, seed):
        inputs, store = inputs_of(project, at(400)), online_store(project)
        for hours in (48, 100.5, 190):
            publish_online(project, inputs, at(hours), store)
            tick = at(hours // 6 * 6)
            for name in project.spec.models:
                answers = looked_up(project, name, store)
                asked = asked_of(project, name, inputs, tick - timedelta(microseconds=1), tick, at(400)).rows
                assert {shop for shop, answer in answers.items() if answer.in_population} == set(asked["shop"])
                assert {answer.tick for answer in answers.values()} == {format_instant(tick)}
                offline = membership(project, name, inputs, pd.DataFrame({"shop": SHOPS}), tick)
                assert [answer[:2] for answer in answers.values()] == list(offline.itertuples(index=False, name=None))
                reasons |= {answer.reason for answer in answers.values()}
        store.close()
    assert reasons == {"", *WHY_NOT}


def small(directory):
    """Shop a is there from the beginning and leaves at 13:00, known at 15:00; b comes at 7:00."""
    populations = {
        "all": {"entity": "shop", "every": SIX, "while": "shopping.visits_2d > 0", "until": "closures"},
        "one": {"entity": "shop", "every": SIX, "while": "shopping.visits_2d > 0", "max_rows": 1},
    }
    rows = [basket("x", 1, shop="a"), basket("y", 7, shop="b")]
    project = project_of(directory, rows, populations, [closure("e", 13, seen=15)], deployment={"online": True})
    return project, inputs_of(project, at(400))


def test_an_entity_leaves_and_another_one_comes_at_a_tick_and_the_answer_has_that_tick(tmp_path):
    project, inputs = small(tmp_path)
    store = online_store(project)
    expected = {
        8: ("", "not_asking", "06:00"),  # b is known since 7:00, and the run of 6:00 did not ask about it
        13: ("", "", "12:00"),
        17.9: ("", "", "12:00"),  # a has left at 13:00, which is known since 15:00
        18: ("left", "", "18:00"),
    }
    for hours, (a, b, tick) in expected.items():
        publish_online(project, inputs, at(hours), store)
        tick = f"2024-03-07T{tick}:00.000000Z"
        assert looked_up(project, "all", store, ["a", "b", "c"]) == {
            "a": Membership(a == "", a, tick),
            "b": Membership(b == "", b, tick),
            "c": Membership(False, "not_asking", tick),
        }
    one = looked_up(project, "one", store, ["a", "b", "c"])
    assert sorted(answer.reason for answer in one.values()) == ["", "not_asking", "over_max_rows"]
    store.close()


def test_a_tick_whose_rows_may_be_missing_is_not_published(tmp_path):
    """At 13:00 the closures were read last at 11:00, so that the run of 12:00 may miss one."""
    project, inputs = small(tmp_path)
    store = online_store(project)
    for name, hours in (("baskets", 12.5), ("closures", 11)):
        record_output(project.database, f"sources/{name}", "source", inputs[f"sources/{name}"], run="r", at=at(hours))
    publish_online(project, inputs, at(13), store)
    assert looked_up(project, "all", store)["b"] == Membership(False, "not_asking", "2024-03-07T06:00:00.000000Z")
    assert looked_up(project, "one", store)["b"].tick == "2024-03-07T12:00:00.000000Z"  # it reads no closures
    store.close()


def test_a_publication_is_due_at_a_tick_and_writes_only_what_differs(tmp_path):
    project, inputs = small(tmp_path)
    store = online_store(project)
    for node, id in inputs.items():
        kind = "source" if node.startswith("sources") else "feature_table"
        record_output(project.database, node, kind, id, run="r", at=at(400))
    publish_online(project, inputs, at(65.5), store)
    assert publication_due(project, at(65.5)).key is None
    assert publication_due(project, at(66)).reasons == ("feature tables, populations or declarations changed",)
    before = looked_up(project, "all", store)
    published = publish_online(project, inputs, at(66), store)
    assert (published.outcome, published.changed, published.removed) == ("published", 0, 0)
    assert {shop: answer[:2] for shop, answer in looked_up(project, "all", store).items()} == {
        shop: answer[:2] for shop, answer in before.items()
    }
    assert looked_up(project, "all", store)["a"].tick == "2024-03-09T18:00:00.000000Z"
    store.close()


def test_before_a_population_is_published_the_answer_is_open(tmp_path):
    project, _ = small(tmp_path)
    with online_store(project).view() as view:
        (answer,) = PopulationLookup(project.spec, project.spec.models["all"]).look_up(view, [["a"]])
    assert answer == Membership(None, NOT_PUBLISHED, None)
