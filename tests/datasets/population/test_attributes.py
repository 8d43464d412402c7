"""Membership by the first and the last event and by an attribute: batch runs and the online store, against loops."""

from datetime import timedelta

import pytest

from ml_platform.features.build import build_feature_table
from ml_platform.operations.online.populations import PopulationLookup
from ml_platform.operations.online.publish import online_store, publish_online
from ml_platform.sources.ingest import ingest_source
from tests.datasets.population.customers import COLUMNS, MODEL, asked_of, at, drawn, pairs, random_baskets
from tests.features import oracle
from tests.features.world import write_csv, write_project

HOUR, DELAY, WINDOW = timedelta(hours=1), timedelta(minutes=20), timedelta(days=4)
PROFILES = {"id": "string", "shop": "string", "at": "timestamp", "seen": "timestamp", "tier": "string"}
EVERY = {"entity": "shop", "every": "0 */6 * * * UTC"}
WHILE = {
    "lapsed": "recent.since_4d > 86400",
    "began_large": "recent.oldest_4d >= 2",
    "gold": "profile.tier == 'gold'",
    "gold_and_lapsed": "profile.tier == 'gold' and recent.since_4d > 43200",
    "not_gold": "coalesce(profile.tier, '') != 'gold' and recent.visits_4d > 0",
}
SHOPS = "abcdefgh"


def profiles(draw):
    """Tiers that change: for some shops several, for some none, some of them null."""
    return [
        {"id": f"p{n}", "shop": draw.choice(SHOPS), "at": at(hours), "seen": at(hours + draw.choice([0, 0, 9]))}
        | {"tier": draw.choice(["gold", "silver", None])}
        for n, hours in enumerate(draw.uniform(0, 150) for _ in range(12))
    ]


def project_of(directory, baskets, tiers):
    known = {"key": ["id"], "event_timestamp": "at", "known_at": {"column": "seen"}}
    sources = {}
    for name, columns, rows in (("baskets", COLUMNS["baskets"], baskets), ("profiles", PROFILES, tiers)):
        write_csv(directory / f"data/{name}.csv", list(columns), [[row[c] for c in columns] for row in rows])
        sources[name] = {"reader": {"csv": f"data/{name}.csv"}, **known, "columns": columns}
    table = {"entity": "shop", "refresh": "1h", "publish_delay": "20m"}
    recent = {
        "since": {"time_since_last": True, "windows": ["4d"]},
        "oldest": {"first": "amount", "windows": ["4d"]},
        "visits": {"count": True, "windows": ["4d"]},
    }
    return write_project(
        directory,
        sources=sources,
        features={
            "recent": {**table, "source": "baskets", "features": recent},
            "profile": {**table, "source": "profiles", "features": {"tier": {"as_of": "tier"}}},
        },
        models={
            name: {**MODEL, "features": ["recent.*"], "deployment": {"online": True}}
            | {"population": {**EVERY, "while": text}}
            for name, text in WHILE.items()
        },
        entities={"shop": ["shop"]},
    )


def members(baskets, tiers, tick):
    """Who is in each population at a tick: of the shops with a known row in a table that the condition reads."""
    read = oracle.tick_at(tick, HOUR, DELAY)
    chosen: dict[str, set[str]] = {name: set() for name in WHILE}
    for shop in SHOPS:
        rows = oracle.visible(baskets, shop, read, -WINDOW, timedelta(0))
        since = oracle.aggregate("time_since_last", rows, None, read)
        oldest = oracle.aggregate("first", rows, lambda row: row["amount"], read)
        profile = oracle.visible(tiers, shop, read, None, timedelta(0))
        newest = max(profile, key=lambda row: (row["at"], row["seen"], row["id"]), default={"tier": None})["tier"]
        holds = {
            "lapsed": since is not None and since > 86400,
            "began_large": oldest is not None and oldest >= 2,
            "gold": newest == "gold",
            "gold_and_lapsed": newest == "gold" and since is not None and since > 43200,
            "not_gold": newest != "gold" and len(rows) > 0,
        }
        for name in WHILE:
            chosen[name] |= {shop} if holds[name] else set()
    return chosen


@pytest.mark.parametrize("seed", range(2))
def test_members_are_those_of_the_loop_in_batch_runs_and_online(tmp_path, seed):
    draw = drawn(seed)
    baskets, tiers = random_baskets(draw), profiles(draw)
    project = project_of(tmp_path, baskets, tiers)
    inputs = {
        f"sources/{name}": ingest_source(project, name, at(400)).made.artifact.id for name in project.spec.sources
    }
    for name, table in project.spec.feature_tables.items():
        inputs[f"features/{name}"] = build_feature_table(project, name, inputs[f"sources/{table.source}"]).artifact.id
    ticks = [at(hours) for hours in range(6, 181, 6)]
    expected = {tick: members(baskets, tiers, tick) for tick in ticks}
    for name in WHILE:
        asked = asked_of(project, name, inputs, at(0), at(180), at(400)).rows
        assert pairs(asked) == sorted((shop, tick) for tick in ticks for shop in expected[tick][name])
        assert 5 < len(asked) < len(ticks) * len(SHOPS) - 5, "nearly all or none of the shops: nothing is shown"
    store = online_store(project)
    for hours in (54, 120):
        publish_online(project, inputs, at(hours + 0.1), store)
        for name in WHILE:
            lookup = PopulationLookup(project.spec, project.spec.models[name])
            with store.view() as view:
                answers = lookup.look_up(view, [[shop] for shop in SHOPS])
            online = {shop for shop, answer in zip(SHOPS, answers, strict=True) if answer.in_population}
            assert online == expected[at(hours)][name]
    store.close()
