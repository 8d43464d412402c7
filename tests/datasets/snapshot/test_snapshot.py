"""Training frames: settled labels, a split in time, and an id that no later row can change."""

import random
import shutil
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from ml_platform.core.errors import ArtifactDamaged, SnapshotError
from ml_platform.datasets.labels.labels import labels_of
from ml_platform.datasets.leakage.label_rows import truth_of
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.read import _spread, load_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.project import open_project
from ml_platform.sources.ingest import ingest_source
from tests.features.world import at, write_csv, write_project

COLUMNS = {
    "orders": {"id": "string", "shop": "string", "at": "timestamp", "seen": "timestamp", "n": "int"},
    "sales": {"id": "string", "shop": "string", "at": "timestamp", "seen": "timestamp", "amount": "float"},
}
MODEL: dict[str, Any] = {
    "task": "binary",
    "population": {"source": "orders", "entity": "order", "prediction_time": "at"},
    "label": {"source": "sales", "expression": "amount > 5", "horizon": "6h"},
    "features": ["recent.*", "orders.n"],
    "split": {"train": "3d", "validate": "1d", "test": "1d"},
    "algorithm": "lightgbm",
    "value": {"actions": {"act": "label * 2 - 1", "wait": "0"}, "do_nothing": "wait"},
    "deployment": {"batch": "0 * * * * UTC"},
    "monitoring": {"window": "1d"},
}
RECENT = {
    "entity": "shop",
    "source": "sales",
    "refresh": "1h",
    "publish_delay": "0s",
    "features": {
        "mean": {"mean": "amount", "windows": ["1d"]},
        "high": {"max": "amount", "windows": ["1d"]},
        "newest": {"last": "amount", "windows": ["ever"]},
    },
}


def project_of(directory, orders, sales, freshness=None, **changes):
    for name, rows in (("orders", orders), ("sales", sales)):
        write_csv(directory / f"data/{name}.csv", list(COLUMNS[name]), rows)
    known = {"key": ["id"], "event_timestamp": "at", "known_at": {"column": "seen"}}
    return write_project(
        directory,
        sources={
            name: {"reader": {"csv": f"data/{name}.csv"}, **known, "columns": columns}
            | ({"freshness": freshness} if freshness and name == "sales" else {})
            for name, columns in COLUMNS.items()
        },
        features={"recent": RECENT},
        models={"dear": MODEL | changes},
        entities={"order": ["id"], "shop": ["shop"]},
    )


def ingested(project, now):
    ids = {f"sources/{name}": ingest_source(project, name, now).made.artifact.id for name in COLUMNS}
    return ids | {"features/recent": build_feature_table(project, "recent", ids["sources/sales"]).artifact.id}


def snapshot_of(project, as_of, now=None):
    return build_snapshot(project, "dear", ingested(project, at(now or as_of)), at(as_of)).artifact


def world(hours, seed=1):
    """One order an hour, known 8 hours ahead, and its sale 2 to 5 hours later (7: too late); some orders have none."""
    draw = random.Random(seed)
    orders, sales = [], []
    for hour in range(hours):
        shop = draw.choice("abc")
        orders.append([f"o{hour:04d}", shop, at(hour), at(hour - 8), draw.randint(0, 9)])
        if draw.random() < 0.9:
            seen = hour + draw.choice([2, 3.5, 5, 7])
            sales.append([f"o{hour:04d}", shop, at(hour + 2), at(seen), round(draw.uniform(0, 10), 2)])
    return orders, sales


# Rows of 160 hours as of 150: labels settle 6 h after the batch run, so test is (120, 144], validate (96, 120] and
# train (24, 96]. Rows whose label settles in the next stretch are purged: 6 h before each boundary.
AS_OF = 150


def test_stretches_are_anchored_where_labels_are_settled_and_purged_before_the_next(tmp_path):
    orders, sales = world(160)
    in_time = [[*row[:3], min(row[3], row[2] + timedelta(hours=4)), row[4]] for row in sales if row[0] != "o0144"]
    complete = [*in_time, ["o0144", "a", at(146), at(150), 1.0]]  # the source has a row at the end of the last horizon
    project = project_of(tmp_path, orders, complete, label=MODEL["label"] | {"missing": "negative"})
    artifact = snapshot_of(project, AS_OF)
    snapshot = load_snapshot(project, artifact.id)
    ends = {
        part: (rows["effective_time"].min(), rows["effective_time"].max())
        for part in ("train", "validate", "test")
        for rows in [snapshot.part(part)]
    }
    assert ends == {"train": (at(25), at(90)), "validate": (at(97), at(114)), "test": (at(121), at(144))}
    assert artifact.about["rows"] == {"train": 66, "validate": 18, "test": 24}
    assert {reason: count for reason, count in artifact.about["dropped"].items() if count} == {
        "not_settled": 6,
        "purged": 12,
    }
    labelled_ids = {row[0] for row in complete}
    untold = sum(row[0] not in labelled_ids for row in orders[25:145])
    assert artifact.about["negatives"] == {"label_missing": untold, "label_before": 0}
    assert len(snapshot.frame) == 66 + 18 + 24


def test_the_label_is_what_was_known_when_its_horizon_had_passed(tmp_path):
    orders, _ = world(160)
    sales = [[row[0], row[1], row[2], row[2] + timedelta(hours=3), 1.0] for row in orders]
    sales[50][3] = at(50 + 6)  # known when the horizon ends: counts
    sales[51][3] = at(51 + 6.1)  # known after: missing
    sales.append([orders[52][0], "a", at(52), at(52 + 5), 9.0])  # corrected in time
    sales.append([orders[53][0], "a", at(53), at(53 + 7), 9.0])  # corrected too late
    sales[60][4] = 9.0
    project = project_of(tmp_path, orders, sales)
    frame = load_snapshot(project, snapshot_of(project, AS_OF).id).frame.set_index("effective_time")
    assert frame["label"].dtype == bool
    artifact = [frame["label"].get(at(hour)) for hour in (50, 51, 52, 53, 60)]
    assert artifact == [False, None, True, False, True]


def test_rows_without_a_label_are_dropped_and_counted_or_negative(tmp_path):
    orders, sales = world(160)
    late = {row[0] for row in sales if row[3] - row[2] > timedelta(hours=4)}  # seen 7 h after: later than the horizon
    without = [row for row in orders[25:145] if row[0] in late or row[0] not in {sale[0] for sale in sales}]
    dropping = project_of(tmp_path / "drop", orders, sales)
    about = snapshot_of(dropping, AS_OF).about
    late_count = sum(row[0] in late for row in without)
    assert (about["dropped"]["label_missing"], about["dropped"]["label_late"]) == (
        len(without) - late_count,
        late_count,
    )
    keeping = project_of(tmp_path / "keep", orders, sales, label=MODEL["label"] | {"missing": "negative"})
    kept = load_snapshot(keeping, snapshot_of(keeping, AS_OF).id).frame.set_index("id")
    negative = [row[0] for row in without if row[0] in kept.index]
    assert negative
    assert not kept.loc[negative, "label"].any()
    assert not late & set(kept.index)


def labels_by_hand():
    """Orders of 160 hours with a sale each an hour and known 3 h after, until the source stops at 147; and exceptions.

    A label horizon is 6 h. Of order 50 there is no sale; that of 51 became known 6.1 h after the question; that of 52
    was there before the question and became known after it; that of 53 is 7 h after the question; that of 54 has no
    amount. The sale of 55 was known when it was asked about, and was corrected 2 h later. Of 143 there is none.
    """
    orders, _ = world(160)
    sales = {hour: [f"o{hour:04d}", "a", at(hour + 1), at(hour + 3), 9.0 if hour % 2 else 1.0] for hour in range(145)}
    del sales[50], sales[143]
    sales[51][3] = at(51 + 6.1)
    sales[52][2:4] = [at(49), at(53)]
    sales[53][2:4] = [at(60), at(61)]
    sales[54][4] = None
    sales[55][2:] = [at(54), at(54), 1.0]
    return orders, [*sales.values(), ["o0055", "a", at(54), at(57), 9.0]]


DROPPED = {"label_missing": 3, "label_null": 1, "label_late": 1, "label_incomplete": 0, "label_before": 1}


@pytest.mark.parametrize(
    ("missing", "freshness", "dropped", "negatives"),
    [
        ("drop", None, DROPPED, (0, 0)),
        # Negative are 50 and 53, whose sale is beyond the horizon, and 52; of 143 the source may not have told yet.
        ("negative", None, {"label_null": 1, "label_late": 1, "label_incomplete": 1}, (2, 1)),
        # A source that may be silent for 6 h is complete until 153, and so to the end of the horizon of 143, at 149.
        ("negative", "6h", {"label_null": 1, "label_late": 1}, (3, 1)),
    ],
)
def test_a_row_is_negative_only_where_its_source_was_complete_and_no_answer_came_later(
    tmp_path, missing, freshness, dropped, negatives
):
    orders, sales = labels_by_hand()
    project = project_of(tmp_path, orders, sales, freshness, label=MODEL["label"] | {"missing": missing})
    artifact = snapshot_of(project, AS_OF)
    counts = {reason: count for reason, count in artifact.about["dropped"].items() if reason.startswith("label_")}
    assert counts == dict.fromkeys(DROPPED, 0) | dropped
    assert tuple(artifact.about["negatives"].values()) == negatives
    label = load_snapshot(project, artifact.id).frame.set_index("id")["label"]
    labels = {hour: label.get(f"o{hour:04d}") for hour in (49, 50, 51, 52, 53, 54, 55, 56, 143)}
    absent = None if missing == "drop" else False
    last = False if freshness else None
    assert labels == {49: True, 50: absent, 51: None, 52: absent, 53: absent, 54: None, 55: True, 56: False, 143: last}


def test_labels_of_logged_predictions_are_the_snapshot_s(tmp_path):
    project = project_of(tmp_path, *world(160))
    ids = ingested(project, at(AS_OF))
    frame = load_snapshot(project, build_snapshot(project, "dear", ids, at(AS_OF)).artifact.id).frame
    asked = frame[["id", "effective_time"]].iloc[::-3]
    unknown = pd.DataFrame({"id": ["nobody"], "effective_time": [at(30)]}, index=[-1])
    both = pd.concat([asked, unknown.astype(asked.dtypes)])
    truth = labels_of(project, "dear", ids["sources/sales"], both, at(AS_OF))
    actual = truth["label"]
    assert list(actual.index) == [*asked.index, -1]
    assert actual[asked.index].astype(bool).equals(frame.loc[asked.index, "label"])
    assert actual[-1] is pd.NA
    assert set(truth["label_state"][asked.index]) == {"known"}
    assert truth.loc[-1, "label_state"] == "missing"
    assert labels_of(project, "dear", ids["sources/sales"], asked.iloc[:0], at(AS_OF)).empty


def changed_after(rows, hour, how):
    """The rows, with whatever is known after an hour changed in some way."""
    draw = random.Random(9)
    later = [row for row in rows if row[3] > at(hour)]
    kept = [row for row in rows if row[3] <= at(hour)]
    if how == "removed":
        return kept
    if how == "altered":
        return kept + [[row[0], "z", row[2] + timedelta(hours=1), row[3] + timedelta(hours=1), 7] for row in later]
    if how == "reversed":
        return rows[::-1]
    added = [[f"new{n}", draw.choice("abc"), at(draw.uniform(0, hour)), at(hour + n / 9), 9] for n in range(1, 31)]
    corrections = [[row[0], "a", row[2], at(hour, microseconds=1), 8] for row in kept[::3]]
    return rows + added + corrections


@pytest.mark.parametrize("how", ["removed", "altered", "added and corrected", "reversed"])
def test_no_row_that_is_known_later_changes_a_snapshot(tmp_path, how):
    orders, sales = world(170)
    before = snapshot_of(project_of(tmp_path / "before", orders, sales), AS_OF, now=180)
    changed = (changed_after(orders, AS_OF, how), changed_after(sales, AS_OF, how))
    after = snapshot_of(project_of(tmp_path / "after", *changed), AS_OF, now=220)
    assert after.id == before.id
    assert after.about == before.about


def test_a_row_that_is_known_in_time_does_change_it(tmp_path):
    orders, sales = world(170)
    before = snapshot_of(project_of(tmp_path / "before", orders, sales), AS_OF)
    sales.append(["o0100", "a", at(100), at(103), 8.0] if sales[-1][0] != "o0100" else sales.pop())
    corrected = [row for row in sales if row[0] != "o0100"] + [["o0100", "a", at(102), at(103), 123.0]]
    after = snapshot_of(project_of(tmp_path / "after", orders, corrected), AS_OF)
    assert after.id != before.id


def test_days_ingested_one_by_one_give_the_snapshot_of_one_bulk_load(tmp_path):
    orders, sales = world(170)
    bulk = snapshot_of(project_of(tmp_path / "bulk", orders, sales), AS_OF)
    for now in range(24, AS_OF, 24):
        known = [[row for row in rows if row[3] <= at(now)] for rows in (orders, sales)]
        project = project_of(tmp_path / "daily", *known)
        for name in COLUMNS:
            ingest_source(project, name, at(now))
    daily = project_of(tmp_path / "daily", orders, sales)
    assert snapshot_of(daily, AS_OF).id == bulk.id


def test_an_ingest_of_what_came_later_changes_no_cell_of_an_earlier_snapshot(tmp_path):
    orders, sales = world(200)
    project = project_of(tmp_path, orders, sales)
    first = snapshot_of(project, AS_OF)
    rewritten = [[*row[:4], 99.0] if row[0] < "o0040" else row for row in sales]
    later = project_of(tmp_path, orders, rewritten)
    ids = ingested(later, at(AS_OF + 40))
    assert build_snapshot(later, "dear", ids, at(AS_OF)).reused, "nothing is computed again"
    shutil.rmtree(later.state / "store/keys/snapshot")
    rebuilt = build_snapshot(later, "dear", ids, at(AS_OF))
    assert not rebuilt.reused
    assert rebuilt.artifact.id == first.id
    assert build_snapshot(later, "dear", ids, at(AS_OF + 40)).artifact.id != first.id


def test_the_same_inputs_and_instant_give_the_snapshot_that_is_there(tmp_path):
    project = project_of(tmp_path, *world(160))
    ids = ingested(project, at(AS_OF))
    assert not build_snapshot(project, "dear", ids, at(AS_OF)).reused
    assert build_snapshot(project, "dear", ids, at(AS_OF)).reused


def test_snapshots_of_two_days_share_the_days_that_they_have_in_common(tmp_path):
    project = project_of(tmp_path, *world(200), label=MODEL["label"] | {"missing": "negative"})
    ids = ingested(project, at(199))
    one, two = (build_snapshot(project, "dear", ids, at(as_of)).artifact for as_of in (AS_OF, AS_OF + 24))
    shared = {stored.sha256 for stored in one.objects.values()} & {stored.sha256 for stored in two.objects.values()}
    assert one.id != two.id
    # The first holds rows of 2 to 7 May, the second of 3 to 8 May, but nothing of 3 May 00:00, where it starts.
    assert len(one.objects) == len(two.objects) == 6
    assert len(shared) == 3


def test_the_manifest_answers_what_a_person_asks(tmp_path):
    about = snapshot_of(project_of(tmp_path, *world(160)), AS_OF).about
    assert about["boundaries"] == {
        "train_start": "2024-05-02T00:00:00.000000Z",
        "validate_start": "2024-05-05T00:00:00.000000Z",
        "test_start": "2024-05-06T00:00:00.000000Z",
        "end": "2024-05-07T00:00:00.000000Z",
        "horizon": "6h",
    }
    assert about["as_of"] == "2024-05-07T06:00:00.000000Z"
    assert about["columns"]["recent.mean_1d"] == "float"
    assert about["columns"]["label"] == "bool"
    assert about["nulls"]["orders.n"] == 0.0
    assert sum(about["label"]["train"]["classes"].values()) == about["rows"]["train"]


def test_a_damaged_chunk_is_never_read(tmp_path):
    project = project_of(tmp_path, *world(160))
    artifact = snapshot_of(project, AS_OF)
    sha256 = artifact.objects["2024-05-04"].sha256
    path = project.state / "store/objects" / sha256[:2] / sha256
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ArtifactDamaged, match=f"object {sha256[:12]} is damaged"):
        load_snapshot(project, artifact.id)


@pytest.mark.parametrize("part", ["train", "validate", "test"])
def test_a_stretch_that_is_read_alone_is_the_same_and_needs_no_day_of_the_others(tmp_path, part):
    project = project_of(tmp_path, *world(160))
    artifact = snapshot_of(project, AS_OF)
    whole = load_snapshot(project, artifact.id).part(part)
    days = {str(day) for day in whole["effective_time"].dt.date}
    for day in artifact.objects.keys() - days - {"2024-05-05", "2024-05-06"}:  # a boundary lies at their midnights
        sha256 = artifact.objects[day].sha256
        (project.state / "store/objects" / sha256[:2] / sha256).unlink()
    alone = load_snapshot(project, artifact.id, (part,))
    pd.testing.assert_frame_equal(alone.part(part), whole)
    assert len(alone.frame) == len(whole) > 0


def test_a_label_with_one_class_is_an_error(tmp_path):
    orders, sales = world(160)
    label = MODEL["label"] | {"missing": "negative"}
    project = project_of(tmp_path, orders, [[*row[:4], 1.0] for row in sales], label=label)
    with pytest.raises(SnapshotError) as caught:
        snapshot_of(project, AS_OF)
    late = {row[0] for row in sales if row[3] - row[2] > timedelta(hours=4)}
    train = sum(25 <= int(row[0][1:]) <= 90 and row[0] not in late for row in orders)
    assert str(caught.value).startswith(
        f"dear: the label has one class (false) in all {train} rows of the train period ("
    )
    assert "negative: without a row in the label's source" in str(caught.value)
    assert str(caught.value).endswith("Correct label.expression, or lengthen split.train.")


def test_a_label_over_a_window_with_one_class_is_named_by_the_key_that_it_has(tmp_path):
    orders, sales = world(160)
    label = {"source": "sales", "any": "amount > 1e12", "within": "3h", "settle": "4h"}
    with pytest.raises(SnapshotError, match=r"one class \(false\) .* Correct label, or lengthen split.train.$"):
        snapshot_of(project_of(tmp_path, orders, sales, label=label), AS_OF)


def test_an_empty_stretch_reports_what_became_of_its_rows(tmp_path):
    orders, sales = world(160)
    unknown = [[*row[:3], row[2] + timedelta(minutes=1), row[4]] for row in orders]
    project = project_of(tmp_path, unknown, sales)
    with pytest.raises(SnapshotError) as caught:
        snapshot_of(project, AS_OF)
    assert str(caught.value) == (
        "dear: the train period from 2024-05-02T00:00:00.000000Z to 2024-05-05T00:00:00.000000Z has no row "
        "(rows left out: 120 known only after their batch run). Shorten split, ingest more history, or let "
        "prediction_time lie after rows are known."
    )


def with_parts(folder, orders, sales):
    """Write the world with a source of sales that may have several rows for one order."""
    project_of(folder, orders, [])
    columns = COLUMNS["sales"] | {"part": "int"}
    write_csv(folder / "data/sales.csv", list(columns), sales)
    declared = {"key": ["id", "part"], "event_timestamp": "at", "known_at": {"column": "seen"}, "columns": columns}
    sources = {"sales": {"reader": {"csv": "data/sales.csv"}, **declared}}
    return write_project(folder, sources=sources, entities={"order": ["id"], "shop": ["shop"]})


def test_a_label_that_two_rows_decide_for_many_questions_is_an_error(tmp_path):
    orders, sales = world(160)
    both = [[*row[:4], amount, amount] for row in sales for amount in (1, 9)]
    with pytest.raises(
        SnapshotError, match=r"several rows of sales answer differently for \d+ of \d+ questions"
    ) as caught:
        snapshot_of(with_parts(tmp_path, orders, both), AS_OF)
    assert ", such as id 'o" in str(caught.value)


def test_one_question_with_contradictory_answers_costs_itself_and_equal_answers_are_one(tmp_path):
    orders, sales = world(160)
    plain = snapshot_of(project_of(tmp_path / "plain", orders, sales), AS_OF)
    truth = load_snapshot(open_project(tmp_path / "plain"), plain.id).frame.set_index("id")["label"]
    contradicted, repeated = truth.index[[40, 50]]
    rows = [[*row, 1] for row in sales]
    rows += [[*row[:4], 0 if row[4] > 5 else 9, 2] for row in sales if row[0] == contradicted]
    rows += [[*row, 2] for row in sales if row[0] == repeated]
    project = with_parts(tmp_path / "twice", orders, rows)
    artifact = snapshot_of(project, AS_OF)
    frame = load_snapshot(project, artifact.id).frame
    assert frame.set_index("id")["label"].to_dict() == truth.drop(contradicted).to_dict()
    assert artifact.about["dropped"] == plain.about["dropped"] | {"label_contradictory": 1}
    source = artifact.inputs["sources/sales"]
    asked = pd.DataFrame({"id": [contradicted, repeated]})
    asked["effective_time"] = pd.to_datetime([row[2] for id in asked["id"] for row in orders if row[0] == id])
    states = labels_of(project, "dear", source, asked, at(AS_OF))["label_state"].tolist()
    assert states == ["contradictory", "known"]
    assert len(truth_of(project, "dear", source, asked, at(AS_OF))) == 2


def test_a_sample_of_a_snapshot_holds_whole_days_of_all_weekdays(tmp_path):
    project = project_of(tmp_path, *world(160))
    artifact = snapshot_of(project, AS_OF)
    whole = load_snapshot(project, artifact.id, ("train",)).frame
    assert load_snapshot(project, artifact.id, ("train",), 1000).frame.equals(whole)
    some = load_snapshot(project, artifact.id, ("train",), -(-len(whole) // 2)).frame
    days = sorted(set(whole["effective_time"].dt.date))
    kept = whole[whole["effective_time"].dt.date.isin(days[::2])].reset_index(drop=True)
    assert 0 < len(some) < len(whole)
    assert some.reset_index(drop=True).equals(kept)
    assert _spread([str(day) for day in range(90)], 70, 10) == [str(day) for day in range(0, 90, 8)], "not each Monday"
