"""Aggregates of distinct values, and ratios: held against loops over the rows that were visible."""

import random
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.erase import erase
from ml_platform.audit.erasure.plan import plan_erasure
from ml_platform.audit.verify.artifact_ids import mismatches
from ml_platform.core.hashing import frame_id
from ml_platform.features.aggregates import value_counts
from ml_platform.features.build import build_feature_table, pending_cells
from ml_platform.sources.ingest import ingest_source
from tests.features import oracle
from tests.features.feature_tables import WINDOWS, WRITTEN, answers, built, one_table, project_of, row
from tests.features.world import at

AMOUNTS = [None, 0.0, -0.0, 0.1, 2.5, 2.5, -7.25, 1e308, 9007199254.740993]
KINDS = ["x", "y", "Ä", "\U0001f600", "\uffff", None]
FEATURES = {
    "kinds": ("count_distinct", "kind"),
    "amounts": ("count_distinct", "amount"),
    "usual": ("mode", "kind"),
    "usual_items": ("mode", "items"),
    "usual_time": ("mode", "at"),
    "middle": ("median", "amount"),
    "middle_items": ("median", "items"),
    "high": ("quantile", "amount"),
    "high_items": ("quantile", "items"),
}


def declared():
    table = one_table({"count": True}, ["ever"])
    windows = [WRITTEN.get(window, window) for window in WINDOWS]
    table["features"] = {
        name: {how: {"of": text, "level": 0.9} if how == "quantile" else text, "windows": windows}
        for name, (how, text) in FEATURES.items()
    }
    return table


def some_rows(seed, count=120):
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        hours = draw.choice([draw.uniform(0, 12), draw.randint(0, 12)])
        made = {
            "amount": draw.choice(AMOUNTS),
            "items": draw.choice([None, 1, 2, 3, 2**53 + 1]),
            "kind": draw.choice(KINDS),
        }
        rows.append(row(f"r{number}", hours, seen=hours + draw.choice([0, 0, 1.5, 5]), shop=draw.choice("ab"), **made))
        if number % 6 == 0:
            rows.append(row(f"r{number}", hours, seen=hours + 7, shop="b", **made | {"amount": draw.choice(AMOUNTS)}))
    return rows


@pytest.mark.parametrize(("seed", "at_once"), [(1, 2**20), (2, 7)])
def test_values_are_those_of_loops_over_the_visible_rows(tmp_path, monkeypatch, seed, at_once):
    monkeypatch.setattr(value_counts, "_AT_ONCE", at_once)
    rows = some_rows(seed)
    project = project_of(tmp_path, rows, declared())
    artifact = built(project, at(40))
    assert mismatches(project, artifact) == []
    spec = project.spec.feature_tables["recent"]
    asked = [(shop, at(hour)) for shop in ("a", "b", "never", None) for hour in np.arange(0, 20, 1.5).tolist()]
    for (shop, instant), actual in zip(asked, answers(project, artifact, asked), strict=True):
        tick = oracle.tick_at(instant, spec.refresh, spec.publish_delay)
        for name, (how, text) in FEATURES.items():
            for label, (start, end) in WINDOWS.items():
                seen = oracle.visible(rows, shop, tick, start, end)
                value = oracle.aggregate(how, seen, lambda item, text=text: item[text], tick)
                assert actual[f"recent.{name}_{label}"] == value, (name, label, shop, instant)


@pytest.mark.parametrize("rows", [[row("r", 1, kind=None, amount=None, items=None)], [row("r", 1, shop=None)]])
def test_no_value_and_no_question_have_an_answer_too(tmp_path, rows):
    project = project_of(tmp_path, rows, declared())
    artifact = built(project, at(9))
    assert answers(project, artifact, []) == []
    answered = answers(
        project, artifact, [("a", at(2))], ["kinds_ever", "usual_ever", "middle_ever", "high_items_ever"]
    )[0]
    assert [value for name, value in answered.items() if "." in name] == [0, None, None, None]


def test_a_correction_changes_the_cells_of_its_chunk_and_the_mode(tmp_path):
    rows = [row("r", 1, kind="y"), row("s", 2, kind="x"), row("t", 2, kind="y"), row("t", 2, seen=5, kind="x")]
    project = project_of(tmp_path, rows, one_table({"mode": "kind"}, ["ever"]))
    answered = answers(project, built(project, at(9)), [("a", at(hour)) for hour in (0, 1, 2, 4, 5)])
    assert [cells["recent.f_ever"] for cells in answered] == [None, "y", "y", "y", "x"]


def test_aggregates_of_the_same_values_share_one_part_which_a_new_one_finds_computed(tmp_path):
    rows = [row("r", 1, items=2), row("s", 2, items=4)]
    project = project_of(tmp_path, rows, one_table({"median": "items"}, ["ever"]))
    source = ingest_source(project, "sales", at(9)).made.artifact.id
    build_feature_table(project, "recent", source)
    table = one_table({"median": "items"}, ["ever"])
    for level in (0.25, 0.75, 0.7500001):
        how = {"quantile": {"of": "items", "level": level}, "windows": ["ever"]}
        table["features"][f"q{len(table['features'])}"] = how
    project = project_of(tmp_path, rows, table)
    assert pending_cells(project, "recent", source).parts == ()
    answered = answers(project, build_feature_table(project, "recent", source).artifact, [("a", at(3))])[0]
    assert [answered[f"recent.{name}_ever"] for name in ("f", "q1", "q2", "q3")] == [
        3.0,
        2.5,
        3.5,
        np.quantile([2.0, 4.0], 0.7500001),
    ]


def test_an_erased_entity_is_gone_from_the_lists_and_others_keep_their_values(tmp_path):
    rows = [row("r", 1, kind="x"), row("s", 2, kind="y"), row("t", 2, kind="z", shop="b")]
    project = project_of(tmp_path, rows, one_table({"mode": "kind"}, ["ever"]))
    artifact = built(project, at(9))
    person = Person.of(project, "shop", {"shop": "a"})
    erase(project, person, plan_erasure(project, person, at(10)).id, at(10), actor="ada", reason="asked for")
    erased = project.store.get("feature_table", artifact.id)
    answered = answers(project, erased, [("a", at(3)), ("b", at(3))])
    assert [cells["recent.f_ever"] for cells in answered] == [None, "z"]


def test_a_median_of_two_huge_values_does_not_overflow(tmp_path):
    rows = [row("r", 1, amount=1.5e308), row("s", 2, amount=1.7e308)]
    project = project_of(tmp_path, rows, one_table({"median": "amount"}, ["ever"]))
    assert answers(project, built(project, at(9)), [("a", at(3))])[0]["recent.f_ever"] == 1.6e308


def test_a_ratio_divides_the_exact_sums_each_over_the_rows_that_it_counts(tmp_path):
    rows = [
        row("r", 1, amount=0.1, items=3),
        row("s", 2, amount=0.2, items=None),
        row("t", 3, amount=None, items=4),
        row("u", 4, amount=-0.3, items=-7),
    ]
    project = project_of(tmp_path, rows, one_table({"ratio": {"sum": "amount", "over": "items"}}, ["ever"]))
    answered = answers(project, built(project, at(9)), [("a", at(hour)) for hour in (0, 1, 3, 4)])
    exact = float(Fraction(0.1) + Fraction(0.2)) / 7
    assert [cells["recent.f_ever"] for cells in answered] == [None, 0.1 / 3, exact, None]


def test_ids_of_lists_follow_from_their_values_alone():
    lists = pa.array([[1, 2], [], [3]], pa.list_(pa.int64()))
    sliced = pa.array([[9], [1, 2], [], [3]], pa.list_(pa.int64())).slice(1)
    parted = pa.chunked_array([lists.slice(0, 1), lists.slice(1)])
    ids = {frame_id(pa.table({"x": column})) for column in (lists, sliced, parted)}
    assert len(ids) == 1
    others = ([[1], [2], [3]], [[1, 2], [3], []], [[1, 2], [], [4]])
    assert len(ids | {frame_id(pa.table({"x": pa.array(item, lists.type)})) for item in others}) == 4
