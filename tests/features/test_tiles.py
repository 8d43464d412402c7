"""What a feature table computes, and when it computes nothing; and that both forms of a look-up agree."""

import random
from datetime import timedelta

import pyarrow as pa
import pytest

from ml_platform.core.clock import to_micros
from ml_platform.core.errors import FeatureError
from ml_platform.declarations.resolve import column_types
from ml_platform.features import entity_partitions as blocks
from ml_platform.features.aggregates.answers import WindowedAggregate
from ml_platform.features.aggregates.partials import parts_of
from ml_platform.features.build import build_feature_table, pending_cells
from ml_platform.features.lookup import TICK, lookup_by_join, lookup_by_ranges
from ml_platform.features.point_in_time import ticks_of
from ml_platform.features.tile_store import StoredCells
from ml_platform.features.tiles import EVENT_UNIT, KNOWN_FROM, KNOWN_UNTIL, Grain
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.artifact_kinds.feature_table import FeatureTableManifest
from tests.features.feature_tables import COLUMNS, answers, built, declared, one_table, project_of, row
from tests.features.world import at, text, write_csv


def ingested(project, now):
    return ingest_source(project, "sales", now).made.artifact.id


def write(directory, rows):
    header = list(COLUMNS)
    write_csv(directory / "data/sales.csv", header, [[text(item[name]) for name in header] for item in rows])


def test_a_new_feature_computes_only_its_parts(tmp_path):
    rows = [row("r", 1), row("s", 24 * 40)]
    project = project_of(tmp_path, rows, one_table({"mean": "amount"}, ["1d"]))
    source = ingested(project, at(24 * 41))
    first = build_feature_table(project, "recent", source).artifact
    table = one_table({"mean": "amount"}, ["1d", "7d"])
    table["features"] |= {"g": {"std": "amount", "windows": ["7d"]}, "h": {"max": "items", "windows": ["1d"]}}
    project = project_of(tmp_path, rows, table)
    pending = pending_cells(project, "recent", source)
    assert list(dict.fromkeys(name.partition("_")[0] for name in pending.parts)) == ["squares", "greatest"]
    assert pending.chunks == ("000001/2024-05", "000001/2024-06")
    assert pending.rows == 2
    second = build_feature_table(project, "recent", source).artifact
    for before, after in zip(first.about["chunks"], second.about["chunks"], strict=True):
        assert before["objects"].items() <= after["objects"].items()
        assert len(after["objects"]) == 2


def test_another_window_of_the_same_length_or_a_new_description_computes_nothing(tmp_path):
    project = project_of(tmp_path, [row("r", 1)], one_table({"mean": "amount"}, ["1d"]))
    source = ingested(project, at(9))
    build_feature_table(project, "recent", source)
    table = one_table({"mean": "amount"}, ["2d", "7d", "ever"], description="Told otherwise.")
    table["features"]["f2"] = {"sum": "amount", "windows": ["3d"]}
    assert pending_cells(project_of(tmp_path, [row("r", 1)], table), "recent", source).chunks == ()


def test_a_new_day_computes_that_day(tmp_path):
    rows = [row("r", 1), row("s", 24 * 40)]
    project = project_of(tmp_path, rows, one_table({"count": True}, ["1d"]))
    build_feature_table(project, "recent", ingested(project, at(24 * 41)))
    write(tmp_path, [*rows, row("t", 24 * 41.5)])
    source = ingested(project, at(24 * 42))
    assert pending_cells(project, "recent", source).chunks == ("000002/2024-06",)


def test_a_correction_computes_the_chunk_that_it_touches_and_the_chunk_of_its_event(tmp_path):
    rows = [row("r", 1), row("s", 24 * 40), row("t", 24 * 70)]
    project = project_of(tmp_path, rows, one_table({"sum": "amount"}, ["ever"]))
    build_feature_table(project, "recent", ingested(project, at(24 * 71)))
    write(tmp_path, [rows[0], row("s", 24 * 40, amount=5.0), rows[2]])
    source = ingested(project, at(24 * 72))
    assert pending_cells(project, "recent", source).chunks == ("000001/2024-06", "000002/2024-07")
    artifact = build_feature_table(project, "recent", source).artifact
    answered = answers(project, artifact, [("a", at(24 * 71)), ("a", at(24 * 73))])
    assert [cells["recent.f_ever"] for cells in answered] == [3.0, 7.0]


def test_tables_made_at_once_and_feature_by_feature_have_the_same_id(tmp_path):
    rows = [row("r", 1), row("s", 24 * 40, amount=None)]
    whole = declared(windows=["1h", "ever"])
    names = list(whole["features"])
    ids = []
    for folder, steps in (("a", [names]), ("b", [names[:3], names[2:7], names])):
        for step in steps:
            part = whole | {"features": {name: whole["features"][name] for name in step}}
            project = project_of(tmp_path / folder, rows, part)
            artifact = build_feature_table(project, "recent", ingested(project, at(24 * 41))).artifact
        ids.append(artifact.id)
    assert ids[0] == ids[1]


@pytest.mark.parametrize(("seed", "small_blocks"), [(0, False), (1, False), (1, True), (2, True)])
def test_both_forms_of_the_look_up_give_the_same_parts(tmp_path, monkeypatch, seed, small_blocks):
    """Ranges over arrays, and one join: late rows, corrections, nulls and ties among them."""
    if small_blocks:  # as large ones are with more rows: a block for each entity
        for limit in ("_ROWS", "_STRETCH", "_SAMPLED"):
            monkeypatch.setattr(blocks, limit, 1)
    draw = random.Random(seed)
    rows = {}
    for _ in range(80):
        event = at(draw.randint(-30, 30) / 2)
        part_row = {
            "id": f"r{draw.randint(1, 40)}",
            "shop": draw.choice(["a", "b", None]),
            "at": event,
            "seen": event + timedelta(hours=draw.choice([0, 0, 1, 9, -2])),
            "amount": draw.choice([None, 0.1, -2.5, 1e6]),
            "items": draw.choice([None, 1, -3]),
            "kind": draw.choice(["x", "y", None]),
        }
        rows[part_row["id"], part_row["seen"]] = part_row
    table = declared()
    table["features"]["state"] = {"as_of": "kind"}
    project = project_of(tmp_path, list(rows.values()), table)
    artifact = built(project, at(50))
    spec = project.spec.feature_tables["recent"]
    grain = Grain.of(spec, ["shop"])
    aggregated = [(feature, window) for feature in spec.features.values() for window in feature.windows]
    wanted = [WindowedAggregate(window, part) for feature, window in aggregated for part in _parts(project, feature)]
    wanted = list({item.column: item for item in wanted if item.part.measure not in ("order", "earliest")}.values())
    parts = list({part.column for item in wanted for part in (item.part, item.part.order)} & set(_stored(artifact)))
    questions = {(shop, at(draw.randint(-40, 60) / 2)) for shop in ("a", "b", "nobody", None) for _ in range(40)}
    who, when = zip(*sorted(questions, key=str), strict=True)
    asked = pa.table({"who": pa.array(who, pa.string()), "when": [to_micros(instant) for instant in when]})
    cells = StoredCells(project.store, artifact, grain, FeatureTableManifest.of(artifact).chunks)
    read = cells.read(["shop", EVENT_UNIT, KNOWN_FROM, KNOWN_UNTIL, *parts])
    with project.engine() as engine:
        asked = asked.append_column(TICK, pa.array(ticks_of(asked["when"].to_numpy(), spec)))
        points = engine.arrow("points", asked)
        joined = lookup_by_join(engine.arrow("cells", read), grain, points, {"shop": "who"}, wanted)
        expected = engine.run(joined).to_pylist()
        part_row = _side_by_side(asked, lookup_by_ranges(cells, asked, {"shop": "who"}, wanted, 3))
    assert len(part_row) == len(questions)
    assert _sorted(part_row) == _sorted(expected)


def test_a_deviation_of_whole_numbers_that_are_too_large_names_its_table(tmp_path):
    rows = [row(f"r{number}", number, items=2 * 10**18 * (-1) ** number) for number in range(30)]
    project = project_of(tmp_path, rows, one_table({"std": "items"}, ["ever"]))
    with pytest.raises(FeatureError, match="feature table recent: a value is too large for exact sums"):
        answers(project, built(project, at(40)), [("a", at(35))])


def _parts(project, feature):
    return parts_of(feature, column_types(project.spec.sources["sales"]))


def _stored(artifact):
    chunks = FeatureTableManifest.of(artifact).chunks
    stored = {part for chunk in chunks for parts in chunk.objects.values() for part in parts}
    return stored.union(*(chunk.zeros for chunk in chunks))


def _side_by_side(asked, actual):
    parts = actual.parts.to_pylist()
    return [row | parts[number] for row, number in zip(asked.to_pylist(), actual.number.tolist(), strict=True)]


def _sorted(rows):
    return sorted(rows, key=lambda row: (str(row["who"]), row["when"]))


def test_an_attribute_is_the_value_in_its_newest_known_row_null_included(tmp_path):
    rows = [row("r", 1, kind="x", items=1), row("s", 2, seen=5, kind=None, items=2), row("t", 0, seen=6, kind="old")]
    table = one_table({"as_of": "kind"}, [])
    del table["features"]["f"]["windows"]
    table["features"]["last"] = {"last": "kind", "windows": ["ever"]}
    project = project_of(tmp_path, rows, table)
    answered = answers(project, built(project, at(9)), [("a", at(hour)) for hour in (0, 1, 4, 5, 7)])
    assert [cells["recent.f"] for cells in answered] == [None, "x", "x", None, None]
    assert [cells["recent.last_ever"] for cells in answered] == [None, "x", "x", "x", "x"]


def test_derived_features_follow_from_others_whatever_their_order(tmp_path):
    table = one_table({"sum": "amount"}, ["1h", "ever"])
    features = {
        "twice": {"derived": "2 * change"},
        **table["features"],
        "change": {"derived": "f_1h - f_ever"},
        "ratio": {"derived": "f_1h / f_ever"},
    }
    project = project_of(tmp_path, [row("r", 1, amount=3.0), row("s", 2, amount=5.0)], table | {"features": features})
    artifact = built(project, at(9))
    asked = [("a", at(2)), ("nobody", at(2))]
    assert answers(project, artifact, asked, ["ratio", "twice"]) == [
        {"place": 0, "who": "a", "when": to_micros(at(2)), "recent.ratio": 5 / 8, "recent.twice": -6.0},
        {"place": 1, "who": "nobody", "when": to_micros(at(2)), "recent.ratio": None, "recent.twice": 0.0},
    ]
    assert artifact.about["columns"]["ratio"] == "float"


def test_an_entity_of_several_columns_is_known_by_all_of_them(tmp_path):
    rows = [row("r", 1, kind="x"), row("s", 1, kind="y"), row("t", 1, kind="x", shop="b"), row("u", 1, kind=None)]
    table = one_table({"count": True}, ["ever"]) | {"entity": "counter"}
    project = project_of(tmp_path, rows, table, entities={"counter": ["shop", "kind"], "sale": ["id"]})
    artifact = built(project, at(9))
    grain = Grain.of(project.spec.feature_tables["recent"], ["shop", "kind"])
    pairs = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"), ("a", None), (None, "x"), ("c", "x")]
    asked = pa.table(
        {"s": [s for s, _ in pairs], "k": [k for _, k in pairs], TICK: [to_micros(at(2)) // 3_600_000_000] * 7}
    )
    part = _parts(project, project.spec.feature_tables["recent"].features["f"])[0]
    window = project.spec.feature_tables["recent"].features["f"].windows[0]
    cells = StoredCells(project.store, artifact, grain, FeatureTableManifest.of(artifact).chunks)
    actual = _side_by_side(
        asked, lookup_by_ranges(cells, asked, {"shop": "s", "kind": "k"}, [WindowedAggregate(window, part)])
    )
    counted = {(item["s"], item["k"]): item[WindowedAggregate(window, part).column] for item in actual}
    assert counted == dict(zip(pairs, [1, 1, 1, 0, 0, 0, 0], strict=True))
