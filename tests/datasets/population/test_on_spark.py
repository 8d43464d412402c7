"""Generated populations ask the same on Spark as on DuckDB, which other tests compare with loops."""

import pytest

from tests.datasets.population.customers import asked_of, at, closure, drawn, inputs_of, project_of, random_baskets

HOURLY = {"deployment": {"batch": "0 * * * * UTC"}}
TICKS = {
    "visited": {"entity": "shop", "every": "0 6 * * * America/New_York", "while": "shopping.visits_2d > 1"},
    "sampled": {"entity": "shop", "every": "0 */6 * * * UTC", "while": "shopping.mean_1d > 1", "sample": 0.5},
    "open": {"entity": "shop", "every": "0 6 * * * UTC", "while": "shopping.visits_2d > 0", "until": "closures"},
}
EVENTS = {
    "large": {"on": "baskets", "entity": "shop", "where": "amount >= 1", "at_most_once_per": "20h"},
    "few": {"on": "baskets", "entity": "shop", "max_rows": 2},
}


@pytest.mark.slow
@pytest.mark.parametrize(("populations", "more"), [(TICKS, {}), (EVENTS, HOURLY)], ids=["ticks", "events"])
def test_members_features_and_excluded_rows_are_the_same_on_spark(tmp_path, populations, more):
    rows = random_baskets(drawn(3))
    closures = [closure("c1", 40, 50, shop="a"), closure("c2", 90, shop="b")]
    here, there = (
        project_of(tmp_path / engine, rows, populations, closures, engine, **more) for engine in ("duckdb", "spark")
    )
    inputs = inputs_of(here, at(400))
    assert inputs_of(there, at(400)) == inputs, "artifacts have the same ids"
    for name in populations:
        one, other = (asked_of(project, name, inputs, at(-24), at(260), at(400)) for project in (here, there))
        assert len(one.rows), "a world without members shows nothing"
        assert one.rows.equals(other.rows), name
        assert one.excluded.equals(other.excluded), name
