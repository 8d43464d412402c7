"""Up to when rows are read, where steps run alone: against a list of what each step saw."""

import random
from datetime import date, timedelta

import pytest

from ml_platform.declarations.node_name import NodeName
from ml_platform.features.build import build_feature_table
from ml_platform.operations.last_reading import last_reading
from ml_platform.operations.online.publish import publish_online
from ml_platform.operations.online.ticks import published_tick
from ml_platform.operations.predictions.due import read_until
from ml_platform.operations.scheduling import days_to_score
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.outputs import record_output
from tests.features.world import SALES, at, sale, write_csv, write_project

NODES = {
    "sources/sales": (),
    "sources/shops": (),
    "sources/sold": ("sources/sales", "sources/shops"),
    "features/shop_recent": ("sources/sold",),
}
MODEL = {
    "task": "binary",
    "population": {"every": "0 * * * * UTC", "entity": "shop", "while": "shop_recent.sales_6h > 0"},
    "label": {"source": "sales", "none": "amount > 0", "within": "1h", "settle": "1h"},
    "features": ["shop_recent.*"],
    "split": {"train": "1d", "validate": "1d", "test": "1d"},
    "value": {"actions": {"call": "-2 + label * 4", "wait": "0"}, "do_nothing": "wait"},
    "deployment": {"online": True},
}


def project_of(directory, sales):
    """Sales joined with their shops; a feature table and a population read the derived source."""
    derived = "select id, s.shop, s.at, amount from sales s join shops p on p.shop = s.shop"
    columns = {"id": "string", "shop": "string", "at": "timestamp", "amount": "float"}
    known = {"event_timestamp": "at", "known_at": {"column": "seen"}}
    shops = {"shop": "string", "at": "timestamp", "seen": "timestamp"}
    write_csv(directory / "data/sales.csv", list(SALES["columns"]), sales)
    write_csv(directory / "data/shops.csv", list(shops), [["a", at(-9), at(-9)], ["b", at(-9), at(-9)]])
    return write_project(
        directory,
        sources={
            "sales": {"reader": {"csv": "data/sales.csv"}, **SALES},
            "shops": {"reader": {"csv": "data/shops.csv"}, **known, "key": ["shop"], "columns": shops},
            "sold": {"reader": {"sql": derived}, "key": ["id"], "event_timestamp": "at", "columns": columns},
        },
        features={
            "shop_recent": {
                "entity": "shop",
                "source": "sold",
                "refresh": "1h",
                "publish_delay": "0s",
                "features": {"sales": {"count": True, "windows": ["6h"]}},
            }
        },
        models={"stays_away": MODEL},
    )


class Steps:
    """Runs steps as Dagster does, each with what its inputs made last, and records them."""

    def __init__(self, project):
        self.project, self.ids, self.runs = project, {}, 0

    def run(self, now, *nodes):
        self.runs += 1
        for node in nodes:
            name = NodeName.parse(node)
            if name.kind == "source":
                self.ids[node] = ingest_source(self.project, name.subject, now).made.artifact.id
            else:
                made = build_feature_table(self.project, name.subject, self.ids["sources/sold"])
                self.ids[node] = made.artifact.id
            record_output(self.project.database, node, name.kind, self.ids[node], run=f"r{self.runs}", at=now)


def test_a_derived_source_that_ran_alone_completes_no_day_and_publishes_no_tick(tmp_path):
    """The sale of 23:00 is in the file at midnight, but the sources were read at 22:00; only what follows ran later."""
    project = project_of(tmp_path, [sale("s1", 20)])
    steps = Steps(project)
    steps.run(at(22), *NODES)
    write_csv(tmp_path / "data/sales.csv", list(SALES["columns"]), [sale("s1", 20), sale("s2", 23, shop="b")])
    steps.run(at(24.5), "sources/sold", "features/shop_recent")

    assert read_until(project, "stays_away", at(24.5)) == at(22)
    made = {date(2024, 5, 1): read_until(project, "stays_away", at(24.5))}
    assert days_to_score(at(0), made, at(25)) == (date(2024, 5, 1), date(2024, 5, 2))
    described = publish_online(project, steps.ids, at(24.5)).description
    assert described.tables["shop_recent"].tick == at(22).timestamp() * 10**6
    assert described.populations["stays_away"].tick == at(22).timestamp() * 10**6

    steps.run(at(25), *NODES)
    described = publish_online(project, steps.ids, at(25)).description
    assert described.populations["stays_away"].entities == 2
    assert described.tables["shop_recent"].tick == at(25).timestamp() * 10**6


def test_a_feature_table_that_did_not_run_has_no_rows_of_a_later_reading_of_its_source(tmp_path):
    project = project_of(tmp_path, [sale("s1", 20)])
    steps = Steps(project)
    steps.run(at(22), *NODES)
    steps.run(at(23.5), "sources/sales", "sources/shops", "sources/sold")
    assert published_tick(project, "shop_recent", at(24)) == at(22).timestamp() * 10**6
    assert read_until(project, "stays_away", at(24)) == at(22)
    steps.run(at(23.75), "features/shop_recent")
    assert published_tick(project, "shop_recent", at(24)) == at(23).timestamp() * 10**6
    assert read_until(project, "stays_away", at(24)) == at(23.5)


@pytest.mark.parametrize("seed", range(3))
def test_steps_in_any_order_have_the_rows_that_their_inputs_had(tmp_path, seed):
    draw, project = random.Random(seed), project_of(tmp_path, [])
    seen: dict[str, float] = {}
    now = 0.0
    for run in range(60):
        now += draw.random()
        for node, inputs in NODES.items():
            if run and draw.random() < 0.5:
                continue
            seen[node] = min([now, *(seen[name] for name in inputs)])
            record_output(project.database, node, "x", "id", run=f"r{run}", at=at(now))
        later = at(now) + timedelta(minutes=1)
        assert {node: last_reading(project, NodeName.parse(node), later) for node in NODES} == {
            node: at(hours) for node, hours in seen.items()
        }


def test_a_step_has_the_rows_of_the_same_run_and_not_those_of_a_run_beside_it(tmp_path):
    project = project_of(tmp_path, [])
    for hours, run, node in (
        (1, "slow", "sources/sales"),
        (1, "slow", "sources/shops"),
        (2, "quick", "sources/sales"),
        (2, "quick", "sources/shops"),
        (3, "slow", "sources/sold"),
    ):
        record_output(project.database, node, "source", "id", run=run, at=at(hours))
    assert last_reading(project, NodeName("source", "sold"), at(9)) == at(1)


def test_without_a_record_a_source_is_read_now(tmp_path):
    assert last_reading(project_of(tmp_path, []), NodeName("feature_table", "shop_recent"), at(5)) == at(5)
