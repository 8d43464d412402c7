"""The rule for given entities gives the answers of batch runs, and says why an entity is not in the population."""

from datetime import datetime
from typing import Any, cast

import pandas as pd
import pytest

from ml_platform import PlatformError, in_population, predictions, snapshots
from ml_platform.datasets.membership import WHY_NOT, membership
from ml_platform.storage.outputs import record_output
from tests.datasets.population.customers import (
    at,
    basket,
    closure,
    drawn,
    frame_of,
    inputs_of,
    pairs,
    project_of,
    random_baskets,
)

BATCH = {"deployment": {"batch": "0 */6 * * * UTC"}}
SIX = "0 */6 * * * UTC"
LIMITS = {"until": "closures", "sample": 0.7, "max_rows": 4}
OTHERS = {
    "rows": {"source": "baskets", "entity": "shop", "prediction_time": "seen + 9h", **LIMITS},
    "events": {"on": "baskets", "entity": "shop", "at_most_once_per": "12h", **LIMITS},
}
TICKS = {
    "ticks": {"entity": "shop", "every": SIX, "while": "shopping.visits_2d > 0", **LIMITS},
    "nulls": {"entity": "shop", "every": SIX, "while": "shopping.mean_1d > 0.9", "sample": 0.7},
}
SHOPS = pd.DataFrame({"shop": [*"hgfedcba", "unknown"]}, index=range(10, 19))


@pytest.mark.parametrize("name", [*OTHERS, *TICKS])
def test_at_batch_runs_the_answer_is_that_of_the_batch_run(tmp_path, name):
    draw = drawn(4)
    closures = [closure(f"c{shop}", draw.uniform(0, 150), shop=shop) for shop in "abc"]
    declared, more = (OTHERS, BATCH) if name in OTHERS else (TICKS, {})
    project = project_of(tmp_path, random_baskets(draw, count=90), {name: declared[name]}, closures, **more)
    inputs = inputs_of(project, at(400))
    frame, actual, reasons = set(pairs_of_runs(frame_of(project, name, inputs, at(0), at(180), at(400)))), set(), set()
    for hours in range(6, 181, 6):
        members = membership(project, name, inputs, SHOPS, at(hours))
        assert list(members.index) == list(SHOPS.index)
        actual |= {(shop, at(hours)) for shop in SHOPS["shop"][members["in_population"]]}
        reasons |= set(members["reason"])
    assert actual == frame
    assert len(actual) > 20
    assert reasons <= {"", *WHY_NOT}
    assert {"not_asking", "not_sampled"} <= reasons


def pairs_of_runs(frame):
    times = (time.to_pydatetime() for time in frame["effective_time"])
    return zip(frame["shop"], times, strict=True)


def test_between_ticks_the_condition_is_read_at_the_moment_itself_with_the_reason(tmp_path):
    rows = [basket("x", 1, shop="a"), basket("y", 100, shop="b"), basket("z", 101, shop="c", amount=None)]
    populations = {
        "visits": {"entity": "shop", "every": "0 6 * * 1 UTC", "while": "shopping.visits_2d > 0", "until": "closures"},
        "spends": {"entity": "shop", "every": "0 6 * * 1 UTC", "while": "shopping.mean_1d > 2"},
    }
    project = project_of(tmp_path, rows, populations, [closure("e", 103.5, shop="b")])
    inputs, shops = inputs_of(project, at(400)), pd.DataFrame({"shop": ["a", "b", "c", "d"]})
    expected = {
        ("visits", 49): ["", "not_asking", "not_asking", "not_asking"],  # 48 hours after the tick of 1:00
        ("visits", 50): ["not_qualified", "not_asking", "not_asking", "not_asking"],
        ("visits", 103): ["not_qualified", "", "", "not_asking"],
        ("visits", 104): ["not_qualified", "left", "", "not_asking"],
        ("spends", 104): ["no_membership", "not_qualified", "no_membership", "not_asking"],
    }
    for (name, hours), reasons in expected.items():
        assert list(membership(project, name, inputs, shops, at(hours))["reason"]) == reasons
    for node, id in inputs.items():
        record_output(
            project.database, node, "source" if "sources" in node else "feature_table", id, run="t", at=at(400)
        )
    members = in_population(project.root, "visits", shops, at(103))
    assert list(members["in_population"]) == [False, True, True, False]
    for entities, moment, words in (
        (
            pd.DataFrame({"shp": ["a"]}),
            at(103),
            "in_population: the entities lack shop, the key of shop. Add the column",
        ),
        (pd.DataFrame({"shop": [1, 2]}), at(103), "shop"),
        (shops, at(103).replace(tzinfo=None), "in_population: at must be a datetime with a time zone"),
    ):
        with pytest.raises(PlatformError, match=words):
            in_population(project.root, "visits", entities, moment)
    with pytest.raises(PlatformError, match=r"^predictions: start must be .*, found 2024-03-01 00:00:00 \(without"):
        predictions(project.root, "visits", datetime(2024, 3, 1))
    with pytest.raises(PlatformError, match=r"^predictions: end must be .*, found 2024-03-01 \(str\)\."):
        predictions(project.root, "visits", end=cast(Any, "2024-03-01"))
    with pytest.raises(PlatformError, match="there is no model 'visit'"):
        snapshots(project.root, "visit")
    assert pairs(frame_of(project, "visits", inputs, at(90), at(120), at(400))) == [("b", at(102)), ("c", at(102))]
