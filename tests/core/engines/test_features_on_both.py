"""What is made on one engine is what is made on the other: ids, cells and values, to the last bit."""

import random
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from ml_platform.core.clock import to_micros
from ml_platform.core.hashing import frame_id
from ml_platform.features.build import build_feature_table
from ml_platform.features.point_in_time import features_at
from ml_platform.sources.ingest import ingest_source
from tests.features.world import SALES, at, write_csv, write_project

pytestmark = pytest.mark.slow

AMOUNTS = [None, 0.1, -7.25, 2.5, 2e10, 9007199254.740993, 3e-7, -1e10]
FEATURES: dict[str, Any] = {
    "n": {"count": True},
    "total": {"sum": "amount"},
    "mean": {"mean": "amount * 3 - 0.1"},
    "spread": {"std": "amount"},
    "low": {"min": "amount"},
    "newest": {"last": "amount"},
    "oldest": {"first": "amount"},
    "some": {"any": "amount > 2"},
    "no_one": {"none": "amount > 2"},
    "late": {"share": "hour(at) >= 12"},
    "since": {"time_since_last": True},
    "different": {"count_distinct": "amount"},
    "usual": {"mode": "id"},
    "usual_day": {"mode": "at"},
    "usual_late": {"mode": "hour(at) >= 12"},
    "middle": {"median": "amount"},
    "high": {"quantile": {"of": "hour(at)", "level": 0.75}},
    "per_hour": {"ratio": {"sum": "amount", "over": "hour(at)"}},
}


def rows():
    """Sales with ties, corrections, late and early rows, and the hours around a change of clocks."""
    draw = random.Random(7)
    generated = []
    for number in range(250):
        event = at(draw.choice([draw.uniform(0, 90), draw.randint(0, 90)]))
        seen = event + timedelta(hours=draw.choice([0, 0, 0.5, 30, -3]), microseconds=draw.choice([-1, 0, 1]))
        generated.append([f"r{number}", draw.choice(["a", "b", "Ä", ""]), event, seen, draw.choice(AMOUNTS)])
        if number % 5 == 0:
            generated.append([f"r{number}", "b", event, seen + timedelta(hours=4), draw.choice(AMOUNTS)])
    return generated


def made_on(engine, directory):
    write_csv(directory / "data/sales.csv", list(SALES["columns"]), rows())
    features = {name: how | {"windows": ["5h", "1d", "ever"]} for name, how in FEATURES.items()}
    table = {"entity": "shop", "source": "sales", "refresh": "15m", "publish_delay": "5m", "features": features}
    source = SALES | {"reader": {"csv": "data/sales.csv"}}
    project = write_project(directory, sources={"sales": source}, features={"recent": table}, engine=engine)
    artifact = build_feature_table(
        project, "recent", ingest_source(project, "sales", at(200)).made.artifact.id
    ).artifact
    instants = [to_micros(at(hour * 1.7)) for hour in range(80)]
    asked = [(shop, instant) for shop in ("a", "b", "Ä", "", "never") for instant in instants]
    points = pa.table({"shop": [shop for shop, _ in asked], "when": [instant for _, instant in asked]})
    with project.engine() as opened:
        columns = list(project.spec.feature_tables["recent"].columns)
        same = {"shop": "shop"}
        return artifact.id, features_at(project, opened, artifact, points, keys=same, instant="when", columns=columns)


def test_a_table_and_its_values_are_the_same_bits_on_both_engines(tmp_path):
    (one_id, one), (other_id, other) = made_on("duckdb", tmp_path / "one"), made_on("spark", tmp_path / "other")
    assert one_id == other_id
    assert one.schema == other.schema
    assert [name for name in one.column_names if frame_id(one.select([name])) != frame_id(other.select([name]))] == []
